// Package fault is what networks, proxies and a platform in trouble do to a call, and the plan of what is to
// happen when.
package fault

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// Table are the faults of any platform. Those of its own a platform has itself.
func Table() []engine.Fault {
	systemError := &engine.Refusal{Status: 500, Code: "SYSTEM_ERROR", Message: "系统错误"}
	return []engine.Fault{
		{Name: "dial-refused", Doc: "the host refuses the connection", Stage: engine.Dialing, End: engine.Refused},
		{Name: "dial-black-hole", Doc: "the host does not answer to a connection; dialing gives up after 3 s", Stage: engine.Dialing, End: engine.BlackHole},
		{Name: "dns", Doc: "the name of the host is not found", Stage: engine.Dialing, End: engine.Unknown},

		{Name: "reset-before-read", Doc: "the connection breaks before the request was read", Stage: engine.Sending, End: engine.Reset},
		{Name: "reset-while-read", Doc: "the connection breaks when half of the body was read", Stage: engine.Sending, End: engine.Torn},
		{Name: "keep-alive-closed", Doc: "the kept connection was closed by the platform just when the request was sent", Stage: engine.Sending, End: engine.Closed},

		{Name: "reset-after-read", Doc: "the request was read, then the connection breaks; nothing was done", Stage: engine.Acting, End: engine.Reset},
		{Name: "hang", Doc: "the request was read, nothing was done and no answer comes until the caller gives up", Stage: engine.Acting, End: engine.Hanging},
		{Name: "429", Doc: "429 FREQUENCY_LIMITED", Stage: engine.Acting, Change: refusing(&engine.Refusal{Status: 429, Code: "FREQUENCY_LIMITED", Message: "频率过高", Reason: engine.ReasonRate})},
		{Name: "429-retry-after", Doc: "429 RATELIMIT_EXCEEDED with Retry-After: 2", Stage: engine.Acting, Change: retryAfter},
		{Name: "500", Doc: "500 SYSTEM_ERROR; nothing was done", Stage: engine.Acting, Change: refusing(systemError)},
		{Name: "502-html", Doc: "502 with the HTML page of a proxy, unsigned", Stage: engine.Acting, Change: badGateway},
		{Name: "503", Doc: "503 SERVICE_UNAVAILABLE; nothing was done", Stage: engine.Acting, Change: refusing(&engine.Refusal{Status: 503, Code: "SERVICE_UNAVAILABLE", Message: "服务不可用"})},
		{Name: "202", Doc: "202: accepted, not processed; repeat with the same parameters", Stage: engine.Acting, Change: accepted},
		{Name: "redirect", Doc: "307 to another host, unsigned", Stage: engine.Acting, Change: redirect},

		{Name: "reset-after-effect", Doc: "the request took effect, then the connection breaks: the answer is lost", Stage: engine.Answering, End: engine.Reset},
		{Name: "hang-after-effect", Doc: "the request took effect and no answer comes until the caller gives up", Stage: engine.Answering, End: engine.Hanging},
		{Name: "500-after-effect", Doc: "500 SYSTEM_ERROR although the request took effect", Stage: engine.Answering, Change: refusing(systemError)},
		{Name: "slow-body", Doc: "the body of the answer takes about 5 s; an answer without one half a second", Stage: engine.Answering,
			Change: func(_ *engine.Tx, a *engine.Answer) { a.Pace = 500 * time.Millisecond }},
		{Name: "truncated-body", Doc: "the answer ends half way", Stage: engine.Answering, Change: truncate},
		{Name: "wrong-content-type", Doc: "the answer is genuine and calls itself text/plain", Stage: engine.Answering,
			Change: func(_ *engine.Tx, a *engine.Answer) { a.Header.Set("Content-Type", "text/plain") }},
		{Name: "gzip-bomb", Doc: "64 MiB of blanks, compressed to about 64 KiB although that was not asked for", Stage: engine.Answering, Change: bomb},
		{Name: "huge-body", Doc: "a body of 512 MiB with its length announced", Stage: engine.Answering, Change: huge(hugeSize)},
		{Name: "endless-body", Doc: "a body of 512 MiB, length not announced", Stage: engine.Answering, Change: huge(-1)},
	}
}

