package security_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/security"
)

// The self-test proves all four directions: our signature and the platform's, encryption to the platform
// and back.
func Example() {
	mock := httpmock.NewMockTransport() // instead of WeChat Pay
	mock.RegisterResponder("POST", "https://api.mch.weixin.qq.com/v3/security/echo", echo)

	ctx := context.Background()
	client, err := wxpay.New(wxpay.Config{
		MchID:       "1230000109",
		SerialNo:    "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
		PrivateKey:  platformtest.MerchantKey(),
		PublicKeyID: serial,
		PublicKey:   &platformtest.PlatformKey().PublicKey,
		HTTPClient:  &http.Client{Transport: mock},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	params := security.EchoParams{EchoMessage: "hello", EncryptedEchoMessage: "13800001111"}
	echo, err := security.New(client).Echo(ctx, params)
	if err != nil {
		fmt.Println(err)
		return
	}
	secret, err := client.Decrypt(ctx, echo.EncryptedEchoMessage)
	fmt.Println(echo.EchoMessage, secret, secret == params.EncryptedEchoMessage, err)
	// Output:
	// hello *** true <nil>
}
