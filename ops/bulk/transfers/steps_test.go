package transfers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const made = "abcdefghijklmnopqrstuvwxyz234567" // as a job makes numbers

func item(step int, rows ...table.Row) bulk.Item {
	return bulk.Item{Number: made, Step: step, Rows: rows}
}

// begun loses the first attempt at a bill and returns what was kept of it.
func begun(t *testing.T, o *transfers.Transfers, item bulk.Item) (kept wxpay.Prepared) {
	t.Helper()
	res := o.Send(wxpay.WithPrepared(t.Context(), func(_ context.Context, p wxpay.Prepared) error {
		kept = p
		return errors.New("killed")
	}), item)
	require.Equal(t, bulk.Staged, res.State)
	require.Equal(t, routeCreate, kept.Route)
	return kept
}

// A play is one row whose process may be gone at any moment: what a ledger holds of it, and nothing else.
type play struct {
	t     *testing.T
	o     *transfers.Transfers
	item  bulk.Item
	state bulk.State
	kept  wxpay.Prepared
	last  bulk.Result
}

// take does one thing with the row, and holds the result to what happened on the server.
func (p *play) take(server *wxpaytest.Server) {
	p.t.Helper()
	first := p.state == bulk.Staged
	ctx := wxpay.WithPrepared(p.t.Context(), func(_ context.Context, call wxpay.Prepared) error {
		if strings.HasPrefix(call.Route, "GET ") {
			return nil
		}
		if p.item.Step == 0 && !first {
			require.Equal(p.t, p.kept.Body, call.Body, "the same bytes")
		}
		p.kept = call
		return nil
	})
	if first {
		p.last = p.o.Send(ctx, p.item)
	} else {
		p.last = p.o.Settle(ctx, p.item, p.kept)
	}
	made := bills(p.t, server)
	require.LessOrEqual(p.t, len(made), 1)
	p.state = p.last.State
	switch {
	case p.state == bulk.Rejected:
		require.Empty(p.t, moved(p.t, server), "rejected is what is not paid: %+v", p.last)
		require.NotEmpty(p.t, p.last.Code)
		require.Regexp(p.t, `\p{Han}`, p.last.Reason.Chinese)
	case p.state == bulk.Done:
		require.Equal(p.t, "SUCCESS", made[0].State)
	case p.state == bulk.Staged && p.last.Err == nil:
		require.Len(p.t, made, 1, "there is a bill: %+v", p.last)
		p.item.Step, p.item.Code = p.last.Next, p.last.Code
	case p.state == bulk.Staged:
		require.Equal(p.t, p.item.Step, p.last.Next)
		if p.item.Step == 0 {
			require.Empty(p.t, made, "what may be there is not sent anew: %+v", p.last)
		}
	case p.state == bulk.Unknown:
		require.NotEmpty(p.t, p.last.Reason, "%+v", p.last)
	}
	for _, cell := range p.item.Rows[0].Cells {
		if cell > "A" { // no amount
			require.NotContains(p.t, p.last.Reason.English+p.last.Reason.Chinese+p.last.Code, cell)
		}
	}
}

// Every fault of every call: when the bill is created, when it is settled after an answer that was lost, and when somebody
// looks how it ended. The row is paid once in the end, or was refused.
func TestFaults(t *testing.T) {
	t.Parallel()
	names := wxpaytest.New(t)
	type at struct {
		lost, route, fault string
		refused            bool // it may be
	}
	var all []at
	for _, f := range names.FaultsAt(routeCreate) {
		refused := !f.Effect() && f.Name == strings.ToUpper(f.Name)
		all = append(all, at{"", routeCreate, f.Name, refused}, at{"reset-after-effect", routeCreate, f.Name, false}, at{"reset-after-read", routeCreate, f.Name, refused})
	}
	for _, f := range names.FaultsAt(routeQuery) {
		all = append(all, at{"", routeQuery, f.Name, false}, at{"reset-after-effect", routeQuery, f.Name, false}, at{"reset-after-read", routeQuery, f.Name, false})
	}
	for _, a := range all {
		t.Run(fmt.Sprintf("%s/%s/%s", a.lost, a.route[:4], a.fault), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: time.Second})
				p := &play{t: t, o: transfers.New(params(server)), item: item(0, row(openID(1), "300000", "name", "张三"))}
				if a.lost != "" {
					require.NoError(t, server.Inject(routeCreate, a.lost, 1))
					p.take(server)
					require.Equal(t, bulk.Unknown, p.state)
				}
				require.NoError(t, server.Inject(a.route, a.fault, 1))
				for range 8 {
					if p.state == bulk.Done || p.state == bulk.Rejected {
						break
					}
					p.take(server)
					time.Sleep(time.Minute)
					confirm(t, server)
					time.Sleep(time.Minute)
				}
				server.Recover()
				if a.refused && p.state == bulk.Rejected {
					return
				}
				require.Equal(t, bulk.Done, p.state, "%+v", p.last)
			})
		})
	}
}

