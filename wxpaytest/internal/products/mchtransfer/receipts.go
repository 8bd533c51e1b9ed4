package mchtransfer

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// download is where receipts are: the document shows the address in a sample, and forbids building it by hand.
const download = "/v3/transferbilldownload/elecvoucherfile"

// applyReceipt starts a receipt. One that is kept answers as it stands.
func (s *Transfers) applyReceipt(tx *engine.Tx) (engine.Object, error) {
	b, err := s.find(tx.Body)
	switch now := s.e.Now(); {
	case err != nil:
		return nil, err
	case b.state != "SUCCESS" || b.request.Text("user_name") == "":
		return nil, engine.Invalid("only a bill in SUCCESS that was created with user_name has a receipt")
	case now.Sub(b.created) > receipted:
		return nil, engine.Invalid("the bill is older than six months")
	case !s.hasReceipt(b):
		b.receipt = now
	}
	return s.showReceipt(b).Pick("state", "create_time"), nil
}

// hasReceipt reports whether a receipt was applied for and is still kept.
func (s *Transfers) hasReceipt(b *bill) bool {
	return !b.receipt.IsZero() && s.e.Now().Sub(b.receipt) <= kept
}

func (s *Transfers) getReceipt(tx *engine.Tx) (engine.Object, error) {
	b, err := s.find(tx.Vars)
	if err != nil {
		return nil, err
	}
	if !s.hasReceipt(b) {
		return nil, engine.NotFound("receipt: apply for it")
	}
	o := s.showReceipt(b)
	if o.Text("state") == "FINISHED" {
		o["hash_type"], o["hash_value"] = "SHA256", fmt.Sprintf("%X", sha256.Sum256(fileOf(b)))
		o["download_url"] = tx.Origin() + s.placeOf(b)
	}
	return o, nil
}

// placeOf is where the file of a receipt is from now on, for a while.
func (s *Transfers) placeOf(b *bill) string {
	return download + "?" + url.Values{"source": {"elecsign"}, "token": {tokenOf(b.id, s.e.Now().Add(downloaded).Unix())}}.Encode()
}

// tokenOf is what an address holds, which nobody builds by hand: a bill, and when its time is over.
func tokenOf(id string, until int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "wxpaytest receipt %s %d", id, until))
	return fmt.Sprintf("%s-%d-%x", id, until, sum[:8])
}

func (s *Transfers) showReceipt(b *bill) engine.Object {
	o := engine.Object{"state": "GENERATING", "create_time": engine.Stamp(b.receipt), "update_time": engine.Stamp(b.receipt)}
	if end := b.receipt.Add(s.options.Duration); !s.e.Now().Before(end) {
		o["state"], o["update_time"] = "FINISHED", engine.Stamp(end)
	}
	return o
}

// download is the file of a receipt.
func (s *Transfers) download(tx *engine.Tx) (mediaType string, content []byte, err error) {
	_, query, _ := strings.Cut(tx.URI, "?")
	values, _ := url.ParseQuery(query)
	id, rest, _ := strings.Cut(values.Get("token"), "-")
	text, _, _ := strings.Cut(rest, "-")
	until, _ := strconv.ParseInt(text, 10, 64)
	b, ok := s.byID[id]
	switch {
	case !ok || !s.hasReceipt(b) || values.Get("token") != tokenOf(id, until):
		return "", nil, engine.NotFound("file")
	case s.e.Now().After(time.Unix(until, 0)):
		return "", nil, engine.NotFound("file any more: an address is good for 10 minutes, query the receipt for another")
	}
	return "application/pdf", fileOf(b), nil
}

// fileOf is the receipt of a bill: a page of PDF.
func fileOf(b *bill) []byte {
	var page strings.Builder
	page.WriteString("BT /F1 12 Tf 40 240 Td 18 TL (Receipt of the fake WeChat Pay) Tj")
	for _, line := range []string{b.number(), b.id, strconv.FormatInt(b.amount(), 10) + " fen", b.updated.Format(time.RFC3339)} {
		page.WriteString(" T* (" + line + ") Tj")
	}
	page.WriteString(" ET")
	var pdf bytes.Buffer
	pdf.WriteString("%PDF-1.4\n")
	var places []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 480 280] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", page.Len(), page.String()), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	} {
		places = append(places, pdf.Len())
		fmt.Fprintf(&pdf, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := pdf.Len()
	fmt.Fprintf(&pdf, "xref\n0 %d\n0000000000 65535 f \n", len(places)+1)
	for _, at := range places {
		fmt.Fprintf(&pdf, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&pdf, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(places)+1, start)
	return pdf.Bytes()
}
