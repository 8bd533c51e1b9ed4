package transfers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// What was kept under the number of another row is not sent, and nobody is asked about it.
func TestSettleWhatIsNotItsBill(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another number": `{"out_bill_no":"another"}`, "no number": `{}`, "another spelling": `{"out_bill_no":"` + strings.ToUpper(made) + `"}`, "no bill": `ticket==`,
	} {
		server := wxpaytest.New(t)
		got := transfers.New(params(server)).Settle(t.Context(), item(0, row(openID(1), "88800")), wxpay.Prepared{Route: routeCreate, Body: []byte(body)})
		assert.Equal(t, bulk.Unknown, got.State, name)
		assert.Contains(t, got.Reason.English, "is not its bill", name)
		assert.Empty(t, server.Requests(), name)
	}
}

// Only the platform's word that no such bill is known lets a begun bill be sent again: signed, of the documented code, and
// no failure of its own.
func TestSettleWithoutABill(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		code   string
		sent   bool
	}{
		"not found": {404, "NOT_FOUND", true}, "not found, says a failure": {500, "NOT_FOUND", false}, "not found, for now": {503, "NOT_FOUND", false},
		"a code of other products": {404, "RESOURCE_NOT_EXISTS", false}, "a code not heard of": {404, "BILL_NOT_EXIST", false},
	} {
		server := wxpaytest.New(t)
		o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
		kept := begun(t, o, i)
		require.NoError(t, server.Reply(routeQuery, test.status, m{"code": test.code, "message": "x"}))
		got := o.Settle(t.Context(), i, kept)
		if test.sent {
			assert.Equal(t, bulk.Staged, got.State, name)
			assert.Len(t, bills(t, server), 1, name)
			continue
		}
		assert.Equal(t, bulk.Unknown, got.State, name)
		assert.Empty(t, bills(t, server), name)
	}
}

// A row whose bill the ledger knows is never told to take another number, whatever the creation of the same bill is refused
// for and whatever stands under the number: there is a bill that may be paid.
func TestRefusedAfterItWasCreated(t *testing.T) {
	t.Parallel()
	const known = "ACCEPTED 2026-11-29T10:00:00+08:00 1330001"
	for name, test := range map[string]struct {
		mark   string
		found  int
		bill   m
		want   bulk.State
		reason string
	}{
		"another bill there, none known": {"", 200, bill1(m{"state": "FAIL", "transfer_amount": 1}), bulk.Rejected, "give the row a number of its own"},
		"another bill there":             {known, 200, bill1(m{"state": "FAIL", "transfer_amount": 1}), bulk.Unknown, "before anything is paid again"},
		"another cancelled bill there":   {known, 200, bill1(m{"state": "CANCELLED", "openid": openID(2)}), bulk.Unknown, "before anything is paid again"},
		"none there":                     {known, 404, m{"code": "NOT_FOUND", "message": "x"}, bulk.Unknown, "never take a new number"},
		"none there, none known":         {"", 404, m{"code": "NOT_FOUND", "message": "x"}, bulk.Unknown, "the number is taken"},
	} {
		server := wxpaytest.New(t)
		o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
		i.Code = test.mark
		require.NoError(t, server.Reply(routeCreate, 400, m{"code": "ALREADY_EXISTS", "message": "x"}))
		require.NoError(t, server.Reply(routeQuery, test.found, test.bill))
		got := o.Send(t.Context(), i)
		assert.Equal(t, test.want, got.State, name)
		assert.Contains(t, got.Reason.English, test.reason, name)
		if test.mark != "" {
			assert.Equal(t, test.mark, got.Code, "%s: it stays known", name)
		}
	}
	// What is the row's own fault without a bill is none with one.
	server := wxpaytest.New(t)
	o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
	i.Code = known
	require.NoError(t, server.Reply(routeCreate, 400, m{"code": "PARAM_ERROR", "message": "x"}))
	got := o.Send(t.Context(), i)
	assert.Equal(t, bulk.Unknown, got.State)
	assert.Contains(t, got.Reason.English, "never take a new number")
	assert.Equal(t, known, got.Code)
}

// The ticket of another bill opens the page of another bill: only that of the bill that was found is kept.
func TestTicketOfAnotherBill(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ transferBillNo, ticket string }{
		"the same": {"1330001", "ticket=="}, "another": {"1330002", ""}, "none": {"", ""},
	} {
		server := wxpaytest.New(t)
		require.NoError(t, server.Reply(routeQuery, 200, bill1(m{"state": "WAIT_USER_CONFIRM", "package_info": nil})))
		require.NoError(t, server.Reply(routeCreate, 200, m{"out_bill_no": made, "transfer_bill_no": test.transferBillNo, "state": "WAIT_USER_CONFIRM", "package_info": "ticket=="}))
		o, i := transfers.New(params(server)), item(0, row(openID(1), "88800"))
		lost := o.Settle(t.Context(), i, begun(t, o, i))
		i.Step, i.Code = 2, "WAIT_USER_CONFIRM 2026-11-29T10:00:00+08:00 1330001"
		for how, got := range map[string]bulk.Result{"lost": lost, "waited": o.Send(t.Context(), i)} {
			assert.Equal(t, bulk.Staged, got.State, "%s, %s", name, how)
			assert.Contains(t, got.Code, " 1330001", "%s, %s", name, how)
			assert.Equal(t, test.ticket != "", strings.HasSuffix(got.Code, " ticket=="), "%s, %s: %s", name, how, got.Code)
			assert.NotContains(t, got.Code, "1330002")
		}
	}
}

// A bill that is only taken after five minutes is sent again once, and then not before five more have passed, however often
// somebody looks.
func TestAcceptedIsSentAgainOncePerFiveMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := wxpaytest.New(t)
		require.NoError(t, server.Reply(routeQuery, 200, bill1(m{"state": "ACCEPTED"})))
		require.NoError(t, server.Reply(routeCreate, 200, m{"out_bill_no": made, "transfer_bill_no": "1330001", "state": "ACCEPTED"}))
		o, i := transfers.New(params(server)), item(2, row(openID(1), "88800"))
		i.Code = "ACCEPTED " + time.Now().Add(-time.Minute).Format(time.RFC3339) + " 1330001"
		var sent []time.Duration
		for begin := time.Now(); time.Since(begin) < 16*time.Minute; time.Sleep(10 * time.Second) {
			if i.Step == 0 {
				sent = append(sent, time.Since(begin).Truncate(time.Minute))
			}
			got := o.Send(t.Context(), i)
			require.Equal(t, bulk.Staged, got.State)
			i.Step, i.Code = got.Next, got.Code
		}
		assert.Equal(t, []time.Duration{4 * time.Minute, 9 * time.Minute, 14 * time.Minute}, sent)
	})
}
