package membercard_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func TestImportUser(t *testing.T) {
	t.Parallel()
	p := membercard.ImportUserParams{
		CardID:       "pbLatjvWOibDc5-TBnbUk1pD12o0",
		OpenID:       "obLatjnx9gnqzS4myYGmLZ7LgLBA",
		Code:         "478515832665",
		OutRequestNo: "100002322019090134234sfdf",
	}
	platformtest.Wire{
		Call:    answers(S.ImportUser)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/users/import",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/users/import",
		Body:    `{"openid":"obLatjnx9gnqzS4myYGmLZ7LgLBA","code":"478515832665","out_request_no":"100002322019090134234sfdf"}`,
		Answer:  `{"code":"751234212312"}`,
		Want:    &membercard.CardCode{Code: "751234212312"},
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/users/import", answers(S.ImportUser), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("OpenID", "openid", 128),
		platformtest.Optional("Code", "code", 32),
		platformtest.Needed("OutRequestNo", "out_request_no", 128),
	)
}

const importByPhone = "/v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/phone-membercard/import"

var memberByPhone = membercard.ImportUserByPhoneParams{
	CardID:       "pbLatjvWOibDc5-TBnbUk1pD12o0",
	PhoneNumber:  "13800138000",
	Code:         "478515832665",
	OutRequestNo: "100002322019090134234sfdf",
}

func TestImportUserByPhone(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    answers(S.ImportUserByPhone)(memberByPhone),
		Request: "POST " + importByPhone,
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import",
		Body:    `{"encrypted_phone_number":"13800138000","code":"478515832665","out_request_no":"100002322019090134234sfdf"}`,
		Answer:  `{"code":"751234212312"}`,
		Want:    &membercard.CardCode{Code: "751234212312"},
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import", answers(S.ImportUserByPhone), memberByPhone,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("PhoneNumber", "encrypted_phone_number", 0),
		platformtest.Optional("Code", "code", 32),
		platformtest.Needed("OutRequestNo", "out_request_no", 32),
	)
}

// Without a code the member is left out of the request, so that the platform gives one.
func TestImportUserByPhoneWithoutCode(t *testing.T) {
	t.Parallel()
	p := memberByPhone
	p.Code = ""
	platformtest.Wire{
		Call:    answers(S.ImportUserByPhone)(p),
		Request: "POST " + importByPhone,
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import",
		Body:    `{"encrypted_phone_number":"13800138000","out_request_no":"100002322019090134234sfdf"}`,
		Answer:  `{"code":"751234212312"}`,
		Want:    &membercard.CardCode{Code: "751234212312"},
		Repeats: true,
	}.Run(t)
}

func TestPhoneNumberOfImport(t *testing.T) {
	t.Parallel()
	for phone, good := range map[string]bool{
		"13800138000":        true,
		"+8613800138000":     true,
		"8613800138000":      true,
		"+85291234567":       true,
		"85291234567":        true,
		"+12025550123":       true,
		"1380013800":         false,
		"138001380000":       false,
		"138 0013 8000":      false,
		"138-0013-8000":      false,
		"13800138000\n":      false,
		"１３８００１３８０００":        false,
		"0755-12345677":      false,
		"Zhang San":          false,
		"+8613":              false,
		"138****8000":        false,
		"+86138001380001234": false,
	} {
		mock := all(httpmock.NewStringResponder(http.StatusOK, `{"code":"751234212312"}`))
		p := memberByPhone
		p.PhoneNumber = wxpay.Secret(phone)
		_, err := newService(mock).ImportUserByPhone(t.Context(), p)
		if good {
			assert.NoError(t, err, phone)
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

// The caller's params stay as they are, may be used again and by many at once, and never show the number.
func TestImportUserByPhoneLeavesParamsAlone(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", host+importByPhone, func(req *http.Request) (*http.Response, error) {
		var body struct {
			EncryptedPhoneNumber string `json:"encrypted_phone_number"`
		}
		assert.NoError(t, json.NewDecoder(req.Body).Decode(&body))
		assert.Equal(t, "13800138000", platformtest.Open(t, body.EncryptedPhoneNumber))
		mu.Lock()
		defer mu.Unlock()
		assert.False(t, seen[body.EncryptedPhoneNumber], "a ciphertext is used for one call only")
		seen[body.EncryptedPhoneNumber] = true
		return httpmock.NewStringResponse(http.StatusOK, `{"code":"751234212312"}`), nil
	})
	service, p := newService(mock), memberByPhone
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := service.ImportUserByPhone(t.Context(), p)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, memberByPhone, p)
	assert.Len(t, seen, 8)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	for _, shown := range []string{string(text), fmt.Sprintf("%v %+v %#v", p, p, p)} {
		assert.NotContains(t, shown, "13800138000")
	}
}
