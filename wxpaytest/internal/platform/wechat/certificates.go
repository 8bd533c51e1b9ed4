package wechat

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// OfferCertificate begins a rotation: the merchant's list gets a new certificate, which signs nothing yet.
func (p *Platform) OfferCertificate() (serial string, err error) {
	if p.mode == PublicKey {
		return "", errNoCertificates
	}
	return p.Merchant.vault.offer()
}

// RotateCertificate is a whole rotation in one step.
func (p *Platform) RotateCertificate() (serial string, err error) {
	if serial, err = p.OfferCertificate(); err == nil {
		p.SetCertificateShare(100)
	}
	return serial, err
}

// SetCertificateShare says how many of a hundred the newest certificate signs of what a certificate signs.
func (p *Platform) SetCertificateShare(percent int) { p.Merchant.vault.setShare(percent) }

// SetPublicKeyShare says how many of a hundred notifications the public key signs.
func (p *Platform) SetPublicKeyShare(percent int) {
	v := p.Merchant.vault
	v.mu.Lock()
	defer v.mu.Unlock()
	v.publicShare = int64(percent)
}

// certificates is the product by which a merchant downloads them.
func (p *Platform) certificates() engine.Product {
	issue := func(f func() (string, error)) func(context.Context, map[string]string) (any, error) {
		return func(context.Context, map[string]string) (any, error) { return f() }
	}
	share := []engine.Param{{Name: "percent", Doc: "0 to 100"}}
	set := func(f func(int)) func(context.Context, map[string]string) (any, error) {
		return func(_ context.Context, args map[string]string) (any, error) {
			percent, err := strconv.Atoi(args["percent"])
			if err != nil || percent < 0 || percent > 100 {
				return nil, errors.New("wxpaytest: percent is a number from 0 to 100")
			}
			f(percent)
			return nil, nil
		}
	}
	return engine.Product{
		Name:     "certificates",
		Handlers: map[string]engine.Handler{listCertificates: p.listCertificates},
		Actions: []engine.Action{
			{Name: "offer-certificate", Doc: "list a new platform certificate, which signs nothing yet", Do: issue(p.OfferCertificate)},
			{Name: "rotate-certificate", Doc: "list a new platform certificate and sign everything with it", Do: issue(p.RotateCertificate)},
			{Name: "set-certificate-share", Doc: "how many of a hundred the newest certificate signs", Params: share, Do: set(p.SetCertificateShare)},
			{Name: "set-public-key-share", Doc: "how many of a hundred notifications the public key signs", Params: share, Do: set(p.SetPublicKeyShare)},
		},
	}
}

func (p *Platform) listCertificates(tx *engine.Tx) (engine.Object, error) {
	v := p.Merchant.vault
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.certificates) == 0 {
		return nil, &engine.Refusal{Status: http.StatusNotFound, Code: "RESOURCE_NOT_EXISTS", Message: "the merchant has no platform certificate; it has to use the platform public key"}
	}
	list := []engine.Object{}
	if tx.Query.Text("algorithm_type") == "SM2" {
		return engine.Object{"data": list}, nil
	}
	for _, k := range v.certificates {
		nonce := p.nonce(p.clock.Turn())[:12]
		sealed, err := seal(APIv3Key, nonce, "certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.certificate.Raw}))
		if err != nil {
			return nil, err
		}
		list = append(list, engine.Object{
			"serial_no":      k.serial,
			"effective_time": k.certificate.NotBefore.In(engine.Beijing).Format(time.RFC3339),
			"expire_time":    k.certificate.NotAfter.In(engine.Beijing).Format(time.RFC3339),
			"encrypt_certificate": engine.Object{
				"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate", "ciphertext": sealed,
			},
		})
	}
	return engine.Object{"data": list}, nil
}
