package productcoupon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// UnmarshalJSON reads a code that failed, also where the code alone is told (PC-10).
func (f *FailedCode) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*f = FailedCode{}
		return json.Unmarshal(data, &f.CouponCode)
	}
	type plain FailedCode
	return json.Unmarshal(data, (*plain)(f))
}

// UploadCouponCodes stores codes for a stock or a stock of a bundle whose codes are your own, [CouponCodeModeUpload]
// (预上传券Code). A stock that runs out of codes stops sending. For a list of any length there is [Service.UploadCodes].
//
// No error does not mean that all were stored: each code is in one of the four lists of the result. An answer about
// codes that were not in the call is a [wxpay.UnknownError].
//
// Limits: at most 200 codes a call, of 40 letters, digits, _ and - each, none twice; 20 calls a second (PC-14). Whether
// the platform distributes such stocks by itself is in doubt (PC-22).
//
// Repeating: safe with the same OutRequestNo and the same codes, and done after a lost answer (PC-17); what an earlier
// attempt stored can come back as AlreadyExistCodeList.
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such stock.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/upload-coupon-codes
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/upload-coupon-codes
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781572
// https://pay.weixin.qq.com/doc/v3/partner/4016434668
func (s *Service) UploadCouponCodes(ctx context.Context, p UploadCouponCodesParams) (*UploadCouponCodesResult, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	call := wxpay.Call{
		Route:      routeUploadCouponCodes,
		BrandRoute: brandUploadCouponCodes,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID},
		Body:       p,
		// By out_request_no (PC-17), and a code is in a stock once.
		// https://pay.weixin.qq.com/doc/v3/partner/4015781572
		Idempotent: true,
	}
	result, err := wxpay.Do[UploadCouponCodesResult](ctx, s.client, call)
	if err == nil && len(missing(result.told(), p.CodeList)) > 0 {
		return nil, s.unknown(call, "answer is not about the codes that were asked for")
	}
	return result, err
}

// told are the codes that the answer mentions.
func (r *UploadCouponCodesResult) told() (codes []string) {
	codes = append(codes, r.SuccessCodeList...)
	codes = append(codes, r.AlreadyExistCodeList...)
	codes = append(codes, r.DuplicateCodeList...)
	for _, failed := range r.FailedCodeList {
		codes = append(codes, failed.CouponCode)
	}
	return codes
}

// missing are those of codes that are not in list.
func missing(codes, list []string) (out []string) {
	in := make(map[string]bool, len(list))
	for _, code := range list {
		in[code] = true
	}
	for _, code := range codes {
		if !in[code] {
			out = append(out, code)
		}
	}
	return out
}

// UploadCodesParams are the codes to store, for [Service.UploadCodes].
type UploadCodesParams struct {
	ProductCouponID string
	StockID         string
	BrandID         string // a brand leaves it out

	// OutRequestNo is what the request number of every piece begins with: 1 to 23 letters, digits, _ and -. The rest
	// follows from the codes of the piece, so that a piece is the same request whenever it is sent. Give another one to
	// have codes that were refused judged anew.
	OutRequestNo string

	Codes iter.Seq[string] // of any count; read once, on the goroutine of the caller
	From  int64            // how many codes of Codes to pass over: Next of an upload that ended with an error
}

// An UploadCodesResult adds up what became of the codes.
type UploadCodesResult struct {
	Next       int64        // so many codes of the list are settled, those that were passed over included
	Stored     int64        // stored by this upload, or before by the very same piece
	Existing   int64        // in the stock before, maybe by an attempt whose answer was lost
	Duplicates int64        // of the codes sent, those that stand in the same piece before
	Failed     []FailedCode // refused, and why
}

