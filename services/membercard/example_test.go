package membercard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func ExampleService_ImportUserByPhone() {
	ctx, service := context.Background(), exampleService()

	member, err := service.ImportUserByPhone(ctx, membercard.ImportUserByPhoneParams{
		CardID:       "pbLatjvWOibDc5-TBnbUk1pD12o0",
		PhoneNumber:  "13800138000", // encrypted on its way out
		OutRequestNo: "import-20260820-000001",
	})
	switch {
	case err == nil:
		fmt.Println("member has code", member.Code)
	case errors.Is(err, wxpay.CodeInvalidRequest):
		fmt.Println("cannot be imported:", err)
	case wxpay.OutcomeUnknown(err):
		fmt.Println("call again with the same OutRequestNo:", err)
	default:
		fmt.Println(err)
	}
	// Output: member has code 751234212312
}

func ExampleService_AllUserCards() {
	ctx, service := context.Background(), exampleService()

	for ref, err := range service.AllUserCards(ctx, membercard.ListUserCardsParams{OpenID: "obLatjnx9gnqzS4myYGmLZ7LgLBA"}) {
		if err != nil {
			fmt.Println("not all were seen:", err)
			break
		}
		fmt.Println(ref.CardID, ref.Code)
	}
	// Output:
	// pbLatjvWOibDc5-TBnbUk1pD12o0 478515832665
	// pbLatjhJfIbDc5-TBnbUk1pD34a7 751234212312
}

// exampleService talks to a mock; a program makes its own of a client from wxpay.New, once.
func exampleService() *membercard.Service {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", host+"/v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/phone-membercard/import",
		httpmock.NewStringResponder(http.StatusOK, `{"code":"751234212312"}`))
	mock.RegisterResponder("GET", host+"/v3/marketing/membercard-open/user/cards",
		httpmock.NewStringResponder(http.StatusOK, `{"data":[
			{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","code":"478515832665"},
			{"card_id":"pbLatjhJfIbDc5-TBnbUk1pD34a7","code":"751234212312"}],"total_count":2,"offset":0,"limit":20}`))
	return newService(mock)
}
