package mchtransfer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

const (
	pdf    = "%PDF-1.4 receipt"
	filed  = "/v3/transferbilldownload/elecvoucherfile"
	fileAt = "https://files.weixin.qq.com" + filed + "?source=elecsign&token=xxx"
)

func digest() string {
	sum := sha256.Sum256([]byte(pdf))
	return hex.EncodeToString(sum[:])
}

// finished is the answer to a query of a receipt that is made.
func finished(hashType, hash string) responder {
	return signed(200, fmt.Sprintf(`{"state":"FINISHED","hash_type":"%s","hash_value":"%s","download_url":"%s"}`, hashType, hash, fileAt))
}

func receiptIs(state string) responder {
	return signed(200, `{"state":"`+state+`","fail_reason":"转账单据不存在"}`)
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	platformtest.MerchantKey()
	platformtest.PlatformKey()
	type R = []responder
	applied, file, none := receiptIs("GENERATING"), unsigned(200, pdf), refused(404, "NOT_FOUND")
	good := finished("SHA256", strings.ToUpper(digest()))
	for name, tt := range map[string]struct {
		applies, looks, files R
		every                 time.Duration
		err                   error
		written               bool
		state                 mchtransfer.ReceiptState
		after                 time.Duration
	}{
		"made at once":              {R{applied}, R{good}, R{file}, 0, nil, true, "FINISHED", 0},
		"in lower case":             {R{applied}, R{finished("SHA256", digest())}, R{file}, 0, nil, true, "FINISHED", 0},
		"after a while":             {R{applied}, R{receiptIs("GENERATING"), receiptIs("GENERATING"), good}, R{file}, 0, nil, true, "FINISHED", 4 * time.Minute},
		"looked at less often":      {R{applied}, R{receiptIs("GENERATING"), good}, R{file}, time.Hour, nil, true, "FINISHED", time.Hour},
		"in a state of tomorrow":    {R{applied}, R{receiptIs("SIGNING"), receiptIs(""), good}, R{file}, 0, nil, true, "FINISHED", 4 * time.Minute},
		"passing failures":          {R{applied}, R{receiptIs("GENERATING"), lost, refused(500, "SYSTEM_ERROR"), good}, R{file}, 0, nil, true, "FINISHED", 6 * time.Minute},
		"not there at first":        {R{applied}, R{none, none, good}, R{file}, 0, nil, true, "FINISHED", 4 * time.Minute},
		"there, refused for good":   {R{refused(400, "INVALID_REQUEST")}, R{receiptIs("GENERATING"), refused(403, "NO_AUTH")}, nil, 0, wxpay.CodeNoAuth, false, "GENERATING", 2 * time.Minute},
		"failed":                    {R{applied}, R{receiptIs("FAILED")}, nil, 0, mchtransfer.ErrNoReceipt, false, "FAILED", 0},
		"without an address":        {R{applied}, R{receiptIs("FINISHED")}, nil, 0, mchtransfer.ErrNoReceipt, false, "FINISHED", 0},
		"application lost, made":    {R{lost}, R{good}, R{file}, 0, nil, true, "FINISHED", 0},
		"application lost, none":    {R{lost}, R{none}, nil, 0, io.ErrUnexpectedEOF, false, "", 0},
		"applied for before":        {R{refused(400, "INVALID_REQUEST")}, R{receiptIs("GENERATING"), good}, R{file}, 0, nil, true, "FINISHED", 2 * time.Minute},
		"there, a failure passes":   {R{refused(400, "INVALID_REQUEST")}, R{receiptIs("GENERATING"), lost, good}, R{file}, 0, nil, true, "FINISHED", 4 * time.Minute},
		"refused":                   {R{refused(400, "INVALID_REQUEST")}, R{none}, nil, 0, wxpay.CodeInvalidRequest, false, "", 0},
		"gone":                      {R{applied}, R{receiptIs("GENERATING"), none}, nil, 0, wxpay.CodeNotFound, false, "GENERATING", 2 * time.Minute},
		"made, says a proxy":        {R{applied}, R{unsigned(200, `{"state":"FINISHED","download_url":"https://evil.example/"}`)}, nil, 0, wxpay.ErrUnverified, false, "", 0},
		"made, says a forger":       {R{applied}, R{forged(200, `{"state":"FINISHED","download_url":"https://evil.example/"}`)}, nil, 0, wxpay.ErrUnverified, false, "", 0},
		"another file":              {R{applied}, R{good}, R{unsigned(200, pdf+"!")}, 0, mchtransfer.ErrReceiptDigest, false, "FINISHED", 0},
		"a page in place of a file": {R{applied}, R{good}, R{unsigned(200, "<html>")}, 0, mchtransfer.ErrReceiptDigest, false, "FINISHED", 0},
		"an empty file":             {R{applied}, R{good}, R{unsigned(200, "")}, 0, mchtransfer.ErrReceiptDigest, false, "FINISHED", 0},
		"no digest":                 {R{applied}, R{finished("SHA256", "")}, R{file}, 0, mchtransfer.ErrReceiptDigest, false, "FINISHED", 0},
		"file lost":                 {R{applied}, R{good}, R{lost}, 0, io.ErrUnexpectedEOF, false, "FINISHED", 0},
		"file refused":              {R{applied}, R{good}, R{unsigned(403, `{"code":"NO_AUTH"}`)}, 0, wxpay.CodeNoAuth, false, "FINISHED", 0},
		"digest by SM3":             {R{applied}, R{finished("SM3", strings.Repeat("0", 64))}, R{file}, 0, mchtransfer.ErrReceiptUnchecked, true, "FINISHED", 0},
		"digest by another hash":    {R{applied}, R{finished("SHA1", strings.Repeat("0", 40))}, R{file}, 0, mchtransfer.ErrReceiptUnchecked, true, "FINISHED", 0},
		"digest by nothing":         {R{applied}, R{finished("", "")}, R{file}, 0, mchtransfer.ErrReceiptUnchecked, true, "FINISHED", 0},
	} {
		for _, number := range []mchtransfer.ReceiptParams{{OutBillNo: "plfk2020042013"}, {TransferBillNo: billNo}} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					at := "out-bill-no"
					if number.TransferBillNo != "" {
						at = "transfer-bill-no"
					}
					p := &platform{t: t, answers: map[string][]responder{
						"POST " + elecsign + "/" + at: tt.applies, "GET " + elecsign + "/" + at + "/" + number.OutBillNo + number.TransferBillNo: tt.looks, "GET " + filed: tt.files,
					}}
					number.Every = tt.every
					var w bytes.Buffer
					start := time.Now()
					got, err := newService(p).Receipt(t.Context(), number, &w)
					require.ErrorIs(t, err, tt.err)
					assert.Equal(t, tt.after, time.Since(start))
					assert.Equal(t, tt.written, w.String() == pdf, "%q", w.String())
					assert.Equal(t, tt.written, w.Len() > 0)
					if tt.state == "" {
						assert.Nil(t, got)
					} else if assert.NotNil(t, got) {
						assert.Equal(t, tt.state, got.State)
					}
					for at, answers := range p.answers {
						assert.Len(t, p.sent[at], len(answers), at)
					}
					if err != nil {
						assert.NotContains(t, err.Error(), "\n")
						assert.NotContains(t, err.Error(), "token")
					}
				})
			})
		}
	}
}

