package wxpaytest_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// written returns the files that WriteKeys writes, by name, and its environment without the directory.
func written(t *testing.T, s *wxpaytest.Server) (files map[string]string, env string) {
	t.Helper()
	dir := t.TempDir()
	list, err := s.WriteKeys(dir)
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files = map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		require.NoError(t, err)
		files[entry.Name()] = string(text)
	}
	return files, strings.ReplaceAll(strings.Join(list, "\n"), dir, "")
}

// Two servers with one seed are alike to the byte, whatever was asked of them first; one with another seed shares no
// key, no serial and no ID with them.
func TestSeed(t *testing.T) {
	t.Parallel()
	one := wxpaytest.New(t, wxpaytest.Options{Seed: "a", Mode: wxpaytest.Both})
	two := wxpaytest.New(t, wxpaytest.Options{Seed: "a", Mode: wxpaytest.Both})
	other := wxpaytest.New(t, wxpaytest.Options{Seed: "b", Mode: wxpaytest.Both})
	_, err := one.RotateCertificate()
	require.NoError(t, err)
	_, err = two.RotateCertificate()
	require.NoError(t, err)
	filesOne, envOne := written(t, one)
	filesTwo, envTwo := written(t, two)
	filesOther, _ := written(t, other)
	assert.Len(t, filesOne, 7)
	assert.Equal(t, filesOne, filesTwo)
	assert.Equal(t, envOne, envTwo)
	for name, text := range filesOne {
		assert.NotEqual(t, text, filesOther[name], name)
	}
	assert.Equal(t, one.AddCard("REAL_TIME"), two.AddCard("REAL_TIME"))
	assert.NotEqual(t, one.AddCard("REAL_TIME"), other.AddCard("REAL_TIME"))
}

// The keys that follow from a seed are the same in every version and on every machine. The number below was written
// down when this was first run; should it have to change, say so in the changelog: saved states lose their keys.
func TestSeededKeysStay(t *testing.T) {
	t.Parallel()
	key := wxpaytest.New(t, wxpaytest.Options{Seed: "stays"}).Config().PrivateKey.(*rsa.PrivateKey)
	assert.Equal(t, 2048, key.N.BitLen())
	assert.Equal(t, "eb5e8b98328bc7912273400e3a852fb6", fmt.Sprintf("%x", key.N.Bytes()[:16]))
}

// What reads came between, and what was refused, changes no ID.
func TestReadsTakeNoNumbers(t *testing.T) {
	t.Parallel()
	run := func(between func(h *merchant)) (ids []string) {
		h := newMerchant(t, wxpaytest.Options{Seed: "ids", Mode: wxpaytest.Both})
		card := h.server.AddCard("SYSTEM_ALLOCATE")
		between(h)
		code := h.ok("POST", open+"/cards/"+card+"/users/import", m{"openid": "o1", "out_request_no": "n1"})["code"].(string)
		between(h)
		token := h.ok("POST", edu+"/contracts/presign", presign)["presign_token"].(string)
		between(h)
		contract, err := h.server.SignContract(token)
		require.NoError(t, err)
		between(h)
		ids = append([]string{card, code, token, contract}, h.server.AddContracts("o", "wx1", "p", 2)...)
		for _, e := range h.server.Pending() {
			ids = append(ids, e.ID)
		}
		return ids
	}
	plain := run(func(*merchant) {})
	assert.Equal(t, plain, run(func(h *merchant) {
		h.certificates()
		h.ok("GET", tasks, nil)
		h.refused(404, "NOT_FOUND", "GET", edu+"/contracts/id/none?appid=wx1", nil)
		h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/none/users/import", m{"openid": "o1", "out_request_no": "n1"})
		resp, err := h.server.Notify(t.Context(), http.NotFoundHandler(), "ENTRUST.SIGNING", nil)
		require.NoError(t, err)
		require.Equal(t, 404, resp.StatusCode)
	}))
	assert.Len(t, plain, 7)
}

// Seeded certificates hold at any time at which a test may run, and a newer one is newer.
func TestSeededCertificates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newMerchant(t, wxpaytest.Options{Seed: "a", Mode: wxpaytest.Certificates})
		before := h.serial
		serial, err := h.server.RotateCertificate()
		require.NoError(t, err)
		all := h.certificates()
		require.Len(t, all, 2)
		assert.True(t, all[serial].NotBefore.After(all[before].NotBefore))
		for _, c := range all {
			assert.True(t, c.NotBefore.Before(time.Now()))
			assert.True(t, c.NotAfter.After(time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC)))
		}
	})
}

