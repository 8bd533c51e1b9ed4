package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// states are the worst state of each check.
func states(t *testing.T, o outcome) map[string]string {
	t.Helper()
	worst := map[string]string{}
	rank := map[string]int{"": 0, "ok": 1, "warn": 2, "fail": 3}
	for _, c := range o.of(t, "check") {
		name, state := c["check"].(string), c["state"].(string)
		require.NotZero(t, rank[state], state)
		if rank[state] > rank[worst[name]] {
			worst[name] = state
		}
		assert.NotEmpty(t, c["detail"])
		if state != "ok" {
			assert.NotEmpty(t, c["remedy"], "%v", c)
		}
	}
	return worst
}

// doctor runs the doctor in both languages and as JSON, and returns the latter.
func (s *stand) doctor() outcome {
	s.t.Helper()
	var o outcome
	for _, lang := range []string{"en", "zh"} {
		people := s.run("doctor", "--lang", lang)
		o = s.run("doctor", "--lang", lang, "--json")
		assert.Equal(s.t, people.code, o.code)
		assert.Equal(s.t, lang == "zh", strings.ContainsFunc(strings.Split(people.stdout, "\n")[0], isHan), people.stdout)
		for line := range strings.Lines(people.stdout) {
			assert.Regexp(s.t, `^(ok  |warn|fail|    )  `, line)
		}
		sums := o.of(s.t, "sums")
		require.Len(s.t, sums, 1)
		assert.Equal(s.t, o.code == exitDone, sums[0]["fail"].(float64) == 0)
	}
	return o
}

func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	path, _ := s.writeCertificate(nil)
	s.env["WXPAY_CERTIFICATE_FILE"] = path
	o := s.doctor()
	assert.Equal(t, exitDone, o.code, o.stdout)
	assert.Equal(t, map[string]string{
		"setup": "ok", "caller": "ok", "key_file": "ok", "private_key": "ok", "certificate": "ok", "apiv3_key": "ok", "key_mode": "ok", "tls": "ok", "clock": "ok", "echo": "ok", "tpns": "ok",
	}, states(t, o))
	for _, r := range s.fake.Requests() {
		assert.Empty(t, r.Advice)
	}
}

func TestDoctorInEveryMode(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]wxpaytest.Options{"certificates": {Mode: wxpaytest.Certificates}, "both": {Mode: wxpaytest.Both}, "brand": {Brand: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, o)
			got := s.doctor()
			state := states(t, got)
			assert.Equal(t, exitDone, got.code, got.stdout)
			want := "ok"
			if name == "brand" { // for whom there is no echo
				want = "warn"
			}
			assert.Equal(t, want, state["echo"])
		})
	}
}

