package edupapay

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

// SendDebitNotice tells the user that a debit is near (扣款预通知). It must have succeeded 1 to 3 days before
// the day of the debit, or the debit is refused.
//
// Repeating: a notice has no number of its own, so a lost one is not repeated by itself: the user might be
// told twice. After an error for which [wxpay.OutcomeUnknown] reports true, send it again rather than
// miss the days for it.
//
// Errors: [wxpay.CodeAlreadyExists] if the notice exists already, so it has been sent; [wxpay.CodeNotFound]
// if there is no such contract (EP-11).
//
//	POST /v3/edu-papay/user-notifications/{contract_id}/send
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012524814
// https://pay.weixin.qq.com/doc/v3/partner/4012855408
func (s *Service) SendDebitNotice(ctx context.Context, p SendDebitNoticeParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeSendDebitNotice,
		Vars:  wxpay.Vars{"contract_id": p.ContractID},
		Body:  p,
	})
}
