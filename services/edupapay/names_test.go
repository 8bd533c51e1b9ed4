package edupapay_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
)

// withText makes a call with params that pass but for one text, which set puts in.
func withText[P any](good func() P, do func(*edupapay.Service, context.Context, P) error) func(set func(*P, string)) func(context.Context, *edupapay.Service, string) error {
	return func(set func(*P, string)) func(context.Context, *edupapay.Service, string) error {
		return func(ctx context.Context, s *edupapay.Service, v string) error {
			p := good()
			set(&p, v)
			return do(s, ctx, p)
		}
	}
}

// What could not be named again is refused here, by the same rule in every call, and without the value.
func TestNamesInEveryCall(t *testing.T) {
	t.Parallel()
	calls := map[string]map[string]func(context.Context, S, string) error{} // by call and parameter
	presigns := withText(presign, func(s S, ctx context.Context, p edupapay.PresignContractParams) error {
		_, err := s.PresignContract(ctx, p)
		return err
	})
	calls["PresignContract"] = map[string]func(context.Context, S, string) error{
		"appid":      presigns(func(p *edupapay.PresignContractParams, v string) { p.AppID = v }),
		"sub_mchid":  presigns(func(p *edupapay.PresignContractParams, v string) { p.SubMchID = v }),
		"sub_appid":  presigns(func(p *edupapay.PresignContractParams, v string) { p.SubAppID = v }),
		"openid":     presigns(func(p *edupapay.PresignContractParams, v string) { p.OpenID = v }),
		"sub_openid": presigns(func(p *edupapay.PresignContractParams, v string) { p.SubOpenID = v }),
		"plan_id":    presigns(func(p *edupapay.PresignContractParams, v string) { p.PlanID = v }),
	}
	debits := withText(debit, S.CreateTransaction)
	calls["CreateTransaction"] = map[string]func(context.Context, S, string) error{
		"appid":        debits(func(p *edupapay.CreateTransactionParams, v string) { p.AppID = v }),
		"sub_mchid":    debits(func(p *edupapay.CreateTransactionParams, v string) { p.SubMchID = v }),
		"sub_appid":    debits(func(p *edupapay.CreateTransactionParams, v string) { p.SubAppID = v }),
		"out_trade_no": debits(func(p *edupapay.CreateTransactionParams, v string) { p.OutTradeNo = v }),
		"contract_id":  debits(func(p *edupapay.CreateTransactionParams, v string) { p.ContractID = v }),
	}
	lists := withText(userContracts, func(s S, ctx context.Context, p edupapay.ListUserContractsParams) error {
		_, err := s.ListUserContracts(ctx, p)
		return err
	})
	calls["ListUserContracts"] = map[string]func(context.Context, S, string) error{
		"openid":     lists(func(p *edupapay.ListUserContractsParams, v string) { p.OpenID = v }),
		"appid":      lists(func(p *edupapay.ListUserContractsParams, v string) { p.AppID = v }),
		"sub_mchid":  lists(func(p *edupapay.ListUserContractsParams, v string) { p.SubMchID = v }),
		"sub_appid":  lists(func(p *edupapay.ListUserContractsParams, v string) { p.SubAppID = v }),
		"sub_openid": lists(func(p *edupapay.ListUserContractsParams, v string) { p.SubOpenID = v }),
		"plan_id":    lists(func(p *edupapay.ListUserContractsParams, v string) { p.PlanID = v }),
	}
	calls["GetContract"] = map[string]func(context.Context, S, string) error{
		"contract_id": func(ctx context.Context, s S, v string) error {
			_, err := s.GetContract(ctx, edupapay.GetContractParams{ContractID: v, AppID: "wx"})
			return err
		},
		"appid": func(ctx context.Context, s S, v string) error {
			_, err := s.GetContract(ctx, edupapay.GetContractParams{ContractID: "c", AppID: v})
			return err
		},
		"sub_mchid": func(ctx context.Context, s S, v string) error {
			_, err := s.GetContract(ctx, edupapay.GetContractParams{ContractID: "c", AppID: "wx", SubMchID: v})
			return err
		},
		"sub_appid": func(ctx context.Context, s S, v string) error {
			_, err := s.GetContract(ctx, edupapay.GetContractParams{ContractID: "c", AppID: "wx", SubAppID: v})
			return err
		},
	}
	calls["TerminateContract"] = map[string]func(context.Context, S, string) error{
		"contract_id": func(ctx context.Context, s S, v string) error {
			return s.TerminateContract(ctx, edupapay.TerminateContractParams{ContractID: v})
		},
	}
	calls["SendDebitNotice"] = map[string]func(context.Context, S, string) error{
		"contract_id": func(ctx context.Context, s S, v string) error {
			return s.SendDebitNotice(ctx, edupapay.SendDebitNoticeParams{ContractID: v, AppID: "wx"})
		},
		"appid": func(ctx context.Context, s S, v string) error {
			return s.SendDebitNotice(ctx, edupapay.SendDebitNoticeParams{ContractID: "c", AppID: v})
		},
		"sub_mchid": func(ctx context.Context, s S, v string) error {
			return s.SendDebitNotice(ctx, edupapay.SendDebitNoticeParams{ContractID: "c", AppID: "wx", SubMchID: v})
		},
		"sub_appid": func(ctx context.Context, s S, v string) error {
			return s.SendDebitNotice(ctx, edupapay.SendDebitNoticeParams{ContractID: "c", AppID: "wx", SubAppID: v})
		},
	}
	calls["GetTransactionByID"] = map[string]func(context.Context, S, string) error{
		"transaction_id": func(ctx context.Context, s S, v string) error {
			_, err := s.GetTransactionByID(ctx, edupapay.GetTransactionByIDParams{TransactionID: v})
			return err
		},
		"sub_mchid": func(ctx context.Context, s S, v string) error {
			_, err := s.GetTransactionByID(ctx, edupapay.GetTransactionByIDParams{TransactionID: "1", SubMchID: v})
			return err
		},
	}
	calls["GetTransactionByOutTradeNo"] = map[string]func(context.Context, S, string) error{
		"out_trade_no": func(ctx context.Context, s S, v string) error {
			_, err := s.GetTransactionByOutTradeNo(ctx, edupapay.GetTransactionByOutTradeNoParams{OutTradeNo: v})
			return err
		},
		"sub_mchid": func(ctx context.Context, s S, v string) error {
			_, err := s.GetTransactionByOutTradeNo(ctx, edupapay.GetTransactionByOutTradeNoParams{OutTradeNo: "1", SubMchID: v})
			return err
		},
	}
	for name, parameters := range calls {
		for param, call := range parameters {
			for _, v := range []string{"7/7", `7\7`, "7\r", "7\n", " 7", "7 ", "7 7", ".", "..", "7\u200b", "\ufeff7", "7\xff", "7\U0001F600"} {
				mock := all(signed(200, `{}`))
				err := call(t.Context(), newService(mock), v)
				refused, ok := errors.AsType[*wxpay.ParamError](err)
				if assert.True(t, ok, "%s %s %q: %v", name, param, v, err) {
					assert.Equal(t, param, refused.Param, "%s %q", name, v)
					assert.NotContains(t, refused.Reason, "7")
				}
				assert.Zero(t, mock.GetTotalCallCount())
			}
		}
	}
}

