package bench

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/go-pay/gopay"
	gopaywechat "github.com/go-pay/gopay/wechat/v3"
	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	officialnotify "github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/fileuploader"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/profitsharing"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/security"
)

// A Contender does the jobs that are measured. Each verifies what the platform says.
type Contender struct {
	Name   string
	Get    func(context.Context) error                  // a signed GET
	Post   func(context.Context) error                  // a signed POST with one encrypted field
	Upload func(ctx context.Context, path string) error // a file with its digest
	Notify func(*http.Request) error                    // verifies, decrypts and decodes a notification
}

// Contenders are the two floors, this SDK and its peers.
func Contenders(a Access) ([]Contender, error) {
	sdk, err := SDK(a)
	if err != nil {
		return nil, err
	}
	official, err := Official(a)
	if err != nil {
		return nil, err
	}
	gopay, err := Gopay(a)
	if err != nil {
		return nil, err
	}
	return []Contender{Floor(a, true), Floor(a, false), sdk, official, gopay}, nil
}

// A trade is what notifications carry.
type trade struct {
	MchID         string `json:"mchid"`
	AppID         string `json:"appid"`
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id"`
	TradeType     string `json:"trade_type"`
	TradeState    string `json:"trade_state"`
}

// SDK is this SDK.
func SDK(a Access) (Contender, error) {
	client, err := wxpay.New(a.config())
	if err != nil {
		return Contender{}, err
	}
	cards, tests := membercard.New(client), security.New(client)
	return Contender{
		Name: "wxpay",
		Get: func(ctx context.Context) error {
			_, err := cards.GetUserCard(ctx, membercard.GetUserCardParams{CardID: "pbLatjvFdsLDBvnL6CFzzqx2pSEM", Code: "478515832665"})
			return err
		},
		Post: func(ctx context.Context) error {
			_, err := tests.Echo(ctx, security.EchoParams{EchoMessage: "hello", EncryptedEchoMessage: "hello"})
			return err
		},
		Upload: func(ctx context.Context, path string) error {
			file, err := media.File(path)
			if err != nil {
				return err
			}
			digest, err := file.Digest()
			if err != nil {
				return err
			}
			_, err = wxpay.Do[struct {
				MediaID string `json:"media_id"`
			}](ctx, client, wxpay.Call{
				Route:  "POST /v3/merchant/media/upload",
				Body:   map[string]string{"filename": file.Name(), "sha256": digest.Hex()},
				File:   file,
				Digest: &digest,
			})
			return err
		},
		Notify: func(r *http.Request) error {
			event, err := notify.Parse(client, r)
			if err != nil {
				return err
			}
			return event.Decode(new(trade))
		},
	}, nil
}

func (a Access) config() wxpay.Config {
	return wxpay.Config{
		MchID: mchID, SerialNo: serialNo, PrivateKey: a.Merchant, APIv3Key: apiV3Key,
		PublicKeyID: publicKeyID, PublicKey: a.Platform, HTTPClient: a.httpClient(0),
	}
}