// bill1 is a bill as a query finds it, for row(openID(1), "88800").
func bill1(change m) m {
	return with(m{
		"mch_id": wxpaytest.MchID, "out_bill_no": made, "transfer_bill_no": "1330001", "appid": appID, "state": "SUCCESS", "transfer_amount": 88800,
		"transfer_remark": "bonus", "openid": openID(1), "create_time": "2026-11-29T10:00:00+08:00", "update_time": "2026-11-29T10:00:00+08:00",
	}, change)
}

// What a query finds counts only if it is the bill of the row: asked for after a lost answer, after a number that is
// taken, and while its end is waited for.
func TestFoundUnderTheNumber(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		found   m
		want    bulk.State
		code    string
		english string
	}{
		"paid":                 {bill1(nil), bulk.Done, "1330001", ""},
		"without more words":   {m{"out_bill_no": made, "transfer_bill_no": "1330001", "state": "SUCCESS", "transfer_amount": 88800}, bulk.Done, "1330001", ""},
		"failed":               {bill1(m{"state": "FAIL", "fail_reason": "NAME_NOT_CORRECT"}), bulk.Rejected, "FAIL:NAME_NOT_CORRECT", "not paid"},
		"failed, no reason":    {bill1(m{"state": "FAIL"}), bulk.Rejected, "FAIL", "not paid"},
		"failed, odd reason":   {bill1(m{"state": "FAIL", "fail_reason": "姓名 张三"}), bulk.Rejected, "FAIL", "not paid"},
		"cancelled":            {bill1(m{"state": "CANCELLED"}), bulk.Rejected, "CANCELLED", "was cancelled"},
		"another amount":       {bill1(m{"transfer_amount": 88801}), bulk.Unknown, "", "its amount"},
		"less":                 {bill1(m{"transfer_amount": 1}), bulk.Unknown, "", "its amount"},
		"no amount":            {bill1(m{"transfer_amount": nil}), bulk.Unknown, "", "does not say the amount"},
		"amount of nothing":    {bill1(m{"transfer_amount": 0}), bulk.Unknown, "", "does not say the amount"},
		"negative amount":      {bill1(m{"transfer_amount": -88800}), bulk.Unknown, "", "does not say the amount"},
		"another person":       {bill1(m{"openid": openID(2)}), bulk.Unknown, "", "its user"},
		"another appid":        {bill1(m{"appid": "wx1"}), bulk.Unknown, "", "its appid"},
		"another merchant":     {bill1(m{"mch_id": "1900000999"}), bulk.Unknown, "", "its merchant"},
		"another number":       {bill1(m{"out_bill_no": "another"}), bulk.Unknown, "", ""},
		"waits for the user":   {bill1(m{"state": "WAIT_USER_CONFIRM", "package_info": "ticket=="}), bulk.Staged, "", ""},
		"being paid":           {bill1(m{"state": "TRANSFERING"}), bulk.Staged, "", ""},
		"being cancelled":      {bill1(m{"state": "CANCELING"}), bulk.Staged, "", ""},
		"no money yet":         {bill1(m{"state": "PROCESSING"}), bulk.Staged, "", ""},
		"a state not heard of": {bill1(m{"state": "FROZEN"}), bulk.Staged, "", ""},
		"another, not paid":    {bill1(m{"state": "FAIL", "transfer_amount": 1}), bulk.Unknown, "", "its amount"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
			kept := begun(t, o, i)
			require.NoError(t, server.Reply(routeQuery, 200, test.found))
			lost := o.Settle(t.Context(), i, kept)
			require.NoError(t, server.Reply(routeCreate, 400, m{"code": "ALREADY_EXISTS", "message": "x"}))
			taken := o.Send(t.Context(), i)
			i.Step, i.Code = 2, "WAIT_USER_CONFIRM 2026-11-29T10:00:00+08:00 1330001 ticket=="
			waited := o.Send(t.Context(), i)
			for how, got := range map[string]bulk.Result{"lost": lost, "taken": taken, "waited": waited} {
				if name == "another number" && how == "waited" { // no answer at all: the next look may have one
					assert.Equal(t, bulk.Staged, got.State)
					assert.Error(t, got.Err)
					continue
				}
				if name == "another, not paid" && how == "taken" { // the one refusal that a row can be told to change its number for
					assert.Equal(t, bulk.Rejected, got.State)
					assert.Equal(t, "ALREADY_EXISTS", got.Code)
					assert.Contains(t, got.Reason.English, "ended without being paid (FAIL)")
					continue
				}
				assert.Equal(t, test.want, got.State, "%s: %+v", how, got)
				switch test.want {
				case bulk.Staged:
					next := 2
					if name == "no money yet" && how != "waited" {
						next = 1 // for a minute
					}
					assert.Equal(t, next, got.Next, how)
					assert.True(t, got.At.After(time.Now()))
					if name == "waits for the user" {
						assert.Contains(t, got.Code, " 1330001 ticket==")
					}
				case bulk.Unknown:
					assert.Contains(t, got.Reason.English, test.english, how)
				default:
					assert.Equal(t, test.code, got.Code, how)
					assert.Contains(t, got.Reason.English, test.english, how)
					assert.NotEmpty(t, got.RequestID)
				}
			}
		})
	}
}

