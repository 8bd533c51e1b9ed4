package wechat

import (
	"encoding/pem"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// offerCertificate begins a rotation: the merchant's list gets a new certificate, which signs nothing yet.
func (p *Platform) offerCertificate() (serial string, err error) {
	if p.mode == PublicKey {
		return "", errNoCertificates
	}
	return p.Merchant.vault.offer()
}

// rotateCertificate is a whole rotation in one step.
func (p *Platform) rotateCertificate() (serial string, err error) {
	if serial, err = p.offerCertificate(); err == nil {
		p.Merchant.vault.setShare(100)
	}
	return serial, err
}

// certificates is the product by which a merchant downloads them.
func (p *Platform) certificates() engine.Product {
	issue := func(f func() (string, error)) func(map[string]string) (any, error) {
		return func(map[string]string) (any, error) { return f() }
	}
	share := []engine.Param{{Name: "percent", Doc: "a number from 0 to 100", DocZh: "0 到 100 的数字"}}
	set := func(f func(int)) func(map[string]string) (any, error) {
		return func(args map[string]string) (any, error) {
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
			{
				Name: "offer-certificate", Doc: "list a new platform certificate, which signs nothing yet; the answer is its serial", DocZh: "在证书列表中加入一张新的平台证书，暂不用于签名；返回其序列号",
				Do: issue(p.offerCertificate),
			},
			{
				Name: "rotate-certificate", Doc: "list a new platform certificate and sign everything with it; the answer is its serial", DocZh: "加入一张新的平台证书，并立即用它签名；返回其序列号",
				Do: issue(p.rotateCertificate),
			},
			{
				Name: "set-certificate-share", Doc: "how many of a hundred the newest certificate signs", DocZh: "每一百次签名中由最新平台证书签名的次数", Params: share,
				Do: set(p.Merchant.vault.setShare),
			},
			{
				Name: "set-public-key-share", Doc: "how many of a hundred notifications the public key signs", DocZh: "每一百个回调通知中由微信支付公钥签名的个数", Params: share,
				Do: set(p.Merchant.vault.setPublicShare),
			},
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
