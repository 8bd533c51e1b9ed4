// Package membercard wraps the member cards of WeChat Pay (会员卡, membercard-open) and the gift activities
// for their members (会员有礼, membercard-activity).
//
// # What is what
//
//   - A [Card] is a template: the logo, title and rules of one membership of one brand. It has a card ID.
//   - A code is the number of one member within a card. Card ID and code together name a [UserCard].
//   - A [UserCard] is the card of one user, with level, points, stored value and state.
//   - A brand is what the merchant registered in the merchant platform; its service account (服务号) gives
//     the AppID under which openid tells users apart.
//
// # Members who are known already
//
// A merchant who has a list of members gives them the card without a word to them:
//
//  1. [Service.CreateCard] makes the card; it waits for review before it may be handed out.
//  2. [Service.DepositCodes] stores the codes, if the card takes codes from the merchant
//     ([CodeModeMerchantDeposit]).
//  3. [Service.ImportUserByPhone] or [Service.ImportUser] gives one member the card. It is active at once,
//     but not in the user's own list of cards.
//
// Or [Service.ImportPhoneNumber] lets WeChat remind the user to take the card, and
// [Service.SearchPhoneNumber] tells whether that happened.
//
// # Users who take the card themselves
//
//  1. [Service.CreateCardQrcode] or [Service.CreatePermissionToken] offers the card.
//  2. With [ActivateTypeJump] the user comes to the merchant: [Service.GetActivateInformation] tells what the user
//     filled in, [Service.DecryptCode] which card it is about, and [Service.ActivateUserCard] puts the card
//     into force. Cards that ask for it are answered with [Service.ConfirmUserCard].
//  3. The notifications [AcceptCardEvent], [ActivateCardEvent] and [ManageCardEvent] tell what users do;
//     [Service.SetCallback] says where to.
//
// # Cards and the cards of users
//
//   - Templates: [Service.GetCard], [Service.ListCards], [Service.AllCards], [Service.UpdateCard],
//     [Service.DeleteCard]; [Service.UpgradeCard] for cards from the official accounts platform.
//   - Cards of users: [Service.GetUserCard], [Service.ListUserCards], [Service.AllUserCards],
//     [Service.UpdateUserCard], [Service.InvalidateUserCard].
//   - Points, discounts, invoices, adviser: [Service.UpdateCardRights], [Service.UpdateUserCardRights].
//   - Points of one order on the payment result page: [Service.PrepareBonus], [Service.CommitBonus].
//   - Service items on the card: [Service.AddServiceModule], [Service.UpdateServiceModule],
//     [Service.RemoveServiceModule], [Service.SetServiceModuleData].
//   - Gift activities: [Service.CreateActivity], [Service.GetActivity], [Service.ListActivities],
//     [Service.AllActivities], [Service.TerminateActivity].
//
// # Errors, limits and doubts
//
// Nearly every refusal has the code [wxpay.CodeInvalidRequest] and differs in its message only; besides the reasons
// that a call names, it means that the card was made by another merchant, is old ([Service.UpgradeCard]), or that
// there is no such card. [wxpay.CodeNoAuth] means that the merchant may not use the product. Texts are measured in
// characters. Cards, codes, users, orders and whatever else is asked for by its name later must be able to stand in
// a path: names with slashes, blanks, line ends or other invisible characters, as files from elsewhere bring them,
// are refused in every call, before anything is sent. No rates are published for these calls; newer calls of the
// same kind allow five a second.
//
// A number such as MC-26 names a doubt: a point on which the public pages differ or are silent. They stand
// with what was seen and decided in https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md
package membercard

import "github.com/wxpay-go/wxpay"

// A Service makes the calls of this product. It holds nothing but its client and is as safe for
// concurrent use.
type Service struct{ client *wxpay.Client }

// New returns the service of a client.
func New(client *wxpay.Client) *Service { return &Service{client} }
