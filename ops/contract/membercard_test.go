package contract

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func membercardCalls(x *exchange) map[string]call {
	s := membercard.New(client(x))
	return map[string]call{
		"setCallback": answers(s.SetCallback),
		"getCallback": func(ctx context.Context, _ input) (any, error) { return s.GetCallback(ctx) },

		"createCard":       answers(s.CreateCard),
		"listCards":        lists(s.ListCards),
		"getCard":          answers(s.GetCard),
		"updateCard":       succeeds(s.UpdateCard),
		"deleteCard":       succeeds(s.DeleteCard),
		"upgradeCard":      succeeds(s.UpgradeCard),
		"depositCodes":     answers(s.DepositCodes),
		"decryptCode":      answers(s.DecryptCode),
		"updateCardRights": succeeds(s.UpdateCardRights),

		"createCardQrcode":       answers(s.CreateCardQrcode),
		"createPermissionToken":  answers(s.CreatePermissionToken),
		"getActivateInformation": answers(s.GetActivateInformation),
		"activateUserCard":       succeeds(s.ActivateUserCard),
		"confirmUserCard":        succeeds(s.ConfirmUserCard),

		"importUser":        answers(s.ImportUser),
		"importUserByPhone": answers(s.ImportUserByPhone),
		"importPhoneNumber": succeeds(s.ImportPhoneNumber),
		"searchPhoneNumber": func(ctx context.Context, in input) (any, error) {
			return s.SearchPhoneNumber(ctx, membercard.SearchPhoneNumberParams{
				CardID:      in.values["card_id"],
				PhoneNumber: wxpay.Secret(in.values["encrypted_phone_number"]),
			})
		},

		"getUserCard":          answers(s.GetUserCard),
		"listUserCards":        lists(s.ListUserCards),
		"updateUserCard":       succeeds(s.UpdateUserCard),
		"invalidateUserCard":   succeeds(s.InvalidateUserCard),
		"updateUserCardRights": succeeds(s.UpdateUserCardRights),
		"prepareBonus":         succeeds(s.PrepareBonus),
		"commitBonus":          succeeds(s.CommitBonus),

		"addServiceModule":     answers(s.AddServiceModule),
		"updateServiceModule":  answers(s.UpdateServiceModule),
		"removeServiceModule":  succeeds(s.RemoveServiceModule),
		"setServiceModuleData": succeeds(s.SetServiceModuleData),

		"createActivity":    answers(s.CreateActivity),
		"listActivities":    lists(s.ListActivities),
		"getActivity":       answers(s.GetActivity),
		"terminateActivity": answers(s.TerminateActivity),
	}
}