// An answer to the creation of another bill, or one that says nothing, is none; whatever this one says, only a query ends
// the row.
func TestAnswersToTheCreation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer m
		want   bulk.State
	}{
		"another number": {m{"out_bill_no": "another", "transfer_bill_no": "1", "state": "SUCCESS"}, bulk.Unknown},
		"no number":      {m{"transfer_bill_no": "1", "state": "SUCCESS"}, bulk.Unknown},
		"no state":       {m{"out_bill_no": made, "transfer_bill_no": "1"}, bulk.Unknown},
		"paid":           {m{"out_bill_no": made, "transfer_bill_no": "1", "state": "SUCCESS"}, bulk.Staged},
		"failed":         {m{"out_bill_no": made, "transfer_bill_no": "1", "state": "FAIL", "fail_reason": "X"}, bulk.Staged},
	} {
		server := wxpaytest.New(t)
		o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
		require.NoError(t, server.Reply(routeCreate, 200, test.answer))
		got := o.Send(t.Context(), i)
		assert.Equal(t, test.want, got.State, "%s: %+v", name, got)
		if test.want == bulk.Staged {
			assert.Equal(t, 2, got.Next)
			assert.Zero(t, got.At, "it is asked for at once")
		}
	}
}

// A refusal counts if it is one of the row, if it is signed, and if there is no bill.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for code, test := range map[string]struct {
		status int
		want   bulk.State
	}{
		"PARAM_ERROR": {400, bulk.Rejected}, "INVALID_REQUEST": {400, bulk.Rejected}, "USER_ERROR": {400, bulk.Rejected},
		"ALREADY_EXISTS": {400, bulk.Unknown}, "SOMETHING_NEW": {400, bulk.Unknown}, "NO_AUTH": {403, bulk.Staged}, "NOT_ENOUGH": {403, bulk.Staged},
		"SIGN_ERROR": {401, bulk.Staged}, "FREQUENCY_LIMITED": {429, bulk.Staged}, "SYSTEM_ERROR": {500, bulk.Unknown},
	} {
		server := wxpaytest.New(t)
		o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
		require.NoError(t, server.Reply(routeCreate, test.status, m{"code": code, "message": "用户 oUpF8uMuAJOM2pxb0001 异常"}))
		got := o.Send(t.Context(), i)
		assert.Equal(t, test.want, got.State, "%s: %+v", code, got)
		if test.want == bulk.Rejected {
			assert.Equal(t, code, got.Code)
			assert.Contains(t, got.Reason.English, "nothing was paid")
			assert.Contains(t, got.Reason.Chinese, "未付款")
			assert.NotContains(t, got.Reason.Chinese, "oUpF8uMuAJOM2pxb0001")
		}
		stop, isStop := errors.AsType[*bulk.StopError](got.Err)
		if assert.Equal(t, code == "NOT_ENOUGH", isStop, code); isStop {
			assert.Equal(t, bulk.WhyMoney, stop.Why)
		}
		// Of one that was begun before, none of them is the end but those of the row.
		kept := begun(t, o, i)
		require.NoError(t, server.Reply(routeCreate, test.status, m{"code": code, "message": "x"}))
		if got = o.Settle(t.Context(), i, kept); test.want != bulk.Rejected {
			assert.Equal(t, bulk.Unknown, got.State, code)
		}
		// That of somebody in between is none.
		config := server.Config()
		config.HTTPClient = &http.Client{Transport: proxy{code, test.status}}
		behind := params(server)
		var err error
		behind.Client, err = wxpay.New(config)
		require.NoError(t, err)
		got = transfers.New(behind).Send(t.Context(), i)
		assert.NotEqual(t, bulk.Rejected, got.State, code)
		assert.Equal(t, bulk.Unknown, transfers.New(behind).Settle(t.Context(), i, kept).State, code)
	}
	// Refused, and there all the same.
	server := wxpaytest.New(t)
	o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
	require.Equal(t, 2, o.Send(t.Context(), i).Next)
	require.NoError(t, server.Reply(routeCreate, 400, m{"code": "INVALID_REQUEST", "message": "x"}))
	got := o.Send(t.Context(), i)
	assert.Equal(t, bulk.Staged, got.State)
	assert.Equal(t, 2, got.Next)
}

