package membercard

import (
	"cmp"
	"context"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeCreateCard  = "POST /v3/marketing/membercard-open/cards"
	routeListCards   = "GET /v3/marketing/membercard-open/cards"
	routeGetCard     = "GET /v3/marketing/membercard-open/cards/{card_id}"
	routeUpdateCard  = "PATCH /v3/marketing/membercard-open/cards/{card_id}"
	routeDeleteCard  = "DELETE /v3/marketing/membercard-open/cards/{card_id}"
	routeUpgradeCard = "POST /v3/marketing/membercard-open/cards/{card_id}/upgrade"
)

// A CardStatus is the state of a card. The platform may add values.
type CardStatus string

// States of a card.
const (
	CardNotApprove  CardStatus = "NOT_APPROVE"  // waits for review
	CardApproveFail CardStatus = "APPROVE_FAIL" // review failed
	CardApproved    CardStatus = "APPROVED"     // may be handed out
	CardDeleted     CardStatus = "DELETED"      // deleted by the merchant
)

// A CodeType is how a card shows its code. The platform may add values.
type CodeType string

// Ways to show a code.
const (
	CodeTypeBarCode          CodeType = "BAR_CODE"
	CodeTypeQRCode           CodeType = "QRCODE"
	CodeTypeBarCodeAndQRCode CodeType = "BAR_CODE_AND_QRCODE"
	CodeTypeNone             CodeType = "NONE_CODE"
)

// A CodeMode is where the codes of a card come from. The platform may add values.
type CodeMode string

// Sources of codes.
const (
	CodeModeSystemAllocate  CodeMode = "SYSTEM_ALLOCATE"  // the platform makes them, 12 digits each
	CodeModeMerchantDeposit CodeMode = "MERCHANT_DEPOSIT" // taken at random from those of DepositCodes
	CodeModeRealTime        CodeMode = "REAL_TIME"        // the merchant gives one on activation; mini program only
)

// A DateType is the kind of a validity. The platform may add values.
type DateType string

// Kinds of validity.
const (
	DateFixTimeRange DateType = "FIX_TIME_RANGE" // between two times
	DateFixTerm      DateType = "FIX_TERM"       // so many days after taking the card
	DatePermanent    DateType = "PERMANENT"      // for ever
)

// A CommonField is a field of the platform in the form that a user fills in. The platform may add values.
type CommonField string

// Fields of the platform.
const (
	FieldMobile   CommonField = "USER_FORM_FLAG_MOBILE"
	FieldSex      CommonField = "USER_FORM_FLAG_SEX"
	FieldName     CommonField = "USER_FORM_FLAG_NAME"
	FieldBirthday CommonField = "USER_FORM_FLAG_BIRTHDAY"
	FieldAddress  CommonField = "USER_FORM_FLAG_ADDRESS"
	FieldEmail    CommonField = "USER_FORM_FLAG_EMAIL"
	FieldCity     CommonField = "USER_FORM_FLAG_CITY"
)

// A CustomFieldType is the kind of a field that the merchant adds to the form. The platform may add values.
type CustomFieldType string

// Kinds of the merchant's fields.
const (
	CustomFieldText     CustomFieldType = "TEXT"
	CustomFieldSelect   CustomFieldType = "SELECT"    // list of choices
	CustomFieldRadio    CustomFieldType = "RADIO"     // one choice
	CustomFieldCheckBox CustomFieldType = "CHECK_BOX" // several choices
)

// A Brand is the brand of a card.
type Brand struct {
	BrandID     string `json:"brand_id"`     // at most 16 characters
	DisplayName string `json:"display_name"` // brand name to show
}

// DateInformation is the validity of a card.
type DateInformation struct {
	Type                     DateType   `json:"type"`
	AvailableBeginTime       wxpay.Time `json:"available_begin_time,omitzero"`
	AvailableEndTime         wxpay.Time `json:"available_end_time,omitzero"`
	AvailableDayAfterReceive int64      `json:"available_day_after_receive,omitzero"` // days of validity once in force
	WaitDaysAfterReceive     int64      `json:"wait_days_after_receive,omitzero"`     // days from taking the card until it is in force
}

