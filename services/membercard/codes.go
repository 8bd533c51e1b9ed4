package membercard

import (
	"cmp"
	"context"
	"errors"
	"slices"
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

// isAbout reports whether every outcome is one of a code that was asked for.
func (d *Deposit) isAbout(codes []string) bool {
	asked := map[string]bool{"": true} // a member that did not come says nothing
	for _, code := range codes {
		asked[code] = true
	}
	return !slices.ContainsFunc(d.Data, func(r DepositResult) bool { return !asked[r.Code] })
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
	deposit, err := wxpay.Do[Deposit](ctx, s.client, wxpay.Call{
		Route: routeDepositCodes,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
	if err == nil && !deposit.isAbout(p.Code) {
		return nil, &wxpay.UnknownError{Route: routeDepositCodes, Err: errors.New("answer is not about the code that was asked for")}
	}
	return deposit, err
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
