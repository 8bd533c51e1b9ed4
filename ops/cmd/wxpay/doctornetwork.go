package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/pasted"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/services/security"
)

// hosts are those that calls go to, as wxpay.Config has them.
func (d *doctor) hosts() []string {
	base, backup := strings.TrimSuffix(d.lookup("WXPAY_BASE_URL"), "/"), strings.TrimSuffix(d.lookup("WXPAY_BACKUP_URL"), "/")
	if base == "" || base == wxpay.MainURL {
		base = wxpay.MainURL
		if backup == "" {
			backup = wxpay.BackupURL
		}
	}
	if backup == "" {
		return []string{base}
	}
	return []string{base, backup}
}

func (d *doctor) tpnsHosts(s *setup) []string {
	if s.from["TPNS"] == "" {
		return nil
	}
	if base := strings.TrimSuffix(d.lookup("TPNS_BASE_URL"), "/"); base != "" {
		return []string{base}
	}
	return []string{pushpackage.GuangzhouURL}
}

// reach begins to look at hosts, all at once. What it returns waits for them and tells.
func (d *doctor) reach(ctx context.Context, hosts []string) func(*doctor) []host {
	found := make([]host, len(hosts))
	var all sync.WaitGroup
	for i, base := range hosts {
		all.Go(func() { found[i] = look(ctx, base) })
	}
	return func(d *doctor) []host {
		all.Wait()
		for i, base := range hosts {
			d.host(base, i == 0, found[i])
		}
		return found
	}
}

// A host is what was seen of one.
type host struct {
	url     *url.URL
	wrong   error // of the address
	proxy   string
	dns     error
	ips     []string
	version string
	expires time.Time
	http    error
	date    time.Time     // of its answer; zero: it had none
	skew    time.Duration // of this clock against it
}

const hostTime = 5 * time.Second

// look looks at a host, in the order in which a call does.
func look(ctx context.Context, base string) (h host) {
	if h.url, h.wrong = pasted.BaseURL(base); h.wrong != nil {
		return h
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, base+"/", nil)
	if err != nil {
		h.wrong = errors.New("not a URL")
		return h
	}
	if proxy, err := http.ProxyFromEnvironment(req); err == nil && proxy != nil {
		h.proxy = proxy.Host
	} else if net.ParseIP(h.url.Hostname()) == nil {
		short, cancel := context.WithTimeout(ctx, hostTime)
		defer cancel()
		if h.ips, h.dns = net.DefaultResolver.LookupHost(short, h.url.Hostname()); h.dns != nil {
			return h
		}
	}
	short, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	start := time.Now()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req.WithContext(short))
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		h.http = err
		return h
	}
	defer resp.Body.Close()
	now := time.Now()
	if resp.TLS != nil {
		h.version = tls.VersionName(resp.TLS.Version)
		if len(resp.TLS.PeerCertificates) > 0 {
			h.expires = resp.TLS.PeerCertificates[0].NotAfter
		}
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		h.date = date
		h.skew = start.Add(now.Sub(start) / 2).Sub(date.Add(500 * time.Millisecond)) // a Date has whole seconds
	}
	return h
}

