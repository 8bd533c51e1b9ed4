package wechat

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// WriteKeys writes what the identity knows into dir: its private key and certificate, in files that start with own,
// and the platform's newest ones, in files that start with platform. It returns the environment that names them.
func (i *Identity) WriteKeys(dir, own, platform string) (env []string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	private, err := i.key()
	if err != nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	certificate, err := i.certificate()
	if err != nil {
		return nil, err
	}
	keyFile, certificateFile := filepath.Join(dir, own+"key.pem"), filepath.Join(dir, own+"cert.pem")
	env = []string{
		i.Variable + "=" + i.ID, "WXPAY_SERIAL_NO=" + i.Serial, "WXPAY_CERTIFICATE_FILE=" + certificateFile,
		"WXPAY_PRIVATE_KEY_FILE=" + keyFile, "WXPAY_APIV3_KEY=" + i.APIKey,
	}
	if err := errors.Join(writePEM(keyFile, "PRIVATE KEY", key), writePEM(certificateFile, "CERTIFICATE", certificate.Raw)); err != nil {
		return nil, err
	}
	if newest := i.newest(); newest != nil {
		if err := writePEM(filepath.Join(dir, platform+"wechatpay_cert.pem"), "CERTIFICATE", newest.certificate.Raw); err != nil {
			return nil, err
		}
	}
	id, public, err := i.Public()
	if err != nil || public == nil {
		return env, err
	}
	if key, err = x509.MarshalPKIXPublicKey(public); err != nil {
		return nil, err
	}
	publicFile := filepath.Join(dir, platform+"pub_key.pem")
	return append(env, "WXPAY_PUBLIC_KEY_ID="+id, "WXPAY_PUBLIC_KEY_FILE="+publicFile), writePEM(publicFile, "PUBLIC KEY", key)
}

// certificate is the one that the identity signs with: the fake's own, with the identity's serial and its ID as its name.
func (i *Identity) certificate() (*x509.Certificate, error) {
	from, until := time.Now().Add(-24*time.Hour), time.Now().AddDate(5, 0, 0)
	if i.vault.seed != "" {
		from, until = seededFrom, seededUntil
	}
	return issue(i.key, i.Serial, i.ID, from, until)
}

// newest returns the newest platform certificate that the identity knows, or nil.
func (i *Identity) newest() *key {
	i.vault.mu.Lock()
	defer i.vault.mu.Unlock()
	return i.vault.newest()
}

func writePEM(path, kind string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(f.Chmod(0o600), pem.Encode(f, &pem.Block{Type: kind, Bytes: der}))
	return errors.Join(err, f.Close())
}
