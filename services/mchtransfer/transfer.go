package mchtransfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay"
)

// Final reports whether the bill has ended. A state not known here counts as not ended.
func (s TransferState) Final() bool {
	return s == TransferSuccess || s == TransferFail || s == TransferCancelled
}

// ErrOtherBill says that the number belongs to a bill with another amount, user or AppID than was asked for. What was
// asked for has not been made under this number, but the bill that is there may be an earlier form of it: somebody has
// to compare the two before a new number is taken.
var ErrOtherBill = errors.New("mchtransfer: the number belongs to a bill with other data; compare the two before a new number is taken")

// Transfer creates a bill, or finds out what became of it, and returns it as it stands: paid only if its State is
// [TransferSuccess]. In [TransferWaitUserConfirm] the user confirms on the page that PackageInfo opens.
//
// After any error but that of a call that never left, Transfer asks for the number: an error says nothing about the
// bill, which may have been made before. A bill that is there is compared with what was asked (amount, openid, AppID).
// If the platform says in a signed answer that there is none, a refusal stands, and after an answer that left the
// outcome open the same bill is sent again, to the last byte. Another number is never taken.
//
// Of a bill just created, the answer repeats the number alone: amount, user and remark are those of p, UpdateTime is
// zero. Where a bill was found, the query may have left out PackageInfo (MT-10); the same bill is then sent once more
// to get it (MT-9), and it is empty if that fails.
//
// Repeating: safe with the same OutBillNo and otherwise the same params, also by another process. It is the way on
// after an error for which [wxpay.OutcomeUnknown] reports true, and for a bill that stays in [TransferAccepted].
//
// Errors: a [wxpay.Error] if the bill was refused and is not there; after [wxpay.CodeNotEnough] top up, and call again
// with the same number. If [wxpay.OutcomeUnknown] reports true, the bill may be there: this includes [ErrOtherBill],
// and [wxpay.CodeAlreadyExists] of a number whose bill cannot be seen, such as one older than 30 days.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716434
func (s *Service) Transfer(ctx context.Context, p CreateTransferBillParams) (*TransferBill, error) {
	var sent wxpay.Prepared // the bill to its last byte: a name that is sealed again is another text
	created, err := s.CreateTransferBill(wxpay.WithPrepared(ctx, func(_ context.Context, call wxpay.Prepared) error {
		sent = call
		return nil
	}), p)
	if err == nil {
		return s.made(ctx, p, created, sent)
	}
	if sent.Route == "" || neverLeft(err) {
		return nil, err
	}
	bill, missing := s.find(ctx, p, sent)
	if bill != nil || !wxpay.OutcomeUnknown(err) || !noBill(missing) {
		return bill, judged(err, missing)
	}
	created, again := wxpay.Do[CreatedTransferBill](ctx, s.client, sent.Call())
	if again == nil {
		return s.made(ctx, p, created, sent)
	}
	if neverLeft(again) {
		return nil, unknown(err, again)
	}
	bill, missing = s.find(ctx, p, sent)
	return bill, judged(again, missing)
}

// made is the bill of p as the answer to its creation has it. That answer names neither amount nor user, so how a bill
// ended is believed of a query alone.
func (s *Service) made(ctx context.Context, p CreateTransferBillParams, c *CreatedTransferBill, sent wxpay.Prepared) (*TransferBill, error) {
	if c.State == "" || c.State.Final() {
		bill, err := s.find(ctx, p, sent)
		if err != nil {
			return nil, unknown(errEnd, err)
		}
		return bill, nil
	}
	return &TransferBill{
		MchID: s.client.Sender(), OutBillNo: c.OutBillNo, TransferBillNo: c.TransferBillNo, AppID: p.AppID, State: c.State, TransferAmount: p.TransferAmount,
		TransferRemark: p.TransferRemark, FailReason: c.FailReason, OpenID: p.OpenID, CreateTime: c.CreateTime, PackageInfo: c.PackageInfo,
	}, nil
}

var errEnd = errors.New("the answer to the creation does not show a bill that is still under way, and a query does not tell how it ended")

