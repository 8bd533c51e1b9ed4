package debits_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	appID  = "wx8888888888888888"
	openID = "oUpF8uMuAJOM2pxb1Q"
	planID = "101164396123311331"

	routeNotice = "POST /v3/edu-papay/user-notifications/{contract_id}/send"
	routeDebit  = "POST /v3/edu-papay/transactions"
	routeResult = "GET /v3/edu-papay/transactions/out-trade-no/{out_trade_no}"
)

// run is a debit run as the command makes it.
func run(server *wxpaytest.Server) debits.Run {
	return debits.Run{Client: server.Client(), AppID: appID, NotifyURL: "https://shop.example/notify", DeviceIP: "203.0.113.7", NoticeLead: 24 * time.Hour}
}

// row is a row of a file that has the columns that every file has, and others by name.
func row(contract, number, fen string, more ...string) table.Row {
	cells := map[string]string{"contract_id": contract, "out_trade_no": number, "amount_fen": fen, "description": "lessons"}
	for i := 0; i+1 < len(more); i += 2 {
		cells[more[i]] = more[i+1]
	}
	r := table.Row{Line: 2}
	for _, c := range (debits.Run{}).About().Columns {
		r.Cells = append(r.Cells, cells[c.Name])
	}
	return r
}

// A held is what a ledger holds of a row, and nothing else.
type held struct {
	row    table.Row
	state  bulk.State
	step   int
	due    time.Time
	code   string
	kept   wxpay.Prepared
	tries  int
	result bulk.Result // the last one
	began  []time.Time // of each step that changes something
}

// A play is a job whose process may be gone at any moment: between two calls only held is left.
type play struct {
	t     *testing.T
	run   debits.Run
	rows  []*held
	chaos *rand.Rand // nil: nobody pulls the plug
	kills int
	steps int // 0: all
}

func newPlay(t *testing.T, r debits.Run, rows ...table.Row) *play {
	p := &play{t: t, run: r}
	for _, row := range rows {
		_, err := r.Check(row)
		require.NoError(t, err)
		p.rows = append(p.rows, &held{row: row})
	}
	return p
}

var errKilled = errors.New("the process was killed")

// take does one thing with a row.
func (p *play) take(h *held) {
	item := bulk.Item{Number: "00000000000000000000000000000001", Step: h.step, Tries: h.tries, Due: h.due, Code: h.code, Rows: []table.Row{h.row}}
	state, kept := h.state, h.kept
	var killed bool
	ctx := wxpay.WithPrepared(p.t.Context(), func(_ context.Context, call wxpay.Prepared) error {
		if strings.HasPrefix(call.Route, "GET ") {
			return nil
		}
		if state == bulk.Staged {
			h.state, h.kept = bulk.Sending, call
			h.tries++
			h.began = append(h.began, time.Now())
		} else {
			require.Equal(p.t, kept.Body, call.Body, "the same bytes")
			require.Equal(p.t, kept.Vars, call.Vars)
		}
		if killed = p.kill(); killed {
			return errKilled // before the first byte
		}
		return nil
	})
	var res bulk.Result
	if h.state == bulk.Staged {
		res = p.run.Send(ctx, item)
	} else {
		res = p.run.Settle(ctx, item, h.kept)
	}
	if killed || p.kill() { // or before the result was written
		return
	}
	h.result, h.state, h.code = res, res.State, res.Code
	if res.State != bulk.Unknown {
		h.kept = wxpay.Prepared{}
	}
	if res.State == bulk.Staged {
		h.step, h.due = res.Next, res.At
	}
	h.due = maxTime(h.due, time.Now().Add(map[bool]time.Duration{true: time.Second}[res.Err != nil]))
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (p *play) kill() bool {
	if p.chaos == nil || p.chaos.IntN(4) > 0 {
		return false
	}
	p.kills++
	return true
}

func (h *held) open(steps int) bool {
	return h.state != bulk.Done && h.state != bulk.Rejected && (steps == 0 || h.step < steps)
}

// play takes what is due until nothing is left to do, or until the time is over.
func (p *play) play(most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); {
		var open []*held
		for _, h := range p.rows {
			if h.open(p.steps) {
				open = append(open, h)
			}
		}
		if len(open) == 0 {
			return
		}
		next := slices.MinFunc(open, func(a, b *held) int { return a.due.Compare(b.due) })
		if d := time.Until(next.due); d > 0 {
			time.Sleep(min(d, time.Until(end)))
			continue
		}
		p.take(next)
		if p.chaos != nil {
			time.Sleep(time.Second)
		}
	}
}

// debited are the amounts of the debits on the server by number.
func debited(t *testing.T, server *wxpaytest.Server) map[string]int64 {
	amounts := map[string]int64{}
	for _, v := range server.State() {
		if v.Product != "edupapay" || v.Name != "debits" {
			continue
		}
		text, err := json.Marshal(v.Rows)
		require.NoError(t, err)
		var rows []struct {
			OutTradeNo string `json:"out_trade_no"`
			Amount     struct{ Total int64 }
		}
		require.NoError(t, json.Unmarshal(text, &rows))
		for _, r := range rows {
			amounts[r.OutTradeNo] += r.Amount.Total // of one that was made twice, twice as much
		}
	}
	return amounts
}

// wanted are the amounts that the rows ask for by number, of the rows in that state.
func (p *play) wanted(state bulk.State) map[string]int64 {
	amounts := map[string]int64{}
	for _, h := range p.rows {
		if h.state == state {
			var n int64
			_, _ = fmt.Sscan(h.row.Cells[2]+h.row.Cells[3], &n)
			amounts[h.row.Cells[1]] += n
		}
	}
	return amounts
}
