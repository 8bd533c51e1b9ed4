package membercard_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
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
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.PrepareBonus(ctx, p))
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/bonus/prepare",
		route:   route,
		body:    bonusJSON,
	}.run(t)
	limits(t, route,
		func(ctx context.Context, s *membercard.Service, p membercard.PrepareBonusParams) error {
			return s.PrepareBonus(ctx, p)
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"Code", "code", 32, true},
		limit{"OutTradeNo", "out_trade_no", 32, true},
		limit{"MchID", "mchid", 32, false},
		limit{"SubMchID", "sub_mchid", 32, false},
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
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.CommitBonus(ctx, p))
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/bonus/commit",
		route:   route,
		body:    bonusJSON,
	}.run(t)
	limits(t, route,
		func(ctx context.Context, s *membercard.Service, p membercard.CommitBonusParams) error {
			return s.CommitBonus(ctx, p)
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"Code", "code", 32, true},
		limit{"OutTradeNo", "out_trade_no", 32, true},
		limit{"MchID", "mchid", 32, false},
		limit{"SubMchID", "sub_mchid", 32, false},
	)
}
