package emulator

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/internal/pasted"
)

// ErrNotLoopback is an address that others than this machine could reach.
var ErrNotLoopback = errors.New("is not a loopback address")

// Listen listens at an address such as 127.0.0.1:8089 or 127.0.0.1:0. One that is not loopback is refused with
// [ErrNotLoopback] unless remote is set.
func Listen(ctx context.Context, address string, remote bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address such as 127.0.0.1:8089", address)
	}
	if !remote && !pasted.Loopback(host) {
		return nil, fmt.Errorf("%q %w", address, ErrNotLoopback)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

// A secure listener speaks TLS.
type secure struct{ net.Listener }

// TLS makes a listener speak https with a certificate for loopback, the hosts named and those of the platforms. Its
// root is written to ca.pem in the folder and signs nothing else: its key is forgotten.
func (e *Emulator) TLS(l net.Listener) (net.Listener, error) {
	if e.config.Dir == "" {
		return nil, errors.New("TLS needs a folder for ca.pem")
	}
	names := append([]string{"localhost", "api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "api.wechatpay.cn", "api2.wechatpay.cn",
		"api.tpns.tencent.com", "api.tpns.sh.tencent.com", "api.tpns.hk.tencent.com", "api.tpns.sgp.tencent.com"}, e.config.Hosts...)
	root, pair, err := issue(names)
	if err != nil {
		return nil, err
	}
	if err := replace(filepath.Join(e.config.Dir, "ca.pem"), root); err != nil {
		return nil, err
	}
	return secure{tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})}, nil
}

// issue makes a root, and with it a certificate for names.
func issue(names []string) (root []byte, pair tls.Certificate, err error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, pair, err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "wxpay emulator: not for production"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, MaxPathLenZero: true,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, pair, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, pair, err
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "wxpay emulator"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, rootKey)
	if err != nil {
		return nil, pair, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // crypto/rand never fails
	return n
}

// BaseOf is the address of a listener as clients write it.
func BaseOf(l net.Listener) string {
	scheme, address := "http://", l.Addr().String()
	if _, ok := l.(secure); ok {
		scheme = "https://"
	}
	if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().IsUnspecified() {
		address = fmt.Sprintf("127.0.0.1:%d", at.Port()) // which is among all
	}
	return scheme + address
}

// WriteEnv writes keys and the file env, whose lines set the environment that clients of this module read, and returns
// the variables as NAME=value.
func (e *Emulator) WriteEnv(base string) (env []string, err error) {
	if e.config.Dir == "" {
		return nil, errors.New("keys need a folder")
	}
	if env, err = e.Fake().WriteKeys(e.config.Dir); err != nil {
		return nil, err
	}
	env = append(env, "WXPAY_BASE_URL="+base, "TPNS_BASE_URL="+base)
	if strings.HasPrefix(base, "https://") {
		env = append(env, "SSL_CERT_FILE="+filepath.Join(e.config.Dir, "ca.pem"), "NODE_EXTRA_CA_CERTS="+filepath.Join(e.config.Dir, "ca.pem"))
	}
	var b strings.Builder
	b.WriteString("unset WXPAY_MCH_ID WXPAY_BRAND_ID WXPAY_PRIVATE_KEY WXPAY_PUBLIC_KEY WXPAY_PUBLIC_KEY_ID WXPAY_PUBLIC_KEY_FILE WXPAY_BACKUP_URL WXPAY_PROFILE\n") // of a real set-up
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return env, replace(filepath.Join(e.config.Dir, "env"), []byte(b.String()))
}

// replace puts a file that only the user may read in the place of what is there, which may be a link.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// silent takes what net/http says of clients that break off; the journal has what there is to know.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }
