package clients

import (
	"fmt"
	"net/http"
	"testing"

	gopay "github.com/go-pay/gopay/wechat/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// gopay takes another host as its "proxy host"; it has calls of its own only, so it makes one that the emulator
// has no product for, and gets the answer that a test says.
func TestGopay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode  wxpaytest.Mode
		trust func(s *stand, client *gopay.ClientV3) error
	}{
		"certificates": {wxpaytest.Certificates, func(s *stand, client *gopay.ClientV3) error {
			err := client.AutoVerifySign(false) // true: a goroutine that never ends
			s.accepted()
			return err
		}},
		"public key": {wxpaytest.PublicKey, func(s *stand, client *gopay.ClientV3) error {
			return client.AutoVerifySignByPublicKey([]byte(s.text("WXPAY_PUBLIC_KEY_FILE")), s.env["WXPAY_PUBLIC_KEY_ID"])
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, test.mode)
			client, err := gopay.NewClientV3(s.env["WXPAY_MCH_ID"], s.env["WXPAY_SERIAL_NO"], s.env["WXPAY_APIV3_KEY"], s.text("WXPAY_PRIVATE_KEY_FILE"))
			require.NoError(t, err)
			client.SetProxyHost(s.url)
			require.NoError(t, test.trust(s, client))

			order := func() (*gopay.QueryOrderRsp, error) {
				return client.V3TransactionQueryOrder(t.Context(), gopay.OutTradeNo, "shop-1")
			}
			got, err := order()
			require.NoError(t, err)
			assert.Equal(t, http.StatusNotFound, got.Code)
			require.NoError(t, s.fake.Reply("GET /v3/pay/transactions/out-trade-no/{out_trade_no}", 200, map[string]string{"out_trade_no": "shop-1", "trade_state": "SUCCESS"}))
			got, err = order() // verified before it is decoded
			require.NoError(t, err)
			require.Equal(t, gopay.Success, got.Code, got.Error)
			assert.Equal(t, "SUCCESS", got.Response.TradeState)

			sealed, err := client.V3EncryptText("13800138000")
			require.NoError(t, err)
			assert.NotEmpty(t, sealed)

			box := receive(t, func(r *http.Request) error {
				n, err := gopay.V3ParseNotify(r)
				if err != nil {
					return err
				}
				if err := n.VerifySignByPKMap(client.WxPublicKeyMap()); err != nil {
					return err
				}
				var content struct {
					EchoMessage string `json:"echo_message"`
				}
				if err := n.DecryptCipherTextToStruct(s.env["WXPAY_APIV3_KEY"], &content); err != nil {
					return err
				}
				if n.EventType != "SECURITY_ECHO.SUCCESS" || content.EchoMessage != "hello" {
					return fmt.Errorf("opened %s %q", n.EventType, content.EchoMessage)
				}
				return nil
			})
			s.notified(box)
		})
	}
}

// The function of gopay that downloads certificates without a client names the merchant's own serial number as
// the platform's. That is unwise and works.
func TestGopayCertificatesWithoutAClient(t *testing.T) {
	s := start(t, wxpaytest.Certificates)
	gopay.SetProxyHost(s.url)
	t.Cleanup(func() { gopay.SetProxyHost("") })
	got, err := gopay.GetPlatformRSACerts(t.Context(), s.env["WXPAY_MCH_ID"], s.env["WXPAY_APIV3_KEY"], s.env["WXPAY_SERIAL_NO"], s.text("WXPAY_PRIVATE_KEY_FILE"))
	require.NoError(t, err)
	require.Equal(t, gopay.Success, got.Code, got.Error)
	assert.Len(t, got.Certs, 1)
	s.accepted("Wechatpay-Serial")
}
