package members_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

type source [][]string

func (s source) Name() string                           { return "members.csv" }
func (s source) Digest(context.Context) (string, error) { return fmt.Sprint([][]string(s)), nil }
func (s source) Rows(context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for i, cells := range s {
			if !yield(table.Row{Line: i + 1, Cells: cells}, nil) {
				return
			}
		}
	}
}

// operations are those by which members are imported, each with rows of its own.
type operation struct {
	route string
	make  func(client *wxpay.Client, card string) bulk.Operation
	cells func(i int) []string
}

var operations = map[string]operation{
	"phone": {routePhone, func(c *wxpay.Client, card string) bulk.Operation { return members.ByPhone{Client: c, CardID: card} },
		func(i int) []string { return []string{fmt.Sprintf("1380000%04d", i), ""} }},
	"phone and code": {routePhone, func(c *wxpay.Client, card string) bulk.Operation { return members.ByPhone{Client: c, CardID: card} },
		func(i int) []string { return []string{fmt.Sprintf("1380000%04d", i), fmt.Sprint("code", i)} }},
	"openid": {routeOpenID, func(c *wxpay.Client, card string) bulk.Operation { return members.ByOpenID{Client: c, CardID: card} },
		func(i int) []string { return []string{fmt.Sprint("openid-", i), ""} }},
}

// Where no query can tell, a refusal after a lost answer leaves the row unknown.
func TestRefusedAfterLost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		op     string
		lost   string
		change func(bulk.Operation) bulk.Operation
		want   bulk.Sums
	}{
		"phone":                {"phone", "hang-after-effect", nil, bulk.Sums{Rows: 1, Unknown: 1}},
		"code there":           {"phone and code", "hang-after-effect", nil, bulk.Sums{Rows: 1, Unknown: 1}},
		"code not there":       {"phone and code", "hang", nil, bulk.Sums{Rows: 1, Rejected: 1}},
		"openid":               {"openid", "hang-after-effect", nil, bulk.Sums{Rows: 1, Unknown: 1}},
		"openid, appid":        {"openid", "hang-after-effect", withAppID, bulk.Sums{Rows: 1, Done: 1}},
		"openid, appid, never": {"openid", "hang", withAppID, bulk.Sums{Rows: 1, Unknown: 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := wxpaytest.New(t)
			op := operations[tt.op]
			card := s.AddCard(map[bool]string{true: "REAL_TIME", false: "SYSTEM_ALLOCATE"}[tt.op == "phone and code"])
			operation := op.make(s.Client(), card)
			if tt.change != nil {
				operation = tt.change(operation)
			}
			require.NoError(t, s.Inject(op.route, tt.lost, 1))
			require.NoError(t, s.Inject(op.route, "INVALID_REQUEST", 6))
			job := bulk.Job{Ledger: filepath.Join(t.TempDir(), "x.ledger"), Source: source{op.cells(1)}, Operation: operation, Key: bulk.ClientKey(s.Client()), Rate: -1}
			summary, err := job.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.want, summary.Sums, name)
			s.Recover()
		})
	}
}

func withAppID(o bulk.Operation) bulk.Operation {
	by := o.(members.ByOpenID)
	by.AppID = appid
	return by
}
