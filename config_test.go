package wxpay_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
)

func TestNewSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tests := []struct {
		name, field string
		change      func(*wxpay.Config)
	}{
		{"no merchant", "MchID", func(c *wxpay.Config) { c.MchID = "" }},
		{"no serial", "SerialNo", func(c *wxpay.Config) { c.SerialNo = "" }},
		{"no key", "PrivateKey", func(c *wxpay.Config) { c.PrivateKey = nil }},
		{"key of 1024 bits", "PrivateKey", func(c *wxpay.Config) { c.PrivateKey = weak }},
		{"key is not RSA", "PrivateKey", func(c *wxpay.Config) { c.PrivateKey = ec }},
		{"quote in the serial", "SerialNo", func(c *wxpay.Config) { c.SerialNo = `A"` }},
		{"APIv3 key of 31 bytes", "APIv3Key", func(c *wxpay.Config) { c.APIv3Key = c.APIv3Key[1:] }},
		{"no way to know the platform", "PublicKey", func(c *wxpay.Config) { c.PublicKey, c.PublicKeyID, c.APIv3Key = nil, "", "" }},
		{"public key without its ID", "PublicKeyID", func(c *wxpay.Config) { c.PublicKeyID = "" }},
		{"weak public key", "PublicKey", func(c *wxpay.Config) { c.PublicKey = &weak.PublicKey }},
		{"migrating without APIv3 key", "APIv3Key", func(c *wxpay.Config) { c.Migrating, c.APIv3Key = true, "" }},
		{"http", "BaseURL", func(c *wxpay.Config) { c.BaseURL = "http://api.mch.weixin.qq.com" }},
		{"localhost in the name only", "BaseURL", func(c *wxpay.Config) { c.BaseURL = "http://localhost.example.com" }},
		{"path", "BaseURL", func(c *wxpay.Config) { c.BaseURL = "https://api.mch.weixin.qq.com/v3" }},
		{"user", "BackupURL", func(c *wxpay.Config) { c.BackupURL = "https://a@b" }},
		{"verifier alone", "Verifier", func(c *wxpay.Config) { c.Verifier = mustClient(t).Verifier() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newPlatform(t, answer{}).config()
			tt.change(&c)
			_, err := wxpay.New(c)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.field, e.Param)
			assert.NotContains(t, err.Error(), apiV3Key[1:])
		})
	}
}

func mustClient(t testing.TB) *wxpay.Client { return newPlatform(t, answer{}).client() }

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:8080", "https://api2.wechatpay.cn"} {
		p := newPlatform(t, answer{body: `{}`})
		config := p.config()
		config.BaseURL = base
		client, err := wxpay.New(config)
		require.NoError(t, err)
		_, err = wxpay.Do[echo](t.Context(), client, read("1"))
		require.NoError(t, err)
		assert.Equal(t, "/v3/echo/1", p.requests()[0].uri)
	}
}

