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
	"strconv"
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
		{Name: "dial-refused", Doc: "the host refuses the connection", Zh: "主机拒绝连接", Stage: engine.Dialing, End: engine.Refused},
		{Name: "dial-black-hole", Doc: "the host does not answer to a connection; dialing gives up after 3 s", Zh: "连接无响应，3 秒后放弃", Stage: engine.Dialing, End: engine.BlackHole},
		{Name: "dns", Doc: "the name of the host is not found", Zh: "域名解析失败", Stage: engine.Dialing, End: engine.Unknown},

		{Name: "reset-before-read", Doc: "the connection breaks before the request was read", Zh: "读取请求之前连接中断", Stage: engine.Sending, End: engine.Reset},
		{Name: "reset-while-read", Doc: "the connection breaks when half of the body was read", Zh: "请求主体读到一半时连接中断", Stage: engine.Sending, End: engine.Torn},
		{Name: "keep-alive-closed", Doc: "the kept connection was closed by the platform just when the request was sent", Zh: "发送请求时，平台恰好关闭了保持的连接", Stage: engine.Sending, End: engine.Closed},

		{Name: "reset-after-read", Doc: "the request was read, then the connection breaks; nothing was done", Zh: "请求已读完但未执行，随后连接中断", Stage: engine.Acting, End: engine.Reset},
		{Name: "hang", Doc: "the request was read, nothing was done and no answer comes until the caller gives up", Zh: "请求已读完但未执行，一直不应答，直到调用方放弃", Stage: engine.Acting, End: engine.Hanging},
		{Name: "429", Doc: "429 FREQUENCY_LIMITED", Zh: "429 FREQUENCY_LIMITED", Stage: engine.Acting, Change: refusing(&engine.Refusal{Status: 429, Code: "FREQUENCY_LIMITED", Message: "频率过高", Reason: engine.ReasonRate})},
		{Name: "429-retry-after", Doc: "429 RATELIMIT_EXCEEDED with Retry-After: 2, or of another time", Zh: "429 RATELIMIT_EXCEEDED，带 Retry-After: 2（可指定时间）", Stage: engine.Acting, Change: retryAfter(2 * time.Second),
			Example: "429-retry-after=30s", With: retryAfterSeconds},
		{Name: "500", Doc: "500 SYSTEM_ERROR; nothing was done", Zh: "500 SYSTEM_ERROR，未执行", Stage: engine.Acting, Change: refusing(systemError)},
		{Name: "502-html", Doc: "502 with the HTML page of a proxy, unsigned", Zh: "502，代理的 HTML 页面，无签名", Stage: engine.Acting, Change: badGateway},
		{Name: "503", Doc: "503 SERVICE_UNAVAILABLE; nothing was done", Zh: "503 SERVICE_UNAVAILABLE，未执行", Stage: engine.Acting, Change: refusing(&engine.Refusal{Status: 503, Code: "SERVICE_UNAVAILABLE", Message: "服务不可用"})},
		{Name: "202", Doc: "202: accepted, not processed; repeat with the same parameters", Zh: "202：已受理、未处理，请用相同参数重试", Stage: engine.Acting, Change: accepted},
		{Name: "redirect", Doc: "307 to another host, unsigned", Zh: "307 跳转到其他主机，无签名", Stage: engine.Acting, Change: redirect},

		{Name: "reset-after-effect", Doc: "the request took effect, then the connection breaks: the answer is lost", Zh: "请求已执行，随后连接中断，应答丢失", Stage: engine.Answering, End: engine.Reset},
		{Name: "hang-after-effect", Doc: "the request took effect and no answer comes until the caller gives up", Zh: "请求已执行，但一直不应答，直到调用方放弃", Stage: engine.Answering, End: engine.Hanging},
		{Name: "500-after-effect", Doc: "500 SYSTEM_ERROR although the request took effect", Zh: "500 SYSTEM_ERROR，但请求已执行", Stage: engine.Answering, Change: refusing(systemError)},
		{Name: "reset", Doc: "the request took effect, then the connection breaks: before the answer, or after so many bytes of its body, at the latest before the last one", Zh: "请求已执行，随后连接中断：在应答之前，或在应答主体的若干字节之后（最迟在最后一个字节之前）",
			Stage: engine.Answering, End: engine.Reset, Example: "reset=100", With: resetAt},
		{Name: "204", Doc: "204 without a body in place of the answer; the request took effect", Zh: "以没有主体的 204 代替应答，请求已执行", Stage: engine.Answering, Change: empty},
		{Name: "slow", Doc: "the answer begins after 5 s, or after another time, and is right", Zh: "5 秒（可指定时间）后才开始应答，应答正确", Stage: engine.Answering, Right: true,
			Change: func(_ *engine.Tx, a *engine.Answer) { slow(a, 5*time.Second) }, Example: "slow=6s", With: delayed(slow)},
		{Name: "slow-body", Doc: "the body of the answer takes about 5 s, or another time; an answer without one a tenth of that", Zh: "应答主体约 5 秒（可指定时间）才传完；没有主体时为其十分之一", Stage: engine.Answering, Right: true,
			Change: func(_ *engine.Tx, a *engine.Answer) { slowBody(a, 5*time.Second) }, Example: "slow-body=20s", With: delayed(slowBody)},
		{Name: "keep-alive", Doc: "the answer is right, and its connection closes when nothing more came for 8 s, as WeChat Pay does, or for another time; without a socket there is none to close", Zh: "应答正确；其后 8 秒（可指定时间）没有新请求则关闭连接，与微信支付一致；没有套接字时无连接可关",
			Stage: engine.Answering, Right: true, Change: func(_ *engine.Tx, a *engine.Answer) { idle(a, 8*time.Second) }, Example: "keep-alive=8s", With: delayed(idle)},
		{Name: "truncated-body", Doc: "the answer ends half way", Zh: "应答在一半处中断", Stage: engine.Answering, Change: truncate},
		{Name: "wrong-content-type", Doc: "the answer is genuine and calls itself text/plain", Zh: "应答真实，但 Content-Type 为 text/plain", Stage: engine.Answering,
			Change: func(_ *engine.Tx, a *engine.Answer) { a.Header.Set("Content-Type", "text/plain") }},
		{Name: "truncated-gzip", Doc: "the answer is compressed although that was not asked for, and the end of what was compressed is missing", Zh: "未要求压缩却返回 gzip，且压缩数据缺少末尾", Stage: engine.Answering, Change: truncateGzip},
		{Name: "gzip-bomb", Doc: "64 MiB of blanks, compressed to about 64 KiB although that was not asked for", Zh: "64 MiB 空白，未要求压缩却压成约 64 KiB 返回", Stage: engine.Answering, Change: bomb},
		{Name: "huge-body", Doc: "a body of 512 MiB with its length announced", Zh: "512 MiB 的主体，带 Content-Length", Stage: engine.Answering, Change: huge(hugeSize)},
		{Name: "endless-body", Doc: "a body of 512 MiB, length not announced", Zh: "512 MiB 的主体，不带 Content-Length", Stage: engine.Answering, Change: huge(-1)},
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
		faults = append(faults, engine.Fault{Name: r.Code, Doc: fmt.Sprintf("%d %s; nothing was done", r.Status, r.Code), Zh: fmt.Sprintf("%d %s，未执行", r.Status, r.Code), Stage: engine.Acting, Platform: "wechatpay", Documented: !slices.Contains(general, r), Change: refusing(refusal)})
	}
	return faults
}

