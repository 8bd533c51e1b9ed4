package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

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
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[CardServiceModule](ctx, s.client, wxpay.Call{
		Route: routeAddServiceModule,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
		Echo:  wxpay.Vars{"card_id": p.CardID, "service_module_id?": p.ServiceModuleID},
	})
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
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[CardServiceModule](ctx, s.client, wxpay.Call{
		Route: routeUpdateServiceModule,
		Vars:  wxpay.Vars{"card_id": p.CardID, "service_module_id": p.ServiceModuleID},
		Echo:  wxpay.Vars{"card_id": p.CardID, "service_module_id": p.ServiceModuleID},
		Body:  p,
	})
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
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeRemoveServiceModule,
		Vars:  wxpay.Vars{"card_id": p.CardID, "service_module_id": p.ServiceModuleID},
	})
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
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route:      routeSetServiceModuleData,
		Vars:       wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4017176090
	})
}