// The clock of the business stands where it was set; signatures and limits of rate go by the true time.
func TestClockStands(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 2, 28, 23, 59, 59, 0, time.UTC)
	synctest.Test(t, func(t *testing.T) {
		h := newMerchant(t, wxpaytest.Options{Clock: at, ImportRate: 1})
		card := h.server.AddCard("SYSTEM_ALLOCATE")
		<-time.After(time.Hour)
		created := func(card string) string { return h.ok("GET", open+"/cards/"+card, nil)["create_time"].(string) }
		assert.Equal(t, "2030-03-01T07:59:59.000+08:00", created(card))
		<-time.After(time.Hour)
		assert.Equal(t, created(card), created(h.server.AddCard("REAL_TIME")))
		h.server.Advance(time.Minute)
		assert.Equal(t, "2030-03-01T08:00:59.000+08:00", created(h.server.AddCard("REAL_TIME")))
		for i := range 3 {
			h.ok("POST", open+"/cards/"+card+"/users/import", m{"openid": fmt.Sprint("o", i), "out_request_no": fmt.Sprint(i)})
			<-time.After(time.Second)
		}
		resp, err := h.server.RoundTrip(h.request(t.Context(), "GET", tasks, nil))
		require.NoError(t, err)
		assert.Equal(t, time.Now().UTC().Format(http.TimeFormat), resp.Header.Get("Date"))
	})
}

// Files for clients of any language fit each other, the environment and wxpay.ConfigFromEnv, for either identity.
func TestKeyFiles(t *testing.T) {
	t.Parallel()
	certificate := func(text string) *x509.Certificate {
		block, rest := pem.Decode([]byte(text))
		require.NotNil(t, block)
		require.Empty(t, rest)
		c, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		return c
	}
	for mode, names := range map[wxpaytest.Mode][]string{
		wxpaytest.PublicKey:    {"apiclient_cert.pem", "apiclient_key.pem", "brand_cert.pem", "brand_key.pem", "brand_pub_key.pem", "pub_key.pem"},
		wxpaytest.Certificates: {"apiclient_cert.pem", "apiclient_key.pem", "brand_cert.pem", "brand_key.pem", "brand_pub_key.pem", "wechatpay_cert.pem"},
		wxpaytest.Both:         {"apiclient_cert.pem", "apiclient_key.pem", "brand_cert.pem", "brand_key.pem", "brand_pub_key.pem", "pub_key.pem", "wechatpay_cert.pem"},
	} {
		s := wxpaytest.New(t, wxpaytest.Options{Mode: mode})
		serial := ""
		if mode != wxpaytest.PublicKey {
			var err error
			serial, err = s.RotateCertificate()
			require.NoError(t, err)
		}
		files, _ := written(t, s)
		for _, name := range names {
			assert.Contains(t, files, name)
		}
		assert.Len(t, files, len(names))
		own := certificate(files["apiclient_cert.pem"])
		assert.Equal(t, wxpaytest.SerialNo, fmt.Sprintf("%X", own.SerialNumber))
		assert.Equal(t, wxpaytest.MchID, own.Subject.CommonName)
		assert.Equal(t, wxpaytest.BrandSerialNo, fmt.Sprintf("%X", certificate(files["brand_cert.pem"]).SerialNumber))
		if serial != "" {
			assert.Equal(t, serial, fmt.Sprintf("%X", certificate(files["wechatpay_cert.pem"]).SerialNumber), "the newest")
		}
	}

	s, dir := wxpaytest.New(t), t.TempDir()
	for _, write := range []func(string) ([]string, error){s.WriteKeys, s.WriteBrandKeys} {
		env, err := write(dir)
		require.NoError(t, err)
		vars := map[string]string{}
		for _, line := range env {
			name, value, _ := strings.Cut(line, "=")
			vars[name] = value
		}
		config, err := wxpay.ConfigFrom(func(name string) string { return vars[name] })
		require.NoError(t, err)
		config.HTTPClient = &http.Client{Transport: s}
		client, err := wxpay.New(config)
		require.NoError(t, err)
		_, err = wxpay.Do[json.RawMessage](t.Context(), client, wxpay.Call{Route: "GET /v3/certificates", BrandRoute: "GET /brand/nothing"})
		e, refused := errors.AsType[*wxpay.Error](err)
		require.True(t, refused, err)
		assert.Equal(t, 404, e.StatusCode, "the signature was right")
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(dir, "brand_key.pem"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
}