func TestConfigFromEnv(t *testing.T) {
	dir := t.TempDir()
	private, public := filepath.Join(dir, "apiclient_key.pem"), filepath.Join(dir, "pub_key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(merchantKey())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	der, err = x509.MarshalPKIXPublicKey(&platformKey().PublicKey)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644))
	for k, v := range map[string]string{
		"WXPAY_MCH_ID": mchID, "WXPAY_SERIAL_NO": serialNo, "WXPAY_PRIVATE_KEY_FILE": private, "WXPAY_APIV3_KEY": apiV3Key,
		"WXPAY_PUBLIC_KEY_ID": publicID, "WXPAY_PUBLIC_KEY_FILE": public, "WXPAY_BASE_URL": "http://127.0.0.1:1", "WXPAY_BACKUP_URL": "http://127.0.0.1:2",
	} {
		t.Setenv(k, v)
	}
	c, err := wxpay.ConfigFromEnv()
	require.NoError(t, err)
	assert.True(t, merchantKey().Equal(c.PrivateKey))
	assert.True(t, platformKey().PublicKey.Equal(c.PublicKey))
	assert.Equal(t, []string{mchID, serialNo, apiV3Key, publicID, "http://127.0.0.1:1", "http://127.0.0.1:2"},
		[]string{c.MchID, c.SerialNo, string(c.APIv3Key), c.PublicKeyID, c.BaseURL, c.BackupURL})
	_, err = wxpay.New(c)
	require.NoError(t, err)

	require.NoError(t, os.Chmod(private, 0o640))
	_, err = wxpay.ConfigFromEnv()
	assert.ErrorContains(t, err, "WXPAY_PRIVATE_KEY_FILE")
	assert.ErrorContains(t, err, "chmod 600")
}

// What a file from Windows, a clipboard or another tool makes of a value is refused with the name of its field
// and of its variable, before it is taken for something else.
func TestNewNamesFieldAndVariable(t *testing.T) {
	t.Parallel()
	const (
		decimal = "464389378319535425530970086054627680253797054689" // serialNo in decimal
		ask     = "openssl x509 -in apiclient_cert.pem -noout -serial"
		windows = "ends in a carriage return; was the file written on Windows?"
	)
	set := map[string]func(*wxpay.Config, string){
		"MchID":       func(c *wxpay.Config, v string) { c.MchID = v },
		"SerialNo":    func(c *wxpay.Config, v string) { c.SerialNo = v },
		"APIv3Key":    func(c *wxpay.Config, v string) { c.APIv3Key = wxpay.Secret(v) },
		"PublicKeyID": func(c *wxpay.Config, v string) { c.PublicKeyID = v },
		"BaseURL":     func(c *wxpay.Config, v string) { c.BaseURL = v },
		"BackupURL":   func(c *wxpay.Config, v string) { c.BackupURL = v },
	}
	variable := map[string]string{
		"MchID": "WXPAY_MCH_ID", "SerialNo": "WXPAY_SERIAL_NO", "APIv3Key": "WXPAY_APIV3_KEY",
		"PublicKeyID": "WXPAY_PUBLIC_KEY_ID", "BaseURL": "WXPAY_BASE_URL", "BackupURL": "WXPAY_BACKUP_URL",
	}
	good := map[string]string{
		"MchID": mchID, "SerialNo": serialNo, "APIv3Key": apiV3Key, "PublicKeyID": publicID,
		"BaseURL": "https://api.mch.weixin.qq.com", "BackupURL": "https://api2.mch.weixin.qq.com",
	}
	type row struct{ field, value, says string }
	rows := []row{
		{"MchID", "", "is missing"}, {"MchID", "190000000l", "digits only"}, {"MchID", "1900000001,1900000002", "digits only"}, {"MchID", "-1", "digits only"},
		{"MchID", strings.Repeat("1", 33), "digits only"}, {"MchID", "１９００", "not ASCII"}, {"MchID", "19000 00001", "holds a blank"},
		{"SerialNo", "", ask}, {"SerialNo", decimal, "is decimal; in hexadecimal, as the platform wants it, it is 5157F09EFDC096DE15EBE81A47057A7232F1B8E1"}, {"SerialNo", publicID, "is the ID of the platform public key"},
		{"SerialNo", "serial=", ask}, {"SerialNo", "0x", ask}, {"SerialNo", ":", ask}, {"SerialNo", serialNo + "00", ask}, {"SerialNo", "G" + serialNo[1:], ask},
		{"SerialNo", strings.Repeat("9", 60), ask}, {"SerialNo", "5157 F09E", "holds a blank"}, {"SerialNo", "1900000001,5157F09E", ask}, {"SerialNo", `A"`, ask},
		{"APIv3Key", apiV3Key[1:], "has 31 bytes instead of 32"}, {"APIv3Key", apiV3Key + "\r", "has 33 bytes instead of 32: it " + windows},
		{"APIv3Key", "\ufeff" + apiV3Key, "has 35 bytes instead of 32: it starts with a byte order mark"}, {"APIv3Key", apiV3Key[1:] + "\n", "ends in a line break"},
		{"APIv3Key", apiV3Key[1:] + "\r", windows}, {"APIv3Key", `"` + apiV3Key + `"`, "has 34 bytes instead of 32: it stands in quotes"}, {"APIv3Key", apiV3Key[:16] + " " + apiV3Key[17:], "holds a blank"},
		{"PublicKeyID", "", "is missing"}, {"PublicKeyID", serialNo, "is the serial number of a certificate"}, {"PublicKeyID", "0114232134912410000000000000", "does not start with PUB_KEY_ID_"},
		{"PublicKeyID", "PUB_KEY_ID_", "is no ID"}, {"PublicKeyID", "PUB_KEY_ID_01-14", "is no ID"}, {"PublicKeyID", "PUB_KEY_ID_" + strings.Repeat("1", 65), "is no ID"}, {"PublicKeyID", "pub_key_id_0114", "does not start with"},
		{"BaseURL", "https://", "scheme and host"}, {"BackupURL", "http://example.com", "https"},
	}
	for field, v := range good {
		rows = append(rows, row{field, v + "\r\n", windows}, row{field, v + " ", "ends in a blank"}, row{field, "\t" + v, "starts with a blank"}, row{field, "\ufeff" + v, "starts with a byte order mark"},
			row{field, v + "\u200b", "ends in an invisible character"}, row{field, v + "\n", "ends in a line break"}, row{field, v + "\x00", "ends in a control character"}, row{field, v + "\r", windows},
			row{field, v[:4] + "\r\n" + v[4:], "holds a carriage return"}, row{field, v[:4] + "\u202e" + v[4:], "holds an invisible character"}, row{field, "'" + v + "'", "stands in quotes"}, row{field, "\u00a0" + v, "starts with a blank"})
	}
	for _, tt := range rows {
		t.Run(fmt.Sprintf("%s %q", tt.field, tt.value), func(t *testing.T) {
			t.Parallel()
			c := newPlatform(t, answer{}).config()
			set[tt.field](&c, tt.value)
			_, err := wxpay.New(c)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.field, e.Param)
			assert.ErrorContains(t, err, "wxpay: Config: "+tt.field+" ("+variable[tt.field])
			assert.ErrorContains(t, err, tt.says)
			assert.Equal(t, -1, strings.IndexFunc(err.Error(), func(r rune) bool { return r < ' ' || r == '\ufeff' || r == '\u202e' }))
			assert.NotContains(t, err.Error(), apiV3Key[1:16])
		})
	}
	c := newPlatform(t, answer{}).config()
	c.PublicKey = nil
	_, err := wxpay.New(c)
	assert.ErrorContains(t, err, "wxpay: Config: PublicKey (WXPAY_PUBLIC_KEY_FILE or WXPAY_PUBLIC_KEY) is missing")
	c.PublicKeyID, c.APIv3Key = "", ""
	_, err = wxpay.New(c)
	assert.ErrorContains(t, err, "PublicKey (WXPAY_PUBLIC_KEY_FILE or WXPAY_PUBLIC_KEY) or APIv3Key (WXPAY_APIV3_KEY) is needed")
	c.PrivateKey = nil
	_, err = wxpay.New(c)
	assert.ErrorContains(t, err, "PrivateKey (WXPAY_PRIVATE_KEY_FILE or WXPAY_PRIVATE_KEY) is missing")
	c = newPlatform(t, answer{}).config()
	c.Migrating, c.APIv3Key = true, ""
	_, err = wxpay.New(c)
	assert.ErrorContains(t, err, "APIv3Key (WXPAY_APIV3_KEY) is needed to load certificates while Migrating")
}