// The user's account comes from the merchant's books: blanks and slashes may be in it, a line end may not.
func TestUserID(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{"tony wang/3": true, "tony\r": false, "tony\u200b": false, "tony ": false} {
		p := presign()
		p.UserID = value
		_, err := newService(all(signed(200, `{"presign_token":"1"}`))).PresignContract(t.Context(), p)
		refused, ok := errors.AsType[*wxpay.ParamError](err)
		assert.Equal(t, good, err == nil, "%q: %v", value, err)
		if ok {
			assert.Equal(t, "user_id", refused.Param)
		}
	}
}

func TestDeviceIP(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"123.12.12.123": true, "127.0.0.1": true, "::1": true, "2001:db8::1": true, "::ffff:1.2.3.4": true,
		"": false, "localhost": false, "1.2.3": false, "1.2.3.256": false, "1.2.3.4:80": false, "[::1]": false, "fe80::1%eth0": false,
		"1.2.3.4\r": false, " 1.2.3.4": false, "１.2.3.4": false, "01.2.3.4": false, "1.2.3.4/24": false,
	} {
		mock := all(signed(204, ""))
		p := debit()
		p.DeviceInformation.DeviceIP = address
		err := newService(mock).CreateTransaction(t.Context(), p)
		if good {
			assert.NoError(t, err, address)
			continue
		}
		refused, ok := errors.AsType[*wxpay.ParamError](err)
		if assert.True(t, ok, "%q: %v", address, err) {
			assert.Equal(t, "device_information.device_ip", refused.Param)
			assert.NotContains(t, refused.Reason, "1")
		}
		assert.Zero(t, mock.GetTotalCallCount(), address)
	}
}

