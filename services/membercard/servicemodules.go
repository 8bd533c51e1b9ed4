package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeAddServiceModule     = "POST /v3/marketing/membercard-open/cards/{card_id}/service-modules"
	routeUpdateServiceModule  = "PATCH /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}"
	routeRemoveServiceModule  = "DELETE /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}"
	routeSetServiceModuleData = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/set-service-module-data"
)

// A JumpMiniprogram is a mini program to jump to.
type JumpMiniprogram struct {
	AppID string `json:"appid"`
	Path  string `json:"path"`
}

// A ServiceModule is a service item (会员服务项) of a card.
type ServiceModule struct {
	ServiceModuleID string          `json:"service_module_id"`
	JumpMiniprogram JumpMiniprogram `json:"jump_miniprogram,omitzero"`
}

// A CardServiceModule is a service item with the card it is on.
type CardServiceModule struct {
	CardID          string          `json:"card_id"`
	ServiceModuleID string          `json:"service_module_id"`
	JumpMiniprogram JumpMiniprogram `json:"jump_miniprogram,omitzero"`
}

// A UserServiceModule is a service item on the card of one user.
type UserServiceModule struct {
	ServiceModuleID string       `json:"service_module_id"`
	StateSetting    StateSetting `json:"state_setting,omitzero"`
}

// A StateSetting is the state of a service for one user.
type StateSetting struct {
	StateID                string                 `json:"state_id"` // a state of the service item's template, such as CHECKED_IN
	ContentTemplateData    ContentTemplateData    `json:"content_template_data"`
	MessageTemplateSetting MessageTemplateSetting `json:"message_template_setting,omitzero"`
}

// ContentTemplateData is the content that the card shows.
type ContentTemplateData struct {
	FieldList     []TemplateField `json:"field_list,omitzero"`
	ActionSetting ActionSetting   `json:"action_setting,omitzero"`
}

// A TemplateField is a field of a template.
type TemplateField struct {
	FieldID    string `json:"field_id"`
	FieldValue string `json:"field_value"`
}

// An ActionSetting is the button of a service.
type ActionSetting struct {
	ActionName      string          `json:"action_name"`
	JumpMiniprogram JumpMiniprogram `json:"jump_miniprogram"`
}

// A MessageTemplateSetting is the message to send to the user.
type MessageTemplateSetting struct {
	MessageTemplateID string          `json:"message_template_id"`
	FieldList         []TemplateField `json:"field_list,omitzero"`
}

// AddServiceModuleParams is for [Service.AddServiceModule]: a service item for a card.
type AddServiceModuleParams struct {
	CardID          string          `json:"-"`                         // at most 32 characters
	ServiceModuleID string          `json:"service_module_id"`         // at most 9
	JumpMiniprogram JumpMiniprogram `json:"jump_miniprogram,omitzero"` // one source requires it (MC-9)
}

