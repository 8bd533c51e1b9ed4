package wechat

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
)

// WriteKeys writes what the identity knows into dir, and returns the environment that names it.
func (i *Identity) WriteKeys(dir string) (env []string, err error) {
	private, err := i.Private()
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
	env = []string{i.Variable + "=" + i.ID, "WXPAY_SERIAL_NO=" + i.Serial, "WXPAY_PRIVATE_KEY_FILE=" + file, "WXPAY_APIV3_KEY=" + i.APIKey}
	id, public, err := i.Public()
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
