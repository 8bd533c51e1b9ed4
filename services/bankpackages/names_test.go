package bankpackages_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
)

// merchant is a service of a merchant with this key.
func merchant(t testing.TB, key crypto.Signer) *bankpackages.Service {
	t.Helper()
	config := platformtest.Config(nil)
	config.PrivateKey = key
	client, err := wxpay.New(config)
	require.NoError(t, err)
	return bankpackages.New(client)
}

func namesOf(t testing.TB, files iter.Seq2[*bankpackages.File, error]) (names []string) {
	t.Helper()
	for file, err := range files {
		require.NoError(t, err)
		names = append(names, file.Source.Name())
	}
	return names
}

var phone = slices.Values([]string{"13812345678"})

// Who sees a name can try no number, however few there are to try: neither by what the name was made of
// before, nor by anything that is not secret.
func TestNamesLetNobodyGuess(t *testing.T) {
	t.Parallel()
	service := merchant(t, platformtest.MerchantKey())
	guesses := []string{"13812345678\n", "13812345678", "list\n13812345678\n", "list13812345678"}
	public := []string{"", "list", platformtest.MchID, platformtest.SerialNo, platformtest.PublicKeyID}
	for _, name := range append(namesOf(t, service.Encrypt(t.Context(), "list", phone)),
		namesOf(t, bankpackages.Encrypt(t.Context(), new(cheap), "list", phone))...) {
		require.Regexp(t, `^list-00001-[0-9a-z]{16}\.txt$`, name)
		mark := name[len("list-00001-") : len(name)-len(".txt")]
		for _, guess := range guesses {
			sum := sha256.Sum256([]byte(guess))
			sums := [][]byte{sum[:]}
			for _, key := range public {
				h := hmac.New(sha256.New, []byte(key))
				h.Write([]byte(guess))
				sums = append(sums, h.Sum(nil))
			}
			for _, sum := range sums {
				assert.NotEqual(t, mark, strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])))
				assert.NotContains(t, mark, hex.EncodeToString(sum[:6]))
			}
		}
	}
}

func TestNamesHangOnTheMerchantsKey(t *testing.T) {
	t.Parallel()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	list := numbers(2 * bankpackages.MaxLines)
	name := func(s *bankpackages.Service, name string) []string {
		var names []string
		for n := range s.Encrypt(t.Context(), name, slices.Values([]string{"1", "2"})) {
			names = append(names, strings.TrimPrefix(n.Source.Name(), name))
		}
		return names
	}
	ours := merchant(t, platformtest.MerchantKey())
	assert.Equal(t, name(ours, "list"), name(merchant(t, hsm{platformtest.MerchantKey()}), "list"), "the same key, by another way")
	assert.NotEqual(t, name(ours, "list"), name(merchant(t, other), "list"))
	assert.NotEqual(t, name(ours, "list"), name(ours, "tsil"), "lists of two names cannot be compared")

	// Import gives the names that Encrypt does, and a text gives those of its numbers.
	k := new(taker)
	p := importOf(0)
	p.Wait, p.Numbers = false, list
	_, err = quick(t, k, nil).Import(t.Context(), p)
	require.NoError(t, err)
	cheapest := quick(t, nil, nil)
	names := namesOf(t, cheapest.Encrypt(t.Context(), "list", list))
	require.Len(t, names, 2)
	for _, name := range names {
		assert.Contains(t, k.names, name)
	}
	text := strings.Join(slices.Collect(list), "\r\n")
	assert.Equal(t, names, namesOf(t, cheapest.EncryptLines(t.Context(), "list", strings.NewReader(text))))
}

// hsm is a key that is no *rsa.PrivateKey to whoever holds it.
type hsm struct{ key *rsa.PrivateKey }

func (h hsm) Public() crypto.PublicKey { return h.key.Public() }
func (h hsm) Sign(r io.Reader, sum []byte, opts crypto.SignerOpts) ([]byte, error) {
	return h.key.Sign(r, sum, opts)
}

// The process started here is another one of the same merchant: it finds what this one sent. Names of the
// function Encrypt are secrets of each process.
func TestNamesInAnotherProcess(t *testing.T) {
	t.Parallel()
	both := func(key *rsa.PrivateKey) (keyed, unkeyed []string) {
		return namesOf(t, merchant(t, key).Encrypt(t.Context(), "list", phone)), namesOf(t, bankpackages.Encrypt(t.Context(), new(cheap), "list", phone))
	}
	const variable = "BANKPACKAGES_TEST_KEY"
	if text := os.Getenv(variable); text != "" {
		der, err := base64.StdEncoding.DecodeString(text)
		require.NoError(t, err)
		key, err := x509.ParsePKCS1PrivateKey(der)
		require.NoError(t, err)
		keyed, unkeyed := both(key)
		fmt.Println("NAMES", keyed[0], unkeyed[0])
		return
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNamesInAnotherProcess$")
	self.Env = append(os.Environ(), variable+"="+base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(platformtest.MerchantKey())))
	out, err := self.CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, line, found := strings.Cut(string(out), "NAMES ")
	require.True(t, found, "%s", out)
	there := strings.Fields(line)
	keyed, unkeyed := both(platformtest.MerchantKey())
	assert.Equal(t, keyed[0], there[0])
	assert.NotEqual(t, unkeyed[0], there[1])
}

// signerFunc signs as a KMS with other settings might.
type signerFunc func() (*wechat.SignatureResult, error)

func (f signerFunc) Sign(context.Context, string) (*wechat.SignatureResult, error) { return f() }
func (f signerFunc) Algorithm() string                                             { return "SHA256-RSA2048" }

func TestNamesNeedASteadySignature(t *testing.T) {
	t.Parallel()
	key, digest, down := platformtest.MerchantKey(), sha256.Sum256([]byte("text")), errors.New("KMS is down")
	for name, tt := range map[string]struct {
		sign signerFunc
		err  error
	}{
		"RSA-PSS": {func() (*wechat.SignatureResult, error) {
			sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], nil)
			return &wechat.SignatureResult{Signature: base64.StdEncoding.EncodeToString(sig)}, err
		}, nil},
		"empty":  {func() (*wechat.SignatureResult, error) { return &wechat.SignatureResult{}, nil }, nil},
		"none":   {func() (*wechat.SignatureResult, error) { return nil, nil }, nil},
		"broken": {func() (*wechat.SignatureResult, error) { return nil, down }, down},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := new(taker)
			config := platformtest.Config(k)
			config.Signer = tt.sign
			client, err := wxpay.New(config)
			require.NoError(t, err)
			service := bankpackages.New(client)
			p := importOf(20)
			p.Wait = false
			_, imported := service.Import(t.Context(), p)
			_, encrypted := collect(service.Encrypt(t.Context(), "list", numbers(20)))
			for _, err := range []error{imported, encrypted} {
				if tt.err != nil {
					assert.ErrorIs(t, err, tt.err)
					continue
				}
				e, ok := errors.AsType[*wxpay.ParamError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, "Signer", e.Param)
				assert.Contains(t, e.Reason, "PKCS #1 v1.5")
			}
			assert.Empty(t, k.names, "nothing is sent")
		})
	}
}

// The longest name of a list gives names that the platform takes.
func TestNamesFit(t *testing.T) {
	t.Parallel()
	for _, name := range namesOf(t, bankpackages.Encrypt(t.Context(), new(cheap), strings.Repeat("a", 100), phone)) {
		assert.Regexp(t, `^[0-9A-Za-z_.-]{4,128}$`, name)
	}
}