// Of several things that are wrong the first field is told, and the same one each time.
func TestNewNamesTheFirstField(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	c := wxpay.Config{
		MchID: "1 9", BrandID: "b", SerialNo: "A\r", PrivateKey: weak, APIv3Key: "x", PublicKeyID: "y", Verifier: mustClient(t).Verifier(), BaseURL: "z", BackupURL: "z",
	}
	for _, step := range []struct {
		field string
		mend  func()
	}{
		{"MchID", func() { c.MchID = mchID }},
		{"BrandID", func() { c.BrandID = "" }},
		{"SerialNo", func() { c.SerialNo = serialNo }},
		{"PrivateKey", func() { c.PrivateKey = merchantKey() }},
		{"APIv3Key", func() { c.APIv3Key = apiV3Key }},
		{"PublicKeyID", func() { c.PublicKeyID = publicID }},
		{"PublicKey", func() { c.PublicKey = &weak.PublicKey }},
		{"PublicKey", func() { c.PublicKey = &platformKey().PublicKey }},
		{"Verifier", func() { c.Verifier = nil }},
		{"BaseURL", func() { c.BaseURL = "" }},
		{"BackupURL", func() { c.BackupURL = "" }},
	} {
		for range 10 {
			_, err := wxpay.New(c)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, step.field, e.Param)
		}
		step.mend()
	}
	_, err = wxpay.New(c)
	require.NoError(t, err)
}

