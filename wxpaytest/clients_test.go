package wxpaytest_test

import (
	"bufio"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// raw sends the bytes of a request over a connection and returns what comes back, with the entry of the
// journal.
func (h *merchant) raw(address, request string) (int, m, wxpaytest.Request) {
	h.t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(h.t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	require.NoError(h.t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(h.t, err)
	defer resp.Body.Close()
	status, answer := h.genuine(resp)
	return status, answer, h.last()
}

// http1 writes a request as HTTP/1.1: the header lines as they are, then the body.
func http1(line string, body string, header ...string) string {
	return line + " HTTP/1.1\r\nHost: api.mch.weixin.qq.com\r\nConnection: close\r\n" + strings.Join(header, "\r\n") + "\r\n\r\n" + body
}

// chunked is a body of chunks of at most 100 bytes.
func chunked(body string) string {
	var b strings.Builder
	for body != "" {
		n := min(100, len(body))
		b.WriteString(strconv.FormatInt(int64(n), 16) + "\r\n" + body[:n] + "\r\n")
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}

// Requests as other clients write them, who are in use and whom WeChat Pay understands. What is unwise in
// them is told in the journal.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	socket := httptest.NewServer(h.server)
	defer socket.Close()
	address := strings.TrimPrefix(socket.URL, "http://")

	file := h.lines("6201", "6202")
	sum := sha256.Sum256([]byte(file))
	meta := func(name string) string {
		return `{ "bank_type":"ICBC_DEBIT", "sha256":"` + hex.EncodeToString(sum[:]) + `", "filename":"` + name + `" }`
	}
	serial := "Wechatpay-Serial: " + h.serial
	length := func(body string) string { return "Content-Length: " + strconv.Itoa(len(body)) }
	// authorization has the members in an order, and separated as the client likes it.
	authorization := func(method, uri, signed, separator string, order ...string) string {
		scheme, list, _ := strings.Cut(h.authorize(method, uri, []byte(signed)), " ")
		members := map[string]string{}
		for item := range strings.SplitSeq(list, ",") {
			name, _, _ := strings.Cut(item, "=")
			members[name] = item
		}
		var sorted []string
		for _, name := range order {
			sorted = append(sorted, members[name])
		}
		return "Authorization: " + scheme + " " + strings.Join(sorted, separator)
	}
	const echo, noSerial = "/v3/security/echo", "Wechatpay-Serial is missing"
	javaOrder := []string{"mchid", "nonce_str", "timestamp", "serial_no", "signature"}
	nodeOrder := []string{"signature", "serial_no", "timestamp", "nonce_str", "mchid"}
	phpEcho := `{"echo_message":"\u4f60\u597d \/ \u0022","notify_url":"https:\/\/merchant.example\/notify"}`

	for name, test := range map[string]struct {
		request string
		status  int
		advice  []string // beginnings
	}{
		"official Java, a call that encrypts nothing": {http1("GET "+tasks+"?limit=5&offset=0", "",
			authorization("GET", tasks+"?limit=5&offset=0", "", ",", javaOrder...), "Accept: application/json", "Content-Type: application/json",
			"User-Agent: WechatPay-Java/0.2.17 (Linux/5) Java/17 Crypto/None HttpClient/OkHttp"), 200, []string{noSerial}},
		"axios, the same": {http1("GET "+tasks, "",
			authorization("GET", tasks, "", ",", nodeOrder...), "accept: application/json, text/plain, application/x-gzip", "user-agent: wechatpay-axios-plugin/0.9"), 200, []string{noSerial}},
		"lower case, spaces after commas": {http1("GET "+tasks, "",
			strings.ToLower("Authorization")+strings.TrimPrefix(authorization("GET", tasks, "", ", ", nodeOrder...), "Authorization"), "accept: */*", "wechatpay-serial: "+h.serial), 200, nil},
		"PHP, JSON with escapes": {http1("POST "+echo, phpEcho, authorization("POST", echo, phpEcho, ",", javaOrder...), "Accept: application/json, text/plain, application/x-gzip",
			"Content-Type: application/json; charset=utf-8", serial, length(phpEcho)), 200, nil},
		"a body of chunks": {http1("POST "+echo, chunked(phpEcho), authorization("POST", echo, phpEcho, ",", javaOrder...), "Accept: text/html", "Accept: application/json",
			"Content-Type: application/json", serial, "Transfer-Encoding: chunked"), 200, nil},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer, seen := h.in(t).raw(address, test.request)
			assert.Equal(t, test.status, status, answer)
			assertAdvice(t, test.advice, seen)
		})
	}

	for name, test := range map[string]struct {
		boundary string // as in Content-Type
		form     func(meta string) string
		header   []string
		order    []string
		advice   []string
	}{
		"official Java: meta without Content-Type": {"b-1", func(meta string) string {
			return "--b-1\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Length: " + strconv.Itoa(len(meta)) + "\r\n\r\n" + meta +
				"\r\n--b-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"NAME\"\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(len(file)) + "\r\n\r\n" + file + "\r\n--b-1--\r\n"
		}, nil, javaOrder, nil},
		"node: the file before meta": {"--------------------------1", func(meta string) string {
			return "----------------------------1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"NAME\"\r\nContent-Type: text/csv\r\n\r\n" + file +
				"\r\n----------------------------1\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n" + meta + "\r\n----------------------------1--\r\n"
		}, nil, nodeOrder, []string{"the part meta comes after the file"}},
		"PHP: boundary in quotes, file without Content-Type": {`"a b"`, func(meta string) string {
			return "--a b\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Length: " + strconv.Itoa(len(meta)) + "\r\n\r\n" + meta +
				"\r\n--a b\r\nContent-Disposition: form-data; name=\"file\"; filename=NAME\r\nContent-Length: " + strconv.Itoa(len(file)) + "\r\n\r\n" + file + "\r\n--a b--\r\n"
		}, []string{"Accept: application/json, text/plain, application/x-gzip"}, javaOrder, nil},
		"Python: chunks, a preamble, meta as text": {"0123456789abcdef", func(meta string) string {
			return "this is a form\r\n--0123456789abcdef\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + meta +
				"\r\n--0123456789abcdef\r\ncontent-disposition: form-data; name=\"file\"; filename=\"NAME\"; filename*=utf-8''NAME\r\ncontent-type: application/octet-stream\r\n\r\n" + file + "\r\n--0123456789abcdef--"
		}, []string{"Transfer-Encoding: chunked"}, javaOrder, []string{"the part meta has the Content-Type text/plain; charset=utf-8"}},
	} {
		t.Run(name, func(t *testing.T) {
			filename := hex.EncodeToString([]byte(name[:8])) + ".csv"
			body := strings.ReplaceAll(test.form(meta(filename)), "NAME", filename)
			header := append([]string{authorization("POST", tasks, meta(filename), ",", test.order...), serial, "Content-Type: multipart/form-data; boundary=" + test.boundary}, test.header...)
			switch joined := strings.Join(header, "\n"); {
			case strings.Contains(joined, "chunked"):
				body, header = chunked(body), append(header, "Accept: */*")
			case !strings.Contains(joined, "Accept"):
				header = append(header, "Accept: application/json", length(body))
			default:
				header = append(header, length(body))
			}
			status, answer, seen := h.in(t).raw(address, http1("POST "+tasks, body, header...))
			assert.Equal(t, 200, status, answer)
			assertAdvice(t, test.advice, seen)
		})
	}
}

// A client that always sends JSON sends {} where nothing is to be sent. That is advice where there may be a
// body, and wrong where there is none.
func TestEmptyObjectForNoBody(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	begin, end := time.Now().Add(time.Hour).Format(time.RFC3339), time.Now().Add(2*time.Hour).Format(time.RFC3339)
	id := h.ok("POST", activities, m{"card_id": h.server.AddCard("SYSTEM_ALLOCATE"), "activity_name": "a", "activity_type": "MEMBER_AFTERPAY",
		"begin_time": begin, "end_time": end, "out_request_no": "1"})["activity_id"].(string)
	h.ok("POST", activities+"/"+id+"/terminate", m{})
	assertAdvice(t, []string{"the body {} is not needed"}, h.last())
	h.refused(400, "PARAM_ERROR", "POST", activities+"/"+id+"/terminate", m{"terminate_time": end})
	h.refused(400, "PARAM_ERROR", "GET", activities+"/"+id, m{})
}

func assertAdvice(t *testing.T, want []string, seen wxpaytest.Request) {
	t.Helper()
	require.Len(t, seen.Advice, len(want), seen.Advice)
	for i, begin := range want {
		assert.True(t, strings.HasPrefix(seen.Advice[i], begin), seen.Advice[i])
	}
}

// A form without a boundary is sent by clients that set Content-Type themselves.
func TestFormWithoutBoundary(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	req := h.upload("8473295", "a.csv", h.lines("6201"))
	req.Header.Set("Content-Type", "multipart/form-data")
	status, answer := h.do(req)
	assert.Equal(t, 400, status)
	assert.Contains(t, answer["message"], "lacks the boundary")
}

// Names of headers have no case; HTTP/2 has them in lower case.
func TestHeaderNamesInLowerCase(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	req := h.request(t.Context(), "GET", tasks, nil)
	lower := http.Header{}
	for name, values := range req.Header {
		lower[strings.ToLower(name)] = values
	}
	req.Header = lower
	status, answer := h.do(req)
	assert.Equal(t, 200, status, answer)
	assert.Contains(t, req.Header, "authorization", "the request of the caller stays as it is")

	socket := httptest.NewUnstartedServer(h.server)
	socket.EnableHTTP2 = true
	socket.StartTLS()
	defer socket.Close()
	req = h.request(t.Context(), "GET", tasks, nil)
	req.URL.Host = strings.TrimPrefix(socket.URL, "https://")
	resp, err := socket.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, []any{200, 2}, []any{resp.StatusCode, resp.ProtoMajor})
}

