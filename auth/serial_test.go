package auth_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/auth"
)

// Who knows one kind of the platform's keys and meets the other is told which setting is missing.
func TestUnknownSerialSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	const (
		plain  = "not verified: signed by a key that is not known here"
		serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
		other  = "PUB_KEY_ID_0119000001092026010100000000000001"
	)
	public, certificate := openKey(platformKey(), publicID), expiring(platformKey(), "A1", later)
	tests := map[string]struct {
		keys   []auth.PlatformKey
		serial string
		want   string
	}{
		"nothing known":          {nil, serial, plain},
		"certificate for key":    {[]auth.PlatformKey{public}, serial, plain + ": serial " + serial + " is that of a platform certificate, and only the public key is configured; set Migrating to load the certificates too"},
		"key for certificate":    {[]auth.PlatformKey{certificate}, publicID, plain + ": serial " + publicID + " is that of the platform public key, and only certificates are configured; set PublicKeyID and PublicKey (微信支付公钥)"},
		"another key":            {[]auth.PlatformKey{public}, other, plain + ": serial " + other + ", and PublicKeyID is " + publicID + "; check PublicKeyID and PublicKey"},
		"another key, both":      {[]auth.PlatformKey{public, certificate}, other, plain + ": serial " + other + ", and PublicKeyID is " + publicID + "; check PublicKeyID and PublicKey"},
		"another certificate":    {[]auth.PlatformKey{certificate}, "B2", plain + ": serial B2 is none of the platform certificates loaded"},
		"the same, both":         {[]auth.PlatformKey{public, certificate}, "B2", plain + ": serial B2 is none of the platform certificates loaded"},
		"text of somebody":       {[]auth.PlatformKey{public}, "B2\nINFO all paid", plain},
		"escape":                 {[]auth.PlatformKey{public}, "PUB_KEY_ID_\x1b[2J", plain},
		"nothing after the head": {[]auth.PlatformKey{public}, "PUB_KEY_ID_", plain},
		"64 digits":              {[]auth.PlatformKey{public, certificate}, strings.Repeat("A", 64), plain + ": serial " + strings.Repeat("A", 64) + " is none of the platform certificates loaded"},
		"65 digits":              {[]auth.PlatformKey{public, certificate}, strings.Repeat("A", 65), plain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newKeyring(t, tt.keys...).Verify(t.Context(), tt.serial, "m", sign(platformKey(), "m"))
			require.EqualError(t, err, tt.want)
			assert.ErrorIs(t, err, auth.ErrUnknownSerial)
			assert.ErrorIs(t, err, auth.ErrUnverified)
		})
	}
}