// A proxy answers everything by itself, without a signature.
type proxy struct {
	code   string
	status int
}

func (p proxy) RoundTrip(*http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	fmt.Fprintf(w, `{"code":%q,"message":"x"}`, p.code)
	return w.Result(), nil
}

// A bill is not sent again before the platform itself says that there is none.
func TestSettleAsksFirst(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
	kept := begun(t, o, i)
	for _, fault := range []string{"429", "dns", "SIGN_ERROR", "500", "503", "502-html", "reset-after-read", "PARAM_ERROR", "NO_AUTH", "unsigned", "forged", "refusal-unsigned"} {
		require.NoError(t, server.Inject(routeQuery, fault, 1))
		assert.Equal(t, bulk.Unknown, o.Settle(t.Context(), i, kept).State, fault)
	}
	config := server.Config()
	config.HTTPClient = &http.Client{Transport: proxy{"NOT_FOUND", 404}}
	behind := params(server)
	var err error
	behind.Client, err = wxpay.New(config)
	require.NoError(t, err)
	assert.Equal(t, bulk.Unknown, transfers.New(behind).Settle(t.Context(), i, kept).State, "unsigned")
	for _, sent := range server.Requests() {
		assert.NotEqual(t, "POST", sent.Method)
	}
	assert.Empty(t, bills(t, server))
	assert.Equal(t, 2, o.Settle(t.Context(), i, kept).Next)
	assert.Len(t, bills(t, server), 1)
}

// A bill that was created, and is not found, is never taken for one that is not there.
func TestGone(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	o, i := transfers.New(params(server)), item(2, row(openID(1), "88800"))
	i.Code = "WAIT_USER_CONFIRM " + time.Now().Format(time.RFC3339) + " 1330001 ticket"
	for _, got := range []bulk.Result{o.Send(t.Context(), i), o.Settle(t.Context(), i, wxpay.Prepared{})} {
		assert.Equal(t, bulk.Unknown, got.State)
		assert.Equal(t, i.Code, got.Code)
		assert.Contains(t, got.Reason.English, "never take a new number")
	}
	assert.Empty(t, bills(t, server))
}

// A bill that is only taken after five minutes is sent again: the same bill.
func TestAcceptedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: 40 * time.Minute}) // half of it in ACCEPTED
		o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
		sent := 0
		for begin := time.Now(); time.Since(begin) < 15*time.Minute; {
			sent += map[bool]int{true: 1}[i.Step == 0]
			res := o.Send(t.Context(), i)
			require.Equal(t, bulk.Staged, res.State)
			require.NoError(t, res.Err)
			i.Step, i.Code = res.Next, res.Code
			time.Sleep(time.Until(res.At))
		}
		assert.Equal(t, 3, sent)
		assert.Len(t, bills(t, server), 1)
	})
}
