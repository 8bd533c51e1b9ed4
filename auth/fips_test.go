package auth_test

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/auth"
)

// In the mode fips140=only sensitive fields fail with one clear error, and everything else works. The mode
// is for a whole process, so the test runs itself again.
func TestFIPS(t *testing.T) {
	t.Parallel()
	if fips140.Enforced() {
		onlyFIPS(t)
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for mode, tests := range map[string]string{
		"only": "^TestFIPS$",
		"on":   "^(TestEncrypt|TestDecrypt|TestOpenResource|TestPublishedGCM)$", // nothing is refused
	} {
		run := exec.CommandContext(t.Context(), self, "-test.run="+tests, "-test.count=1", "-test.v")
		run.Env = append(os.Environ(), "GODEBUG=fips140="+mode)
		out, err := run.CombinedOutput()
		require.NoError(t, err, "%s: %s", mode, out)
		require.Contains(t, string(out), "--- PASS", mode)
	}
}

// sealedMessage is what the platform would send, by AES-256-GCM with a nonce of the sender's choice; the mode
// fips140=only does not let anybody make it.
func sealedMessage(t *testing.T, key, nonce, ad, plain string) (sealed string) {
	t.Helper()
	fips140.WithoutEnforcement(func() { sealed = seal(t, key, nonce, ad, plain) })
	return sealed
}

func onlyFIPS(t *testing.T) {
	ring := newKeyring(t, openKey(platformKey(), publicID))
	_, err := ring.Encrypt(t.Context(), publicID, "13800138000")
	require.ErrorIs(t, err, auth.ErrFIPS)
	require.ErrorContains(t, err, "fips140=only")
	require.ErrorContains(t, err, "OAEP with SHA-1")
	_, err = auth.Decrypt(merchantKey(), "AAAA")
	require.ErrorIs(t, err, auth.ErrFIPS)

	const key, nonce, ad = "0123456789abcdef0123456789ABCDEF", "61f9c719728a", "certificate"
	plain, err := auth.OpenResource(key, "AEAD_AES_256_GCM", nonce, ad, sealedMessage(t, key, nonce, ad, "hello"))
	require.NoError(t, err, "notifications and certificates open")
	assert.Equal(t, "hello", string(plain))

	signer, err := auth.NewSigner(auth.Merchant, mchID, serialNo, merchantKey())
	require.NoError(t, err)
	_, err = auth.Authorization(t.Context(), signer, auth.Merchant, "GET", "/", 1, nil)
	require.NoError(t, err)
	require.NoError(t, ring.Verify(t.Context(), publicID, "m", sign(platformKey(), "m")))
	require.ErrorIs(t, ring.Verify(t.Context(), publicID, "n", sign(platformKey(), "m")), auth.ErrForged)
	_, err = auth.LoadPrivateKey(pkcs8(merchantKey()))
	require.NoError(t, err)
	_, err = auth.LoadPublicKey(spki(&platformKey().PublicKey))
	require.NoError(t, err)
	_, err = auth.CertificateKey(certificate(platformKey(), 1, later))
	require.NoError(t, err)
}
