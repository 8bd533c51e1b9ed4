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
	"os"
	"os/signal"
	"syscall"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func main() {
	var p membercard.ImportUserByPhoneParams
	flag.StringVar(&p.CardID, "card", "", "card template `ID`")
	flag.StringVar((*string)(&p.PhoneNumber), "phone", "", "phone `number` of the member")
	flag.StringVar(&p.OutRequestNo, "request-no", "", "`number` of this request, unique and yours; letters, digits and | _ * -")
	flag.StringVar(&p.Code, "code", "", "card `code`, for cards whose codes come from the merchant in real time")
	flag.Parse()
	if flag.NArg() > 0 || p.CardID == "" || p.PhoneNumber == "" || p.OutRequestNo == "" {
		fmt.Fprintln(os.Stderr, "membercard: wants -card, -phone and -request-no, and no other arguments; see -help")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := importMember(ctx, p)
	if err != nil {
		fmt.Fprintln(os.Stderr, "membercard:", err)
		os.Exit(1)
	}
	fmt.Println(code)
}

func importMember(ctx context.Context, p membercard.ImportUserByPhoneParams) (string, error) {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return "", err
	}
	client, err := wxpay.New(config)
	if err != nil {
		return "", err
	}
	member, err := membercard.New(client).ImportUserByPhone(ctx, p)
	if err != nil {
		return "", err
	}
	return member.Code, nil
}
