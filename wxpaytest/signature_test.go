package wxpaytest_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A signed request, with nothing wrong in it.
const (
	couponsURI  = "/v3/marketing/bank/packages/8473295/tasks?limit=5&filename=active+user%E4%B8%AD.csv&offset=1"
	signedBody  = `{"notify_url":"https://a.example/n","echo_message":"中<b> & 号"}`
	signedFirst = "POST\n/v3/security/echo\nTIME\nNONCE\n"
)

// authorization is what the merchant sends, with a timestamp, a nonce and a signature of the caller's choice.
func authorization(at, nonce, sig string) string {
	return `WECHATPAY2-SHA256-RSA2048 mchid="` + wxpaytest.MchID + `",nonce_str="` + nonce + `",signature="` + sig + `",timestamp="` + at + `",serial_no="` + wxpaytest.SerialNo + `"`
}

// Whatever text was signed in place of the right one, the journal and the answer say what is wrong with it, and the
// journal shows both.
func TestSlips(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	get := func(uri string) string { return "GET\n" + uri + "\nTIME\nNONCE\n\n" }
	post := func(body string) string { return signedFirst + body + "\n" }
	path, query, _ := strings.Cut(couponsURI, "?")
	for name, test := range map[string]struct{ text, says string }{
		"query left out":            {get(path), "the query was left out"},
		"query sorted":              {get(path + "?filename=active+user%E4%B8%AD.csv&limit=5&offset=1"), "sorted"},
		"query in another order":    {get(path + "?offset=1&limit=5&filename=active+user%E4%B8%AD.csv"), "another order"},
		"blank as %20":              {get(strings.ReplaceAll(couponsURI, "+", "%20")), "with %20 where + was sent"},
		"not escaped":               {get(path + "?limit=5&filename=active user中.csv&offset=1"), "before it was escaped"},
		"escapes in lower case":     {get(strings.ReplaceAll(couponsURI, "%E4%B8%AD", "%e4%b8%ad")), "escapes of the address were signed in lower case"},
		"whole address":             {get("https://api.mch.weixin.qq.com" + couponsURI), "the whole address was signed"},
		"plain whole address":       {get("http://api.mch.weixin.qq.com" + couponsURI), "the whole address was signed"},
		"host":                      {get("api.mch.weixin.qq.com" + couponsURI), "the host was signed before the path"},
		"no slash":                  {get(couponsURI[1:]), "without its first slash"},
		"no version":                {get(strings.TrimPrefix(couponsURI, "/v3")), "without the /v3"},
		"names of variables":        {get("/v3/marketing/bank/packages/{package_id}/tasks"), "names of its variables"},
		"query as the body":         {"GET\n" + path + "\nTIME\nNONCE\n" + query + "\n", "the query was left out of the signed text, and the query was signed as the body"},
		"no line feed and no query": {"GET\n" + path + "\nTIME\nNONCE\n", "the line feed of the empty body was left out of the signed text: the text ends with two line feeds, that of nonce_str and one for the body that is not there, and the query was left out"},
		"method in lower case":      {"get\n" + couponsURI + "\nTIME\nNONCE\n\n", "the method was signed in lower case"},
		"another method":            {"POST\n" + couponsURI + "\nTIME\nNONCE\n\n", "the method was signed as POST"},
		"nonce first":               {"GET\n" + couponsURI + "\nNONCE\nTIME\n\n", "nonce_str stands before the timestamp"},
		"address first":             {couponsURI + "\nGET\nTIME\nNONCE\n\n", "the address stands before the method"},
		"as an answer":              {"TIME\nNONCE\n\n", "three lines were signed"},
		"backslash and n":           {`GET\n` + couponsURI + `\nTIME\nNONCE\n\n`, "a backslash and an n"},
		"joined":                    {"GET" + couponsURI + "TIMENONCE", "has no line feeds"},
		"a line feed too many":      {get(couponsURI) + "\n", "a line feed was signed that was not sent"},
		"nonce in lower case":       {strings.ReplaceAll(get(couponsURI), "NONCE", "nonce"), "nonce_str was signed in lower case"},
		"milliseconds":              {strings.ReplaceAll(get(couponsURI), "TIME", "TIME123"), "signed in milliseconds"},
		"another second":            {strings.ReplaceAll(get(couponsURI), "TIME", "LATER"), "off by 1 s"},

		"body left out":      {post(""), "the body was left out"},
		"empty object":       {post("{}"), "{} was signed"},
		"line feed not sent": {post(signedBody + "\n"), "a line feed was signed that was not sent"},
		"sorted members":     {post(`{"echo_message":"中<b> & 号","notify_url":"https://a.example/n"}`), "in one line without blanks, with sorted members"},
		"pretty":             {post("{\n  \"notify_url\": \"https://a.example/n\",\n  \"echo_message\": \"中<b> & 号\"\n}"), "indented by two blanks"},
		"blanks":             {post(`{"notify_url": "https://a.example/n", "echo_message": "中<b> & 号"}`), "with a blank after commas and colons"},
		"escaped for HTML":   {post(`{"notify_url":"https://a.example/n","echo_message":"中\u003cb\u003e \u0026 号"}`), "< > & escaped"},
		"escaped for ASCII":  {post(`{"notify_url":"https://a.example/n","echo_message":"\u4e2d<b> & \u53f7"}`), "other than ASCII"},
		"as PHP writes":      {post(`{"notify_url":"https:\/\/a.example\/n","echo_message":"\u4e2d<b> & \u53f7"}`), `/ escaped as \/, with characters other than ASCII`},
		"as Python writes":   {post(`{"notify_url": "https://a.example/n", "echo_message": "\u4e2d<b> & \u53f7"}`), "with a blank after commas and colons, with characters other than ASCII"},
		"carriage returns":   {"POST\r\n/v3/security/echo\r\nTIME\r\nNONCE\r\n" + signedBody + "\r\n", "carriage return"},
		"byte order mark":    {post("\ufeff" + signedBody), "byte order mark"},
		"something else":     {post(`{"echo_message":"else"}`), "the private key is that of the certificate, so another text was signed"},
		"no line feed":       {signedFirst + signedBody, "the line feed after the body was left out"},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			method, uri, body := "GET", couponsURI, ""
			if strings.Contains(test.text, "echo") {
				method, uri, body = "POST", "/v3/security/echo", signedBody
			}
			req := h.request(t.Context(), method, uri, []byte(body))
			at, nonce := strconv.FormatInt(time.Now().Unix(), 10), "ABCDEF"+rand.Text()
			later := strconv.FormatInt(time.Now().Unix()+1, 10)
			text := strings.NewReplacer("TIME", at, "NONCE", nonce, "nonce", strings.ToLower(nonce), "LATER", later).Replace(test.text)
			req.Header.Set("Authorization", h.credentials(at, nonce, text))
			status, answer := h.do(req)
			assert.Equal(t, 401, status)
			assert.Contains(t, answer["message"], test.says)
			s := h.last().Signature
			require.NotNil(t, s)
			assert.False(t, s.OK)
			assert.Contains(t, s.Reason, test.says)
			assert.NotContains(t, s.Reason+s.ReasonZh, "%!")
			assert.True(t, isChinese(s.ReasonZh), s.ReasonZh)
			assert.Equal(t, method+"\n"+uri+"\n"+at+"\n"+nonce+"\n"+body+"\n", s.Expected)
			assert.Equal(t, []string{wxpaytest.MchID, wxpaytest.SerialNo, at, nonce}, []string{s.Caller, s.Serial, s.Timestamp, s.Nonce})
			if name == "something else" {
				assert.Empty(t, s.Signed)
				return
			}
			assert.Equal(t, text, s.Signed)
		})
	}
}

