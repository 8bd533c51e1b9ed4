package membercard_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// An outcome that is no list does not say that nothing failed.
func TestDepositThatIsNoList(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`{"0":{"code":"1","result":"FAIL"}}`, `{"code":"1","result":"FAIL"}`, `"FAIL"`} {
		mock := httpmock.NewMockTransport()
		mock.RegisterNoResponder(httpmock.NewStringResponder(200, `{"data":`+data+`}`))
		_, err := newService(mock).DepositCodes(t.Context(), membercard.DepositCodesParams{CardID: "p1", Code: []string{"1"}})
		assert.True(t, wxpay.OutcomeUnknown(err), "%s: %v", data, err)
	}
}

func TestDepositCodes(t *testing.T) {
	t.Parallel()
	p := membercard.DepositCodesParams{
		CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Code:   []string{"478515832665", "478515832666", "478515832667"},
	}
	platformtest.Wire{
		Call:    answers(S.DepositCodes)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/deposit",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/codes/deposit",
		Body:    `{"code":["478515832665","478515832666","478515832667"]}`,
		Answer: `{"data":[
			{"code":"478515832665","result":"SUCCESS"},
			{"code":"478515832666","result":"DUPLICATE"},
			{"code":"478515832667","result":"FAIL"}]}`,
		Want: &membercard.Deposit{Data: []membercard.DepositResult{
			{Code: "478515832665", Result: membercard.DepositSuccess},
			{Code: "478515832666", Result: membercard.DepositDuplicate},
			{Code: "478515832667", Result: membercard.DepositFail},
		}},
		Enums: []string{"SUCCESS", "DUPLICATE"},
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/codes/deposit", answers(S.DepositCodes), p, platformtest.Needed("CardID", "card_id", 32))
}

func TestDepositFailed(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", host+"/v3/marketing/membercard-open/cards/p1/codes/deposit", httpmock.NewStringResponder(http.StatusOK, `{"data":[
		{"code":"1","result":"SUCCESS"},
		{"code":"2","result":"DUPLICATE"},
		{"code":"3","result":"FAIL"},
		{"code":"4","result":"TOMORROW"},
		{"code":"5"}]}`))
	deposit, err := newService(mock).DepositCodes(t.Context(), membercard.DepositCodesParams{CardID: "p1", Code: []string{"1", "2", "3", "4", "5"}})
	require.NoError(t, err)
	assert.Equal(t, []membercard.DepositResult{{"2", "DUPLICATE"}, {"3", "FAIL"}, {"4", "TOMORROW"}, {"5", ""}}, deposit.Failed())
	assert.Empty(t, membercard.Deposit{Data: deposit.Data[:1]}.Failed())
}

func TestDepositCodesNamesTheCodeThatIsTooLong(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	_, err := newService(mock).DepositCodes(t.Context(), membercard.DepositCodesParams{
		CardID: "p1",
		Code:   []string{strings.Repeat("1", 32), strings.Repeat("2", 33)},
	})
	e, ok := errors.AsType[*wxpay.ParamError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "code[1]", e.Param)
	assert.NotContains(t, err.Error(), "222")
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestDecryptCode(t *testing.T) {
	t.Parallel()
	p := membercard.DecryptCodeParams{
		CardID:      "pbLatjvWOibDc5-TBnbUk1pD12o0",
		EncryptCode: "XXIzTtMqCxwOaawoE91+VJdsFmv7b8g0VZIZkqf4GWA60Fzpc8ksZ/5ZZ0DVkXdE",
	}
	platformtest.Wire{
		Call:    answers(S.DecryptCode)(p),
		Request: "GET /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/decrypt-code",
		Route:   "GET /v3/marketing/membercard-open/cards/{card_id}/decrypt-code",
		Query:   "encrypt_code=XXIzTtMqCxwOaawoE91%2BVJdsFmv7b8g0VZIZkqf4GWA60Fzpc8ksZ%2F5ZZ0DVkXdE",
		Answer:  `{"code":"751234212312"}`,
		Want:    &membercard.CardCode{Code: "751234212312"},
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "GET /v3/marketing/membercard-open/cards/{card_id}/decrypt-code", answers(S.DecryptCode), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("EncryptCode", "encrypt_code", 128),
	)
}