// BalanceInformation is where the stored value (储值) of a card leads.
type BalanceInformation struct {
	NeedBalance  bool   `json:"need_balance"`           // the card holds stored value
	BalanceAppID string `json:"balance_appid,omitzero"` // mini program
	BalancePath  string `json:"balance_path,omitzero"`  // path in it
	BalanceURL   string `json:"balance_url,omitzero"`   // web page
}

// A CustomField is a field that the merchant adds to the form.
type CustomField struct {
	Type   CustomFieldType `json:"type,omitzero"`
	Name   string          `json:"name,omitzero"`
	Values []string        `json:"values,omitzero"` // the choices
}

// UserInformationForm is the form that a user fills in when taking the card.
type UserInformationForm struct {
	CommonFieldList []CommonField `json:"common_field_list,omitzero"`
	CustomFieldList []CustomField `json:"custom_field_list,omitzero"`
}

// EditableUserInformationForm is a [UserInformationForm] with a switch that [Service.CreateCard] does not have.
type EditableUserInformationForm struct {
	CanModifyAfterActivate *bool         `json:"can_modify_after_activate,omitzero"` // user may change the form later; nil: not said
	CommonFieldList        []CommonField `json:"common_field_list,omitzero"`
	CustomFieldList        []CustomField `json:"custom_field_list,omitzero"`
}

// An AdditionalStatement is a statement of the merchant: a web page, or a mini program.
type AdditionalStatement struct {
	Title string `json:"title,omitzero"`
	URL   string `json:"url,omitzero"`
	AppID string `json:"appid,omitzero"`
	Path  string `json:"path,omitzero"`
}

// A Card is a card template. Entries of a list may lack Bonus, Favor, Fapiao, Guide and ServiceModules (MC-7).
type Card struct {
	CardID               string                      `json:"card_id"`
	CreateTime           wxpay.Time                  `json:"create_time,omitzero"`
	UpdateTime           wxpay.Time                  `json:"update_time,omitzero"`
	RemainQuantity       int64                       `json:"remain_quantity,omitzero"` // stock left
	Status               CardStatus                  `json:"status,omitzero"`
	AppID                string                      `json:"appid"`
	LogoURL              string                      `json:"logo_url"`
	Brand                Brand                       `json:"brand"`
	Title                string                      `json:"title"`
	BackgroundPictureURL string                      `json:"background_picture_url"`
	Description          string                      `json:"description"`
	ServicePhone         string                      `json:"service_phone,omitzero"`
	CodeType             CodeType                    `json:"code_type"`
	TotalQuantity        int64                       `json:"total_quantity,omitzero"`
	DateInformation      DateInformation             `json:"date_information"`
	CodeMode             CodeMode                    `json:"code_mode"`
	NeedDisplayLevel     bool                        `json:"need_display_level,omitzero"`
	InitLevel            string                      `json:"init_level,omitzero"`
	OutRequestNo         string                      `json:"out_request_no"`
	BalanceInformation   BalanceInformation          `json:"balance_information,omitzero"`
	UserInformationForm  EditableUserInformationForm `json:"user_information_form,omitzero"`
	AdditionalStatement  AdditionalStatement         `json:"additional_statement,omitzero"`
	NeedDynamicCode      bool                        `json:"need_dynamic_code,omitzero"`
	Bonus                BonusRights                 `json:"bonus,omitzero"`
	Favor                FavorRights                 `json:"favor,omitzero"`
	Fapiao               FapiaoRights                `json:"fapiao,omitzero"`
	Guide                Guide                       `json:"guide,omitzero"`
	ServiceModules       []ServiceModule             `json:"service_modules,omitzero"`
}

