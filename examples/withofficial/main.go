// Command withofficial shows how this SDK and wechatpay-go share their objects, in both directions:
//
//   - core.NewClient of wechatpay-go with our signer and our keys, which brings it keys that change by
//     themselves and both kinds of platform key at once;
//   - wxpay.New with the signer, verifier and encryptor that a backend of wechatpay-go has already.
//
// Both run the self-test of the interface, which has no effect on business:
//
//	go run ./examples/withofficial
//
// Who calls is set by the environment, with the platform public key; see wxpay.ConfigFromEnv. Neither
// WXPAY_APIV3_KEY nor platform certificates are needed.
package main

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher/encryptors"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/examples/internal/program"
	"github.com/wxpay-go/wxpay/services/security"
)

func main() {
	program.Need()
	program.Run(run)
}

func run(ctx context.Context) error {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	if err := oursInTheirs(ctx, config); err != nil {
		return err
	}
	return theirsInOurs(ctx, config)
}

// oursInTheirs hands our objects to the official client.
func oursInTheirs(ctx context.Context, config wxpay.Config) error {
	ours, err := wxpay.New(config)
	if err != nil {
		return err
	}
	official, err := core.NewClient(ctx,
		option.WithSigner(ours.Signer()),
		option.WithVerifier(ours.Verifier()),
		option.WithWechatPayCipher(ours.Encryptor(), nil),
	)
	if err != nil {
		return err
	}
	result, err := official.Post(ctx, cmp.Or(config.BaseURL, wxpay.MainURL)+"/v3/security/echo", map[string]string{"echo_message": "hello"})
	if err != nil {
		return fmt.Errorf("official client: %w", err)
	}
	defer result.Response.Body.Close()
	body, err := io.ReadAll(result.Response.Body)
	if err != nil {
		return err
	}
	fmt.Printf("official client, our objects: %s, %d bytes verified\n", result.Response.Status, len(body))
	return nil
}

// theirsInOurs makes a client of the objects that an official client is made of.
func theirsInOurs(ctx context.Context, config wxpay.Config) error {
	key, ok := config.PrivateKey.(*rsa.PrivateKey)
	if !ok || config.PublicKey == nil {
		return errors.New("the platform public key is missing; set WXPAY_PUBLIC_KEY_ID and WXPAY_PUBLIC_KEY_FILE")
	}
	client, err := wxpay.New(wxpay.Config{
		Signer:    &signers.SHA256WithRSASigner{MchID: config.MchID, CertificateSerialNo: config.SerialNo, PrivateKey: key},
		Verifier:  verifiers.NewSHA256WithRSAPubkeyVerifier(config.PublicKeyID, *config.PublicKey),
		Encryptor: encryptors.NewWechatPayPubKeyEncryptor(config.PublicKeyID, *config.PublicKey),
		BaseURL:   config.BaseURL,
		BackupURL: config.BackupURL,
	})
	if err != nil {
		return err
	}
	echo, err := security.New(client).Echo(ctx, security.EchoParams{EchoMessage: "hello"})
	if err != nil {
		return err
	}
	fmt.Printf("our client, official objects: echo %q\n", echo.EchoMessage)
	return nil
}
