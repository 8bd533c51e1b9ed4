package mchtransfer_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

// One transfer: it is made, the user confirms, it ends.
func Example() {
	mock := httpmock.NewMockTransport() // instead of WeChat Pay
	host := platformtest.Host + "/v3/fund-app/mch-transfer/transfer-bills"
	mock.RegisterResponder("POST", host, signed(200, `{"out_bill_no":"2026090001","transfer_bill_no":"1330000071100999991182020050700019480001",
		"create_time":"2026-09-01T08:00:00+08:00","state":"WAIT_USER_CONFIRM","package_info":"affffddafdfafddffda=="}`))
	mock.RegisterResponder("GET", host+"/out-bill-no/2026090001", signed(200, `{"mch_id":"1900000109","out_bill_no":"2026090001",
		"transfer_bill_no":"1330000071100999991182020050700019480001","appid":"wxf636efh567hg4356","state":"SUCCESS","transfer_amount":8800}`))

	ctx := context.Background()
	client, err := wxpay.New(wxpay.Config{
		MchID:       "1900000109",
		SerialNo:    "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
		PrivateKey:  platformtest.MerchantKey(),
		PublicKeyID: platformtest.PublicKeyID,
		PublicKey:   &platformtest.PlatformKey().PublicKey,
		HTTPClient:  &http.Client{Transport: mock},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	service := mchtransfer.New(client)
	bill, err := service.Transfer(ctx, mchtransfer.CreateTransferBillParams{
		AppID:           "wxf636efh567hg4356",
		OutBillNo:       "2026090001",
		TransferSceneID: mchtransfer.Scene1000,
		OpenID:          "o-MYE42l80oelYMDE34nYD456Xoy",
		UserName:        "张三",
		TransferAmount:  8800,
		TransferRemark:  "first prize",
		NotifyURL:       "https://shop.example/wxpay/notify",
		TransferSceneReportInfos: []mchtransfer.SceneReportInfo{
			{InfoType: "活动名称", InfoContent: "新会员有礼"},
			{InfoType: "奖励说明", InfoContent: "注册会员抽奖一等奖"},
		},
	})
	if err != nil {
		fmt.Println(err) // if wxpay.OutcomeUnknown(err): the same again, never with a new number
		return
	}
	fmt.Println(bill.State, bill.PackageInfo) // for requestMerchantTransfer

	ctx, cancel := context.WithTimeout(ctx, 24*time.Hour)
	defer cancel()
	bill, err = service.WaitBill(ctx, mchtransfer.WaitBillParams{OutBillNo: "2026090001"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bill.State, bill.TransferAmount, "yuan")
	// Output:
	// WAIT_USER_CONFIRM affffddafdfafddffda==
	// SUCCESS 88.00 yuan
}

// The receipt of a paid bill, as a file.
func ExampleService_Receipt() {
	mock := httpmock.NewMockTransport() // instead of WeChat Pay
	host := platformtest.Host + "/v3/fund-app/mch-transfer/elecsign/out-bill-no"
	mock.RegisterResponder("POST", host, signed(200, `{"state":"GENERATING","create_time":"2026-09-01T08:00:00+08:00"}`))
	mock.RegisterResponder("GET", host+"/2026090001", finished("SHA256", digest()))
	mock.RegisterResponder("GET", fileAt, unsigned(200, pdf))

	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	var file bytes.Buffer // or a new file that takes the place of the old one once all is well
	receipt, err := newService(mock).Receipt(ctx, mchtransfer.ReceiptParams{OutBillNo: "2026090001"}, &file)
	if err != nil {
		fmt.Println(err) // if errors.Is(err, mchtransfer.ErrReceiptUnchecked): file has it, its digest is SM3
		return
	}
	fmt.Println(receipt.State, file.Len(), "bytes")
	// Output:
	// FINISHED 16 bytes
}