const hugeSize = 512 << 20

func refusing(r *engine.Refusal) func(*engine.Tx, *engine.Answer) {
	return func(_ *engine.Tx, a *engine.Answer) { a.Refuse(r) }
}

func retryAfter(d time.Duration) func(*engine.Tx, *engine.Answer) {
	refuse := refusing(&engine.Refusal{Status: 429, Code: "RATELIMIT_EXCEEDED", Message: "频率超限", Reason: engine.ReasonRate})
	return func(tx *engine.Tx, a *engine.Answer) {
		refuse(tx, a)
		a.Header.Set("Retry-After", strconv.Itoa(int(d/time.Second)))
	}
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

func empty(_ *engine.Tx, a *engine.Answer) {
	a.Status, a.Body = http.StatusNoContent, nil
	a.Header.Del("Content-Type")
}

func truncate(_ *engine.Tx, a *engine.Answer) { cut(a, engine.Closed, len(a.Body)/2) }

// cut lets an answer break off after n bytes of its body, and before the last one.
func cut(a *engine.Answer, end engine.End, n int) {
	if len(a.Body) == 0 { // a 204 has nothing to cut: announce a body that never comes
		a.Status, a.Body = http.StatusOK, []byte("{}")
	}
	a.Cut, a.CutAt = end, min(n, len(a.Body)-1)
}

func truncateGzip(_ *engine.Tx, a *engine.Answer) {
	if len(a.Body) == 0 {
		a.Status, a.Body = http.StatusOK, []byte("{}")
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(a.Body); err == nil && w.Close() == nil {
		a.Packed = b.Bytes()[:b.Len()-12] // without the end of the data, and the sum and size that follow it
	}
	a.Header.Set("Content-Encoding", "gzip")
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
