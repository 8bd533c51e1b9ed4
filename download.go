package wxpay

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/header"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

// Download returns the file at an address that WeChat Pay gave in an answer, such as that of a receipt; one of more
// than most bytes is an error. The address is taken as it is, and the request signed like that of a call.
//
// The answer carries no signature to rely on: compare the file with the digest that came with the address. Since a
// signature goes out, with which whoever gets it could ask the same of WeChat Pay, the address must be at a host of
// WeChat Pay over https, or at [Config].BaseURL or BackupURL. A redirect is not followed.
//
// Attempts are made as for any read, all at the host of the address. What is refused is an [Error] that is not
// Verified; addresses do not hold for long, so ask for a new one then.
func Download(ctx context.Context, c *Client, address string, most int64) (file []byte, err error) {
	ctx, record := recorded(ctx)
	defer func() { record.end(Exchange{Sender: c.config.caller(), Route: routeDownload, Err: err}) }()
	host, uri, wrong := c.origin(address)
	if wrong != "" {
		return nil, &ParamError{routeDownload, "address", wrong}
	}
	r := request{call: Call{Route: routeDownload}, method: http.MethodGet, uri: uri}
	r.run = attempt.Call{Route: routeDownload, Deadline: time.Now().Add(c.config.Timeout), Read: true, Repeat: true}
	err = c.engine.Run(ctx, &r.run, func(ctx context.Context, n int, _ *failure) *failure {
		got, ex, fail := c.fetch(ctx, &r, host, most)
		if file = got; fail != nil {
			ex.Err = fail.Err
		}
		ex.Attempt = n
		c.observe(ctx, ex)
		return fail
	})
	return file, err
}

// routeDownload stands where the route of a call stands. The path of an address is left out: it may hold what opens
// the file.
const routeDownload = "GET (address of a file)"

// origin takes an address apart, or says why no signature is sent to it.
func (c *Client) origin(address string) (host, uri, wrong string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return "", "", "is no address of a file"
	}
	host = u.Scheme + "://" + u.Host
	if host != c.hosts.main && host != c.hosts.backup && !(u.Scheme == "https" && ofWeChatPay(u.Hostname())) {
		return "", "", "is not at a host of WeChat Pay over https, nor at BaseURL: a signature would go to somebody else"
	}
	return host, u.RequestURI(), ""
}

// ofWeChatPay reports whether a host is one of WeChat Pay. Which of them keeps files may change.
func ofWeChatPay(host string) bool {
	host = "." + strings.ToLower(host)
	return strings.HasSuffix(host, ".weixin.qq.com") || strings.HasSuffix(host, ".wechatpay.cn")
}

// fetch asks for a file once.
func (c *Client) fetch(ctx context.Context, r *request, host string, most int64) (file []byte, ex Exchange, fail *failure) {
	start := time.Now()
	ex = Exchange{Sender: c.config.caller(), Route: r.call.Route, Host: host}
	defer func() { ex.Duration = time.Since(start) }()
	var t trip
	defer t.End()
	req, err := c.build(c.engine.Watch(ctx, &r.run, &t.Trip), r, host, &t)
	if err != nil {
		return nil, ex, c.engine.NotSent(r.call.Route, err)
	}
	req.Header.Set("Accept", "*/*")
	resp, fail := c.engine.Do(ctx, &r.run, &t.Trip, req)
	if fail != nil {
		return nil, ex, fail
	}
	defer resp.Body.Close()
	ex.Status, ex.Header = resp.StatusCode, resp.Header
	ex.RequestID, _ = header.Get(resp.Header, "Request-Id")
	if resp.StatusCode != http.StatusOK {
		body, _ := httpx.ReadAnswer(resp) // the status says enough
		return nil, ex, refusal(r, &ex, resp.Header, body, auth.ErrUnsigned)
	}
	if file, err = httpx.ReadAll(resp, most); err != nil {
		return nil, ex, unreadable(ctx, r, &ex, resp, err, t.Late())
	}
	return file, ex, nil
}
