package transfers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	appID       = "wx8888888888888888"
	routeCreate = "POST /v3/fund-app/mch-transfer/transfer-bills"
	routeQuery  = "GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}"
)

type m = map[string]any

func params(server *wxpaytest.Server) transfers.Params {
	return transfers.Params{
		Client: server.Client(), AppID: appID, SceneID: "1000", Remark: "bonus",
		ReportInfos: []mchtransfer.SceneReportInfo{{InfoType: "活动名称", InfoContent: "新会员有礼"}, {InfoType: "奖励说明", InfoContent: "注册奖励"}},
		Confirm:     func(transfers.Review) error { return nil },
	}
}

// row is a row of a file with a person and an amount in fen, and other cells by name.
func row(openID, fen string, more ...string) table.Row {
	cells := map[string]string{"openid": openID, "amount_fen": fen}
	for i := 0; i+1 < len(more); i += 2 {
		cells[more[i]] = more[i+1]
	}
	r := table.Row{Line: 2}
	for _, c := range transfers.New(transfers.Params{}).About().Columns {
		r.Cells = append(r.Cells, cells[c.Name])
	}
	return r
}

// A source is rows in memory.
type source struct {
	name string
	rows []table.Row
}

func (s source) Name() string { return s.name }

func (s source) Digest(context.Context) (string, error) { return fmt.Sprint(s.rows), nil }

func (s source) Rows(context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for i, r := range s.rows {
			r.Line = i + 2
			if !yield(r, nil) {
				return
			}
		}
	}
}

func openID(i int) string { return fmt.Sprintf("oUpF8uMuAJOM2pxb%04d", i) }

// A job is a run of transfers on a fake platform.
type job struct {
	*wxpaytest.Server
	bulk.Job
	params transfers.Params
	want   map[string]int64 // amounts by openid
}

// newJob has n rows of different people, every other one with a number of its own.
func newJob(t *testing.T, n int, options wxpaytest.Options) *job {
	t.Helper()
	options.Unlimited, options.Journal = true, 1
	j := &job{Server: wxpaytest.New(t, options), want: map[string]int64{}}
	j.params = params(j.Server)
	s := source{name: "bonus.csv"}
	for i := range n {
		var more []string
		if i%2 == 0 {
			more = []string{"out_bill_no", fmt.Sprintf("B%04d", i)}
		}
		j.want[openID(i)] = int64(100 + i)
		s.rows = append(s.rows, row(openID(i), fmt.Sprint(100+i), more...))
	}
	j.Job = bulk.Job{Ledger: filepath.Join(t.TempDir(), "bonus.ledger"), Source: s, Key: bulk.ClientKey(j.Client()), Rate: -1}
	return j
}

func (j *job) carryOut(ctx context.Context) (*bulk.Summary, error) {
	j.Operation = transfers.New(j.params)
	return j.Run(ctx)
}

// A bill is one of the fake.
type bill struct {
	OutBillNo string `json:"out_bill_no"`
	OpenID    string `json:"openid"`
	Amount    int64  `json:"transfer_amount"`
	State     string `json:"state"`
}

func bills(t *testing.T, server *wxpaytest.Server) (list []bill) {
	t.Helper()
	for _, v := range server.State() {
		if v.Product == "mchtransfer" && v.Name == "bills" {
			text, err := json.Marshal(v.Rows)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &list))
		}
	}
	return list
}

// moved are the amounts of all bills that did not fail, by person: of one that was made twice, twice as much.
func moved(t *testing.T, server *wxpaytest.Server) map[string]int64 {
	amounts := map[string]int64{}
	for _, b := range bills(t, server) {
		if b.State != "FAIL" && b.State != "CANCELLED" {
			amounts[b.OpenID] += b.Amount
		}
	}
	return amounts
}

// confirm lets every user who is asked take the money.
func confirm(t *testing.T, server *wxpaytest.Server) {
	t.Helper()
	for _, b := range bills(t, server) {
		if b.State == "WAIT_USER_CONFIRM" {
			require.NoError(t, server.ConfirmTransfer(b.OutBillNo))
		}
	}
}

func why(t *testing.T, err error) bulk.Why {
	t.Helper()
	stop, ok := errors.AsType[*bulk.StopError](err)
	require.True(t, ok, "%v", err)
	return stop.Why
}

// items are those of a ledger by line, of one input.
func items(t *testing.T, path string, file int64) map[int64]ledger.Item {
	t.Helper()
	l, err := ledger.Look(path)
	require.NoError(t, err)
	defer l.Close()
	list := map[int64]ledger.Item{}
	for item, err := range l.Items(t.Context()) {
		require.NoError(t, err)
		if item.File == file {
			list[item.Line] = item
		}
	}
	return list
}

func with(o m, change m) m {
	o = maps.Clone(o)
	maps.Copy(o, change)
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	return o
}