func TestRightSignatureInTheJournal(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	h.ok("POST", "/v3/security/echo", m{"echo_message": "a"})
	s := h.last().Signature
	require.NotNil(t, s)
	assert.True(t, s.OK)
	assert.Empty(t, s.Reason+s.ReasonZh)
	assert.Equal(t, s.Expected, s.Signed)
	assert.True(t, strings.HasSuffix(s.Expected, "\n{\"echo_message\":\"a\"}\n"), s.Expected)
}

// What was signed with another key, in another way or written otherwise is told by how it was.
func TestSlipsOfTheSignature(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	brand := newMerchant(t, wxpaytest.Options{Brand: true}).key
	sum := func(text string) []byte { s := sha256.Sum256([]byte(text)); return s[:] }
	pkcs := func(key *rsa.PrivateKey, text string) []byte {
		sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum(text))
		require.NoError(t, err)
		return sig
	}
	std := base64.StdEncoding.EncodeToString
	for name, test := range map[string]struct {
		sign func(text string) string
		says string
		text bool // it is known what was signed
	}{
		"SHA-1": {func(text string) string {
			s := sha1.Sum([]byte(text))
			sig, err := rsa.SignPKCS1v15(nil, h.key, crypto.SHA1, s[:])
			require.NoError(t, err)
			return std(sig)
		}, "signed with SHA-1 and not with SHA-256", true},
		"PSS": {func(text string) string {
			sig, err := rsa.SignPSS(rand.Reader, h.key, crypto.SHA256, sum(text), nil)
			require.NoError(t, err)
			return std(sig)
		}, "the padding PSS", true},
		"no digest": {func(text string) string {
			sig, err := rsa.SignPKCS1v15(nil, h.key, 0, sum(text))
			require.NoError(t, err)
			return std(sig)
		}, "no digest of PKCS #1", true},
		"base64 for addresses": {func(text string) string { return base64.URLEncoding.EncodeToString(pkcs(h.key, text)) }, "base64 for addresses", true},
		"no padding":           {func(text string) string { return base64.RawStdEncoding.EncodeToString(pkcs(h.key, text)) }, "without the =", true},
		"hex":                  {func(text string) string { return hex.EncodeToString(pkcs(h.key, text)) }, "but hex", true},
		"base64 of hex":        {func(text string) string { return std([]byte(hex.EncodeToString(pkcs(h.key, text)))) }, "but base64 of hex", true},
		"base64 twice":         {func(text string) string { return std([]byte(std(pkcs(h.key, text)))) }, "but base64 twice", true},
		"the brand's key":      {func(text string) string { return std(pkcs(brand, text)) }, "the private key is that of brand_id " + wxpaytest.BrandID, false},
		"another key":          {func(text string) string { return std(pkcs(other, text)) }, "most likely the private key is not that of the certificate", false},
		"a small key":          {func(text string) string { return std(pkcs(small, text)) }, "signature has 128 bytes", false},
		"MD5 as of APIv2":      {func(string) string { return strings.Repeat("0A", 16) }, "APIv2", false},
		"HMAC as of APIv2": {func(text string) string {
			mac := hmac.New(sha256.New, []byte(wxpaytest.APIv3Key))
			mac.Write([]byte(text))
			return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
		}, "APIv2", false},
		"HMAC in base64": {func(text string) string {
			mac := hmac.New(sha256.New, []byte(wxpaytest.APIv3Key))
			mac.Write([]byte(text))
			return std(mac.Sum(nil))
		}, "signature has 32 bytes", false},
		"not base64": {func(string) string { return "!" }, "not base64", false},
		"hex, and SHA-1 over a text without query": {func(text string) string {
			s := sha1.Sum([]byte(strings.Replace(text, "?limit=5", "", 1)))
			sig, err := rsa.SignPKCS1v15(nil, h.key, crypto.SHA1, s[:])
			require.NoError(t, err)
			return hex.EncodeToString(sig)
		}, "signature is not base64 of its bytes but hex, and the text was signed with SHA-1 and not with SHA-256, and the query was left out", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			req := h.request(t.Context(), "GET", tasks+"?limit=5", nil)
			at, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
			text := "GET\n" + tasks + "?limit=5\n" + at + "\n" + nonce + "\n\n"
			req.Header.Set("Authorization", authorization(at, nonce, test.sign(text)))
			status, answer := h.do(req)
			assert.Equal(t, 401, status)
			assert.Contains(t, answer["message"], test.says)
			s := h.last().Signature
			assert.Contains(t, s.Reason, test.says)
			assert.NotContains(t, s.Reason+s.ReasonZh, "%!")
			assert.NotEmpty(t, s.ReasonZh)
			if test.text {
				assert.Equal(t, text, s.Signed)
			}
		})
	}
}

