// Command edupapay prints the contracts that a user has under one template, as JSON lines on standard output:
//
//	go run ./examples/edupapay -openid oUpF8uMuAJOM2pxb1Q -appid wx8888888888888888 -plan 101164396123311331
//
// Who calls is set by the environment; see wxpay.ConfigFromEnv.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/examples/internal/program"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

func main() {
	var p edupapay.ListUserContractsParams
	flag.StringVar(&p.OpenID, "openid", "", "`ID` of the user under the AppID")
	flag.StringVar(&p.AppID, "appid", "", "`ID` of the app")
	flag.StringVar(&p.PlanID, "plan", "", "`ID` of the contract template")
	program.Need("openid", "appid", "plan")
	program.Run(func(ctx context.Context) error { return listContracts(ctx, p) })
}

func listContracts(ctx context.Context, p edupapay.ListUserContractsParams) error {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	client, err := wxpay.New(config)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for contract, err := range edupapay.New(client).AllUserContracts(ctx, p) {
		if err != nil {
			return err
		}
		if err := out.Encode(contract); err != nil {
			return err
		}
	}
	return nil
}
