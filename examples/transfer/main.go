// Command transfer pays a user, or finds out what became of an earlier run with the same number, and prints the bill as
// JSON:
//
//	go run ./examples/transfer -appid ID -bill NO -openid ID -fen 400 -scene 1000 -remark TEXT -info 活动名称=Lottery -info 奖励说明=Prize
//
// The merchant comes from the environment; see wxpay.ConfigFromEnv. The user has to take the money: the bill names the
// package_info with which the mini program shows the page. If the outcome is unknown, run it again with the same -bill,
// never with another one. From 2,000 yuan on set USER_NAME_OF_PAYEE to the real name of the user. With -wait it waits until the bill has ended.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/examples/internal/program"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

func main() {
	var p mchtransfer.CreateTransferBillParams
	flag.StringVar(&p.AppID, "appid", "", "`ID` of the app that the user knows")
	flag.StringVar(&p.OutBillNo, "bill", "", "`number` of the bill, unique and yours; letters and digits")
	flag.StringVar(&p.OpenID, "openid", "", "`ID` of the user under the AppID")
	flag.Int64Var((*int64)(&p.TransferAmount), "fen", 0, "amount in `fen`, 100 to the yuan")
	flag.StringVar((*string)(&p.TransferSceneID), "scene", string(mchtransfer.Scene1000), "`ID` of the scene")
	flag.StringVar(&p.TransferRemark, "remark", "", "`text` that the user sees")
	flag.StringVar(&p.NotifyURL, "notify-url", "", "`address` that hears how it ended")
	flag.Func("info", "`NAME=TEXT` that the scene asks for; once for each", func(s string) error {
		name, text, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("is not NAME=TEXT")
		}
		p.TransferSceneReportInfos = append(p.TransferSceneReportInfos, mchtransfer.SceneReportInfo{InfoType: name, InfoContent: text})
		return nil
	})
	wait := flag.Bool("wait", false, "wait until the bill has ended")
	program.Need("appid", "bill", "openid", "remark")
	// The name of a user is no flag: others on this machine can see the flags of a program.
	p.UserName = wxpay.Secret(os.Getenv("USER_NAME_OF_PAYEE"))
	program.Run(func(ctx context.Context) error { return transfer(ctx, p, *wait) })
}

func transfer(ctx context.Context, p mchtransfer.CreateTransferBillParams, wait bool) error {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	client, err := wxpay.New(config)
	if err != nil {
		return err
	}
	service := mchtransfer.New(client)
	bill, err := service.Transfer(ctx, p)
	if err == nil && wait {
		fmt.Fprintf(os.Stderr, "bill %s is %s, waiting\n", bill.OutBillNo, bill.State)
		bill, err = service.WaitBill(ctx, mchtransfer.WaitBillParams{OutBillNo: p.OutBillNo})
	}
	if bill != nil {
		if err := json.NewEncoder(os.Stdout).Encode(bill); err != nil {
			return err
		}
	}
	return err
}
