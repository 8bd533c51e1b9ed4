package edupapay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
)

// One period under a contract that stands: the notice, days later the debit, then its outcome.
func Example() {
	mock := httpmock.NewMockTransport() // instead of WeChat Pay
	mock.RegisterResponder("POST", host+"/v3/edu-papay/user-notifications/wx998877665544wx/send", signed(204, ""))
	mock.RegisterResponder("POST", host+"/v3/edu-papay/transactions", signed(204, ""))
	mock.RegisterResponder("GET", host+"/v3/edu-papay/transactions/out-trade-no/2026-09-0001",
		signed(200, `{"appid":"wx8888888888888888","out_trade_no":"2026-09-0001","trade_state":"SUCCESS","amount":{"total":88800,"payer_total":88800}}`))

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
	service := edupapay.New(client)

	// 1 to 3 days before the day of the debit:
	err = service.SendDebitNotice(ctx, edupapay.SendDebitNoticeParams{ContractID: "wx998877665544wx", AppID: "wx8888888888888888"})
	if err != nil && !errors.Is(err, wxpay.CodeAlreadyExists) {
		fmt.Println(err)
		return
	}

	// On the day:
	err = service.CreateTransaction(ctx, edupapay.CreateTransactionParams{
		AppID:             "wx8888888888888888",
		Body:              "Chinese lessons, September",
		OutTradeNo:        "2026-09-0001",
		NotifyURL:         "https://shop.example/wxpay/notify",
		ContractID:        "wx998877665544wx",
		Amount:            edupapay.DebitAmount{Total: 88800},
		DeviceInformation: edupapay.DeviceInformation{DeviceIP: "203.0.113.7"},
	})
	if err != nil && !errors.Is(err, wxpay.CodeAlreadyExists) {
		fmt.Println(err) // if wxpay.OutcomeUnknown(err): the same again, never with a new number
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	t, err := service.WaitTransaction(ctx, edupapay.WaitTransactionParams{OutTradeNo: "2026-09-0001"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.TradeState, t.Amount.PayerTotal, "yuan")
	// Output:
	// SUCCESS 888.00 yuan
}

// The token goes to the merchant's mini program, which opens the signing mini program with it.
func ExampleService_PresignContract() {
	service := newService(all(signed(200, `{"presign_token":"0044de6c799739c2e8534b"}`)))
	presign, err := service.PresignContract(context.Background(), edupapay.PresignContractParams{
		AppID:           "wx8888888888888888",
		OpenID:          "oUpF8uMuAJOM2pxb1Q",
		PlanID:          "101164396123311331",
		UserID:          "20200330tony",
		PeriodStartDate: wxpay.Date{Year: 2026, Month: time.September, Day: 1},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(presign.PresignToken)
	// Output:
	// 0044de6c799739c2e8534b
}

func ExampleService_AllUserContracts() {
	service := newService(all(signed(200, `{"data":[{"appid":"wx8888888888888888","contract_information":{"contract_id":"wx998877665544wx",
		"contract_status":"ADD","create_time":"2020-03-26T10:43:39+08:00"}}],"total_count":1,"offset":0,"limit":20}`)))
	for contract, err := range service.AllUserContracts(context.Background(), edupapay.ListUserContractsParams{
		OpenID: "oUpF8uMuAJOM2pxb1Q", AppID: "wx8888888888888888", PlanID: "101164396123311331",
	}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(contract.ContractInformation.ContractID, contract.ContractInformation.ContractStatus)
	}
	// Output:
	// wx998877665544wx ADD
}