// CreateCardParams is for [Service.CreateCard]: the card to create. Pictures are addresses from the image upload
// call; JPG, JPEG or PNG under 1 MB.
type CreateCardParams struct {
	AppID                string              `json:"appid"`                   // service account (服务号) of the brand; at most 32 characters
	LogoURL              string              `json:"logo_url"`                // picture of 120 x 120 pixels; at most 128
	Brand                Brand               `json:"brand"`                   // BrandID and DisplayName are needed
	Title                string              `json:"title"`                   // at most 10
	BackgroundPictureURL string              `json:"background_picture_url"`  // picture of 1000 x 600 pixels; at most 128
	Description          string              `json:"description"`             // terms of use (使用须知); at most 500
	ServicePhone         string              `json:"service_phone,omitzero"`  // at most 32
	CodeType             CodeType            `json:"code_type"`               // how the code is shown
	TotalQuantity        int64               `json:"total_quantity,omitzero"` // stock, for CodeModeSystemAllocate only; 0: 5,000,000
	DateInformation      DateInformation     `json:"date_information"`        // Type is needed
	CodeMode             CodeMode            `json:"code_mode"`               // cannot be changed later
	NeedDisplayLevel     bool                `json:"need_display_level,omitzero"`
	InitLevel            string              `json:"init_level,omitzero"` // needed with NeedDisplayLevel; at most 5
	OutRequestNo         string              `json:"out_request_no"`      // unique, chosen by the merchant; letters, digits and | _ * - (MC-24: length not known)
	BalanceInformation   BalanceInformation  `json:"balance_information,omitzero"`
	UserInformationForm  UserInformationForm `json:"user_information_form,omitzero"`
	AdditionalStatement  AdditionalStatement `json:"additional_statement,omitzero"`
	NeedDynamicCode      bool                `json:"need_dynamic_code,omitzero"` // 18 digits that change by themselves replace the code
}

// CreateCard creates a card (创建会员卡模板).
//
// The card waits for review; its Status tells when it may be handed out.
//
// One source calls CodeMode and Description optional; here they are needed. What is needed of a custom field
// is left to the platform (MC-28).
//
// Repeating: with the same OutRequestNo; an unclear answer is repeated by itself. The pages do not say what a
// repeat answers (MC-26): take a refusal after an unclear answer as done before only if [Service.AllCards]
// shows the number.
//
// Errors: [wxpay.CodeInvalidRequest] if the AppID is not that of a service account, or balance_path is missing.
//
//	POST /v3/marketing/membercard-open/cards
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012545584
// https://pay.weixin.qq.com/doc/v3/partner/4012708314
func (s *Service) CreateCard(ctx context.Context, p CreateCardParams) (*Card, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Card](ctx, s.client, wxpay.Call{
		Route:      routeCreateCard,
		Body:       p,
		Echo:       wxpay.Vars{"out_request_no?": p.OutRequestNo},
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012708314
	})
}

func (p *CreateCardParams) check() error {
	return params.Check(routeCreateCard,
		params.ID("appid", p.AppID, 32),
		params.Required("logo_url", p.LogoURL, 128),
		params.Must(p.Brand != Brand{}, "brand", "is missing"),
		params.ID("brand.brand_id", p.Brand.BrandID, 16),
		params.Required("brand.display_name", p.Brand.DisplayName, 0),
		params.Required("title", p.Title, 10),
		params.Required("background_picture_url", p.BackgroundPictureURL, 128),
		params.Required("description", p.Description, 500),
		params.Optional("service_phone", p.ServicePhone, 32),
		params.Required("code_type", p.CodeType, 32),
		params.Must(p.DateInformation != DateInformation{}, "date_information", "is missing"),
		params.Required("date_information.type", p.DateInformation.Type, 0),
		params.Required("code_mode", p.CodeMode, 32),
		params.Optional("init_level", p.InitLevel, 5),
		outRequestNo(p.OutRequestNo, 0),
	)
}

