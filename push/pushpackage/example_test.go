package pushpackage_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/jarcoal/httpmock"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// mock stands for TPNS in these examples; leave HTTPClient out to reach the real one.
func mock(path, answer string) *http.Client {
	transport := httpmock.NewMockTransport()
	transport.RegisterResponder("POST", pushpackage.ShanghaiURL+path, httpmock.NewStringResponder(200, answer))
	return &http.Client{Transport: transport}
}

func ExampleClient_Upload() {
	client, err := pushpackage.New(pushpackage.Config{
		AccessID:   "1500001048",
		SecretKey:  "1452fcebae9f3115ba794fb0fff2fd73",
		BaseURL:    pushpackage.ShanghaiURL,
		HTTPClient: mock("/v3/push/package/upload", `{"retCode":0,"errMsg":"NO_ERROR","uploadId":11231}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	file := media.Bytes("accounts.txt", []byte("user-1001\nuser-1002\n")) // or media.File("accounts.txt")
	upload, err := client.Upload(context.Background(), pushpackage.UploadParams{File: file})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(upload.UploadID)
	// Output: 11231
}

func ExampleClient_Push() {
	client, err := pushpackage.New(pushpackage.Config{
		AccessID:   "1500001048",
		SecretKey:  "1452fcebae9f3115ba794fb0fff2fd73",
		BaseURL:    pushpackage.ShanghaiURL,
		Signed:     true,
		HTTPClient: mock("/v3/push/app", `{"push_id":"1328245138690125824","ret_code":0,"err_msg":"NO_ERROR"}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	push, err := client.Push(context.Background(), pushpackage.PushParams{
		AudienceType: pushpackage.AccountPackage,
		UploadID:     11231,
		MessageType:  pushpackage.Notify,
		ExpireTime:   new(3600),
		Message: pushpackage.Message{
			Title:   "Prize draw",
			Content: "You have won. Open the app to collect it.",
			Android: &pushpackage.Android{Ring: new(0)},
		},
	})
	switch {
	case errors.Is(err, pushpackage.CodeTooFast):
		fmt.Println("later") // this push was not made
	case pushpackage.OutcomeUnknown(err):
		fmt.Println("look for it before sending again")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(push.PushID)
	}
	// Output: 1328245138690125824
}

func ExampleCheck() {
	fmt.Println(pushpackage.Check(media.Bytes("accounts.csv", []byte("user-1001\nuser-1002,Li\n"))))
	// Output: pushpackage: POST /v3/push/package/upload: file line 2 has more than one column; nothing was sent
}