// What is encrypted needs the name of its key; nothing else does.
func TestWhoNeedsWechatpaySerial(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]wxpaytest.Mode{"public key": wxpaytest.PublicKey, "certificates": wxpaytest.Certificates, "both": wxpaytest.Both} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newMerchant(t, wxpaytest.Options{Mode: mode})
			card := h.server.AddCard("SYSTEM_ALLOCATE")
			phone := h.encrypt("13800000000")
			body := func(v any) []byte {
				text, err := json.Marshal(v)
				require.NoError(t, err)
				return text
			}
			search := open + "/phonenumber-member/search?card_id=" + card + "&encrypted_phone_number=" + strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(phone)
			encrypting := map[string]func() *http.Request{
				"body": func() *http.Request {
					return h.request(t.Context(), "POST", "/v3/security/echo", body(m{"echo_message": "a", "encrypted_echo_message": phone}))
				},
				"query": func() *http.Request { return h.request(t.Context(), "GET", search, nil) },
				"import": func() *http.Request {
					return h.request(t.Context(), "POST", open+"/cards/"+card+"/phone-membercard/import", body(m{"encrypted_phone_number": phone, "out_request_no": "1"}))
				},
				"file": func() *http.Request { return h.upload("8473295", "a.csv", h.lines("6201")) },
			}
			for _, serial := range []string{"", wxpaytest.SerialNo, strings.Repeat("7", 40), "PUB_KEY_ID_1"} {
				for what, request := range encrypting {
					req := request()
					req.Header.Set("Wechatpay-Serial", serial)
					status, answer := answered(t, h, req)
					assert.Equal(t, 400, status, what)
					detail, _ := answer["detail"].(m)
					assert.Equal(t, []any{"PARAM_ERROR", "Wechatpay-Serial", "header"}, []any{answer["code"], detail["field"], detail["location"]}, "%s %q", what, serial)
				}
			}
			assert.Zero(t, h.server.PackageUsers("8473295"))

			plain := map[string]func() *http.Request{
				"read": func() *http.Request { return h.request(t.Context(), "GET", tasks, nil) },
				"write": func() *http.Request {
					return h.request(t.Context(), "POST", "/v3/security/echo", body(m{"echo_message": "a"}))
				},
				"204": func() *http.Request {
					return h.request(t.Context(), "PATCH", open+"/cards/"+card, body(m{"title": "a"}))
				},
			}
			for what, request := range plain {
				req := request()
				req.Header.Del("Wechatpay-Serial")
				status, answer := answered(t, h, req)
				assert.Contains(t, []int{200, 204}, status, "%s: %v", what, answer)
				assert.Equal(t, mode != wxpaytest.Certificates, len(h.last().Advice) == 1, what)
			}
			req := plain["read"]()
			req.Header.Set("Wechatpay-Serial", "PUB_KEY_ID_1") // not looked at before the merchant has one
			status, _ := answered(t, h, req)
			assert.Equal(t, map[bool]int{true: 200, false: 400}[mode == wxpaytest.Certificates], status)

			for _, serial := range []string{"", wxpaytest.SerialNo, "x", h.serial} {
				req := h.request(t.Context(), "GET", "/v3/certificates", nil)
				req.Header.Set("Wechatpay-Serial", serial)
				status, answer := answered(t, h, req)
				assert.Equal(t, serial == "" || serial == h.serial, len(h.last().Advice) == 0, serial)
				if mode == wxpaytest.PublicKey {
					assert.Equal(t, "RESOURCE_NOT_EXISTS", answer["code"])
					continue
				}
				assert.Equal(t, 200, status, answer)
				assert.Len(t, answer["data"], 1)
			}
		})
	}
}

