// Package optest plays every fault of the fake platform against an operation of bulk jobs: when a row is sent, and when
// it is settled after its answer was lost. Whatever happens, a row takes effect at most once, is done only if it did,
// and is rejected only if it did not.
package optest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A Play is one row of an operation of one step, before a server of its own.
type Play struct {
	Server    *wxpaytest.Server
	Operation bulk.Operation
	Row       table.Row
	Route     string     // of the call that takes effect
	Asks      []string   // routes by which Settle may ask
	Effects   func() int // how often the row took effect so far

	t     *testing.T
	began bool
	kept  wxpay.Prepared
}

// tries is how often a row is settled before it has to have ended: twice what any row here needs.
const tries = 4

// Faults plays everything that can happen to the calls of a row, each in virtual time. Every play begins with start.
func Faults(t *testing.T, start func(t *testing.T) *Play) {
	first := start(t)
	// When the row is sent.
	for _, f := range first.Server.FaultsAt(first.Route) {
		t.Run("send/"+f.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := begin(t, start)
				require.NoError(t, p.Server.Inject(p.Route, f.Name, 1))
				r := p.Send()
				if f.Effect() {
					require.NotEqual(t, bulk.Rejected, r.State, "it may have worked")
					require.NotEqual(t, bulk.Staged, r.State, "it may have worked")
				}
				p.Server.Recover()
				if r = p.Finish(r); r.State == bulk.Done {
					require.Equal(t, 1, p.Effects())
				}
			})
		})
	}
	// When it is settled, after a call that worked, and after one that did not.
	for _, lost := range []string{"reset-after-effect", "reset-after-read"} {
		for _, route := range append([]string{first.Route}, first.Asks...) {
			for _, f := range first.Server.FaultsAt(route) {
				t.Run(lost+"/"+strings.ReplaceAll(route, "/", "|")+"/"+f.Name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						p := begin(t, start)
						require.NoError(t, p.Server.Inject(p.Route, lost, 1))
						require.Equal(t, bulk.Unknown, p.Send().State)
						require.NoError(t, p.Server.Inject(route, f.Name, 1))
						r := p.Settle()
						p.Server.Recover() // it may not have been asked that way
						p.Finish(r)
					})
				})
			}
		}
	}
}

func begin(t *testing.T, start func(*testing.T) *Play) *Play {
	p := start(t)
	p.t = t
	_, err := p.Operation.Check(p.Row)
	require.NoError(t, err)
	return p
}

// Begin makes a play ready for tests that call Send, Settle and Finish themselves.
func Begin(t *testing.T, p *Play) *Play {
	return begin(t, func(*testing.T) *Play { return p })
}

// Finish does what the engine does with a row until it is done or rejected. It may only stay unknown where nothing can
// tell, so that is a failure.
func (p *Play) Finish(r bulk.Result) bulk.Result {
	p.t.Helper()
	for range tries {
		switch r.State {
		case bulk.Done, bulk.Rejected:
			return r
		case bulk.Staged:
			p.began, p.kept = false, wxpay.Prepared{}
			r = p.Send()
		case bulk.Unknown:
			r = p.Settle()
		}
	}
	require.Contains(p.t, []bulk.State{bulk.Done, bulk.Rejected}, r.State, "%+v", r)
	return r
}

// Send sends the row.
func (p *Play) Send() bulk.Result {
	p.t.Helper()
	return p.ends(p.Operation.Send(p.context(), p.item()))
}

// Settle settles it with the call that was kept.
func (p *Play) Settle() bulk.Result {
	p.t.Helper()
	require.True(p.t, p.began, "what may have happened was kept")
	return p.ends(p.Operation.Settle(p.context(), p.item(), p.kept))
}

func (p *Play) item() bulk.Item {
	return bulk.Item{Number: "optest00000000000000000000000001", Rows: []table.Row{p.Row}}
}

// context keeps the first call that changes something, and holds all later ones to it.
func (p *Play) context() context.Context {
	return wxpay.WithAttempts(wxpay.WithPrepared(p.t.Context(), func(_ context.Context, call wxpay.Prepared) error {
		switch {
		case strings.HasPrefix(call.Route, "GET "):
		case !p.began:
			p.began, p.kept = true, call
		default:
			require.Equal(p.t, p.kept.Route, call.Route)
			require.True(p.t, bytes.Equal(p.kept.Body, call.Body), "the same bytes")
		}
		return nil
	}), 1)
}

// ends holds a result to what happened on the server.
func (p *Play) ends(r bulk.Result) bulk.Result {
	p.t.Helper()
	effects := p.Effects()
	require.LessOrEqual(p.t, effects, 1, "it takes effect once")
	switch r.State {
	case bulk.Done:
		require.Equal(p.t, 1, effects, "done is what took effect: %+v", r)
	case bulk.Rejected:
		require.Zero(p.t, effects, "rejected is what did not: %+v", r)
		require.NotEmpty(p.t, r.Code)
		require.NotEmpty(p.t, r.Reason)
	case bulk.Staged:
		require.Zero(p.t, effects, "what took effect is not sent anew: %+v", r)
	case bulk.Unknown:
		require.NotEmpty(p.t, r.Reason, "it says what to do: %+v", r)
	default:
		require.Fail(p.t, "no state to end with", "%+v", r)
	}
	for _, cell := range p.Row.Cells {
		if len(cell) > 4 {
			require.NotContains(p.t, r.Reason.English+r.Reason.Chinese, cell)
		}
	}
	return r
}