// UploadCodes stores a list of codes of any count for a stock whose codes are your own: it reads the list and sends it in
// pieces of 200, one after the other. Memory does not grow with the list, only with the codes that are refused.
//
// Repeating: safe with the same list. A piece is the same request with the same number each time, and a code that is
// there already only counts as Existing. So after any error, even in another process, call it again, from the start or
// with From set to Next of the result.
//
// With an error comes what was done so far, and Next says up to where; whether the piece behind it was stored is open if
// [wxpay.OutcomeUnknown] says so. nil means that the platform told the outcome of every code; look at Failed for those
// that it refused. A code of the wrong form ends the upload before its piece is sent; the error names its place in the
// list, from 0. A list without a code is an error. Cancelling ctx ends the upload at once, unless Codes blocks. Other limits
// and errors are those of [Service.UploadCouponCodes].
func (s *Service) UploadCodes(ctx context.Context, p UploadCodesParams) (*UploadCodesResult, error) {
	result := &UploadCodesResult{Next: p.From}
	if err := p.check(s.client); err != nil {
		return result, err
	}
	var piece []string
	read := int64(0)
	for code := range p.Codes {
		if read++; read <= p.From {
			continue
		}
		if piece = append(piece, code); len(piece) == codesAtOnce {
			if err := s.uploadPiece(ctx, p, piece, result); err != nil {
				return result, err
			}
			piece = piece[:0] // what was sent is no longer looked at
		}
	}
	if err := p.checkAt(s.client, params.Must(read > 0 && read >= p.From, "codes", "holds no code, or fewer than From")); err != nil {
		return result, err
	}
	if len(piece) == 0 {
		return result, nil
	}
	return result, s.uploadPiece(ctx, p, piece, result)
}

// codesAtOnce is how many codes one call takes.
const codesAtOnce = 200

func (p *UploadCodesParams) check(c *wxpay.Client) error {
	return p.checkAt(c,
		params.ID("product_coupon_id", p.ProductCouponID, 40),
		params.ID("stock_id", p.StockID, 0),
		params.Required("out_request_no", p.OutRequestNo, 40-1-pieceSumSize),
		params.Match("out_request_no", p.OutRequestNo, taskIDForm, "may hold letters, digits, _ and - only"),
		params.Must(p.Codes != nil, "codes", "is missing"),
		params.Must(p.From >= 0, "from", "is negative"),
	)
}

// checkAt is the error for what is wrong with the list.
func (p *UploadCodesParams) checkAt(c *wxpay.Client, faults ...*wxpay.ParamError) error {
	return params.CheckAt(c, routeUploadCouponCodes, brandUploadCouponCodes, faults...)
}

// uploadPiece sends one piece and adds it to result.
func (s *Service) uploadPiece(ctx context.Context, p UploadCodesParams, piece []string, result *UploadCodesResult) error {
	for i, code := range piece {
		at := fmt.Sprintf("codes[%d]", result.Next+int64(i))
		form := params.Match(at, code, taskIDForm, "may hold letters, digits, _ and - only")
		if err := p.checkAt(s.client, params.Required(at, code, 40), form); err != nil {
			return err
		}
	}
	call := UploadCouponCodesParams{ProductCouponID: p.ProductCouponID, StockID: p.StockID, BrandID: p.BrandID, CodeList: piece}
	call.OutRequestNo = p.OutRequestNo + "-" + sumOf(&call)
	told, err := s.UploadCouponCodes(ctx, call)
	if err != nil {
		return err
	}
	if open := missing(piece, told.told()); len(open) > 0 {
		where := wxpay.Call{Route: routeUploadCouponCodes, BrandRoute: brandUploadCouponCodes}
		return s.unknown(where, fmt.Sprintf("answer does not tell the outcome of %d of %d codes", len(open), len(piece)))
	}
	result.Next += int64(len(piece))
	result.Stored += int64(len(told.SuccessCodeList))
	result.Existing += int64(len(told.AlreadyExistCodeList))
	result.Duplicates += int64(len(told.DuplicateCodeList))
	result.Failed = append(result.Failed, told.FailedCodeList...)
	return nil
}

// pieceSumSize is how long the sum of a piece is.
const pieceSumSize = 16

// sumOf tells pieces apart: other codes, or codes for another stock, have another sum.
func sumOf(p *UploadCouponCodesParams) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{p.ProductCouponID, p.StockID}, p.CodeList...), "\n")))
	return hex.EncodeToString(sum[:])[:pieceSumSize]
}
