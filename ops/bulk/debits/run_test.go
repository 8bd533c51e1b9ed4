package debits_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// The notice today, the debit when it is a day old, then the result.
func TestRun(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: time.Minute, Pay: func(no string) bool { return no != "poor" }})
	synctest.Test(t, func(t *testing.T) {
		contracts := server.AddContracts(openID, appID, planID, 3)
		start := time.Now()
		p := newPlay(t, run(server), row(contracts[0], "rich", "88800"), row(contracts[1], "poor", "1"), row(contracts[2], "yuan", "", "amount", "12345"))
		p.play(23 * time.Hour)
		assert.Empty(t, debited(t, server), "the notice is not old enough")
		p.play(10 * time.Minute)
		assert.Empty(t, debited(t, server))
		p.play(30 * time.Hour)
		assert.Equal(t, map[string]int64{"rich": 88800, "poor": 1, "yuan": 12345}, debited(t, server))
		for _, h := range p.rows {
			require.Len(t, h.began, 2)
			assert.GreaterOrEqual(t, h.began[1].Sub(start), 24*time.Hour)
			assert.Less(t, time.Since(h.began[1]), 3*time.Minute, "looks do not take long")
		}
		paid, poor := p.rows[0].result, p.rows[1].result
		assert.Equal(t, bulk.Done, paid.State)
		assert.Regexp(t, "^42000000[0-9]{20}$", paid.Code)
		assert.NotEmpty(t, paid.RequestID)
		assert.Equal(t, bulk.Rejected, poor.State)
		assert.Equal(t, "PAY_FAIL", poor.Code)
		assert.Contains(t, poor.Reason.English, "支付失败; not paid")
		assert.Contains(t, poor.Reason.Chinese, "更换新的商户订单号")
		assert.NotEmpty(t, poor.RequestID)
		assert.Equal(t, bulk.Done, p.rows[2].state)
		for _, r := range server.Requests() {
			assert.Empty(t, r.Advice)
		}
	})
}

// played is a subtest in a time of its own.
func played(t *testing.T, name string, play func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, play) })
}

// Every fault at every call: the money moves once, and the row says so.
func TestFaults(t *testing.T) {
	t.Parallel()
	// What the platform itself refuses, at which calls, ends the row without a debit.
	refusals := map[string][]string{
		"PARAM_ERROR": {routeNotice, routeDebit}, "INVALID_REQUEST": {routeNotice, routeDebit}, "NOT_ENOUGH": {routeNotice, routeDebit}, "NOT_FOUND": {routeNotice, routeDebit},
	}
	server := wxpaytest.New(t)
	for _, route := range []string{routeNotice, routeDebit, routeResult} {
		for _, fault := range server.FaultsAt(route) {
			played(t, fault.Name+" at "+route, func(t *testing.T) {
				contract := server.AddContracts(openID, appID, planID, 1)[0]
				number := strconv.Itoa(rand.Int())
				before := debited(t, server)
				p := newPlay(t, run(server), row(contract, number, "88800"))
				require.NoError(t, server.Inject(route, fault.Name, 1))
				p.play(60 * time.Hour)
				assert.Empty(t, server.Unused(), "%s at %s", fault.Name, route)
				after, h := debited(t, server), p.rows[0]
				switch {
				case slices.Contains(refusals[fault.Name], route):
					assert.Equal(t, bulk.Rejected, h.state, "%s at %s: %+v", fault.Name, route, h.result)
					assert.Equal(t, fault.Name, h.result.Code)
					assert.NotEmpty(t, h.result.Reason.English)
					assert.NotEmpty(t, h.result.Reason.Chinese)
					assert.NotEmpty(t, h.result.RequestID)
					assert.Equal(t, len(before), len(after))
				default:
					assert.Equal(t, bulk.Done, h.state, "%s at %s: %+v", fault.Name, route, h.result)
					assert.LessOrEqual(t, len(h.began), 4)
					assert.Equal(t, int64(88800), after[number])
					assert.Equal(t, len(before)+1, len(after))
				}
			})
		}
	}
}

