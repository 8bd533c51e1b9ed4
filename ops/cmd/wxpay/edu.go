package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

func (a *app) eduContracts() *cobra.Command {
	var p edupapay.ListUserContractsParams
	var status string
	c := &cobra.Command{
		Use:     "contracts",
		Short:   a.t("the contracts of a user", "查询用户的签约协议"),
		Example: "  wxpay edu contracts --openid OPENID --appid APPID --plan PLAN_ID",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			p.ContractStatus = edupapay.ContractStatus(status)
			n := 0
			for contract, err := range edupapay.New(client).AllUserContracts(c.Context(), p) {
				if errors.Is(err, edupapay.ErrNoContracts) {
					break
				}
				if err != nil {
					return read(err)
				}
				n++
				if err := a.emit("contract", contract, func(w io.Writer) {
					i := contract.ContractInformation
					fmt.Fprintf(w, "%-32s  %-6s  %s  %s\n", printable(i.ContractID), printable(string(i.ContractStatus)), clock(i.CreateTime.Time), printable(contract.PlanID))
				}); err != nil {
					return err
				}
			}
			a.note("%s", a.t(fmt.Sprintf("%d contracts", n), fmt.Sprintf("共 %d 份协议", n)))
			return a.emit("sums", struct {
				Contracts int `json:"contracts"`
			}{n}, nil)
		},
	}
	flags := c.Flags()
	flags.StringVar(&p.OpenID, "openid", "", a.t("`OPENID` of the user under --appid", "用户在 --appid 下的 `OPENID`"))
	flags.StringVar(&p.AppID, "appid", "", a.t("`APPID` of the caller", "调用方 `APPID`"))
	flags.StringVar(&p.PlanID, "plan", "", a.t("`ID` of the contract template", "签约模板 `ID`"))
	flags.StringVar(&status, "status", "", a.t("`STATUS` to look for: ADD (signed, the default) or DELETE", "协议 `STATUS`：ADD（已签约，默认）或 DELETE"))
	flags.StringVar(&p.SubMchID, "sub-mchid", "", a.t("`NUMBER` of the sub-merchant; partners only", "子商户号 `NUMBER`；仅服务商"))
	flags.StringVar(&p.SubAppID, "sub-appid", "", a.t("`APPID` of the sub-merchant; partners only", "子商户 `APPID`；仅服务商"))
	flags.StringVar(&p.SubOpenID, "sub-openid", "", a.t("`OPENID` under --sub-appid; partners only", "用户在 --sub-appid 下的 `OPENID`；仅服务商"))
	a.need(c, "openid", "appid", "plan")
	return c
}