// find asks for the bill of p, and returns it if it is that. If it waits for the user and the query has left out its
// ticket, the same bill is sent again for it: nothing else becomes of that.
func (s *Service) find(ctx context.Context, p CreateTransferBillParams, sent wxpay.Prepared) (*TransferBill, error) {
	bill, err := s.look(ctx, p.OutBillNo)
	switch {
	case err != nil:
		return nil, err
	case bill.TransferAmount != p.TransferAmount, differ(bill.OpenID, p.OpenID), differ(bill.AppID, p.AppID), differ(bill.MchID, s.client.Sender()):
		return nil, ErrOtherBill
	}
	if bill.State == TransferWaitUserConfirm && bill.PackageInfo == "" {
		if c, err := wxpay.Do[CreatedTransferBill](ctx, s.client, sent.Call()); err == nil && c.State == bill.State && c.TransferBillNo == bill.TransferBillNo {
			bill.PackageInfo = c.PackageInfo
		}
	}
	return bill, nil
}

// differ reports whether an answer names something else than was asked. It may leave a name out, and a client may not
// know whom it signs for.
func differ(said, asked string) bool { return said != "" && asked != "" && said != asked }

// look is GetTransferBillByOutBillNo, but what something on the way may have refused is no refusal.
func (s *Service) look(ctx context.Context, outBillNo string) (*TransferBill, error) {
	bill, err := s.GetTransferBillByOutBillNo(ctx, GetTransferBillByOutBillNoParams{outBillNo})
	if e, refused := errors.AsType[*wxpay.Error](err); refused && e.Route == routeGetTransferBillByOutBillNo && !e.Verified && !wxpay.Transient(err) {
		err = &wxpay.UnknownError{Route: e.Route, RequestID: e.RequestID, Err: e}
	}
	return bill, err
}

// noBill reports whether err is the platform's word that there is no such bill.
func noBill(err error) bool { return none(err, routeGetTransferBillByOutBillNo) }

// none reports whether err is the platform's word that a query finds nothing.
func none(err error, route string) bool {
	e, refused := errors.AsType[*wxpay.Error](err)
	return refused && e.Verified && e.Code == wxpay.CodeNotFound && e.Route == route && e.StatusCode < 500
}

// neverLeft reports whether err is that of a call that was ready and was not sent.
func neverLeft(err error) bool {
	_, refused := errors.AsType[*wxpay.Error](err)
	return !refused && !wxpay.OutcomeUnknown(err)
}

// judged is what is known of a bill whose creation failed with err and whose query with missing; nil if the bill was
// found. Only a refusal of a bill that is not there is a refusal.
func judged(err, missing error) error {
	switch {
	case missing == nil:
		return nil
	case noBill(missing) && !wxpay.OutcomeUnknown(err) && !errors.Is(err, wxpay.CodeAlreadyExists):
		return err
	}
	return unknown(err, missing)
}

func unknown(err, then error) error {
	return &wxpay.UnknownError{Route: routeCreateTransferBill, Err: fmt.Errorf("%w; then: %w", err, then)}
}

// WaitBillParams names the bill for [Service.WaitBill].
type WaitBillParams struct {
	OutBillNo string
	Every     time.Duration // between two looks; 0: 5 s
}

// WaitBill looks at a bill again and again until it has ended, and returns it: paid, failed or cancelled, so look at its
// State, and at TransferAmount. A state not known here counts as not ended. A bill that waits for the user can do so
// for 24 hours, and is closed some time later.
//
// Only ctx bounds the wait; cancelling it ends the wait at once. With an error comes the last state seen, if any. The
// wait goes on after errors that are [wxpay.Transient]; others end it. [wxpay.CodeNotFound] says that there is no such
// bill, or that it is older than 30 days, unless [wxpay.OutcomeUnknown] reports true: then the answer was not signed.
func (s *Service) WaitBill(ctx context.Context, p WaitBillParams) (*TransferBill, error) {
	return wxpay.Wait(ctx, p.Every, func(ctx context.Context) (*TransferBill, bool, error) {
		bill, err := s.look(ctx, p.OutBillNo)
		return bill, err == nil && bill.State.Final(), err
	})
}
