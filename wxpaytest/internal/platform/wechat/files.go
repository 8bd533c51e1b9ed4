package wechat

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
)

// WriteKeys writes what an identity knows into dir, and returns the environment that names it.
func (p *Platform) WriteKeys(dir string, who *Identity) (env []string, err error) {
	private, err := who.Private()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "apiclient_key.pem")
	if err := writePEM(file, "PRIVATE KEY", der); err != nil {
		return nil, err
	}
	env = []string{who.Variable + "=" + who.ID, "WXPAY_SERIAL_NO=" + who.Serial, "WXPAY_PRIVATE_KEY_FILE=" + file, "WXPAY_APIV3_KEY=" + who.APIKey}
	id, public, err := who.Public()
	if err != nil || public == nil {
		return env, err
	}
	if der, err = x509.MarshalPKIXPublicKey(public); err != nil {
		return nil, err
	}
	file = filepath.Join(dir, "pub_key.pem")
	return append(env, "WXPAY_PUBLIC_KEY_ID="+id, "WXPAY_PUBLIC_KEY_FILE="+file), writePEM(file, "PUBLIC KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(f.Chmod(0o600), pem.Encode(f, &pem.Block{Type: kind, Bytes: der}))
	return errors.Join(err, f.Close())
}