// A signer of ours knows for whom it signs, although the Config names nobody.
func TestSignerNamesTheSender(t *testing.T) {
	t.Parallel()
	config := newPlatform(t, answer{body: `{"text":"b"}`}).config()
	config.MchID, config.SerialNo, config.PrivateKey, config.Signer = "", "", nil, mustClient(t).Signer()
	client, err := wxpay.New(config)
	require.NoError(t, err)
	call := write(false)
	call.Sender = mchID
	require.NoError(t, wxpay.Send(t.Context(), client, call))
	call.Sender = "1900000002"
	require.ErrorContains(t, wxpay.Send(t.Context(), client, call), "Sender is not whom this client sends for")
}

// The main host has its backup also if it is named.
func TestBackupOfTheMainHost(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]int{"": 2, wxpay.MainURL: 2, wxpay.MainURL + "/": 2, "https://proxy.example": 1} {
		seen := map[string]bool{}
		p := newPlatform(t)
		p.next = func(_ int, req *http.Request) (*http.Response, error) { seen[req.URL.Host] = true; return nil, errDial }
		config := p.config()
		config.BaseURL = base
		client, err := wxpay.New(config)
		require.NoError(t, err)
		_, err = wxpay.Do[echo](t.Context(), client, read("1"))
		require.Error(t, err)
		assert.Len(t, seen, want, base)
	}
}

// The spellings of a serial number that have one reading are sent as the platform wants it.
func TestSerialNumberAsItIsPrinted(t *testing.T) {
	t.Parallel()
	const hex = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	var colons []string
	for pair := range slices.Chunk([]byte(hex), 2) {
		colons = append(colons, string(pair))
	}
	for given, want := range map[string]string{
		hex: hex, strings.ToLower(hex): hex, "0x" + hex: hex, "0X" + strings.ToLower(hex): hex, "serial=" + hex: hex,
		strings.Join(colons, ":"): hex, strings.ToLower(strings.Join(colons, ":")): hex, "a1": "A1", "1234567890": "1234567890",
	} {
		config := newPlatform(t, answer{}).config()
		config.SerialNo = given
		client, err := wxpay.New(config)
		require.NoError(t, err, given)
		signed, err := client.Signer().Sign(t.Context(), "")
		require.NoError(t, err)
		assert.Equal(t, want, signed.CertificateSerialNo, given)
	}
}

// A time-out is clamped to what can be reckoned with; an upload has twice of it and more.
func TestTimeoutIsClamped(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]time.Duration{
		math.MaxInt64: 24 * time.Hour, 25 * time.Hour: 24 * time.Hour, 24 * time.Hour: 24 * time.Hour, time.Hour: time.Hour,
		0: 30 * time.Second, -1: 30 * time.Second, math.MinInt64: 30 * time.Second,
	} {
		for _, file := range []*media.Source{nil, media.Bytes("a.txt", []byte("b"))} {
			p := newPlatform(t, answer{body: `{}`})
			config := p.config()
			config.Timeout = given
			var left time.Duration
			config.HTTPClient = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
				end, ok := req.Context().Deadline()
				assert.True(t, ok)
				left = time.Until(end)
				return p.RoundTrip(req)
			})}
			client, err := wxpay.New(config)
			require.NoError(t, err)
			call := write(false)
			call.File = file
			_, err = wxpay.Do[echo](t.Context(), client, call)
			require.NoError(t, err)
			if file != nil {
				want *= 2
			}
			assert.InDelta(t, want.Seconds(), left.Seconds(), 20, "%s, upload %t", given, file != nil)
		}
	}
}

