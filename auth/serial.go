package auth

import (
	"fmt"
	"strings"
)

// PublicKeyPrefix is how the ID of a platform public key begins, and no serial number of a certificate.
const PublicKeyPrefix = "PUB_KEY_ID_"

// unknown is [ErrUnknownSerial] with what is most likely missing in the configuration. The platform signs
// with either of two kinds of key, and who knows one kind only cannot verify the other.
func (k *keys) unknown(serial string) error {
	ofPublicKey := strings.HasPrefix(serial, PublicKeyPrefix)
	switch {
	case len(k.bySerial) == 0 || !printable(serial):
		return ErrUnknownSerial
	case ofPublicKey && k.publicKey.Serial == "":
		return fmt.Errorf("%w: serial %s is that of the platform public key, and only certificates are configured; set PublicKeyID and PublicKey (微信支付公钥)", ErrUnknownSerial, serial)
	case ofPublicKey:
		return fmt.Errorf("%w: serial %s, and PublicKeyID is %s; check PublicKeyID and PublicKey", ErrUnknownSerial, serial, k.publicKey.Serial)
	case len(k.certificates) == 0:
		return fmt.Errorf("%w: serial %s is that of a platform certificate, and only the public key is configured; set Migrating to load the certificates too", ErrUnknownSerial, serial)
	}
	return fmt.Errorf("%w: serial %s is none of the platform certificates loaded", ErrUnknownSerial, serial)
}

// printable reports whether a serial that anybody may have sent looks like one.
func printable(serial string) bool {
	digits := strings.TrimPrefix(serial, PublicKeyPrefix)
	return digits != "" && len(digits) <= 64 && strings.Trim(digits, "0123456789ABCDEF") == ""
}
