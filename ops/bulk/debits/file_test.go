package debits_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// fileJob is a whole job of a file with this text: the notices, and the debits a day later.
func fileJob(t *testing.T, server *wxpaytest.Server, r debits.Run, text string) (*bulk.Summary, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "debits.csv")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	file, err := table.Open(path, table.Options{Columns: r.About().Columns})
	if err != nil {
		return nil, err
	}
	r.NoticeLead, r.Every = 0, time.Millisecond
	job := bulk.Job{Ledger: filepath.Join(t.TempDir(), "x.ledger"), Source: file, Operation: r, Key: bulk.ClientKey(server.Client()), Rate: -1, Steps: 1}
	_, err = job.Run(t.Context())
	if stop, ok := errors.AsType[*bulk.StopError](err); !ok || stop.Why != bulk.WhyLimit {
		return nil, err
	}
	server.Advance(24 * time.Hour)
	job.Steps = 0
	return job.Run(t.Context())
}

// Files as schools have them: the amount is that of the column's unit.
func TestFiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header string
		cells  string // behind contract and number
		amount int64  // 0: refused
	}{
		"fen":                  {"contract_id,out_trade_no,amount_fen,description", "88800,lessons", 88800},
		"yuan":                 {"contract_id,out_trade_no,amount,description", "888,lessons", 88800},
		"yuan with fen":        {"contract_id,out_trade_no,amount,description", "888.05,lessons", 88805},
		"yuan with one digit":  {"contract_id,out_trade_no,amount,description", "888.5,lessons", 88850},
		"Chinese, yuan":        {"签约协议号,商户订单号,金额（元）,商品描述", "￥888.00,语文", 88800},
		"Chinese, narrow":      {"协议号,订单号,金额(元),描述", "888.00,语文", 88800},
		"Chinese, fen":         {"协议号,订单号,金额（分）,描述", "88800,语文", 88800},
		"another order":        {"Contract ID,Out Trade No,Description,Amount Fen", "lessons,88800", 88800},
		"both, one filled":     {"contract_id,out_trade_no,amount_fen,amount,description", ",888,lessons", 88800},
		"both filled":          {"contract_id,out_trade_no,amount_fen,amount,description", "88800,888,lessons", 0},
		"neither":              {"contract_id,out_trade_no,description", "lessons", 0},
		"of which unit":        {"协议号,订单号,金额,描述", "88800,语文", 0},
		"fen with a point":     {"contract_id,out_trade_no,amount_fen,description", "888.00,lessons", 0},
		"a third of a fen":     {"contract_id,out_trade_no,amount,description", "888.001,lessons", 0},
		"less than nothing":    {"contract_id,out_trade_no,amount,description", "-888,lessons", 0},
		"nothing":              {"contract_id,out_trade_no,amount,description", "0.00,lessons", 0},
		"in words":             {"contract_id,out_trade_no,amount,description", "888元整,lessons", 0},
		"number of a computer": {"contract_id,out_trade_no,amount_fen,description", "8.88E+04,lessons", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			contract := server.AddContracts(openID, appID, planID, 1)[0]
			s, err := fileJob(t, server, run(server), test.header+"\r\n"+contract+",N-1,"+test.cells+"\r\n")
			if test.amount == 0 {
				require.Error(t, err)
				assert.Empty(t, server.Requests(), "nothing was sent: %v", err)
				_, said, _ := strings.Cut(err.Error(), "debits.csv") // the folder has a number of its own
				assert.NotEmpty(t, said)
				assert.NotContains(t, said, "888")
				return
			}
			require.NoError(t, err)
			assert.EqualValues(t, 1, s.Done)
			assert.Equal(t, map[string]int64{"N-1": test.amount}, debited(t, server))
		})
	}
}