// A wait that its context ended hands over the last state, and writes nothing.
func TestReceiptEndsWithContext(t *testing.T) {
	t.Parallel()
	platformtest.MerchantKey()
	platformtest.PlatformKey()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{t: t, answers: map[string][]responder{
			"POST " + elecsign + "/out-bill-no": {receiptIs("GENERATING")}, "GET " + elecsign + "/out-bill-no/plfk2020042013": {receiptIs("GENERATING"), receiptIs("GENERATING")},
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		var w bytes.Buffer
		got, err := newService(p).Receipt(ctx, mchtransfer.ReceiptParams{OutBillNo: "plfk2020042013"}, &w)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, mchtransfer.ReceiptGenerating, got.State)
		assert.Zero(t, w.Len())
	})
}

func TestReceiptOfOneNumber(t *testing.T) {
	t.Parallel()
	for p, param := range map[mchtransfer.ReceiptParams]string{
		{}: "out_bill_no", {OutBillNo: "1", TransferBillNo: "1"}: "out_bill_no", {OutBillNo: "a b"}: "out_bill_no", {TransferBillNo: "a/b"}: "transfer_bill_no",
	} {
		_, err := newService(&platform{t: t}).Receipt(t.Context(), p, io.Discard)
		e, ok := errors.AsType[*wxpay.ParamError](err)
		if assert.True(t, ok, "%v", err) {
			assert.Equal(t, param, e.Param)
		}
	}
}