// environment sets the variables of a merchant whose files are in a folder of their own.
func environment(t *testing.T) (env map[string]string, dir string) {
	dir = t.TempDir()
	private, err := x509.MarshalPKCS8PrivateKey(merchantKey())
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(&platformKey().PublicKey)
	require.NoError(t, err)
	number, ok := new(big.Int).SetString(serialNo, 16)
	require.True(t, ok)
	template := &x509.Certificate{SerialNumber: number, NotBefore: time.Now(), NotAfter: time.Now().AddDate(5, 0, 0)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &merchantKey().PublicKey, merchantKey())
	require.NoError(t, err)
	for name, b := range map[string]*pem.Block{
		"apiclient_key.pem": {Type: "PRIVATE KEY", Bytes: private}, "pub_key.pem": {Type: "PUBLIC KEY", Bytes: public}, "apiclient_cert.pem": {Type: "CERTIFICATE", Bytes: cert},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600))
	}
	return map[string]string{
		"WXPAY_MCH_ID": mchID, "WXPAY_SERIAL_NO": serialNo, "WXPAY_PRIVATE_KEY_FILE": filepath.Join(dir, "apiclient_key.pem"), "WXPAY_APIV3_KEY": apiV3Key,
		"WXPAY_PUBLIC_KEY_ID": publicID, "WXPAY_PUBLIC_KEY_FILE": filepath.Join(dir, "pub_key.pem"),
	}, dir
}

