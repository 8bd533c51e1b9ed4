package membercard_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func TestImportPhoneNumber(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/marketing/membercard-open/phonenumber-member/import"
	p := membercard.ImportPhoneNumberParams{
		MemberInformation: membercard.MemberInformation{
			CardID:           "pbLatjvWOibDc5-TBnbUk1pD12o0",
			Code:             "478515832665",
			MembershipNumber: "316510891298",
			RegistrationTime: at("2015-05-20T13:29:35.120456789+08:00"),
		},
		PhoneNumber: "13800138000",
		OuterStr:    "my_card_CARD",
	}
	before := p
	w := platformtest.Wire{
		Call:    succeeds(S.ImportPhoneNumber)(p),
		Request: route,
		Route:   route,
		Body: `{
			"member_information": {
				"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
				"code": "478515832665",
				"membership_number": "316510891298",
				"registration_time": "2015-05-20T13:29:35.120+08:00"
			},
			"encrypted_phone_number": "13800138000",
			"outer_str": "my_card_CARD"
		}`,
	}
	w.Run(t)
	t.Run("what is needed", func(t *testing.T) {
		w := w
		w.Call = succeeds(S.ImportPhoneNumber)(membercard.ImportPhoneNumberParams{
			MemberInformation: membercard.MemberInformation{CardID: "p1", RegistrationTime: at("2015-05-20T13:29:35+08:00")},
			PhoneNumber:       "13800138000",
		})
		w.Body = `{"member_information": {"card_id": "p1", "registration_time": "2015-05-20T13:29:35+08:00"}, "encrypted_phone_number": "13800138000"}`
		w.Run(t)
	})
	platformtest.Limits(t, route, succeeds(S.ImportPhoneNumber), p,
		platformtest.Needed("MemberInformation.CardID", "member_information.card_id", 32),
		platformtest.Optional("MemberInformation.Code", "member_information.code", 32),
		platformtest.Optional("MemberInformation.MembershipNumber", "member_information.membership_number", 32),
		platformtest.Needed("PhoneNumber", "encrypted_phone_number", 0),
		platformtest.Optional("OuterStr", "outer_str", 128),
	)
	assert.Equal(t, before, p, "the caller's params stay as they are")
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v", p, p, p), toJSON(t, p)} {
		assert.NotContains(t, shown, "13800138000")
	}

	mock := httpmock.NewMockTransport()
	p.MemberInformation.RegistrationTime = wxpay.Time{}
	e, ok := errors.AsType[*wxpay.ParamError](newService(mock).ImportPhoneNumber(t.Context(), p))
	require.True(t, ok)
	assert.Equal(t, "member_information.registration_time", e.Param)
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestSearchPhoneNumber(t *testing.T) {
	t.Parallel()
	const route = "GET /v3/marketing/membercard-open/phonenumber-member/search"
	p := membercard.SearchPhoneNumberParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", PhoneNumber: "13800138000"}
	w := platformtest.Wire{
		Call:    answers(S.SearchPhoneNumber)(p),
		Request: route,
		Route:   route,
		Query:   "card_id=pbLatjvWOibDc5-TBnbUk1pD12o0&encrypted_phone_number=13800138000",
		Answer: `{"receive_status":"RECEIVED","user_card_information":{
			"code": "478515832665",
			"openid": "oHdb05U3pYMGsKSVAHN8AhIGhJaA",
			"unionid": "oHdb05U3p11ahKSVAHN8AhIGhJaA",
			"receive_time": "2015-05-20T13:29:35.120+08:00",
			"card_appid": "wx0c44f7dee34b04d1",
			"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0"
		}}`,
		Want: &membercard.PhoneNumberState{
			ReceiveStatus: membercard.ReceiveReceived,
			UserCardInformation: membercard.UserCardInformation{
				Code:        "478515832665",
				OpenID:      "oHdb05U3pYMGsKSVAHN8AhIGhJaA",
				UnionID:     "oHdb05U3p11ahKSVAHN8AhIGhJaA",
				ReceiveTime: at("2015-05-20T13:29:35.120+08:00"),
				CardAppID:   "wx0c44f7dee34b04d1",
				CardID:      "pbLatjvWOibDc5-TBnbUk1pD12o0",
			},
		},
		Enums:   []string{"RECEIVED"},
		Repeats: true,
	}
	w.Run(t)
	t.Run("not taken", func(t *testing.T) {
		w := w
		w.Answer = `{"receive_status":"UNRECEIVED"}`
		w.Want = &membercard.PhoneNumberState{ReceiveStatus: membercard.ReceiveUnreceived}
		w.Enums = []string{"UNRECEIVED"}
		w.Run(t)
	})
	platformtest.Limits(t, route, answers(S.SearchPhoneNumber), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("PhoneNumber", "encrypted_phone_number", 0),
	)
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v", p, p, p), toJSON(t, p)} {
		assert.NotContains(t, shown, "13800138000")
	}
}

func TestPhoneNumberOfSearch(t *testing.T) {
	t.Parallel()
	for phone, good := range map[string]bool{
		"13800138000":    true,
		"8613800138000":  true,
		"+8613800138000": true,
		"+85291234567":   false,
		"+12025550123":   false,
		"1380013800":     false,
		"138001380000":   false,
		"138 0013 8000":  false,
	} {
		mock := all(httpmock.NewStringResponder(http.StatusOK, `{"receive_status":"UNSHOWED"}`))
		state, err := newService(mock).SearchPhoneNumber(t.Context(), membercard.SearchPhoneNumberParams{CardID: "p1", PhoneNumber: wxpay.Secret(phone)})
		if good {
			require.NoError(t, err, phone)
			assert.Equal(t, membercard.ReceiveUnshowed, state.ReceiveStatus)
			continue
		}
		e, ok := errors.AsType[*wxpay.ParamError](err)
		if assert.True(t, ok, phone) {
			assert.Equal(t, "encrypted_phone_number", e.Param)
			assert.NotContains(t, e.Error(), phone)
		}
		assert.Zero(t, mock.GetTotalCallCount(), phone)
	}
}

// Neither the number nor its ciphertext gets into an error.
func TestSearchPhoneNumberErrorHoldsNoQuery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := all(httpmock.NewStringResponder(http.StatusForbidden, `{"code":"NO_AUTH","message":"无权限"}`).
			Then(httpmock.NewErrorResponder(io.ErrUnexpectedEOF)))
		service := newService(mock)
		for _, want := range []error{wxpay.CodeNoAuth, io.ErrUnexpectedEOF} {
			_, err := service.SearchPhoneNumber(t.Context(), membercard.SearchPhoneNumberParams{CardID: "p1", PhoneNumber: "13800138000"})
			require.ErrorIs(t, err, want)
			assert.NotContains(t, err.Error(), "13800138000")
			assert.NotContains(t, err.Error(), "encrypted_phone_number")
			assert.NotContains(t, err.Error(), "%2B")
		}
	})
}

func toJSON(t *testing.T, v any) string {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}