// A short is a writer that takes less than it is given, with or without saying so.
type short struct{ err error }

func (w short) Write(p []byte) (int, error) { return len(p) - 1, w.err }

// A file that w did not take whole is not called done.
func TestReceiptThatIsNotWritten(t *testing.T) {
	t.Parallel()
	full := errors.New("disk is full")
	for _, w := range []short{{full}, {nil}} {
		p := &platform{t: t, answers: map[string][]responder{"GET " + filed: {unsigned(200, pdf)}}}
		err := newService(p).DownloadReceipt(t.Context(), &mchtransfer.Receipt{State: mchtransfer.ReceiptFinished, HashType: mchtransfer.ReceiptHashSHA256, HashValue: digest(), DownloadURL: fileAt}, w)
		require.ErrorContains(t, err, "not written whole")
		if w.err != nil {
			assert.ErrorIs(t, err, full)
		}
	}
}

// The address of a receipt is asked for as it is, and bounded.
func TestDownloadReceipt(t *testing.T) {
	t.Parallel()
	r := &mchtransfer.Receipt{State: mchtransfer.ReceiptFinished, HashType: mchtransfer.ReceiptHashSHA256, HashValue: digest(), DownloadURL: fileAt}
	p := &platform{t: t, answers: map[string][]responder{"GET " + filed: {func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, fileAt, req.URL.String())
		assert.True(t, strings.HasPrefix(req.Header.Get("Authorization"), `WECHATPAY2-SHA256-RSA2048 mchid="1900000100",`))
		return unsigned(200, pdf)(req)
	}}}}
	var w bytes.Buffer
	require.NoError(t, newService(p).DownloadReceipt(t.Context(), r, &w))
	assert.Equal(t, pdf, w.String())

	for _, state := range []mchtransfer.ReceiptState{"GENERATING", "FAILED", "", "TOMORROW"} {
		r := *r
		r.State = state
		assert.ErrorIs(t, newService(&platform{t: t}).DownloadReceipt(t.Context(), &r, &w), mchtransfer.ErrNoReceipt)
	}
	assert.ErrorIs(t, newService(&platform{t: t}).DownloadReceipt(t.Context(), nil, &w), mchtransfer.ErrNoReceipt)
	huge := signed(200, "")
	p = &platform{t: t, answers: map[string][]responder{"GET " + filed: {func(req *http.Request) (*http.Response, error) {
		resp, err := huge(req)
		resp.ContentLength = 16<<20 + 1
		return resp, err
	}}}}
	require.ErrorContains(t, newService(p).DownloadReceipt(t.Context(), r, &w), "larger than allowed")
	in := *r
	in.DownloadURL = "http://files.weixin.qq.com/"
	_, ok := errors.AsType[*wxpay.ParamError](newService(&platform{t: t}).DownloadReceipt(t.Context(), &in, &w))
	assert.True(t, ok, "no signature goes out in the clear")
	assert.Equal(t, pdf, w.String())
}
