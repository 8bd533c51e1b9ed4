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

func TestActivateUserCard(t *testing.T) {
	t.Parallel()
	p := membercard.ActivateUserCardParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", Code: "478515832665", MembershipNumber: "316510891298"}
	w := wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.ActivateUserCard(ctx, p))
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/activate",
		route:   "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/activate",
		body:    `{"membership_number":"316510891298"}`,
	}
	w.run(t)
	t.Run("without number", func(t *testing.T) {
		w := w
		w.call = func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.ActivateUserCard(ctx, membercard.ActivateUserCardParams{CardID: p.CardID, Code: p.Code}))
		}
		w.body = `{}`
		w.run(t)
	})
	limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/activate",
		func(ctx context.Context, s *membercard.Service, p membercard.ActivateUserCardParams) error {
			return s.ActivateUserCard(ctx, p)
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"Code", "code", 32, true},
		limit{"MembershipNumber", "membership_number", 32, false},
	)
}

func TestConfirmUserCard(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/confirm"
	p := membercard.ConfirmUserCardParams{
		CardID:               "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Code:                 "478515832665",
		FailReason:           "开卡信息校验失败",
		UserCardConfirmState: membercard.ConfirmFail,
	}
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.ConfirmUserCard(ctx, p))
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/confirm",
		route:   route,
		body:    `{"fail_reason":"开卡信息校验失败","user_card_confirm_state":"CREATE_CARD_FAIL"}`,
	}.run(t)
	limits(t, route,
		func(ctx context.Context, s *membercard.Service, p membercard.ConfirmUserCardParams) error {
			return s.ConfirmUserCard(ctx, p)
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"Code", "code", 32, true},
		limit{"FailReason", "fail_reason", 128, false},
		limit{"UserCardConfirmState", "user_card_confirm_state", 0, true},
	)
	mock := httpmock.NewMockTransport()
	p.UserCardConfirmState = "DEFAULT"
	e, ok := errors.AsType[*wxpay.ParamError](newService(mock).ConfirmUserCard(t.Context(), p))
	require.True(t, ok)
	assert.Equal(t, "user_card_confirm_state", e.Param)
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestGetActivateInformation(t *testing.T) {
	t.Parallel()
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return s.GetActivateInformation(ctx, membercard.GetActivateInformationParams{ActivateTicket: "abcdefg"})
		},
		request: "GET /v3/marketing/membercard-open/activate-informations/abcdefg",
		route:   "GET /v3/marketing/membercard-open/activate-informations/{activate_ticket}",
		answer:  `{"nickname":"周星星","head_image_url":"https://xxx.jpg","user_information":` + filledIn + `}`,
		want:    &membercard.ActivateInformation{Nickname: "周星星", HeadImageURL: "https://xxx.jpg", UserInformation: userInformation},
		enums:   []string{"USER_FORM_FLAG_CITY"},
		repeats: true,
	}.run(t)
	limits(t, "GET /v3/marketing/membercard-open/activate-informations/{activate_ticket}",
		func(ctx context.Context, s *membercard.Service, p membercard.GetActivateInformationParams) error {
			_, err := s.GetActivateInformation(ctx, p)
			return err
		}, membercard.GetActivateInformationParams{}, limit{"ActivateTicket", "activate_ticket", 256, true})
}