// Keys from text or file, the serial number from the certificate, and what cannot be told apart.
func TestConfigFromEnvInAllWays(t *testing.T) {
	base, dir := environment(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	text := func(name string) string {
		b, err := os.ReadFile(file(name))
		require.NoError(t, err)
		return string(b)
	}
	oneLine := func(name string) string { return strings.ReplaceAll(text(name), "\n", `\n`) }
	public, err := x509.MarshalPKIXPublicKey(&strangerKey().PublicKey)
	require.NoError(t, err)
	stranger, err := x509.MarshalPKCS8PrivateKey(strangerKey())
	require.NoError(t, err)
	strange := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: stranger}))
	none := filepath.Join(dir, "none.pem")
	tests := map[string]struct {
		change map[string]string
		says   []string // none: the merchant comes out whole
	}{
		"files":                      {nil, nil},
		"texts":                      {map[string]string{"WXPAY_PRIVATE_KEY_FILE": "", "WXPAY_PRIVATE_KEY": text("apiclient_key.pem"), "WXPAY_PUBLIC_KEY_FILE": "", "WXPAY_PUBLIC_KEY": text("pub_key.pem")}, nil},
		"texts on one line":          {map[string]string{"WXPAY_PRIVATE_KEY_FILE": "", "WXPAY_PRIVATE_KEY": oneLine("apiclient_key.pem"), "WXPAY_PUBLIC_KEY_FILE": "", "WXPAY_PUBLIC_KEY": oneLine("pub_key.pem")}, nil},
		"certificate":                {map[string]string{"WXPAY_SERIAL_NO": "", "WXPAY_CERTIFICATE_FILE": file("apiclient_cert.pem")}, nil},
		"serial of 21 bytes":         {map[string]string{"WXPAY_SERIAL_NO": "0x00" + serialNo}, []string{"SerialNo (WXPAY_SERIAL_NO"}},
		"the same serial":            {map[string]string{"WXPAY_SERIAL_NO": strings.ToLower(serialNo), "WXPAY_CERTIFICATE_FILE": file("apiclient_cert.pem")}, nil},
		"serial with colons":         {map[string]string{"WXPAY_SERIAL_NO": "51:57:" + serialNo[4:]}, nil},
		"both of the private key":    {map[string]string{"WXPAY_PRIVATE_KEY": text("apiclient_key.pem")}, []string{"WXPAY_PRIVATE_KEY and WXPAY_PRIVATE_KEY_FILE are both set"}},
		"both of the public key":     {map[string]string{"WXPAY_PUBLIC_KEY": text("pub_key.pem")}, []string{"WXPAY_PUBLIC_KEY and WXPAY_PUBLIC_KEY_FILE are both set"}},
		"another serial":             {map[string]string{"WXPAY_SERIAL_NO": "A1", "WXPAY_CERTIFICATE_FILE": file("apiclient_cert.pem")}, []string{"WXPAY_SERIAL_NO", "WXPAY_CERTIFICATE_FILE", serialNo}},
		"no serial":                  {map[string]string{"WXPAY_SERIAL_NO": serialNo + "\r", "WXPAY_CERTIFICATE_FILE": file("apiclient_cert.pem")}, []string{"WXPAY_SERIAL_NO ends in a carriage return", "WXPAY_CERTIFICATE_FILE has it"}},
		"certificate of another key": {map[string]string{"WXPAY_PRIVATE_KEY_FILE": "", "WXPAY_PRIVATE_KEY": strange, "WXPAY_CERTIFICATE_FILE": file("apiclient_cert.pem")}, []string{"WXPAY_CERTIFICATE_FILE does not belong to the private key in WXPAY_PRIVATE_KEY"}},
		"key for certificate":        {map[string]string{"WXPAY_CERTIFICATE_FILE": file("apiclient_key.pem")}, []string{"WXPAY_CERTIFICATE_FILE: ", "where a certificate is wanted"}},
		"no certificate":             {map[string]string{"WXPAY_CERTIFICATE_FILE": none}, []string{"WXPAY_CERTIFICATE_FILE: ", "none.pem"}},
		"certificate for key":        {map[string]string{"WXPAY_PRIVATE_KEY_FILE": file("apiclient_cert.pem")}, []string{"WXPAY_PRIVATE_KEY_FILE: ", "this is a certificate"}},
		"certificate for key, text":  {map[string]string{"WXPAY_PRIVATE_KEY_FILE": "", "WXPAY_PRIVATE_KEY": text("apiclient_cert.pem")}, []string{"WXPAY_PRIVATE_KEY: ", "this is a certificate"}},
		"private for public":         {map[string]string{"WXPAY_PUBLIC_KEY_FILE": file("apiclient_key.pem")}, []string{"WXPAY_PUBLIC_KEY_FILE: ", "this is a private key"}},
		"private for public, text":   {map[string]string{"WXPAY_PUBLIC_KEY_FILE": "", "WXPAY_PUBLIC_KEY": text("apiclient_key.pem")}, []string{"WXPAY_PUBLIC_KEY: ", "this is a private key"}},
		"name for text":              {map[string]string{"WXPAY_PRIVATE_KEY_FILE": "", "WXPAY_PRIVATE_KEY": file("apiclient_key.pem")}, []string{"WXPAY_PRIVATE_KEY: ", "name of a file", "_FILE"}},
		"text for name":              {map[string]string{"WXPAY_PRIVATE_KEY_FILE": text("apiclient_key.pem")}, []string{"WXPAY_PRIVATE_KEY_FILE"}},
		"text for name, one line":    {map[string]string{"WXPAY_PRIVATE_KEY_FILE": oneLine("apiclient_key.pem")}, []string{"WXPAY_PRIVATE_KEY_FILE: ", "name of its file is wanted"}},
		"no file":                    {map[string]string{"WXPAY_PRIVATE_KEY_FILE": none}, []string{"WXPAY_PRIVATE_KEY_FILE: ", "none.pem"}},
		"no public file":             {map[string]string{"WXPAY_PUBLIC_KEY_FILE": none}, []string{"WXPAY_PUBLIC_KEY_FILE: ", "none.pem"}},
		"path from Windows":          {map[string]string{"WXPAY_PRIVATE_KEY_FILE": file("apiclient_key.pem") + "\r"}, []string{"WXPAY_PRIVATE_KEY_FILE ends in a carriage return"}},
		"public path in quotes":      {map[string]string{"WXPAY_PUBLIC_KEY_FILE": `"` + file("pub_key.pem") + `"`}, []string{"WXPAY_PUBLIC_KEY_FILE stands in quotes"}},
		"certificate path":           {map[string]string{"WXPAY_CERTIFICATE_FILE": file("apiclient_cert.pem") + " "}, []string{"WXPAY_CERTIFICATE_FILE ends in a blank"}},
		"no private key":             {map[string]string{"WXPAY_PRIVATE_KEY_FILE": ""}, []string{"PrivateKey (WXPAY_PRIVATE_KEY_FILE or WXPAY_PRIVATE_KEY) is missing"}},
		"no public key":              {map[string]string{"WXPAY_PUBLIC_KEY_FILE": ""}, []string{"PublicKey (WXPAY_PUBLIC_KEY_FILE or WXPAY_PUBLIC_KEY) is missing"}},
		"serial from Windows":        {map[string]string{"WXPAY_SERIAL_NO": serialNo + "\r"}, []string{"SerialNo (WXPAY_SERIAL_NO or WXPAY_CERTIFICATE_FILE) ends in a carriage return"}},
		"merchant from Windows":      {map[string]string{"WXPAY_MCH_ID": mchID + "\r"}, []string{"MchID (WXPAY_MCH_ID) ends in a carriage return"}},
		"address from Windows":       {map[string]string{"WXPAY_BASE_URL": "https://api.mch.weixin.qq.com\r"}, []string{"BaseURL (WXPAY_BASE_URL) ends in a carriage return"}},
		"public key of another ID":   {map[string]string{"WXPAY_PUBLIC_KEY_ID": "", "WXPAY_PUBLIC_KEY_FILE": "", "WXPAY_PUBLIC_KEY": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}, []string{"PublicKeyID (WXPAY_PUBLIC_KEY_ID) is missing"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, k := range []string{"WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY", "WXPAY_CERTIFICATE_FILE", "WXPAY_BASE_URL", "WXPAY_BACKUP_URL"} {
				t.Setenv(k, "")
			}
			for k, v := range base {
				t.Setenv(k, v)
			}
			for k, v := range tt.change {
				t.Setenv(k, v)
			}
			c, err := wxpay.ConfigFromEnv()
			if err == nil {
				_, err = wxpay.New(c)
			}
			if tt.says == nil {
				require.NoError(t, err)
				assert.Equal(t, serialNo, c.SerialNo)
				assert.True(t, merchantKey().Equal(c.PrivateKey))
				assert.True(t, platformKey().PublicKey.Equal(c.PublicKey))
				return
			}
			require.Error(t, err)
			for _, says := range tt.says {
				assert.ErrorContains(t, err, says)
			}
			assert.NotContains(t, err.Error(), text("apiclient_key.pem")[100:140])
			assert.NotContains(t, err.Error(), "\n")
			assert.Less(t, len(err.Error()), 500)
		})
	}
}