// A client that says what it signed is told where that is wrong.
func TestSignedTextOfTheClient(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	text := func(uri, at, nonce string) string { return "GET\n" + uri + "\n" + at + "\n" + nonce + "\n\n" }
	at, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
	for name, test := range map[string]struct{ signed, told, reason string }{
		"told":      {text("/v4"+tasks, at, nonce), text("/v4"+tasks, at, nonce), `line 2 of the signed text is "/v4` + tasks + `" and should be "` + tasks + `"`},
		"not true":  {text("/v4"+tasks, at, nonce), text("/v5"+tasks, at, nonce), "X-Emulator-Signed is not the text that was signed"},
		"not told":  {text("/v4"+tasks, at, nonce), "", "send the text, in base64, as X-Emulator-Signed"},
		"explained": {text("/v3"+tasks, at, nonce), "nonsense", "one more /v3"},
	} {
		req := h.request(t.Context(), "GET", tasks, nil)
		req.Header.Set("Authorization", h.credentials(at, nonce, test.signed))
		if test.told != "" {
			req.Header.Set("X-Emulator-Signed", base64.StdEncoding.EncodeToString([]byte(test.told)))
		}
		_, answer := h.do(req)
		assert.Contains(t, answer["message"], test.reason, name)
		last := h.last()
		assert.Contains(t, last.Signature.Reason, test.reason, name)
		if name == "told" {
			assert.Equal(t, test.told, last.Signature.Signed)
			assert.NotContains(t, last.Header.Get("X-Emulator-Signed"), req.Header.Get("X-Emulator-Signed"))
		}
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	h.key = other
	req := h.request(t.Context(), "GET", tasks, nil)
	req.Header.Set("Authorization", h.credentials(at, nonce, text(tasks, at, nonce)))
	req.Header.Set("X-Emulator-Signed", base64.StdEncoding.EncodeToString([]byte(text(tasks, at, nonce))))
	_, answer := h.do(req)
	assert.Contains(t, answer["message"], "the text is right, by X-Emulator-Signed: the private key is not that of the certificate")
}

// What else is wrong with Authorization is explained, too.
func TestAuthorizationIsExplained(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for name, test := range map[string]struct {
		change func(*http.Request)
		says   string
	}{
		"the brand's scheme": {replace("WECHATPAY2-SHA256-RSA2048", "WECHATPAY-BRAND-SHA256-RSA2048"), "a brand calls paths that begin with /brand/"},
		"lower case":         {replace("WECHATPAY2-SHA256-RSA2048", "wechatpay2-sha256-rsa2048"), "in capital letters"},
		"platform's serial":  {replace(wxpaytest.SerialNo, wxpaytest.PublicKeyID), "a key of the platform"},
		"brand's serial":     {replace(wxpaytest.SerialNo, wxpaytest.BrandSerialNo), "the certificate of brand_id"},
		"lower-case serial":  {replace(wxpaytest.SerialNo, strings.ToLower(wxpaytest.SerialNo)), "in capital letters"},
		"milliseconds":       {func(r *http.Request) { replace(`timestamp="`+at(r), `timestamp="`+at(r)+`000`)(r) }, "it is in milliseconds"},
		"APIv2": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Body = &watched{Reader: strings.NewReader(`<xml><mch_id>1</mch_id><sign>ABC</sign></xml>`)}
			r.ContentLength = -1
		}, "APIv3 signs in this header"},
	} {
		req := h.request(t.Context(), "GET", tasks, nil)
		test.change(req)
		_, answer := h.do(req)
		assert.Contains(t, answer["message"], test.says, name)
		assert.Contains(t, h.last().Signature.Reason, test.says, name)
		assert.NotContains(t, h.last().Signature.ReasonZh, "%!")
	}
}

// at is the timestamp of a request.
func at(r *http.Request) string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), `timestamp="`)
	at, _, _ := strings.Cut(rest, `"`)
	return at
}

// Of an upload the meta alone is signed; what was signed in its place is told, and the file stays hidden.
func TestSlipsOfUploads(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	meta := []byte(`{"filename":"a.csv","sha256":"` + strings.Repeat("0", 64) + `","bank_type":"ICBC_DEBIT"}`)
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, meta, "", "    "))
	for says, signed := range map[string]string{"the file was signed": "6222021234\n", "indented by four blanks": pretty.String(), "the body was left out": ""} {
		req := h.uploadMeta("8473295", meta, "a.csv", "6222021234\n")
		req.Header.Set("Authorization", h.authorize("POST", tasks, []byte(signed)))
		_, answer := h.do(req)
		assert.Contains(t, answer["message"], says)
		s := h.last().Signature
		assert.Contains(t, s.Reason, says)
		assert.Contains(t, s.Expected, string(meta))
		assert.NotContains(t, s.Signed, "6222021234")
		assert.NotEmpty(t, s.Signed)
	}
}
