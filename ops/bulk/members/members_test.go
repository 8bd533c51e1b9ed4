package members_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	appID       = "wxea9c30890f48d5ae" // of the cards that the fake seeds
	routePhone  = "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import"
	routeOpenID = "POST /v3/marketing/membercard-open/cards/{card_id}/users/import"
	routeRemind = "POST /v3/marketing/membercard-open/phonenumber-member/import"
	routeSearch = "GET /v3/marketing/membercard-open/phonenumber-member/search"
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

// operations are the three, each with rows of its own and a way to count what happened on the platform.
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
	"reminder": {routeRemind, func(c *wxpay.Client, card string) bulk.Operation {
		return members.Remind{Client: c, CardID: card, RegistrationTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	}, func(i int) []string {
		return []string{fmt.Sprintf("1380000%04d", i), "", fmt.Sprint("code", i), "", ""}
	}},
}

// effects are what the platform did, by its own account.
func effects(s *wxpaytest.Server, route string) (n int) {
	for _, r := range s.Requests() {
		if r.Route == route && r.Status/100 == 2 {
			n++
		}
	}
	return n
}

func state(s *wxpaytest.Server, view string) (n int) {
	for _, v := range s.State() {
		if v.Name == view {
			n += len(v.Rows)
		}
	}
	return n
}

// Whatever happens to one call of three, all rows are accounted for, and none is done, or rejected, that is not.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	for name, op := range operations {
		probe := wxpaytest.New(t)
		for _, fault := range probe.FaultsAt(op.route) {
			t.Run(name+"/"+fault.Name, func(t *testing.T) {
				t.Parallel()
				s := wxpaytest.New(t, wxpaytest.Options{Unlimited: true})
				card := s.AddCard("SYSTEM_ALLOCATE")
				if name == "phone and code" || name == "reminder" {
					card = s.AddCard("REAL_TIME")
				}
				rows := source{op.cells(1), op.cells(2), op.cells(3)}
				job := bulk.Job{Ledger: filepath.Join(t.TempDir(), "x.ledger"), Source: rows, Operation: op.make(s.Client(), card), Key: bulk.ClientKey(s.Client()), Rate: -1, Concurrency: 1}
				run := func() (summary *bulk.Summary) {
					synctest.Test(t, func(t *testing.T) {
						var err error
						summary, err = job.Run(t.Context())
						if _, stopped := errors.AsType[*bulk.StopError](err); !stopped {
							require.NoError(t, err)
						}
					})
					return summary
				}
				require.NoError(t, s.Inject(op.route, fault.Name, 1))
				first := run()
				assert.Equal(t, first.Rows, first.Done+first.Rejected+first.Unknown+first.Left)
				s.Recover()
				last := run()
				assert.EqualValues(t, 3, last.Rows)
				assert.Zero(t, last.Unknown+last.Left, "settled at last")
				assert.LessOrEqual(t, last.Rejected, int64(1))
				if name != "reminder" {
					assert.EqualValues(t, last.Done, state(s, "members"), "one member for each row that is done, none for one that is rejected")
				} else {
					assert.GreaterOrEqual(t, effects(s, op.route), int(last.Done)-1)
				}
			})
		}
	}
}

// A reminder has no request number. After a lost answer it is asked for, and handed in again only if it never came in.
func TestReminderIsAskedFor(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]int{"reset-after-effect": 1, "reset-after-read": 2} {
		synctest.Test(t, func(t *testing.T) {
			s := wxpaytest.New(t)
			op := operations["reminder"]
			require.NoError(t, s.Inject(routeRemind, fault, 1))
			job := bulk.Job{Ledger: filepath.Join(t.TempDir(), "x.ledger"), Source: source{op.cells(1)}, Operation: op.make(s.Client(), s.AddCard("SYSTEM_ALLOCATE")), Key: bulk.ClientKey(s.Client()), Rate: -1}
			summary, err := job.Run(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, 1, summary.Done)
			sent, asked := 0, 0
			for _, r := range s.Requests() {
				sent += map[string]int{routeRemind: 1}[r.Route]
				asked += map[string]int{routeSearch: 1}[r.Route]
			}
			assert.Equal(t, want, sent, fault)
			assert.Equal(t, 1, asked, fault)
		})
	}
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
	by.AppID = appID
	return by
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	for name, tt := range map[string]struct {
		op     bulk.Operation
		cells  []string
		column string // empty: good
		id     string
	}{
		"phone":       {members.ByPhone{s.Client(), "card"}, []string{"13800138000", ""}, "", "13800138000"},
		"abroad":      {members.ByPhone{s.Client(), "card"}, []string{"+85291234567"}, "", "+85291234567"},
		"short phone": {members.ByPhone{s.Client(), "card"}, []string{"1380013800", ""}, "phone_number", ""},
		"no phone":    {members.ByPhone{s.Client(), "card"}, []string{"", ""}, "phone_number", ""},
		"long code":   {members.ByPhone{s.Client(), "card"}, []string{"13800138000", "123456789012345678901234567890123"}, "code", ""},
		"openid":      {members.ByOpenID{s.Client(), "card", ""}, []string{"o-1", ""}, "", "o-1"},
		"no openid":   {members.ByOpenID{s.Client(), "card", ""}, []string{"", ""}, "openid", ""},
		"reminder":    {members.Remind{s.Client(), "card", time.Time{}}, []string{"13800138000", "2026-01-02T03:04:05+08:00"}, "", "13800138000"},
		"no time":     {members.Remind{s.Client(), "card", time.Time{}}, []string{"13800138000", ""}, "registration_time", ""},
		"long outer":  {members.Remind{s.Client(), "card", time.Now()}, []string{"13800138000", "", "", "", string(make([]byte, 129))}, "outer_str", ""},
	} {
		id, err := tt.op.Check(table.Row{Line: 7, Cells: tt.cells})
		fault, refused := errors.AsType[*table.Fault](err)
		require.Equal(t, tt.column != "", refused, "%s: %v", name, err)
		if !refused {
			require.NoError(t, err, name)
			assert.Equal(t, tt.id, id, name)
			continue
		}
		assert.Equal(t, tt.column, fault.Column, name)
		assert.Equal(t, 7, fault.Line, name)
		assert.NotEmpty(t, fault.Chinese, name)
		assert.NotContains(t, fault.Error(), "1380013800", name)
	}
	_, err := members.ByPhone{s.Client(), ""}.Check(table.Row{Cells: []string{"13800138000", ""}})
	wrong, ok := errors.AsType[*wxpay.ParamError](err)
	require.True(t, ok, "the card is of the job, not of a row")
	assert.Equal(t, "card_id", wrong.Param)
}
