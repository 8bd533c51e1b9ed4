package membercard_test

import (
	"errors"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

const bonusJSON = `{"out_trade_no":"1217752501201407033233368018","mchid":"1230000109","sub_mchid":"1900000109","bonus_value":30}`

func TestPrepareBonus(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/prepare"
	p := membercard.PrepareBonusParams{
		CardID:     "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Code:       "478515832665",
		OutTradeNo: "1217752501201407033233368018",
		MchID:      "1230000109",
		SubMchID:   "1900000109",
		BonusValue: 30,
	}
	platformtest.Wire{
		Call:    succeeds(S.PrepareBonus)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/bonus/prepare",
		Route:   route,
		Body:    bonusJSON,
	}.Run(t)
	platformtest.Limits(t, route, succeeds(S.PrepareBonus), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
		platformtest.Needed("OutTradeNo", "out_trade_no", 32),
		platformtest.Optional("MchID", "mchid", 32),
		platformtest.Optional("SubMchID", "sub_mchid", 32),
	)
	for _, value := range []int64{0, -1} {
		mock := httpmock.NewMockTransport()
		p.BonusValue = value
		e, ok := errors.AsType[*wxpay.ParamError](newService(mock).PrepareBonus(t.Context(), p))
		require.True(t, ok)
		assert.Equal(t, "bonus_value", e.Param)
		assert.Zero(t, mock.GetTotalCallCount())
	}
}

func TestCommitBonus(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/commit"
	p := membercard.CommitBonusParams{
		CardID:     "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Code:       "478515832665",
		OutTradeNo: "1217752501201407033233368018",
		MchID:      "1230000109",
		SubMchID:   "1900000109",
		BonusValue: 30,
	}
	platformtest.Wire{
		Call:    succeeds(S.CommitBonus)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/bonus/commit",
		Route:   route,
		Body:    bonusJSON,
	}.Run(t)
	platformtest.Limits(t, route, succeeds(S.CommitBonus), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
		platformtest.Needed("OutTradeNo", "out_trade_no", 32),
		platformtest.Optional("MchID", "mchid", 32),
		platformtest.Optional("SubMchID", "sub_mchid", 32),
	)
}