// ListCardsParams choose cards for [Service.ListCards] and [Service.AllCards].
type ListCardsParams struct {
	BrandID string // empty: any; at most 16 characters
	AppID   string // service account of the cards; at most 32. Some pages require it (MC-4): better give it
	Offset  int64  // number of the page, from 0 (MC-16); AllCards starts there
	Limit   int64  // cards on a page, at most 20; 0: 20
}

// ListCards returns one page of the cards of a brand (查询会员卡模板列表).
//
// Repeating: safe.
//
// MC-16: offset is documented as the number of a page. If it were the position of a record, pages would
// overlap; [Service.AllCards] notices.
//
//	GET /v3/marketing/membercard-open/cards
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012547108
// https://pay.weixin.qq.com/doc/v3/partner/4012709010
func (s *Service) ListCards(ctx context.Context, p ListCardsParams) (*wxpay.Page[Card], error) {
	p.Limit = cmp.Or(p.Limit, 20)
	if err := params.Check(routeListCards,
		params.OptionalID("brand_id", p.BrandID, 16),
		params.OptionalID("appid", p.AppID, 32),
		params.Page(p.Offset, p.Limit, 20),
	); err != nil {
		return nil, err
	}
	cards, err := wxpay.Do[params.List[Card]](ctx, s.client, wxpay.Call{
		Route: routeListCards,
		Query: params.Query("brand_id", p.BrandID, "appid", p.AppID,
			"offset", params.Decimal(p.Offset), "limit", params.Decimal(p.Limit)),
	})
	if err != nil {
		return nil, err
	}
	return cards.Page().ByNumber(p.Offset, cards.Limit), nil
}

// AllCards walks all cards that match, page by page. An error comes once and last; one that is
// [wxpay.ErrPages] says that not all were seen (MC-16).
func (s *Service) AllCards(ctx context.Context, p ListCardsParams) iter.Seq2[Card, error] {
	id := func(c Card) string { return c.CardID }
	return wxpay.Walk(wxpay.Cursor{Offset: p.Offset}, id, func(at wxpay.Cursor) (*wxpay.Page[Card], error) {
		page := p
		page.Offset = at.Offset
		return s.ListCards(ctx, page)
	})
}

// GetCardParams is for [Service.GetCard]: a card.
type GetCardParams struct {
	CardID string // at most 32 characters
}

// GetCard returns a card (查询会员卡模板信息).
//
// Repeating: safe.
//
//	GET /v3/marketing/membercard-open/cards/{card_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012547650
// https://pay.weixin.qq.com/doc/v3/partner/4012709168
func (s *Service) GetCard(ctx context.Context, p GetCardParams) (*Card, error) {
	if err := params.Check(routeGetCard, params.ID("card_id", p.CardID, 32)); err != nil {
		return nil, err
	}
	return wxpay.Do[Card](ctx, s.client, wxpay.Call{
		Route: routeGetCard,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Echo:  wxpay.Vars{"card_id": p.CardID},
	})
}

// UpdateCardParams is for [Service.UpdateCard]: a card and what to change of it. What is left empty stays. Limits
// are those of [CreateCardParams].
type UpdateCardParams struct {
	CardID               string                      `json:"-"` // at most 32 characters
	AppID                string                      `json:"appid,omitzero"`
	LogoURL              string                      `json:"logo_url,omitzero"`
	Title                string                      `json:"title,omitzero"`
	BackgroundPictureURL string                      `json:"background_picture_url,omitzero"`
	Description          string                      `json:"description,omitzero"`
	ServicePhone         string                      `json:"service_phone,omitzero"`
	TotalQuantity        int64                       `json:"total_quantity,omitzero"` // for CodeModeSystemAllocate only
	DateInformation      DateInformation             `json:"date_information,omitzero"`
	NeedDisplayLevel     *bool                       `json:"need_display_level,omitzero"` // nil: as it is
	InitLevel            string                      `json:"init_level,omitzero"`
	BalanceInformation   *BalanceInformation         `json:"balance_information,omitzero"` // nil: as it is; empty: no stored value
	UserInformationForm  EditableUserInformationForm `json:"user_information_form,omitzero"`
	AdditionalStatement  AdditionalStatement         `json:"additional_statement,omitzero"`
	CodeMode             CodeMode                    `json:"code_mode,omitzero"` // the mode the card has; one page wants it (MC-6), none lets it change
	CodeType             CodeType                    `json:"code_type,omitzero"`
	NeedDynamicCode      *bool                       `json:"need_dynamic_code,omitzero"` // nil: as it is
}