// AddServiceModule puts a service item on a card and returns it as stored (添加会员卡服务项).
//
// Repeating: a service item that is on the card already is refused, so after an unclear answer that refusal
// says it is done. An unclear answer is not repeated by itself.
//
// Errors: [wxpay.CodeInvalidRequest] if the service item is on the card already; use
// [Service.UpdateServiceModule].
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/service-modules
//
// https://pay.weixin.qq.com/doc/v3/merchant/4017167277
// https://pay.weixin.qq.com/doc/v3/partner/4017176338
func (s *Service) AddServiceModule(ctx context.Context, p AddServiceModuleParams) (*CardServiceModule, error) {
	if err := params.Check(routeAddServiceModule,
		params.ID("card_id", p.CardID, 32),
		params.ID("service_module_id", p.ServiceModuleID, 9),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[CardServiceModule](ctx, s.client, wxpay.Call{
		Route: routeAddServiceModule,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
		Echo:  wxpay.Vars{"card_id": p.CardID, "service_module_id?": p.ServiceModuleID},
	})
}

// UpdateServiceModuleParams is for [Service.UpdateServiceModule]: a service item on a card and its new target.
type UpdateServiceModuleParams struct {
	CardID          string          `json:"-"`                         // at most 32 characters
	ServiceModuleID string          `json:"-"`                         // at most 9
	JumpMiniprogram JumpMiniprogram `json:"jump_miniprogram,omitzero"` // empty: clears the stored one (MC-9)
}

// UpdateServiceModule replaces the mini program that a service item jumps to and returns the item as stored
// (修改会员卡服务项).
//
// Repeating: sets the same target again. An unclear answer is not repeated by itself.
//
//	PATCH /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4017167417
// https://pay.weixin.qq.com/doc/v3/partner/4017176491
func (s *Service) UpdateServiceModule(ctx context.Context, p UpdateServiceModuleParams) (*CardServiceModule, error) {
	if err := params.Check(routeUpdateServiceModule,
		params.ID("card_id", p.CardID, 32),
		params.ID("service_module_id", p.ServiceModuleID, 9),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[CardServiceModule](ctx, s.client, wxpay.Call{
		Route: routeUpdateServiceModule,
		Vars:  wxpay.Vars{"card_id": p.CardID, "service_module_id": p.ServiceModuleID},
		Echo:  wxpay.Vars{"card_id": p.CardID, "service_module_id": p.ServiceModuleID},
		Body:  p,
	})
}

// RemoveServiceModuleParams is for [Service.RemoveServiceModule]: a service item on a card.
type RemoveServiceModuleParams struct {
	CardID          string // at most 32 characters
	ServiceModuleID string // at most 9
}

// RemoveServiceModule takes a service item off a card (移除会员卡服务项).
//
// Repeating: what a second call answers is not documented; [Service.GetCard] tells whether the first worked.
//
//	DELETE /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4017167557
// https://pay.weixin.qq.com/doc/v3/partner/4017176594
func (s *Service) RemoveServiceModule(ctx context.Context, p RemoveServiceModuleParams) error {
	if err := params.Check(routeRemoveServiceModule,
		params.ID("card_id", p.CardID, 32),
		params.ID("service_module_id", p.ServiceModuleID, 9),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeRemoveServiceModule,
		Vars:  wxpay.Vars{"card_id": p.CardID, "service_module_id": p.ServiceModuleID},
	})
}

// SetServiceModuleDataParams is for [Service.SetServiceModuleData]: the state of a service for one user.
type SetServiceModuleDataParams struct {
	CardID          string       `json:"-"`                 // at most 32 characters
	Code            string       `json:"-"`                 // at most 32
	OutRequestNo    string       `json:"out_request_no"`    // unique, chosen by the merchant; letters, digits and | _ * -, 8 to 128
	ServiceModuleID string       `json:"service_module_id"` // at most 9
	StateSetting    StateSetting `json:"state_setting"`
}

// SetServiceModuleData sets state and content of a service item on the card of one user, and sends the user a
// message if [StateSetting] has one (设置会员服务项用户信息).
//
// FieldList is an array, as the field tables have it; one sample shows a single object (MC-10).
//
// Repeating: with the same OutRequestNo; an unclear answer is repeated by itself. The pages do not say what a
// repeat answers (MC-26): take a refusal after an unclear answer as done before only if [Service.GetUserCard]
// shows the state.
//
// Errors: [wxpay.CodeInvalidRequest] if there is no such code, or the template has no such state.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/set-service-module-data
//
// https://pay.weixin.qq.com/doc/v3/merchant/4017166964
// https://pay.weixin.qq.com/doc/v3/partner/4017176090
func (s *Service) SetServiceModuleData(ctx context.Context, p SetServiceModuleDataParams) error {
	if err := params.Check(routeSetServiceModuleData,
		params.ID("card_id", p.CardID, 32),
		params.ID("code", p.Code, 32),
		outRequestNo(p.OutRequestNo, 128),
		params.Must(len(p.OutRequestNo) >= 8, "out_request_no", "has fewer than 8 characters"),
		params.ID("service_module_id", p.ServiceModuleID, 9),
		params.ID("state_setting.state_id", p.StateSetting.StateID, 0),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route:      routeSetServiceModuleData,
		Vars:       wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4017176090
	})
}
