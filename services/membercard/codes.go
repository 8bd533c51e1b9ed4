package membercard

import (
	"cmp"
	"context"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// Failed returns the results that are not [DepositSuccess]: duplicates, failures and outcomes not heard of.
// After a deposit that was repeated, a duplicate is a code that was stored before.
func (d Deposit) Failed() []DepositResult {
	var failed []DepositResult
	for _, r := range d.Data {
		if r.Result != DepositSuccess {
			failed = append(failed, r)
		}
	}
	return failed
}

// other is "code" if the outcome is about a code that was not among those asked.
func (d Deposit) other(codes []string) string {
	asked := make(map[string]bool, len(codes))
	for _, code := range codes {
		asked[code] = true
	}
	for _, r := range d.Data {
		if r.Code != "" && !asked[r.Code] {
			return "code"
		}
	}
	return ""
}

// DepositCodes stores codes for a card in [CodeModeMerchantDeposit] and sets its stock to the number of codes
// (导入会员code).
//
// No error does not mean that all codes were stored: look at [Deposit.Failed]. A code that the answer does
// not mention is in doubt; deposit it again.
//
// Limits: a code that could not be named afterwards, such as one with slashes, blanks or a line end, is refused
// here with its place in the list, from 0. A code that stands twice in the list is sent twice: the platform
// stores it once and answers [DepositDuplicate].
//
// Repeating: a code that was stored before comes back as [DepositDuplicate]. An unclear answer is not repeated
// by itself.
//
// Errors: [wxpay.CodeInvalidRequest] if the card takes its codes from elsewhere.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/codes/deposit
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012545728
// https://pay.weixin.qq.com/doc/v3/partner/4012709031
func (s *Service) DepositCodes(ctx context.Context, p DepositCodesParams) (*Deposit, error) {
	some := params.Must(len(p.Code) > 0, "code", "is an empty list")
	if err := cmp.Or(p.check(), params.Check(routeDepositCodes, some)); err != nil {
		return nil, err
	}
	return params.Ask(ctx, s.client, wxpay.Call{
		Route: routeDepositCodes,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	}, func(d *Deposit) string { return d.other(p.Code) })
}

// DecryptCode opens the encrypt_code that the jump to the merchant's web page carries (加密code解码). A mini
// program gets the plain code in extraData and needs no call.
//
// The code is encoded for the address here, as any value; the pages only say to pass it as received (MC-17).
//
// Repeating: safe.
//
//	GET /v3/marketing/membercard-open/cards/{card_id}/decrypt-code
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012550742
// https://pay.weixin.qq.com/doc/v3/partner/4012727758
func (s *Service) DecryptCode(ctx context.Context, p DecryptCodeParams) (*CardCode, error) {
	whole := params.Must(!strings.Contains(p.EncryptCode, " "), "encrypt_code", "holds a blank: its + was read as one on the way here")
	if err := cmp.Or(params.Check(routeDecryptCode, whole), p.check()); err != nil {
		return nil, err
	}
	return wxpay.Do[CardCode](ctx, s.client, wxpay.Call{
		Route: routeDecryptCode,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Query: params.Query("encrypt_code", p.EncryptCode),
	})
}