// UpdateCard changes a card (修改会员卡模板信息).
//
// Repeating: sets the same values again. An unclear answer is not repeated by itself; [Service.GetCard] tells.
//
// Errors: [wxpay.CodeInvalidRequest] if the AppID is not that of a service account, the code mode would change,
// or balance_path is missing.
//
//	PATCH /v3/marketing/membercard-open/cards/{card_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012549567
// https://pay.weixin.qq.com/doc/v3/partner/4012709882
func (s *Service) UpdateCard(ctx context.Context, p UpdateCardParams) error {
	if err := params.Check(routeUpdateCard,
		params.ID("card_id", p.CardID, 32),
		params.OptionalID("appid", p.AppID, 32),
		params.Optional("logo_url", p.LogoURL, 128),
		params.Optional("title", p.Title, 10),
		params.Optional("background_picture_url", p.BackgroundPictureURL, 128),
		params.Optional("description", p.Description, 500),
		params.Optional("service_phone", p.ServicePhone, 32),
		params.Optional("init_level", p.InitLevel, 5),
		params.Optional("code_mode", p.CodeMode, 32),
		params.Optional("code_type", p.CodeType, 32),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeUpdateCard,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}

// DeleteCardParams is for [Service.DeleteCard]: a card.
type DeleteCardParams struct {
	CardID string // at most 32 characters
}

// DeleteCard ends the handing out of a card (删除会员卡模板). Cards that users hold stay valid.
//
// Repeating: what a second deletion answers is not documented; [Service.GetCard] tells whether the first worked
// ([CardDeleted]).
//
//	DELETE /v3/marketing/membercard-open/cards/{card_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012549682
// https://pay.weixin.qq.com/doc/v3/partner/4012726840
func (s *Service) DeleteCard(ctx context.Context, p DeleteCardParams) error {
	if err := params.Check(routeDeleteCard, params.ID("card_id", p.CardID, 32)); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{Route: routeDeleteCard, Vars: wxpay.Vars{"card_id": p.CardID}})
}

// UpgradeCardParams is for [Service.UpgradeCard]: an old card and the brand to bind it to.
type UpgradeCardParams struct {
	CardID  string `json:"-"`        // at most 32 characters
	BrandID string `json:"brand_id"` // at most 16
	AppID   string `json:"appid"`    // service account (服务号) of the brand; at most 32
}

// UpgradeCard binds a card made in the official accounts platform to a brand (老会员卡模板升级). Card ID and
// members stay. Until then other calls refuse such a card.
//
// Repeating: a second upgrade is refused, so after an unclear answer that refusal says it is done.
//
// Errors: [wxpay.CodeInvalidRequest] if the card was upgraded before, or the AppID is not that of a service
// account.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/upgrade
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012545673
// https://pay.weixin.qq.com/doc/v3/partner/4012708437
func (s *Service) UpgradeCard(ctx context.Context, p UpgradeCardParams) error {
	if err := params.Check(routeUpgradeCard,
		params.ID("card_id", p.CardID, 32),
		params.ID("brand_id", p.BrandID, 16),
		params.ID("appid", p.AppID, 32),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeUpgradeCard,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}