// S6: gob asks neither Format nor MarshalText.
func TestGobOfAConfig(t *testing.T) {
	t.Parallel()
	config := newPlatform(t, answer{}).config()
	var b bytes.Buffer
	require.NoError(t, gob.NewEncoder(&b).Encode(struct{ C wxpay.Config }{config}))
	assert.Contains(t, b.String(), mchID)
	assert.NotContains(t, b.String(), apiV3Key)
	assert.NotContains(t, b.String(), string(merchantKey().D.Bytes()))
}

// S6: no format shows a secret.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const phone = "13800138000"
	type params struct {
		Phone wxpay.Secret `json:"phone"`
		Deep  struct{ Phones []wxpay.Secret }
	}
	p := params{Phone: phone}
	p.Deep.Phones = []wxpay.Secret{phone}
	platform := newPlatform(t, answer{})
	config, client := platform.config(), platform.client()
	canaries := []string{phone, apiV3Key, merchantKey().D.String(), fmt.Sprintf("%x", merchantKey().D), merchantKey().Primes[0].String(),
		fmt.Sprintf("%x", phone), fmt.Sprintf("%X", apiV3Key), base64.StdEncoding.EncodeToString([]byte(apiV3Key))}
	for _, v := range []any{wxpay.Secret(phone), p, &p, config, &config, client, client.Signer(), client.PlatformKeys(), bankedError(client)} {
		var shown []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		text, err := json.Marshal(v)
		if err == nil {
			shown = append(shown, string(text))
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		shown = append(shown, log.String())
		for _, s := range shown {
			for _, canary := range canaries {
				assert.NotContains(t, s, canary, "%T", v)
			}
		}
	}
	assert.Equal(t, "***", fmt.Sprint(wxpay.Secret(phone)))
}