// Each thing that can be broken is found, and what lies behind it is looked at all the same.
func TestDoctorFinds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		breaks func(*stand)
		check  string
		state  string
		code   int
	}{
		"no merchant":         {func(s *stand) { delete(s.env, "WXPAY_MCH_ID") }, "caller", "fail", exitUsage},
		"merchant with blank": {func(s *stand) { s.env["WXPAY_MCH_ID"] += " " }, "caller", "fail", exitUsage},
		"merchant and brand":  {func(s *stand) { s.env["WXPAY_BRAND_ID"] = "120344" }, "caller", "fail", exitUsage},
		"another merchant":    {func(s *stand) { s.env["WXPAY_MCH_ID"] = "1900000999" }, "echo", "fail", exitAuth},
		"no key":              {func(s *stand) { delete(s.env, "WXPAY_PRIVATE_KEY_FILE") }, "private_key", "fail", exitUsage},
		"key not there":       {func(s *stand) { s.env["WXPAY_PRIVATE_KEY_FILE"] += ".no" }, "private_key", "fail", exitUsage},
		"key is a folder":     {func(s *stand) { s.env["WXPAY_PRIVATE_KEY_FILE"] = s.dir }, "private_key", "fail", exitUsage},
		"key twice":           {func(s *stand) { s.env["WXPAY_PRIVATE_KEY"] = "x" }, "private_key", "fail", exitUsage},
		"key is public":       {func(s *stand) { s.env["WXPAY_PRIVATE_KEY_FILE"] = s.env["WXPAY_PUBLIC_KEY_FILE"] }, "private_key", "fail", exitAuth},
		"key open to others":  {func(s *stand) { chmod(s, "apiclient_key.pem", 0o644) }, "key_file", "fail", exitAuth},
		"key open to group":   {func(s *stand) { chmod(s, "apiclient_key.pem", 0o640) }, "key_file", "fail", exitAuth},
		"another key":         {func(s *stand) { replaceKey(s) }, "echo", "fail", exitAuth},
		"another serial":      {func(s *stand) { s.env["WXPAY_SERIAL_NO"] = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1" }, "echo", "fail", exitAuth},
		"no serial":           {func(s *stand) { delete(s.env, "WXPAY_SERIAL_NO") }, "certificate", "fail", exitUsage},
		"certificate not there": {func(s *stand) {
			s.env["WXPAY_CERTIFICATE_FILE"] = "/does/not/exist"
		}, "certificate", "fail", exitUsage},
		"certificate of another key": {func(s *stand) {
			s.env["WXPAY_CERTIFICATE_FILE"], _ = s.writeCertificate(nil)
			replaceKey(s)
		}, "certificate", "fail", exitAuth},
		"certificate of another serial": {func(s *stand) {
			s.env["WXPAY_CERTIFICATE_FILE"], _ = s.writeCertificate(func(c *x509.Certificate) { c.SerialNumber = big.NewInt(77) })
		}, "certificate", "fail", exitAuth},
		"certificate expired": {func(s *stand) {
			s.env["WXPAY_CERTIFICATE_FILE"], _ = s.writeCertificate(func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
			})
		}, "certificate", "fail", exitAuth},
		"certificate expires": {func(s *stand) {
			s.env["WXPAY_CERTIFICATE_FILE"], _ = s.writeCertificate(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(72 * time.Hour) })
		}, "certificate", "warn", exitDone},
		"certificate of another merchant": {func(s *stand) {
			s.env["WXPAY_CERTIFICATE_FILE"], _ = s.writeCertificate(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "1900000999"} })
		}, "certificate", "warn", exitDone},
		"API key too short":     {func(s *stand) { s.env["WXPAY_APIV3_KEY"] = "short" }, "apiv3_key", "fail", exitUsage},
		"public key not there":  {func(s *stand) { s.env["WXPAY_PUBLIC_KEY_FILE"] = "/does/not/exist" }, "key_mode", "fail", exitAuth},
		"public key without ID": {func(s *stand) { delete(s.env, "WXPAY_PUBLIC_KEY_ID") }, "key_mode", "fail", exitUsage},
		"ID without public key": {func(s *stand) { delete(s.env, "WXPAY_PUBLIC_KEY_FILE") }, "key_mode", "fail", exitAuth},
		"ID of another kind":    {func(s *stand) { s.env["WXPAY_PUBLIC_KEY_ID"] = wxpaytest.SerialNo }, "key_mode", "fail", exitUsage},
		"public key of another": {func(s *stand) { s.env["WXPAY_PUBLIC_KEY_FILE"] = s.env["WXPAY_PUBLIC_KEY_FILE"] + "2"; copyKey(s) }, "echo", "fail", exitAuth},
		"no platform key":       {func(s *stand) { clearPlatform(s); delete(s.env, "WXPAY_APIV3_KEY") }, "apiv3_key", "fail", exitUsage},
		"no certificates":       {func(s *stand) { clearPlatform(s) }, "echo", "fail", exitAuth},
		"host is no URL":        {func(s *stand) { s.env["WXPAY_BASE_URL"] = "api.mch.weixin.qq.com" }, "host", "fail", exitUsage},
		"plain http":            {func(s *stand) { s.env["WXPAY_BASE_URL"] = "http://api.mch.weixin.qq.com" }, "host", "fail", exitUsage},
		"serial that is none":   {func(s *stand) { s.env["WXPAY_SERIAL_NO"] = "xyz" }, "config", "fail", exitUsage},
		"two that New refuses": {func(s *stand) {
			delete(s.env, "WXPAY_MCH_ID")
			s.env["WXPAY_BACKUP_URL"] = "https://a/b"
		}, "host", "fail", exitUsage},
		"blank in the API key":      {func(s *stand) { s.env["WXPAY_APIV3_KEY"] = strings.Repeat("a", 31) + " " }, "config", "fail", exitUsage},
		"host down":                 {func(s *stand) { s.env["WXPAY_BASE_URL"] = closedPort(s.t) }, "tls", "fail", exitStopped},
		"backup down":               {func(s *stand) { s.env["WXPAY_BACKUP_URL"] = closedPort(s.t) }, "tls", "warn", exitDone},
		"name of the host":          {func(s *stand) { s.env["WXPAY_BASE_URL"] = "https://api.invalid" }, "dns", "fail", exitStopped},
		"answers unsigned":          {func(s *stand) { _ = s.fake.Inject("POST /v3/security/echo", "unsigned", -1) }, "echo", "fail", exitAuth},
		"answers forged":            {func(s *stand) { _ = s.fake.Inject("POST /v3/security/echo", "forged", -1) }, "echo", "fail", exitAuth},
		"sign error":                {func(s *stand) { _ = s.fake.Inject("POST /v3/security/echo", "SIGN_ERROR", -1) }, "echo", "fail", exitAuth},
		"no permission":             {func(s *stand) { _ = s.fake.Inject("POST /v3/security/echo", "NO_AUTH", -1) }, "echo", "warn", exitDone},
		"no permission, unsigned":   {func(s *stand) { _ = s.fake.Inject("POST /v3/security/echo", "refusal-unsigned", -1) }, "echo", "fail", exitStopped},
		"TPNS key":                  {func(s *stand) { s.env["TPNS_SECRET_KEY"] = strings.Repeat("0", 32) }, "tpns", "fail", exitAuth},
		"TPNS without key":          {func(s *stand) { delete(s.env, "TPNS_SECRET_KEY") }, "tpns", "fail", exitUsage},
		"TPNS host":                 {func(s *stand) { s.env["TPNS_BASE_URL"] = closedPort(s.t) }, "tls", "fail", exitStopped},
		"profile that is not there": {func(s *stand) { s.env["WXPAY_PROFILE"] = "nobody" }, "setup", "fail", exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			tt.breaks(s)
			o := s.doctor()
			assert.Equal(t, tt.code, o.code, o.stdout)
			state := states(t, o)
			assert.Equal(t, tt.state, state[tt.check], o.stdout)
			assert.NotEmpty(t, state["echo"], "it goes on")
			if name != "profile that is not there" {
				for _, check := range []string{"caller", "private_key", "certificate", "apiv3_key", "clock", "tpns"} {
					assert.NotEmpty(t, state[check], "it goes on: %s", check)
				}
			}
			s.fake.Recover()
		})
	}
}

