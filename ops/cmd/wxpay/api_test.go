package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestAPI(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	// blanks and order of members are the caller's: what is signed is what is sent
	const body = "{ \"echo_message\" :\"hello\"\n}"
	o := s.run("api", "post", "/v3/security/echo", "-d", body, "-i")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.JSONEq(t, `{"echo_message":"hello"}`, o.stdout)
	assert.Regexp(t, `^200 OK\nRequest-ID: \S+\n$`, o.stderr)
	sent := s.fake.Requests()
	require.Len(t, sent, 1)
	assert.Equal(t, body, sent[0].Body)
	assert.Empty(t, sent[0].Advice)

	file := filepath.Join(t.TempDir(), "body.json")
	require.NoError(t, os.WriteFile(file, []byte(body), 0o600))
	for _, data := range []string{"@" + file, "-", "@-"} {
		o := s.runWith(body, "api", "POST", "/v3/security/echo", "-d", data, "--json")
		assert.Equal(t, exitDone, o.code, o.stderr)
		lines := o.lines(t)
		require.Len(t, lines, 1)
		assert.Equal(t, "answer", lines[0]["type"])
		assert.EqualValues(t, 200, lines[0]["status"])
		assert.NotEmpty(t, lines[0]["request_id"])
		assert.Equal(t, "hello", lines[0]["body"].(map[string]any)["echo_message"])
	}
	for _, r := range s.fake.Requests() {
		assert.Equal(t, body, r.Body)
	}
}

func TestAPIQuery(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	card := s.fake.AddCard("SYSTEM_ALLOCATE")
	for _, args := range [][]string{
		{"/v3/marketing/bank/packages/8473295/tasks?limit=20&offset=0"},
		{"/v3/marketing/bank/packages/8473295/tasks", "-q", "limit=20", "-q", "offset=0"},
		{"/v3/marketing/bank/packages/8473295/tasks?offset=0", "-q", "limit=20"},
	} {
		o := s.run(append([]string{"api", "GET"}, args...)...)
		assert.Equal(t, exitDone, o.code, o.stderr)
	}
	for _, r := range s.fake.Requests() {
		assert.Equal(t, "/v3/marketing/bank/packages/8473295/tasks?limit=20&offset=0", r.URI)
	}
	o := s.run("api", "GET", "/v3/marketing/membercard-open/cards/"+card+"/codes/{code}")
	assert.NotEqual(t, exitUsage, o.code, "braces are part of a path as well as any other sign: %s", o.stderr)
	all := s.fake.Requests()
	assert.Equal(t, "/v3/marketing/membercard-open/cards/"+card+"/codes/%7Bcode%7D", all[len(all)-1].URI)
}

// Whatever becomes of a call, the exit code says what may be done next.
func TestAPIExitCodes(t *testing.T) {
	t.Parallel()
	const get, post = "GET /v3/marketing/membercard-open/cards/{card_id}", "POST /v3/security/echo"
	for name, tt := range map[string]struct {
		fault string
		code  int // of the write
		read  int
	}{
		"refused":       {"PARAM_ERROR", exitRejected, exitRejected},
		"sign":          {"SIGN_ERROR", exitAuth, exitAuth},
		"permission":    {"NO_AUTH", exitAuth, exitAuth},
		"500":           {"500", exitUnknown, exitStopped},
		"503":           {"503", exitUnknown, exitStopped},
		"lost":          {"reset-after-effect", exitUnknown, exitStopped},
		"cut":           {"truncated-body", exitUnknown, exitStopped},
		"proxy's page":  {"502-html", exitUnknown, exitStopped},
		"redirect":      {"redirect", exitUnknown, exitStopped},
		"202":           {"202", exitUnknown, exitStopped},
		"no signature":  {"unsigned", exitUnknown, exitAuth},
		"bad signature": {"forged", exitUnknown, exitAuth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			card := s.fake.AddCard("SYSTEM_ALLOCATE")
			for _, chinese := range []bool{false, true} {
				lang := "en"
				if chinese {
					lang = "zh"
				}
				require.NoError(t, s.fake.Inject(post, tt.fault, -1))
				require.NoError(t, s.fake.Inject(get, tt.fault, -1))
				o := s.run("api", "POST", "/v3/security/echo", "-d", `{"echo_message":"x"}`, "--lang", lang, "--json")
				assert.Equal(t, tt.code, o.code, o.stderr)
				line := oneLineOf(t, o.stderr)
				failed := o.of(t, "error")
				require.Len(t, failed, 1)
				assert.EqualValues(t, tt.code, failed[0]["exit"])
				assert.Equal(t, "POST /v3/security/echo", failed[0]["route"])
				assert.NotEmpty(t, failed[0]["message"])
				assert.Equal(t, chinese, strings.ContainsFunc(failed[0]["hint"].(string), isHan), line)
				assert.Contains(t, line, failed[0]["hint"])
				o = s.run("api", "GET", "/v3/marketing/membercard-open/cards/"+card, "--lang", lang)
				assert.Equal(t, tt.read, o.code, o.stderr)
				assert.Empty(t, o.stdout)
				assert.NotContains(t, o.stderr, "outcome unknown", "of a read nothing is unknown")
				s.fake.Recover()
			}
		})
	}
}

func TestAPIThrottled(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	require.NoError(t, s.fake.Inject("POST /v3/security/echo", "429", -1))
	assert.Equal(t, exitStopped, s.run("api", "POST", "/v3/security/echo", "-d", `{"echo_message":"x"}`).code)
}

