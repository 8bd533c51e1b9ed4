// Command membercard gives an existing member a card by phone number and prints the card code:
//
//	go run ./examples/membercard -card ID -phone 13800138000 -request-no NO [-code CODE]
//
// The merchant comes from the environment; see wxpay.ConfigFromEnv. If the outcome is unknown, run it again
// with the same -request-no.
package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/examples/internal/program"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func main() {
	var p membercard.ImportUserByPhoneParams
	flag.StringVar(&p.CardID, "card", "", "card template `ID`")
	flag.StringVar((*string)(&p.PhoneNumber), "phone", "", "phone `number` of the member")
	flag.StringVar(&p.OutRequestNo, "request-no", "", "`number` of this request, unique and yours; letters, digits and | _ * -")
	flag.StringVar(&p.Code, "code", "", "card `code`, for cards whose codes come from the merchant in real time")
	program.Need("card", "phone", "request-no")
	program.Run(func(ctx context.Context) error { return importMember(ctx, p) })
}

func importMember(ctx context.Context, p membercard.ImportUserByPhoneParams) error {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	client, err := wxpay.New(config)
	if err != nil {
		return err
	}
	member, err := membercard.New(client).ImportUserByPhone(ctx, p)
	if err != nil {
		return err
	}
	fmt.Println(member.Code)
	return nil
}
