package auth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay/auth"
)

// Five lines, the last one empty for a request without a body.
func ExampleRequestMessage() {
	fmt.Printf("%q\n", auth.RequestMessage("GET", "/v3/certificates", 1554208460, "593BEC0C930BF1AFEB40B4A08C8FB242", nil))
	// Output: "GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n"
}

// A key in a KMS or HSM signs too: NewSigner takes any crypto.Signer, and what is printed of a signer is
// not its key.
func ExampleNewSigner() {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // stands for the client of a KMS
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := auth.NewSigner(auth.Merchant, "1900007291", "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB", kms{key: key})
	fmt.Println(signer, err)
	// Output: auth.Signer(1900007291, ***) <nil>
}

// Why a message is not believed: a probe is no attack, a stale one may be this machine's clock.
func ExampleVerifyNotification() {
	ring, err := auth.NewKeyring()
	if err != nil {
		fmt.Println(err)
		return
	}
	sig := auth.Signature{
		Serial: "PUB_KEY_ID_1", Timestamp: "1722850421", Nonce: "d824f2e086d3c1df967785d13fcd22ef",
		Signature: "WECHATPAY/SIGNTEST/mfI1CPqvBrgc", Type: "WECHATPAY2-SHA256-RSA2048",
	}
	now := time.Unix(1722850421, 0)
	err = auth.VerifyNotification(context.Background(), ring, auth.Merchant, sig, []byte("{}"), now)
	fmt.Println(errors.Is(err, auth.ErrSignatureProbe), errors.Is(err, auth.ErrUnverified))

	sig.Signature = "mfI1CPqvBrgc"
	err = auth.VerifyNotification(context.Background(), ring, auth.Merchant, sig, []byte("{}"), now.Add(time.Hour))
	fmt.Println(err)
	err = auth.VerifyNotification(context.Background(), ring, auth.Merchant, sig, []byte("{}"), now)
	fmt.Println(err)
	// Output:
	// true true
	// not verified: timestamp is 1h0m0s from this clock (more than 5m0s); check the clock
	// not verified: signed by a key that is not known here
}

// Moving from certificates to the public key in steps, with the way back open.
func ExampleKeyring_SetCertificateShare() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, err := auth.NewKeyring(
		auth.PlatformKey{Serial: "PUB_KEY_ID_1", Public: &key.PublicKey},
		auth.PlatformKey{Serial: "5157F09E", Public: &key.PublicKey, Expires: time.Now().AddDate(1, 0, 0)},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, percent := range []int{100, 30, 0} {
		ring.SetCertificateShare(percent)
		calls := map[string]int{}
		for range 100 {
			serial, err := ring.SelectCertificate(context.Background())
			if err != nil {
				fmt.Println(err)
				return
			}
			calls[serial]++
		}
		fmt.Println(calls)
	}
	// Output:
	// map[5157F09E:100]
	// map[5157F09E:30 PUB_KEY_ID_1:70]
	// map[PUB_KEY_ID_1:100]
}

// The error says which file was given instead.
func ExampleLoadPrivateKey() {
	_, err := auth.LoadPrivateKey([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	fmt.Println(err)
	// Output: auth: this is a certificate; the private key is the other file (apiclient_key.pem)
}