// A write is sent once unless the user says that it may be repeated.
func TestAPIRepeats(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	args := []string{"api", "POST", "/v3/security/echo", "-d", `{"echo_message":"x"}`}
	require.NoError(t, s.fake.Inject("POST /v3/security/echo", "reset-after-effect", 1))
	assert.Equal(t, exitUnknown, s.run(args...).code)
	assert.Len(t, s.fake.Requests(), 1)
	require.NoError(t, s.fake.Inject("POST /v3/security/echo", "reset-after-effect", 1))
	assert.Equal(t, exitDone, s.run(append(args, "--idempotent")...).code)
	assert.Len(t, s.fake.Requests(), 3)
}

func TestAPIUsage(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, args := range [][]string{
		{}, {"GET"}, {"GET", "/v3/x", "more"}, {"FETCH", "/v3/x"}, {"GET", "v3/x"}, {"GET", "https://api.mch.weixin.qq.com/v3/x"}, {"GET", "//evil.example/v3"},
		{"GET", "/v3/x#y"}, {"GET", "/v3/%zz"}, {"GET", "/v3/x?a=%zz"}, {"GET", "/v3/x", "-d", "{}"}, {"GET", "/v3/x", "-q", "a"}, {"GET", "/v3/x", "-q", "=a"},
		{"POST", "/v3/x", "-d", "not JSON"}, {"POST", "/v3/x", "-d", ""}, {"POST", "/v3/x", "-d", "@/does/not/exist"}, {"POST", "/v3/x", "-d", `{"a":null}`}, {"GET", "/v3/x", "--idempotent"},
		{"POST", "/v3/x", "-d", "{\"a\":\"\xba\xc5\"}"}, {"GET", "/v3/x\n"}, {"GET", "/v3/\x00"}, {"GET", "/v3/x", "--foo"}, {"GET", "/v3/x", "-z"}, {"GET", "/v3/x", "-q"}, {"", ""},
	} {
		for _, lang := range []string{"en", "zh"} {
			o := s.run(append([]string{"--lang", lang, "--json", "api"}, args...)...)
			assert.Equal(t, exitUsage, o.code, "%q %s", args, o.stderr)
			assert.Len(t, o.of(t, "error"), 1, "%q", args)
			oneLineOf(t, o.stderr)
		}
	}
	assert.Empty(t, s.fake.Requests(), "nothing is sent")
}

// What --sign-only shows is verified with the public key alone, as the platform would.
func TestSignOnly(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	public := &keyIn(t, filepath.Join(s.dir, "apiclient_key.pem")).PublicKey
	for _, tt := range []struct {
		args        []string
		method, uri string
		body        string
	}{
		{[]string{"POST", "/v3/security/echo", "-d", `{ "echo_message":"会员" }`}, "POST", "/v3/security/echo", `{ "echo_message":"会员" }`},
		{[]string{"GET", "/v3/x/{y}?b=2&a=a b"}, "GET", "/v3/x/%7By%7D?a=a+b&b=2", ""},
		{[]string{"DELETE", "/v3/edu-papay/contracts/1"}, "DELETE", "/v3/edu-papay/contracts/1", ""},
	} {
		args := append([]string{"api", "--sign-only"}, tt.args...)
		o := s.run(append(args, "--json")...)
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Contains(t, o.stderr, "5 minutes")
		shown := o.of(t, "signed")[0]
		assert.Equal(t, s.url+tt.uri, shown["url"])
		authorization := shown["headers"].(map[string]any)["Authorization"].(string)
		m := regexp.MustCompile(`^WECHATPAY2-SHA256-RSA2048 mchid="(\d+)",nonce_str="(\w+)",timestamp="(\d+)",serial_no="(\w+)",signature="([^"]+)"$`).FindStringSubmatch(authorization)
		require.NotNil(t, m, authorization)
		assert.Equal(t, wxpaytest.MchID, m[1])
		assert.Equal(t, wxpaytest.SerialNo, m[4])
		want := tt.method + "\n" + tt.uri + "\n" + m[3] + "\n" + m[2] + "\n" + tt.body + "\n"
		assert.Equal(t, want, shown["signing_text"])
		signature, err := base64.StdEncoding.DecodeString(m[5])
		require.NoError(t, err)
		digest := sha256.Sum256([]byte(want))
		assert.NoError(t, rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature))

		o = s.run(args...)
		require.Equal(t, exitDone, o.code, o.stderr)
		head, shownText, ok := strings.Cut(o.stdout, "\n\n")
		require.True(t, ok)
		assert.Contains(t, head, "Authorization: WECHATPAY2-SHA256-RSA2048 mchid=")
		assert.Contains(t, head, "Wechatpay-Serial: "+wxpaytest.PublicKeyID)
		assert.Contains(t, shownText, "\n"+tt.method+"\n"+tt.uri+"\n")
	}
	assert.Empty(t, s.fake.Requests(), "nothing is sent")
}

func TestAPIForABrand(t *testing.T) {
	t.Parallel()
	s := newStand(t, wxpaytest.Options{Brand: true})
	o := s.run("api", "GET", "/brand/x", "--sign-only")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stdout, `WECHATPAY-BRAND-SHA256-RSA2048 brand_id="`+wxpaytest.BrandID+`"`)
}

func TestAPIAnswersNothing(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	require.NoError(t, s.fake.Reply("DELETE /v3/edu-papay/contracts/{contract_id}", 204, nil))
	o := s.run("api", "DELETE", "/v3/edu-papay/contracts/1")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Empty(t, o.stdout)
	o = s.run("api", "DELETE", "/v3/edu-papay/contracts/1", "--json")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.EqualValues(t, 204, o.of(t, "answer")[0]["status"])
}

func isHan(r rune) bool { return r >= 0x4e00 && r <= 0x9fff }