func chmod(s *stand, name string, mode os.FileMode) {
	require.NoError(s.t, os.Chmod(filepath.Join(s.dir, name), mode))
}

// replaceKey puts the private key of another merchant in place.
func replaceKey(s *stand) {
	text, err := x509.MarshalPKCS8PrivateKey(newKey(s.t))
	require.NoError(s.t, err)
	path := filepath.Join(s.dir, "other_key.pem")
	require.NoError(s.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}), 0o600))
	s.env["WXPAY_PRIVATE_KEY_FILE"] = path
}

// copyKey puts another public key where the environment says.
func copyKey(s *stand) {
	text, err := x509.MarshalPKIXPublicKey(&newKey(s.t).PublicKey)
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(s.env["WXPAY_PUBLIC_KEY_FILE"], pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: text}), 0o600))
}

func clearPlatform(s *stand) {
	delete(s.env, "WXPAY_PUBLIC_KEY_ID")
	delete(s.env, "WXPAY_PUBLIC_KEY_FILE")
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return "http://" + l.Addr().String()
}

// The public key of the merchant in place of the platform's is the most common mistake.
func TestDoctorKnowsTheOwnKey(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	key := keyIn(t, filepath.Join(s.dir, "apiclient_key.pem"))
	text, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "pub_key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: text}), 0o600))
	o := s.doctor()
	assert.Equal(t, exitAuth, o.code)
	assert.Equal(t, "fail", states(t, o)["key_mode"])
}

func TestDoctorLooksAtTheClock(t *testing.T) {
	t.Parallel()
	for off, want := range map[time.Duration]string{0: "ok", 2 * time.Minute: "warn", -2 * time.Minute: "warn", 10 * time.Minute: "fail", -10 * time.Minute: "fail"} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			fake := wxpaytest.New(t)
			s := standAt(t, fake, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fake.ServeHTTP(dated{w, time.Now().Add(-off)}, r)
			}))
			o := s.doctor()
			assert.Equal(t, want, states(t, o)["clock"], o.stdout)
			assert.Equal(t, map[string]int{"ok": exitDone, "warn": exitDone, "fail": exitAuth}[want], o.code)
		})
	}
}

// dated answers at another time.
type dated struct {
	http.ResponseWriter
	at time.Time
}

func (d dated) WriteHeader(status int) {
	d.Header().Set("Date", d.at.UTC().Format(http.TimeFormat))
	d.ResponseWriter.WriteHeader(status)
}

// A certificate that this machine does not trust is told from a host that is down.
func TestDoctorLooksAtTLS(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	strange := httptest.NewUnstartedServer(s.fake)
	strange.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	strange.StartTLS()
	t.Cleanup(strange.Close)
	s.env["WXPAY_BASE_URL"] = strange.URL
	o := s.doctor()
	assert.Equal(t, exitAuth, o.code)
	assert.Equal(t, "fail", states(t, o)["tls"])
	assert.Contains(t, o.stdout, "TLS")
}

// A host that takes the connection and never answers does not hold the doctor up.
func TestDoctorIsBounded(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	s := newStand(t)
	s.env["WXPAY_BASE_URL"] = fmt.Sprintf("http://%s", l.Addr())
	start := time.Now()
	o := s.run("doctor", "--timeout", "1s", "--json")
	assert.Less(t, time.Since(start), 4*time.Second)
	assert.Equal(t, exitStopped, o.code, o.stdout)
	state := states(t, o)
	assert.Equal(t, "fail", state["tls"])
	assert.Equal(t, "fail", state["echo"])
	assert.Equal(t, "ok", state["private_key"])
}

func TestDoctorWithoutAnything(t *testing.T) {
	t.Parallel()
	o := runIn(t, nil, "", "doctor", "--json", "--timeout", "5s")
	assert.Equal(t, exitUsage, o.code)
	assert.Equal(t, "fail", states(t, o)["setup"])
	assert.Empty(t, states(t, o)["tpns"], "only if it is set up")
}