// answered sends a request whose answer any key of the platform may have signed.
func answered(t *testing.T, h *merchant, req *http.Request) (int, m) {
	t.Helper()
	public := h.public
	h.public = nil
	defer func() { h.public = public }()
	return h.in(t).do(req)
}

// The downloader of wechatpay-go verifies a new list by the certificates it has, so it gets over a rotation
// only if the list is still signed by one of them.
func TestOfficialDownloaderRotates(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Mode: wxpaytest.Certificates})
	client, err := core.NewClient(t.Context(), option.WithMerchantCredential(wxpaytest.MchID, wxpaytest.SerialNo, h.key),
		option.WithHTTPClient(&http.Client{Transport: h.server}), option.WithoutValidator())
	require.NoError(t, err)
	d, err := downloader.NewCertificateDownloaderWithClient(t.Context(), client, wxpaytest.APIv3Key)
	require.NoError(t, err)
	known := 1
	for _, rotate := range []func() (string, error){
		h.server.OfferCertificate,
		func() (string, error) { h.server.SetCertificateShare(50); return h.server.OfferCertificate() },
		h.server.RotateCertificate,
		h.server.RotateCertificate,
	} {
		serial, err := rotate()
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, d.DownloadCertificates(t.Context()))
		}
		_, ok := d.Get(t.Context(), serial)
		assert.True(t, ok)
		known++
		assert.Len(t, d.GetAll(t.Context()), known)
	}
}