// bankedError is an error of a call whose query holds a secret.
func bankedError(client *wxpay.Client) error {
	_, err := wxpay.Do[echo](context.Background(), client, wxpay.Call{Route: "GET /v3/{id}", Vars: wxpay.Vars{"id": "13800138000\x00"}})
	return err
}

func TestEncryptAndDecrypt(t *testing.T) {
	t.Parallel()
	client := mustClient(t)
	sealed, serial, err := client.Encrypt(t.Context(), "13800138000")
	require.NoError(t, err)
	assert.Equal(t, publicID, serial)
	raw, err := base64.StdEncoding.DecodeString(sealed)
	require.NoError(t, err)
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, platformKey(), raw, nil)
	require.NoError(t, err)
	assert.Equal(t, "13800138000", string(plain))

	back, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &merchantKey().PublicKey, []byte("hello"), nil)
	require.NoError(t, err)
	opened, err := client.Decrypt(t.Context(), base64.StdEncoding.EncodeToString(back))
	require.NoError(t, err)
	assert.Equal(t, wxpay.Secret("hello"), opened)
	for _, bad := range []string{"", "!", base64.StdEncoding.EncodeToString(raw)} {
		_, err := client.Decrypt(t.Context(), bad)
		assert.Error(t, err)
	}
}

// signerOnly stands for a key in a KMS: it signs and does not decrypt.
type signerOnly struct{ key *rsa.PrivateKey }

func (s signerOnly) Public() crypto.PublicKey { return s.key.Public() }
func (s signerOnly) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(r, digest, opts)
}

// S16: the key may live elsewhere.
func TestKeyInAKMS(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{body: `{}`})
	config := p.config()
	config.PrivateKey = signerOnly{merchantKey()}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, read("1"))
	require.NoError(t, err)
	_, err = client.Decrypt(t.Context(), "AAAA")
	assert.ErrorContains(t, err, "Decryptor")
}

func TestClientOfTheCallerIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{body: `{}`})
	config := p.config()
	own := config.HTTPClient
	_, err := wxpay.New(config)
	require.NoError(t, err)
	assert.Nil(t, own.CheckRedirect)
	assert.Equal(t, http.RoundTripper(p), own.Transport)
}

// A configuration may come from elsewhere than the environment of the process, and then from nowhere else.
func TestConfigFrom(t *testing.T) {
	t.Parallel()
	values := map[string]string{"WXPAY_MCH_ID": "1900000100", "WXPAY_SERIAL_NO": "serial=ab:cd", "WXPAY_APIV3_KEY": apiV3Key, "WXPAY_BASE_URL": "http://localhost:1"}
	c, err := wxpay.ConfigFrom(func(name string) string { return values[name] })
	require.NoError(t, err)
	assert.Equal(t, "1900000100", c.MchID)
	assert.Equal(t, "ABCD", c.SerialNo)
	assert.Equal(t, apiV3Key, string(c.APIv3Key))
	assert.Equal(t, "http://localhost:1", c.BaseURL)
	assert.Nil(t, c.PrivateKey)
	values["WXPAY_PRIVATE_KEY"], values["WXPAY_PRIVATE_KEY_FILE"] = "x", "y"
	_, err = wxpay.ConfigFrom(func(name string) string { return values[name] })
	assert.ErrorContains(t, err, "WXPAY_PRIVATE_KEY and WXPAY_PRIVATE_KEY_FILE are both set")
}
