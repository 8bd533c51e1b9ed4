package mchtransfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// Final reports whether the receipt was made, or cannot be. A state not known here counts as neither.
func (s ReceiptState) Final() bool { return s == ReceiptFinished || s == ReceiptFailed }

// What may come of a receipt but a file that is known to be right.
var (
	// ErrNoReceipt says that the receipt could not be made, or is not made yet; nothing was written.
	ErrNoReceipt = errors.New("mchtransfer: there is no receipt")
	// ErrReceiptDigest says that the file is another one than the platform made; nothing was written. Download again.
	ErrReceiptDigest = errors.New("mchtransfer: the file is not the receipt that the platform made: its digest differs; nothing was written, download it again")
	// ErrReceiptUnchecked says that the whole file was written, but its digest could not be compared: it is SM3, which
	// the standard library lacks, or of another kind. Compare it with HashValue, or look at the file.
	ErrReceiptUnchecked = errors.New("mchtransfer: the receipt was written whole, but not compared with its digest, which is not SHA256; compare it with HashValue")
)

// ReceiptParams names the bill for [Service.Receipt], by one of its numbers.
type ReceiptParams struct {
	OutBillNo      string
	TransferBillNo string
	Every          time.Duration // between two looks; 0: the 2 minutes that the platform asks for
}

func (p *ReceiptParams) check() error {
	one := (p.OutBillNo == "") != (p.TransferBillNo == "")
	return params.Check(routeApplyReceiptByOutBillNo, params.Must(one, "out_bill_no", "must be given, or transfer_bill_no, and not both"))
}

// Receipt applies for the electronic receipt of a paid bill, waits until it is made, downloads it and writes it to w, a
// PDF. Only a bill that was created with UserName has one; see [Service.ApplyReceiptByOutBillNo].
//
// Only ctx bounds the wait; cancelling it ends the wait at once. With an error comes the last state seen, if any.
//
// Repeating: safe, also after 90 days, when the receipt is made anew.
//
// Errors: [ErrNoReceipt] if it could not be made, with the reason of the platform; else see [Service.DownloadReceipt].
// An answer that was lost or refused on the way leaves open whether a receipt was made, which harms nothing.
func (s *Service) Receipt(ctx context.Context, p ReceiptParams, w io.Writer) (*Receipt, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	applied := s.applyReceipt(ctx, p)
	taken := applied == nil
	every := p.Every
	if every <= 0 {
		every = 2 * time.Minute
	}
	r, err := wxpay.Wait(ctx, every, func(ctx context.Context) (*Receipt, bool, error) {
		r, err := s.getReceipt(ctx, p)
		switch {
		case err != nil && applied != nil:
			return nil, true, applied
		case taken && none(err, p.route()): // it was applied for, and is not there yet
			return nil, false, nil
		}
		if err == nil { // it is there, whatever was answered
			applied, taken = nil, false
		}
		return r, err == nil && r.State.Final(), err
	})
	if err != nil {
		return r, err
	}
	return r, s.DownloadReceipt(ctx, r, w)
}

// route is that of the query.
func (p *ReceiptParams) route() string {
	if p.OutBillNo != "" {
		return routeGetReceiptByOutBillNo
	}
	return routeGetReceiptByTransferBillNo
}

func (s *Service) applyReceipt(ctx context.Context, p ReceiptParams) (err error) {
	if p.OutBillNo != "" {
		_, err = s.ApplyReceiptByOutBillNo(ctx, ApplyReceiptByOutBillNoParams{p.OutBillNo})
	} else {
		_, err = s.ApplyReceiptByTransferBillNo(ctx, ApplyReceiptByTransferBillNoParams{p.TransferBillNo})
	}
	return err
}

func (s *Service) getReceipt(ctx context.Context, p ReceiptParams) (*Receipt, error) {
	if p.OutBillNo != "" {
		return s.GetReceiptByOutBillNo(ctx, GetReceiptByOutBillNoParams{p.OutBillNo})
	}
	return s.GetReceiptByTransferBillNo(ctx, GetReceiptByTransferBillNoParams{p.TransferBillNo})
}

// mostReceipt bounds the file of a receipt, which is a page or two.
const mostReceipt = 16 << 20

// DownloadReceipt downloads the file of a finished receipt and writes it to w, once it is whole and its digest compared:
// w gets all of it, or nothing unless w itself fails. The address in r holds for 10 minutes; get the receipt again for
// a new one. A file of more than 16 MiB is an error.
//
// The download is not signed by the platform (MT-14): what vouches for the file is the digest in r, whose answer was.
//
// Errors: [ErrReceiptDigest] if the file is another one; [ErrReceiptUnchecked] if w has the file, but its digest is not
// SHA256; [ErrNoReceipt] if r is not finished. A [wxpay.Error] most likely means that the address holds no longer.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716436
func (s *Service) DownloadReceipt(ctx context.Context, r *Receipt, w io.Writer) error {
	if r == nil {
		return fmt.Errorf("%w: none was given", ErrNoReceipt)
	}
	if r.State != ReceiptFinished || r.DownloadURL == "" {
		return fmt.Errorf("%w: its state is %q: %.200q", ErrNoReceipt, r.State, r.FailReason)
	}
	file, err := wxpay.Download(ctx, s.client, r.DownloadURL, mostReceipt)
	if err != nil {
		return err
	}
	var unchecked error
	if sum := sha256.Sum256(file); r.HashType != ReceiptHashSHA256 {
		unchecked = ErrReceiptUnchecked
	} else if !strings.EqualFold(hex.EncodeToString(sum[:]), r.HashValue) {
		return ErrReceiptDigest
	}
	n, err := w.Write(file)
	if err == nil && n < len(file) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("mchtransfer: the receipt was not written whole: %w", err)
	}
	return unchecked
}