// Refusals are answers by which WeChat Pay refuses, one for each code of the documents, and those that only its
// general rules name.
func Refusals() []engine.Fault {
	catalog, err := api.Load()
	if err != nil {
		return nil // there is no engine then
	}
	general := []api.Refusal{
		{Code: "FREQUENCY_LIMIT_EXCEED", Status: http.StatusTooManyRequests}, {Code: "FREQUENCY_LIMITED", Status: http.StatusTooManyRequests},
		{Code: "SERVICE_UNAVAILABLE", Status: http.StatusServiceUnavailable, Meaning: "服务不可用"},
	}
	all := slices.Clone(general)
	for _, p := range catalog.Products {
		for _, op := range p.Operations {
			all = append(all, op.Errors...)
		}
	}
	slices.SortStableFunc(all, func(a, b api.Refusal) int { return strings.Compare(a.Code, b.Code) })
	all = slices.CompactFunc(all, func(a, b api.Refusal) bool { return a.Code == b.Code })
	var faults []engine.Fault
	for _, r := range all {
		refusal := &engine.Refusal{Status: r.Status, Code: r.Code, Message: cmp.Or(r.Meaning, "频率过高")}
		switch r.Status {
		case http.StatusUnauthorized:
			refusal.Reason = engine.ReasonSign
		case http.StatusTooManyRequests:
			refusal.Reason = engine.ReasonRate
		}
		if r.Code == "PARAM_ERROR" {
			refusal.Detail = engine.Object{"field": "/wxpaytest", "issue": "injected", "location": "body"}
		}
		faults = append(faults, engine.Fault{Name: r.Code, Doc: fmt.Sprintf("%d %s; nothing was done", r.Status, r.Code), Stage: engine.Acting, Platform: "wechatpay", Documented: !slices.Contains(general, r), Change: refusing(refusal)})
	}
	return faults
}

const hugeSize = 512 << 20

func refusing(r *engine.Refusal) func(*engine.Tx, *engine.Answer) {
	return func(_ *engine.Tx, a *engine.Answer) { a.Refuse(r) }
}

func retryAfter(tx *engine.Tx, a *engine.Answer) {
	refusing(&engine.Refusal{Status: 429, Code: "RATELIMIT_EXCEEDED", Message: "频率超限", Reason: engine.ReasonRate})(tx, a)
	a.Header.Set("Retry-After", "2")
}

func badGateway(_ *engine.Tx, a *engine.Answer) {
	a.Status, a.Seal.None = http.StatusBadGateway, true
	a.Body = []byte("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>")
	a.Header.Set("Content-Type", "text/html")
}

func accepted(_ *engine.Tx, a *engine.Answer) {
	a.Status = http.StatusAccepted
	a.JSON([]byte("{}"))
}

func redirect(_ *engine.Tx, a *engine.Answer) {
	a.Status, a.Seal.None = http.StatusTemporaryRedirect, true
	a.Header.Set("Location", "https://elsewhere.invalid/v3/")
}

func truncate(_ *engine.Tx, a *engine.Answer) {
	if len(a.Body) == 0 { // a 204 has nothing to cut: announce a body that never comes
		a.Status, a.Body = http.StatusOK, []byte("{}")
	}
	a.Cut = true
}

func bomb(_ *engine.Tx, a *engine.Answer) {
	a.Status, a.Body, a.Seal.None = http.StatusOK, packed(), true
	a.Header.Set("Content-Encoding", "gzip")
	a.Header.Set("Content-Type", "application/json")
}

var packed = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.CopyN(w, blanks{}, 64<<20)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil
	}
	return b.Bytes()
})

func huge(announced int64) func(*engine.Tx, *engine.Answer) {
	return func(_ *engine.Tx, a *engine.Answer) {
		a.Status, a.Seal.None = http.StatusOK, true
		a.Size, a.Stream = announced, func() io.Reader { return io.LimitReader(blanks{}, hugeSize) }
		a.Header.Set("Content-Type", "application/json")
	}
}

// blanks is as many blanks as one wants; JSON may start with them.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