// host tells what was seen. Calls need the main host; the backup is for when that is down.
func (d *doctor) host(base string, main bool, h host) {
	worse := func(check string, exit int, english, chinese, remedyEnglish, remedyChinese string) {
		f := finding{Check: check, State: "fail", About: base, Detail: base + d.t(": "+english, "："+chinese), Remedy: d.t(remedyEnglish, remedyChinese), exit: exit}
		if !main && exit == exitStopped {
			f.State = "warn"
		}
		d.tell(f)
	}
	well := func(check, english, chinese string) {
		d.tell(finding{Check: check, State: "ok", About: base, Detail: base + d.t(": "+english, "："+chinese)})
	}
	switch {
	case h.wrong != nil:
		worse("host", exitUsage, h.wrong.Error(), "不是有效地址："+h.wrong.Error(), "set the variable …_BASE_URL or …_BACKUP_URL to an address such as "+wxpay.MainURL, "请将 …_BASE_URL 或 …_BACKUP_URL 设为类似 "+wxpay.MainURL+" 的地址")
		return
	case h.dns != nil:
		worse("dns", exitStopped, "its name cannot be resolved: "+reasonOf(h.dns), "域名无法解析："+reasonOf(h.dns), "look at the resolver of this machine, or its network", "请检查本机 DNS 与网络")
		return
	case h.proxy != "":
		well("dns", "through the proxy "+h.proxy, "经代理 "+h.proxy+" 访问")
	case len(h.ips) > 0:
		well("dns", strings.Join(h.ips, ", "), strings.Join(h.ips, "、"))
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(h.http, &unknown), errors.As(h.http, &name), errors.As(h.http, &invalid):
		worse("tls", exitAuth, "its certificate is not trusted: "+reasonOf(h.http), "服务器证书不受信任："+reasonOf(h.http), "something between here and the platform takes its place, this machine lacks root certificates, or its clock is wrong",
			"可能有中间设备拦截 TLS、本机缺少根证书，或本机时间有误")
	case h.http != nil:
		worse("tls", exitStopped, "cannot be reached: "+reasonOf(h.http), "无法连接："+reasonOf(h.http), "look at firewall and proxy: port 443 has to be open", "请检查防火墙与代理，443 端口需放行")
	case h.url.Scheme == "http":
		well("tls", "plain http on this machine, no TLS", "本机明文 http，不使用 TLS")
	case time.Until(h.expires) < 0:
		worse("tls", exitAuth, "its certificate has expired", "服务器证书已过期", "look at this machine's clock", "请检查本机时间")
	default:
		well("tls", h.version+", certificate valid until "+h.expires.Local().Format(time.DateOnly), h.version+"，服务器证书有效期至 "+h.expires.Local().Format(time.DateOnly))
	}
}

// reasonOf is an error of the network in a few words.
func reasonOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return oneLine(err.Error())
}

// clock compares this machine's clock with the Date of the first host that answered. Answers and requests more than
// five minutes off are refused.
func (d *doctor) clock(found []host) {
	for _, h := range found {
		if h.date.IsZero() {
			continue
		}
		off := h.skew.Abs().Round(time.Second)
		english, chinese := fmt.Sprintf("this machine's clock is %s ahead", off), fmt.Sprintf("本机时间快 %s", off)
		if h.skew < 0 {
			english, chinese = fmt.Sprintf("this machine's clock is %s behind", off), fmt.Sprintf("本机时间慢 %s", off)
		}
		remedy := [2]string{"set the clock, by NTP", "请用 NTP 校准本机时间"}
		switch {
		case off >= auth.MaxAge-30*time.Second:
			d.bad(exitAuth, "clock", english+"; the platform takes 5 minutes at most", chinese+"；平台最多允许 5 分钟", remedy[0], remedy[1])
		case off > 30*time.Second:
			d.doubt("clock", english, chinese, remedy[0], remedy[1])
		default:
			d.good("clock", fmt.Sprintf("within %s of the platform's", max(off, time.Second)), fmt.Sprintf("与平台时间相差不超过 %s", max(off, time.Second)))
		}
		return
	}
	if len(found) > 0 {
		d.doubt("clock", "not compared: no host told its time", "未比对：没有主机返回时间", "make the hosts above reachable first", "请先解决上面的网络问题")
	}
}

func (d *doctor) notTried(check string) {
	d.doubt(check, "not tried, because of what failed above", "因上述问题未执行", "mend that first", "请先解决上述问题")
}

// isNews reports whether what the SDK says of a set-up is none of what was told before.
func (d *doctor) isNews(err error) bool {
	p, ok := errors.AsType[*wxpay.ParamError](err)
	if !ok {
		return d.fail == 0
	}
	check := map[string]string{
		"MchID": "caller", "BrandID": "caller", "SerialNo": "certificate", "PrivateKey": "private_key", "APIv3Key": "apiv3_key", "PublicKeyID": "key_mode", "PublicKey": "key_mode",
		"BaseURL": "host", "BackupURL": "host",
	}[p.Param]
	return !d.failed[check]
}

