package contract

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

// certificatesCalls drives the client itself, in certificate mode. What it makes of the list are keys, so a
// certificate was kept if its key verifies by its serial number.
func certificatesCalls(x *exchange) map[string]call {
	return map[string]call{"listCertificates": func(ctx context.Context, _ input) (any, error) {
		c, err := wxpay.New(wxpay.Config{
			MchID:      mchID,
			SerialNo:   mchSerial,
			PrivateKey: merchantKey(),
			APIv3Key:   apiV3Key,
			HTTPClient: &http.Client{Transport: x},
		})
		if err != nil {
			return nil, err
		}
		list := entries(x.answer)
		x.serial = list[0]["serial_no"].(string) // signs the answer
		if err := c.PlatformKeys().Refresh(ctx); err != nil {
			return nil, err
		}
		var kept []any
		for _, entry := range list {
			if c.Verifier().Verify(ctx, entry["serial_no"].(string), "message", sign(platformKey(), "message")) == nil {
				kept = append(kept, map[string]any{
					"serial_no":           entry["serial_no"],
					"encrypt_certificate": entry["encrypt_certificate"], // each of its members is needed to open it
				})
			}
		}
		return map[string]any{"data": kept}, nil
	}}
}

func entries(answer any) (list []map[string]any) {
	for _, entry := range answer.(map[string]any)["data"].([]any) {
		list = append(list, entry.(map[string]any))
	}
	return list
}

// certificates puts real certificates into the example of the list.
func certificates(t *testing.T, example any) any {
	t.Helper()
	for i, entry := range entries(example) {
		cert := &x509.Certificate{
			SerialNumber: big.NewInt(0x5157F09E + int64(i)),
			NotBefore:    time.Now().Add(-time.Hour),
			NotAfter:     time.Now().Add(time.Hour),
		}
		der, err := x509.CreateCertificate(rand.Reader, cert, cert, &platformKey().PublicKey, platformKey())
		require.NoError(t, err)
		entry["serial_no"] = fmt.Sprintf("%X", cert.SerialNumber)
		entry["effective_time"] = cert.NotBefore.Format(time.RFC3339)
		entry["expire_time"] = cert.NotAfter.Format(time.RFC3339)
		sealed := entry["encrypt_certificate"].(map[string]any)
		sealed["ciphertext"] = sealResource(sealed["nonce"].(string), sealed["associated_data"].(string),
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return example
}
