package wxpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/wxpay-go/wxpay/auth"
)

// downloadCertificates gets the certificates (获取平台证书列表, GET /v3/certificates), and reports whether
// anything of it may have reached the platform. The first download has nothing to verify it by: the APIv3
// key authenticates each certificate, then the certificate that signed the answer verifies it.
func (c *Client) downloadCertificates(ctx context.Context) (keys []auth.PlatformKey, reached bool, err error) {
	var left atomic.Bool // of any attempt; the error is that of the last one
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { left.Store(true) }})
	err = c.send(ctx, Call{Route: "GET /v3/certificates", Serial: c.config.PublicKeyID}, nil, func(ctx context.Context, sig auth.Signature, body []byte) error {
		left.Store(true)
		keys, err = openCertificates(body, c.apiV3Key())
		if err != nil {
			return err
		}
		ring, err := auth.NewKeyring(append(keys, c.keys.fixed...)...)
		if err != nil {
			return err
		}
		err = auth.VerifyAnswer(ctx, ring, c.scheme, sig, body, time.Now())
		if len(keys) == 0 && errors.Is(err, auth.ErrUnknownSerial) { // no certificate came: nothing to know the signer by
			return fmt.Errorf("%w: %w", auth.ErrUnsigned, ErrNoCertificates)
		}
		return err
	})
	_, refused := errors.AsType[*Error](err)
	_, unknown := errors.AsType[*UnknownError](err)
	reached = left.Load() || refused || unknown
	if errors.Is(err, CodeResourceNotExists) || errors.Is(err, ErrNoCertificates) || err == nil && len(keys) == 0 {
		return nil, reached, ErrNoCertificates
	}
	return keys, reached, err
}

// openCertificates decrypts the certificates of a list.
func openCertificates(body []byte, apiV3Key string) ([]auth.PlatformKey, error) {
	var list struct {
		Data []struct {
			EncryptCertificate struct {
				Algorithm      string `json:"algorithm"`
				Nonce          string `json:"nonce"`
				AssociatedData string `json:"associated_data"`
				Ciphertext     string `json:"ciphertext"`
			} `json:"encrypt_certificate"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &list) != nil {
		return nil, auth.ErrUnsigned // a refusal, or no certificate list: nothing in it can be trusted
	}
	var keys []auth.PlatformKey
	for _, entry := range list.Data {
		e := entry.EncryptCertificate
		pem, err := auth.OpenResource(apiV3Key, e.Algorithm, e.Nonce, e.AssociatedData, e.Ciphertext)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
		}
		key, err := auth.CertificateKey(pem)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