// Whenever the plug is pulled, and whatever the network does: every amount moves once, and no row is lost.
func TestPlugPulled(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: time.Minute, Journal: 1})
	names := []string{"reset-before-read", "reset-after-read", "hang", "500", "502-html", "reset-after-effect", "500-after-effect", "hang-after-effect", "429", "forged-signature"}
	known := map[string]bool{}
	for _, f := range wxpaytest.Faults {
		known[f.Name] = true
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !known[n] })
	require.GreaterOrEqual(t, len(names), 9)
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			chaos := rand.New(rand.NewPCG(seed, 10))
			contracts := server.AddContracts(openID, appID, planID, 20)
			p := newPlay(t, run(server))
			for i, c := range contracts {
				p.rows = append(p.rows, &held{row: row(c, "p"+strconv.FormatUint(seed, 10)+"-"+strconv.Itoa(i), strconv.Itoa(100+i))})
			}
			p.chaos = chaos
			for range 60 {
				route := []string{routeNotice, routeDebit, routeResult}[chaos.IntN(3)]
				require.NoError(t, server.Inject(route, names[chaos.IntN(len(names))], 1))
			}
			before := debited(t, server)
			p.play(72 * time.Hour)
			server.Recover()
			p.play(24 * time.Hour)
			p.chaos = nil
			p.play(24 * time.Hour)
			after := debited(t, server)
			for number := range before {
				delete(after, number)
			}
			assert.Equal(t, after, p.wanted(bulk.Done), "seed %d", seed)
			assert.Len(t, after, len(contracts), "seed %d: no debit is missing", seed)
			assert.Greater(t, p.kills, 20)
		})
	}
}

// A job that is run again too late for a notice sends another one first.
func TestNoticeTooOld(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		contract := server.AddContracts(openID, appID, planID, 1)[0]
		p := newPlay(t, run(server), row(contract, "week", "88800"))
		p.steps = 1
		p.play(time.Hour)
		assert.Equal(t, 1, p.rows[0].step)
		time.Sleep(7 * 24 * time.Hour)
		p.steps = 0
		p.play(23 * time.Hour)
		assert.Empty(t, debited(t, server))
		require.Len(t, p.rows[0].began, 2, "another notice")
		p.play(2 * time.Hour)
		assert.Equal(t, bulk.Done, p.rows[0].state)
		assert.Equal(t, map[string]int64{"week": 88800}, debited(t, server))
	})
}

// The same after a debit that was begun in time, and whose answer nobody waited for.
func TestDebitBegunAndNoticeTooOld(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	for fault, notices := range map[string]int{"reset-after-read": 2, "reset-after-effect": 1} {
		synctest.Test(t, func(t *testing.T) {
			contract := server.AddContracts(openID, appID, planID, 1)[0]
			p := newPlay(t, run(server), row(contract, fault, "88800"))
			p.steps = 1
			p.play(time.Hour)
			time.Sleep(24 * time.Hour)
			p.steps = 0
			require.NoError(t, server.Inject(routeDebit, fault, 1))
			p.take(p.rows[0])
			require.Equal(t, bulk.Unknown, p.rows[0].state)
			time.Sleep(7 * 24 * time.Hour)
			p.play(48 * time.Hour)
			assert.Equal(t, bulk.Done, p.rows[0].state, "%s: %+v", fault, p.rows[0].result)
			assert.Equal(t, int64(88800), debited(t, server)[fault])
			sent := 0
			for _, r := range server.Requests() {
				if r.Route == routeNotice && r.Status == 204 {
					sent++
				}
			}
			assert.Equal(t, notices, sent, fault)
		})
		server = wxpaytest.New(t)
	}
}

// Two rows under one contract: one notice serves one debit, so the second row gets a notice of its own later.
func TestTwoRowsOfOneContract(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		contract := server.AddContracts(openID, appID, planID, 1)[0]
		p := newPlay(t, run(server), row(contract, "first", "100"), row(contract, "second", "200"))
		p.play(72 * time.Hour)
		assert.Equal(t, map[string]int64{"first": 100, "second": 200}, debited(t, server))
		assert.Equal(t, map[string]int64{"first": 100, "second": 200}, p.wanted(bulk.Done))
	})
}