// A genuine answer about something else than what was asked leaves the outcome open.
func TestAnswersAboutSomethingElse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		call   platformtest.Call
		param  string
		answer string
	}{
		{callGet, "contract_id", `{"appid":"wx","contract_information":{"contract_id":"other1"}}`},
		{callGet, "sub_mchid", `{"appid":"wx","sub_mchid":"other1","contract_information":{"contract_id":"wx998877665544wx"}}`},
		{callGetByID, "transaction_id", `{"out_trade_no":"1","transaction_id":"other1","trade_state":"SUCCESS"}`},
		{callGetByID, "sub_mchid", `{"out_trade_no":"1","sub_mchid":"other1","trade_state":"SUCCESS"}`},
		{callGetByNo, "sub_mchid", `{"out_trade_no":"201407033233368018","sub_mchid":"other1","trade_state":"SUCCESS"}`},
		{callList, "openid", `{"data":[{"appid":"wx"},{"appid":"wx","openid":"other1"}],"total_count":2}`},
		{callList, "sub_openid", `{"data":[{"appid":"wx","sub_openid":"other1"}],"total_count":1}`},
		{callList, "plan_id", `{"data":[{"appid":"wx","plan_id":"other1"}],"total_count":1}`},
		{callList, "sub_mchid", `{"data":[{"appid":"wx","sub_mchid":"other1"}],"total_count":1}`},
	} {
		result, err := test.call(t.Context(), newClient(all(signed(200, test.answer))))
		unknown, ok := errors.AsType[*wxpay.UnknownError](err)
		if assert.True(t, ok, "%s: %v", test.answer, err) {
			assert.ErrorContains(t, unknown, test.param)
			assert.NotContains(t, unknown.Error(), "other1")
		}
		assert.Empty(t, result)
	}
}

// The answer about one order satisfies nobody who asked for another, nor one without a number.
func TestAnswersAboutAnotherOrder(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{`{"appid":"wx","out_trade_no":"PAID1","trade_state":"SUCCESS"}`, `{"appid":"wx","trade_state":"SUCCESS"}`} {
		result, err := callGetByNo(t.Context(), newClient(all(signed(200, answer))))
		_, ok := errors.AsType[*wxpay.UnknownError](err)
		assert.True(t, ok, "%v", err)
		assert.Empty(t, result)
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			got, err := newService(states(t, signed(200, answer))).WaitTransaction(ctx, waited)
			assert.Error(t, err)
			assert.Nil(t, got)
		})
	}
}

// What an answer may leave out is not missed.
func TestAnswersThatLeaveOut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		call   platformtest.Call
		answer string
	}{
		{callGet, `{"appid":"wx"}`},
		{callGetByID, `{"out_trade_no":"1","trade_state":"SUCCESS"}`},
		{callGetByNo, `{"out_trade_no":"201407033233368018","trade_state":"SUCCESS"}`},
		{callList, `{"data":[{"appid":"wx"}],"total_count":1}`},
	} {
		_, err := test.call(t.Context(), newClient(all(signed(200, test.answer))))
		assert.NoError(t, err, test.answer)
	}
}

// A user without contracts has a name of its own, if the platform itself says so about the whole list.
func TestNoContracts(t *testing.T) {
	t.Parallel()
	const none = `{"code":"NOT_FOUND","message":"签约不存在"}`
	forged := func(*http.Request) (*http.Response, error) {
		resp, err := signed(404, none)(nil)
		resp.Header = http.Header{}
		return resp, err
	}
	for name, test := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		offset int64
		named  bool
	}{
		"none":                      {signed(404, none), 0, true},
		"nothing after the last":    {signed(404, none), 40, false},
		"unsigned":                  {forged, 0, false},
		"another code":              {signed(404, `{"code":"RESOURCE_NOT_EXISTS","message":"x"}`), 0, false},
		"another status":            {signed(400, none), 0, false},
		"not allowed":               {signed(403, `{"code":"NO_AUTH","message":"x"}`), 0, false},
		"without a word of its own": {signed(404, ``), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := userContracts()
			p.Offset = test.offset
			s := newService(all(test.answer))
			page, err := s.ListUserContracts(t.Context(), p)
			require.Error(t, err)
			assert.Nil(t, page)
			var errs []error
			for c, err := range s.AllUserContracts(t.Context(), p) {
				assert.Empty(t, c)
				errs = append(errs, err)
			}
			require.Len(t, errs, 1)
			for _, err := range append(errs, err) {
				assert.Equal(t, test.named, errors.Is(err, edupapay.ErrNoContracts), "%v", err)
				if test.named {
					refused, ok := errors.AsType[*wxpay.Error](err)
					require.True(t, ok)
					assert.Equal(t, 404, refused.StatusCode)
					assert.ErrorIs(t, err, wxpay.CodeNotFound)
					assert.ErrorContains(t, err, "no such contract")
					assert.NotContains(t, err.Error(), "\n")
					assert.False(t, wxpay.OutcomeUnknown(err))
					assert.False(t, wxpay.Transient(err))
				}
			}
		})
	}
}

// A walk can be gone again, by several at once, and within itself.
func TestWalksShareNothing(t *testing.T) {
	t.Parallel()
	p := userContracts()
	p.Offset = 0
	walk := newService(all(list(t, 25, byRecord))).AllUserContracts(t.Context(), p)
	count := func() (n int) {
		for _, err := range walk {
			assert.NoError(t, err)
			n++
		}
		return n
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { assert.Equal(t, 25, count()) })
	}
	wg.Wait()
	outer := 0
	for _, err := range walk {
		require.NoError(t, err)
		if outer++; outer%10 == 5 {
			require.Equal(t, 25, count(), "within itself")
		}
	}
	assert.Equal(t, 25, outer)
	assert.Equal(t, 25, count(), "again")
}