// Official is wechatpay-go. It has none of the products here: the nearest calls are asking for an order,
// adding a receiver for profit sharing and uploading a picture.
func Official(a Access) (Contender, error) {
	ctx := context.Background()
	client, err := core.NewClient(ctx,
		option.WithWechatPayPublicKeyAuthCipher(mchID, serialNo, a.Merchant, publicKeyID, a.Platform),
		option.WithHTTPClient(a.httpClient(30*time.Second)))
	if err != nil {
		return Contender{}, err
	}
	handler, err := officialnotify.NewRSANotifyHandler(apiV3Key, verifiers.NewSHA256WithRSAPubkeyVerifier(publicKeyID, *a.Platform))
	if err != nil {
		return Contender{}, err
	}
	orders := jsapi.JsapiApiService{Client: client}
	receivers := profitsharing.ReceiversApiService{Client: client}
	pictures := fileuploader.ImageUploader{Client: client}
	return Contender{
		Name: "wechatpay-go",
		Get: func(ctx context.Context) error {
			_, _, err := orders.QueryOrderByOutTradeNo(ctx, jsapi.QueryOrderByOutTradeNoRequest{OutTradeNo: new("pbLatjvFdsLDBvnL6CFzzqx2pSEM"), Mchid: new(mchID)})
			return err
		},
		Post: func(ctx context.Context) error {
			_, _, err := receivers.AddReceiver(ctx, profitsharing.AddReceiverRequest{
				Appid: new("wxd678efh567hg6787"), Type: profitsharing.RECEIVERTYPE_MERCHANT_ID.Ptr(), Account: new("1900000110"),
				RelationType: profitsharing.RECEIVERRELATIONTYPE_PARTNER.Ptr(), Name: new("hello"),
			})
			return err
		},
		Upload: func(ctx context.Context, path string) error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			_, _, err = pictures.Upload(ctx, file, "upload.bin", "application/octet-stream")
			return err
		},
		Notify: func(r *http.Request) error {
			_, err := handler.ParseNotifyRequest(r.Context(), r, new(trade))
			return err
		},
	}, nil
}

// Gopay is gopay, with the same calls as wechatpay-go.
func Gopay(a Access) (Contender, error) {
	client, err := gopaywechat.NewClientV3(mchID, serialNo, apiV3Key, text("PRIVATE KEY", a.Merchant))
	if err != nil {
		return Contender{}, err
	}
	if err := client.AutoVerifySignByPublicKey([]byte(text("PUBLIC KEY", a.Platform)), publicKeyID); err != nil {
		return Contender{}, err
	}
	client.GetHttpClient().HttpClient = a.httpClient(60 * time.Second)
	keys := map[string]*rsa.PublicKey{publicKeyID: a.Platform}
	return Contender{
		Name: "gopay",
		Get: func(ctx context.Context) error {
			r, err := client.V3TransactionQueryOrder(ctx, gopaywechat.OutTradeNo, "pbLatjvFdsLDBvnL6CFzzqx2pSEM")
			return gopayError(r != nil && r.Code == gopaywechat.Success, err)
		},
		Post: func(ctx context.Context) error {
			name, err := client.V3EncryptText("hello")
			if err != nil {
				return err
			}
			body := make(gopay.BodyMap)
			body.Set("appid", "wxd678efh567hg6787").Set("type", "MERCHANT_ID").Set("account", "1900000110").Set("relation_type", "PARTNER").Set("name", name)
			r, err := client.V3ProfitShareAddReceiver(ctx, body)
			return gopayError(r != nil && r.Code == gopaywechat.Success, err)
		},
		Upload: func(ctx context.Context, path string) error {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(content)
			r, err := client.V3MediaUploadImage(ctx, "upload.bin", hex.EncodeToString(sum[:]), &gopay.File{Name: "upload.bin", Content: content})
			return gopayError(r != nil && r.Code == gopaywechat.Success, err)
		},
		Notify: func(r *http.Request) error {
			n, err := gopaywechat.V3ParseNotify(r)
			if err != nil {
				return err
			}
			if err := n.VerifySignByPKMap(keys); err != nil {
				return err
			}
			return n.DecryptCipherTextToStruct(apiV3Key, new(trade))
		},
	}, nil
}

// gopayError is the error of a call, which reports a refusal in its result.
func gopayError(success bool, err error) error {
	if err == nil && !success {
		return errors.New("gopay: refused")
	}
	return err
}

// text is a key as PEM.
func text(kind string, key any) string {
	var der []byte
	var err error
	if public, ok := key.(*rsa.PublicKey); ok {
		der, err = x509.MarshalPKIXPublicKey(public)
	} else {
		der, err = x509.MarshalPKCS8PrivateKey(key)
	}
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
