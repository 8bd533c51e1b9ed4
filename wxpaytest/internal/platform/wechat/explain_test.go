package wechat

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/tpns"
)

// A signature by a key of the platform is known by it. No test from outside has these keys.
func TestPlatformKeysThatSignRequests(t *testing.T) {
	t.Parallel()
	p, err := New(Both, "salt", "")
	require.NoError(t, err)
	e, err := engine.New(engine.Options{Platforms: []engine.Platform{&tpns.Platform{}, p}, Plan: &fault.Plan{}, Complain: t.Errorf, Encrypt: p.Encrypt})
	require.NoError(t, err)
	require.NoError(t, p.Start(e))
	keys := p.Merchant.vault.all()
	require.Len(t, keys, 2)
	for _, k := range keys {
		private, err := k.private()
		require.NoError(t, err)
		at := fmt.Sprint(time.Now().Unix())
		sig, err := sign(private, lines("GET", "/v3/certificates", at, "nonce", ""))
		require.NoError(t, err)
		req := httptest.NewRequestWithContext(t.Context(), "GET", "/v3/certificates", nil)
		req.Header.Set("Authorization", fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="nonce",timestamp="%s",serial_no="%s",signature="%s"`, MchID, at, SerialNo, sig))
		w := httptest.NewRecorder()
		e.ServeHTTP(w, req)
		assert.Equal(t, 401, w.Code)
		assert.Contains(t, w.Body.String(), "the private key is that of the platform, "+k.serial)
	}
}

// What is no signature of a key is not read by it.
func TestRead(t *testing.T) {
	t.Parallel()
	p, err := New(PublicKey, "salt", "")
	require.NoError(t, err)
	private, err := p.Merchant.Private()
	require.NoError(t, err)
	for _, sig := range [][]byte{nil, make([]byte, 256), make([]byte, 255), private.N.Bytes(), append([]byte{1}, make([]byte, 255)...)} {
		_, ok := read(sig, &private.PublicKey)
		assert.False(t, ok)
	}
}