// A rotation has an overlap: the new certificate is listed and decrypts, and then signs a growing share of
// answers and notifications.
func TestRotationOverlaps(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]wxpaytest.Mode{"certificates": wxpaytest.Certificates, "both": wxpaytest.Both} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newMerchant(t, wxpaytest.Options{Mode: mode})
			h.useCertificate()
			h.server.SetPublicKeyShare(0)
			old := h.serial
			offered, err := h.server.OfferCertificate()
			require.NoError(t, err)
			h.public = nil
			all := h.certificates()
			require.Len(t, all, 2)
			// signed counts answers and notifications by the certificate that signed them, and verifies each.
			signed := func() (answers, notifications map[string]int) {
				answers, notifications = map[string]int{}, map[string]int{}
				for range 100 {
					resp, err := h.server.RoundTrip(h.request(t.Context(), "GET", tasks, nil))
					require.NoError(t, err)
					body, err := io.ReadAll(resp.Body)
					require.NoError(t, err)
					serial := resp.Header.Get("Wechatpay-Serial")
					require.NoError(t, verify(key(all[serial]), resp.Header, body))
					answers[serial]++
				}
				box := &inbox{status: 204}
				for range 100 {
					_, err := h.server.Notify(t.Context(), box, "ENTRUST.SIGNING", m{})
					require.NoError(t, err)
					header, body, _, _ := box.envelope(t)
					serial := header.Get("Wechatpay-Serial")
					require.NoError(t, verify(key(all[serial]), header, body))
					notifications[serial]++
				}
				return answers, notifications
			}
			for _, share := range []int{-1, 0, 5, 50, 100} {
				if share >= 0 { // before: as it was offered
					h.server.SetCertificateShare(share)
				}
				want := map[string]int{old: 100 - max(0, share), offered: max(0, share)}
				for serial, n := range want {
					if n == 0 {
						delete(want, serial)
					}
				}
				answers, notifications := signed()
				assert.Equal(t, want, answers, share)
				assert.Equal(t, want, notifications, share)
			}
			for _, serial := range []string{old, offered} { // either may encrypt
				h.public, h.serial = key(all[serial]), serial
				body := []byte(`{"echo_message":"a","encrypted_echo_message":"` + h.encrypt("秘密") + `"}`)
				status, answer := answered(t, h, h.request(t.Context(), "POST", "/v3/security/echo", body))
				assert.Equal(t, 200, status, answer)
			}
			// One that never signed hands over to nobody.
			h.server.SetCertificateShare(100)
			_, err = h.server.OfferCertificate()
			require.NoError(t, err)
			_, err = h.server.OfferCertificate()
			require.NoError(t, err)
			answers, _ := signed()
			assert.Equal(t, map[string]int{offered: 100}, answers)
		})
	}
	_, err := wxpaytest.New(t).OfferCertificate()
	assert.Error(t, err)
}

// The SDK's own requests give no cause for advice.
func TestNoAdviceForTheSDK(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]wxpaytest.Mode{"public key": wxpaytest.PublicKey, "certificates": wxpaytest.Certificates, "both": wxpaytest.Both} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := wxpaytest.New(t, wxpaytest.Options{Mode: mode})
			callAll(t, s)
			require.NotEmpty(t, s.Requests())
			for _, r := range s.Requests() {
				assert.Equal(t, "ok", r.Verdict)
				assert.Empty(t, r.Advice, r.Route)
			}
		})
	}
}

// Nonces differ between servers too: a client that knows two of them refuses one that it has seen.
func TestNoncesOfServersDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 2 {
		h := newMerchant(t)
		for range 3 {
			resp, err := h.server.RoundTrip(h.request(t.Context(), "GET", tasks, nil))
			require.NoError(t, err)
			nonce := resp.Header.Get("Wechatpay-Nonce")
			assert.Regexp(t, `^[0-9a-f]{32}$`, nonce)
			assert.False(t, seen[nonce])
			seen[nonce] = true
		}
	}
	assert.Len(t, seen, 6)
}

func key(c *x509.Certificate) *rsa.PublicKey { return c.PublicKey.(*rsa.PublicKey) }

// callAll makes a call of each kind with the SDK: with and without something encrypted, and an upload.
func callAll(t *testing.T, s *wxpaytest.Server) {
	t.Helper()
	client, card := s.Client(), s.AddCard("SYSTEM_ALLOCATE")
	phone, serial, err := client.Encrypt(t.Context(), "13800138000")
	require.NoError(t, err)
	line, fileSerial, err := client.Encrypt(t.Context(), "6201")
	require.NoError(t, err)
	sum := sha256.Sum256([]byte(line + "\n"))
	for _, call := range []wxpay.Call{
		{Route: "GET /v3/marketing/bank/packages/{package_id}/tasks", Vars: wxpay.Vars{"package_id": "8473295"}},
		{Route: "PATCH /v3/marketing/membercard-open/cards/{card_id}", Vars: wxpay.Vars{"card_id": card}, Body: m{"title": "a"}},
		{Route: "POST /v3/security/echo", Body: m{"echo_message": "a", "encrypted_echo_message": phone}, Serial: serial},
		{Route: "POST /v3/marketing/bank/packages/{package_id}/tasks", Vars: wxpay.Vars{"package_id": "8473295"}, Serial: fileSerial,
			Body: m{"filename": "a.csv", "sha256": hex.EncodeToString(sum[:]), "bank_type": "ICBC_DEBIT"}, File: media.Bytes("a.csv", []byte(line+"\n"))},
	} {
		_, err := wxpay.Do[struct{}](t.Context(), client, call)
		require.NoError(t, err)
	}
}
