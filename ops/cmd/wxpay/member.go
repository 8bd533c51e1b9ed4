package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func (a *app) memberShow() *cobra.Command {
	var p membercard.GetUserCardParams
	c := &cobra.Command{
		Use:     "show",
		Short:   a.t("the card of one member", "查询一张会员卡"),
		Example: "  wxpay member show --card CARD_ID --code CODE",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			card, err := membercard.New(client).GetUserCard(c.Context(), p)
			if err != nil {
				return read(err)
			}
			return a.emit("member_card", card, func(w io.Writer) { a.showCard(w, card) })
		},
	}
	c.Flags().StringVar(&p.CardID, "card", "", a.t("`ID` of the card template", "会员卡模板 `ID`"))
	c.Flags().StringVar(&p.Code, "code", "", a.t("`CODE` of the member's card", "会员卡 `CODE`"))
	a.need(c, "card", "code")
	return c
}

// showCard leaves out what the user filled in, which --json has.
func (a *app) showCard(w io.Writer, card *membercard.UserCard) {
	line := func(english, chinese, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-18s %s\n", a.t(english, chinese), printable(value))
		}
	}
	line("card", "卡模板", card.CardID)
	line("code", "卡号", card.Code)
	line("status", "状态", string(card.UserCardStatus))
	line("openid", "openid", card.OpenID)
	line("membership number", "会员编号", card.MembershipNumber)
	line("level", "等级", card.Level)
	line("balance", "储值余额", card.Balance.String())
	line("bonus", "积分", fmt.Sprint(card.BonusValue))
}