// Nobody tells how old a notice is that exists. Tomorrow suits all but those of three days ago; after them another is sent.
func TestNoticeOfUnknownAge(t *testing.T) {
	t.Parallel()
	for age, notices := range map[int]int{0: 0, 1: 0, 2: 0, 3: 1} {
		server := wxpaytest.New(t)
		synctest.Test(t, func(t *testing.T) {
			contract := server.AddContracts(openID, appID, planID, 1)[0]
			r := run(server)
			r.NoticeLead = 72 * time.Hour
			stranger := newPlay(t, r, row(contract, "none", "1"))
			stranger.steps = 1
			stranger.play(time.Hour)
			time.Sleep(time.Duration(age) * 24 * time.Hour)
			p := newPlay(t, r, row(contract, "known", "88800"))
			p.play(6 * 24 * time.Hour)
			assert.Equal(t, bulk.Done, p.rows[0].state, "%d days: %+v", age, p.rows[0].result)
			assert.Equal(t, map[string]int64{"known": 88800}, debited(t, server))
			assert.Len(t, p.rows[0].began, 2+2*notices)
			assert.GreaterOrEqual(t, p.rows[0].began[1].Sub(p.rows[0].began[0]), 24*time.Hour)
		})
	}
}

// What the rules of the platform refuse for good is refused once more at most, and no user is told without end.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		contract := server.AddContracts(openID, appID, planID, 1)[0]
		p := newPlay(t, run(server), row(contract, "other", "1"))
		p.steps = 1
		p.play(time.Hour)
		p = newPlay(t, run(server), row(contract, "refused", "88800")) // whose notice exists
		require.NoError(t, server.Inject(routeDebit, "INVALID_REQUEST", -1))
		p.play(30 * 24 * time.Hour)
		assert.Equal(t, bulk.Rejected, p.rows[0].state)
		assert.Equal(t, "INVALID_REQUEST", p.rows[0].result.Code)
		assert.Contains(t, p.rows[0].result.Reason.English, "feed the row again")
		assert.Len(t, p.rows[0].began, 4)
		assert.Empty(t, debited(t, server))
	})
}

// A contract that ends between notice and debit.
func TestContractEnded(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		contract := server.AddContracts(openID, appID, planID, 1)[0]
		p := newPlay(t, run(server), row(contract, "ended", "88800"), row("wx000", "never", "1"))
		p.play(time.Hour)
		require.NoError(t, wxpay.Send(t.Context(), server.Client(), wxpay.Call{Route: "DELETE /v3/edu-papay/contracts/{contract_id}", Vars: wxpay.Vars{"contract_id": contract}}))
		p.play(48 * time.Hour)
		for _, h := range p.rows {
			assert.Equal(t, bulk.Rejected, h.state)
			assert.Equal(t, "NOT_FOUND", h.result.Code)
			assert.Contains(t, h.result.Reason.English, "no such contract")
			assert.NotEmpty(t, h.result.RequestID)
		}
		assert.Empty(t, debited(t, server))
	})
}

// Without notices of its own a run begins with the debit; without a lead it waits for nothing.
func TestWithoutNoticesAndLead(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		contracts := server.AddContracts(openID, appID, planID, 2)
		r := run(server)
		r.NoNotice = true
		p := newPlay(t, r, row(contracts[0], "bare", "100"))
		p.play(time.Minute)
		assert.Equal(t, bulk.Rejected, p.rows[0].state)
		assert.Equal(t, "INVALID_REQUEST", p.rows[0].result.Code)

		r = run(server)
		r.NoticeLead = 0
		p = newPlay(t, r, row(contracts[0], "bare", "100"), row(contracts[1], "two", "200"))
		p.steps = 1
		p.play(time.Minute)
		server.Advance(24 * time.Hour)
		p.steps = 0
		p.rows[1].code = "" // sent elsewhere
		p.play(time.Minute)
		assert.Equal(t, map[string]int64{"bare": 100, "two": 200}, debited(t, server))
		assert.Equal(t, map[string]int64{"bare": 100, "two": 200}, p.wanted(bulk.Done))
	})
}

func TestAbout(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	about := debits.Run{Client: server.Client(), AppID: "wx1", SubMchID: "19"}.About()
	assert.Equal(t, wxpaytest.MchID, about.Sender)
	assert.Equal(t, map[string]string{"appid": "wx1", "sub_mchid": "19"}, about.Settings)
	assert.Len(t, about.Steps, 3)
	assert.Empty(t, server.Requests())
	assert.Empty(t, debits.Run{}.About().Sender)
}