// config is what the SDK says of a set-up.
func (d *doctor) config(check string, err error) {
	if f, ok := errors.AsType[*failure](err); ok {
		err = f.err
	}
	text := oneLine(err.Error())
	d.bad(exitUsage, check, text, text, "wxpay help environment shows what to set", "需要设置的内容见 wxpay help environment")
}

// echo has the platform look at all of it.
func (d *doctor) echo(ctx context.Context) {
	const check = "echo"
	client, err := d.client()
	if err != nil {
		if d.isNews(err) {
			d.config("config", err)
		}
		d.notTried(check)
		return
	}
	if d.lookup("WXPAY_BRAND_ID") != "" {
		d.doubt(check, "not tried: the platform has no self-test for brands", "未执行：平台没有供品牌使用的自检接口", "make a call that the brand may make: wxpay api GET /brand/…", "请用 wxpay api GET /brand/… 调用一个有权限的接口")
		return
	}
	var ex wxpay.Exchange
	text := "wxpay doctor " + auth.Nonce()
	_, err = security.New(client).Echo(wxpay.WithExchange(ctx, &ex), security.EchoParams{EchoMessage: text, EncryptedEchoMessage: wxpay.Secret(text)})
	if err == nil {
		d.good(check, "signature, platform key and encryption are right (Request-ID "+ex.RequestID+")", "签名、验签与加密均正确（Request-ID "+ex.RequestID+"）")
		return
	}
	r := reportOf(ctx, read(err))
	remedy := r.hint
	refused, _ := errors.AsType[*wxpay.Error](err)
	switch {
	case refused != nil && refused.Verified && refused.Code == wxpay.CodeNoAuth:
		d.doubt(check, r.said.English+"; the answer is signed, so keys and clock are right", r.said.Chinese+"；应答有平台签名，说明密钥与时钟正确",
			"this merchant, or this address, may not make this call; try one that it may make, with wxpay api", "本商户或本机 IP 无权调用该接口；请用 wxpay api 试一个有权限的接口")
	case refused != nil && refused.StatusCode == http.StatusTooManyRequests:
		d.doubt(check, r.said.English, r.said.Chinese, remedy.English, remedy.Chinese)
	case r.exit == exitAuth, r.exit == exitRejected, r.exit == exitUsage:
		d.bad(exitAuth, check, r.said.English, r.said.Chinese, remedy.English, remedy.Chinese)
	default:
		d.bad(exitStopped, check, r.said.English, r.said.Chinese, "run it again; if it stays so, look at network and proxy", "请重试；若仍失败，请检查网络与代理")
	}
}

// tpnsLogin reads today's pushes, one at most, to see whether the login is right.
func (d *doctor) tpnsLogin(ctx context.Context) {
	const check = "tpns"
	client, err := d.tpns()
	if err != nil {
		d.config(check, err)
		return
	}
	today := pushpackage.DateOf(time.Now())
	_, err = client.ListPushRecords(ctx, pushpackage.ListPushRecordsParams{StartDate: today, EndDate: today, Limit: 1})
	if err == nil {
		d.good(check, "application "+d.lookup("TPNS_ACCESS_ID")+" can log in", "应用 "+d.lookup("TPNS_ACCESS_ID")+" 认证成功")
		return
	}
	r := reportOf(ctx, read(err))
	switch r.exit {
	case exitAuth, exitRejected:
		d.bad(exitAuth, check, r.said.English, r.said.Chinese, r.hint.English, r.hint.Chinese)
	default:
		d.bad(exitStopped, check, r.said.English, r.said.Chinese, "run it again; if it stays so, look at network and proxy", "请重试；若仍失败，请检查网络与代理")
	}
}
