package banklists_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/banklists"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	uploadRoute = "POST /v3/marketing/bank/packages/{package_id}/tasks"
	lookRoute   = "GET /v3/marketing/bank/packages/{package_id}/tasks"
	packageID   = "8473295"
)

func operation(t testing.TB, client *wxpay.Client, change ...func(*banklists.Params)) bulk.Operation {
	t.Helper()
	p := banklists.Params{Client: client, PackageID: packageID, BankType: "ICBC_DEBIT", Name: "autumn", Wait: true, Every: time.Second}
	for _, c := range change {
		c(&p)
	}
	o, err := banklists.New(p)
	require.NoError(t, err)
	return o
}

func rows(n int) []table.Row {
	all := make([]table.Row, n)
	for i := range all {
		all[i] = table.Row{Line: i + 1, Cells: []string{fmt.Sprintf("62170000%08d", i)}}
	}
	return all
}

// An entry is what a ledger remembers of an item, and all that survives a kill.
type entry struct {
	bulk.Item
	state bulk.State
	kept  wxpay.Prepared
	looks int // results so far
	calls int // that the last step kept
}

var errKilled = errors.New("killed")

// take takes one step as a job does. A kill before the first byte leaves what was kept; one after the last leaves that
// the call was begun, and no result.
func (e *entry) take(ctx context.Context, o bulk.Operation, before, after bool) bulk.Result {
	ctx = wxpay.WithAttempts(wxpay.WithPrepared(ctx, func(_ context.Context, p wxpay.Prepared) error {
		if strings.HasPrefix(p.Route, "GET ") {
			return nil
		}
		e.state, e.kept, e.Tries, e.calls = bulk.Sending, p, e.Tries+1, e.calls+1
		if before {
			return errKilled
		}
		return nil
	}), 1)
	var r bulk.Result
	e.calls = 0
	if e.looks++; e.state == bulk.Staged {
		r = o.Send(ctx, e.Item)
	} else {
		r = o.Settle(ctx, e.Item, e.kept)
	}
	if after || before {
		return r
	}
	if e.state, e.Code = r.State, r.Code; r.State == bulk.Staged && r.Next != e.Step {
		e.Step, e.Tries = r.Next, 0
	}
	return r
}

// finish takes steps until the item is done or rejected, within a virtual hour or so.
func (e *entry) finish(t testing.TB, o bulk.Operation) (r bulk.Result) {
	t.Helper()
	for e.looks < 100 {
		if r = e.take(t.Context(), o, false, false); r.State == bulk.Done || r.State == bulk.Rejected {
			return r
		}
		<-time.After(max(time.Until(r.At), time.Second))
	}
	return r
}

func item(rows []table.Row) *entry {
	return &entry{Item: bulk.Item{Number: strings.Repeat("a", 32), Rows: rows}}
}

// tasks are the rows of the fake's list.
func tasks(s *wxpaytest.Server) []map[string]any {
	for _, view := range s.State() {
		if view.Product == "bankpackages" {
			return view.Rows
		}
	}
	return nil
}

func TestUploadAndWait(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: 40 * time.Minute, Match: func(number string) bool { return !strings.HasSuffix(number, "7") }})
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server.Client()), item(rows(30))
		first := e.take(t.Context(), o, false, false)
		require.NoError(t, first.Err)
		assert.Equal(t, bulk.Staged, first.State)
		assert.Equal(t, 1, first.Next)
		assert.Equal(t, time.Now().Add(time.Second), first.At)
		assert.NotContains(t, first.Code, "6217")

		r := e.finish(t, o)
		assert.Equal(t, bulk.Result{State: bulk.Done, Code: r.Code, Good: 27, Bad: 3}, r)
		require.Len(t, tasks(server), 1)
		assert.Equal(t, tasks(server)[0]["task_id"], r.Code)
		assert.Equal(t, 27, server.PackageUsers(packageID))
		assert.Less(t, e.looks, 40, "pauses grow")
	})
}

func TestUploadWithoutWaiting(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: time.Hour})
	client := server.Client()
	o := operation(t, client, func(p *banklists.Params) { p.Wait = false })
	e := item(rows(3))
	r := e.take(t.Context(), o, false, false)
	require.NoError(t, r.Err)
	assert.Equal(t, bulk.Done, r.State)
	assert.Equal(t, tasks(server)[0]["task_id"], r.Code)
	assert.Zero(t, r.Good)

	// A run that waited stopped between the steps; the next does not wait.
	waiting := item(rows(4))
	waiting.take(t.Context(), operation(t, client), false, false)
	assert.Equal(t, 1, waiting.Step)
	r = waiting.take(t.Context(), o, false, false)
	assert.Equal(t, bulk.Done, r.State)
	assert.Equal(t, tasks(server)[1]["task_id"], r.Code)
}

// Whatever happens to either call, once or three times in a row, the numbers are in the package once.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, route := range []string{uploadRoute, lookRoute} {
		for _, fault := range wxpaytest.Faults {
			for _, times := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s %s %d", route[:4], fault.Name, times), func(t *testing.T) {
					t.Parallel()
					server := wxpaytest.New(t)
					synctest.Test(t, func(t *testing.T) {
						o, e := operation(t, server.Client()), item(rows(10))
						require.NoError(t, server.Inject(route, fault.Name, times))
						r := e.finish(t, o)
						server.Recover()
						assert.Equal(t, bulk.Done, r.State, "%v %v", r.Code, r.Err)
						assert.Equal(t, int64(10), r.Good)
						assert.Len(t, tasks(server), 1)
						assert.Equal(t, 10, server.PackageUsers(packageID))
					})
				})
			}
		}
	}
}

// A refusal of an upload rejects it with code and reason, unless it is about everybody: then the item stays what it was.
func TestRefusals(t *testing.T) {
	t.Parallel()
	everybody := map[string]bool{"SIGN_ERROR": true, "NO_AUTH": true}
	for _, fault := range wxpaytest.Refusals() {
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			synctest.Test(t, func(t *testing.T) {
				o, e := operation(t, server.Client()), item(rows(10))
				require.NoError(t, server.Inject(uploadRoute, fault.Name, 1))
				r := e.take(t.Context(), o, false, false)
				refused, ok := errors.AsType[*wxpay.Error](r.Err)
				require.True(t, ok, r.Err)
				assert.Equal(t, fault.Name, string(refused.Code))
				assert.Zero(t, server.PackageUsers(packageID))
				switch {
				case everybody[fault.Name] || refused.StatusCode == 429 || refused.StatusCode == 401:
					assert.Equal(t, bulk.Staged, r.State)
				case refused.StatusCode >= 500:
					assert.Equal(t, bulk.Unknown, r.State)
				default:
					assert.Equal(t, bulk.Rejected, r.State)
					assert.Equal(t, fault.Name, r.Code)
					return
				}
				r = e.finish(t, o)
				assert.Equal(t, bulk.Done, r.State)
				assert.Equal(t, 10, server.PackageUsers(packageID))
			})
		})
	}
}

// What was sent before and not heard of may be why the same file is refused: that is rejected only when it is refused
// again and again and never found.
func TestRefusedAfterALostAnswer(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server.Client()), item(rows(10))
		require.NoError(t, server.Inject(uploadRoute, "reset-after-effect", 1))
		assert.Equal(t, bulk.Unknown, e.take(t.Context(), o, false, false).State)

		// The list of tasks lags behind; the name is taken all the same.
		require.NoError(t, server.Reply(lookRoute, 200, map[string]any{"data": []any{}, "total_count": 0, "offset": 0, "limit": 20}))
		r := e.take(t.Context(), o, false, false)
		assert.Equal(t, bulk.Unknown, r.State)
		assert.Equal(t, "INVALID_REQUEST", r.Code)
		server.Recover()
		assert.Equal(t, bulk.Done, e.finish(t, o).State)
		assert.Equal(t, 10, server.PackageUsers(packageID))
	})
}

// The same, but the list has caught up when it is looked at after the refusal.
func TestEchoOfALostAnswer(t *testing.T) {
	t.Parallel()
	var caughtUp func()
	server := wxpaytest.New(t, wxpaytest.Options{Observe: func(r wxpaytest.Request) {
		if r.Method == http.MethodPost && caughtUp != nil {
			caughtUp()
		}
	}})
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server.Client()), item(rows(10))
		require.NoError(t, server.Inject(uploadRoute, "reset-after-effect", 1))
		assert.Equal(t, bulk.Unknown, e.take(t.Context(), o, false, false).State)
		require.NoError(t, server.Reply(lookRoute, 200, map[string]any{"data": []any{}, "total_count": 0, "offset": 0, "limit": 20}))
		caughtUp = server.Recover
		r := e.take(t.Context(), o, false, false)
		assert.Equal(t, bulk.Staged, r.State)
		assert.Equal(t, 1, r.Next)
		assert.Equal(t, 1, e.calls, "it was sent again, and refused")
	})
}

// A look that is refused says nothing of a file that may have been sent, nor of one that was taken.
func TestRefusedLooks(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server.Client()), item(rows(10))
		require.NoError(t, server.Inject(uploadRoute, "reset-after-read", 1))
		assert.Equal(t, bulk.Unknown, e.take(t.Context(), o, false, false).State)
		require.NoError(t, server.Inject(lookRoute, "NOT_FOUND", 1))
		r := e.take(t.Context(), o, false, false)
		assert.Equal(t, bulk.Unknown, r.State)
		assert.Equal(t, "NOT_FOUND", r.Code)

		assert.Equal(t, bulk.Staged, e.take(t.Context(), o, false, false).State)
		code := e.Code
		for fault, state := range map[string]bulk.State{"NOT_FOUND": bulk.Unknown, "500": bulk.Staged} {
			waiting := *e
			require.NoError(t, server.Inject(lookRoute, fault, 1))
			r := waiting.take(t.Context(), o, false, false)
			assert.Equal(t, state, r.State)
			assert.Equal(t, code, r.Code, "what is looked for is not forgotten")
		}
		assert.Equal(t, bulk.Done, e.finish(t, o).State)
	})
}

func TestRejectedAfterALostAnswer(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server.Client()), item(rows(10))
		require.NoError(t, server.Inject(uploadRoute, "reset-after-read", 1))
		require.NoError(t, server.Inject(uploadRoute, "INVALID_REQUEST", 9))
		r := e.finish(t, o)
		server.Recover()
		assert.Equal(t, bulk.Rejected, r.State)
		assert.Equal(t, "INVALID_REQUEST", r.Code)
		assert.Equal(t, 4, e.Tries)
		assert.Empty(t, tasks(server))
	})
}

// A kill at any point leaves what a ledger has: the item is sent once all the same, and its counts are right.
func TestKills(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: 5 * time.Second})
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 10))
				o, e := operation(t, server.Client()), item(rows(10))
				for range 6 {
					fault := wxpaytest.Faults[dice.IntN(len(wxpaytest.Faults))]
					require.NoError(t, server.Inject([]string{uploadRoute, lookRoute}[dice.IntN(2)], fault.Name, 1))
				}
				for range 12 {
					before, after := dice.IntN(3) == 0, dice.IntN(3) == 0
					if r := e.take(t.Context(), o, before, after); e.state == bulk.Done || e.state == bulk.Rejected {
						assert.Equal(t, bulk.Done, r.State, r.Err)
						break
					}
					<-time.After(time.Second)
					if before || after { // another process
						o = operation(t, server.Client())
					}
				}
				server.Recover()
				if e.state != bulk.Done {
					assert.Equal(t, int64(10), e.finish(t, o).Good)
				}
				assert.Equal(t, bulk.Done, e.state)
				assert.Len(t, tasks(server), 1)
				assert.Equal(t, 10, server.PackageUsers(packageID))
			})
		})
	}
}

// A ledger that is lost costs nothing: the file is found by its name.
func TestLostLedger(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		first := item(rows(10))
		first.finish(t, operation(t, server.Client()))
		again := item(rows(10))
		again.Number = strings.Repeat("b", 32)
		r := again.finish(t, operation(t, server.Client()))
		assert.Equal(t, bulk.Done, r.State)
		assert.Equal(t, int64(10), r.Good)
		assert.Zero(t, again.Tries, "nothing was sent")
		assert.Equal(t, first.Code, r.Code)

		other := item(rows(10))
		r = other.finish(t, operation(t, server.Client(), func(p *banklists.Params) { p.BankType = "CCB_DEBIT" }))
		assert.Equal(t, bulk.Rejected, r.State)
		assert.Equal(t, "OTHER_BANK_TYPE", r.Code)
		assert.NotEmpty(t, r.Reason.Chinese)

		elsewhere := item(rows(10))
		r = elsewhere.finish(t, operation(t, server.Client(), func(p *banklists.Params) { p.Name = "winter" }))
		assert.Equal(t, bulk.Done, r.State)
		assert.Len(t, tasks(server), 2)
	})
}

// wide encrypts with a key of 4096 bits, so that a full batch makes two files.
type wide struct{ cipher.Encryptor }

func (wide) Encrypt(context.Context, string, string) (string, error) {
	return base64.StdEncoding.EncodeToString(make([]byte, 512)), nil
}

func TestLargerKeys(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t, wxpaytest.Options{CountBadLines: true})
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 10))
				config := server.Config()
				config.Verifier, config.Encryptor = server.Client().Verifier(), wide{server.Client().Encryptor()}
				client, err := wxpay.New(config)
				require.NoError(t, err)
				o, e := operation(t, client), item(rows(5500))
				for range 8 {
					if e.take(t.Context(), o, dice.IntN(4) == 0, dice.IntN(4) == 0 || e.Step == 1); e.state == bulk.Done {
						break
					}
					assert.LessOrEqual(t, e.calls, 1, "what is kept is one call")
					<-time.After(time.Second)
				}
				r := e.finish(t, o)
				assert.Equal(t, bulk.Done, r.State)
				assert.Len(t, strings.Fields(r.Code), 2)
				assert.Len(t, tasks(server), 2)
				assert.Equal(t, int64(5500), r.Bad)
			})
		})
	}
}

func TestMissingTask(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server.Client()), item(rows(10))
		e.take(t.Context(), o, false, false)
		code := e.Code
		require.NoError(t, server.Reply(lookRoute, 200, map[string]any{"data": []any{}, "total_count": 0, "offset": 0, "limit": 20}))
		r := e.take(t.Context(), o, false, false)
		assert.Equal(t, bulk.Unknown, r.State)
		assert.Equal(t, code, r.Code, "what is looked for is not forgotten")
		assert.Contains(t, r.Reason.English, "no longer shows")
		server.Recover()
		assert.Equal(t, bulk.Done, e.finish(t, o).State)
	})
}

// A first number that looks like a heading is one all the same: rows were checked.
func TestHeadingsAreNumbers(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o := operation(t, server.Client())
		list := []table.Row{{Line: 7, Cells: []string{"no1"}}, {Line: 8, Cells: []string{"X"}}, {Line: 9, Cells: []string{"6217000012345678"}}}
		for _, row := range list {
			_, err := o.Check(row)
			require.NoError(t, err)
		}
		r := item(list).finish(t, o)
		assert.Equal(t, bulk.Done, r.State, r.Err)
		assert.Equal(t, int64(3), r.Good)
		assert.Equal(t, 3, server.PackageUsers(packageID))
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	o := operation(t, wxpaytest.New(t).Client())
	identity, err := o.Check(table.Row{Line: 1, Cells: []string{"6217000012345678"}})
	require.NoError(t, err)
	assert.Equal(t, "6217000012345678", identity)
	for _, bad := range []string{"", "6217 0000", "6.217E+15", "6217****5678", "=6217", "姓名6217", strings.Repeat("6", 129), "6217\n6218"} {
		_, err := o.Check(table.Row{Line: 3, Cells: []string{bad}})
		fault, ok := errors.AsType[*table.Fault](err)
		require.True(t, ok, bad)
		assert.Equal(t, 3, fault.Line)
		assert.Equal(t, "number", fault.Column)
		assert.NotContains(t, fault.Error(), "6217")
		assert.NotEmpty(t, fault.Chinese)
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	about := operation(t, wxpaytest.New(t).Client()).About()
	assert.Equal(t, wxpaytest.MchID, about.Sender)
	assert.Equal(t, map[string]string{"package_id": packageID, "bank_type": "ICBC_DEBIT", "list": "autumn"}, about.Settings)
	assert.Equal(t, 5500, about.Batch)
	assert.Equal(t, bulk.Step{Name: "upload", Route: uploadRoute, Daily: 6000}, about.Steps[0])
	assert.Equal(t, lookRoute, about.Steps[1].Route)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	client := wxpaytest.New(t).Client()
	good := banklists.Params{Client: client, PackageID: packageID, BankType: "ICBC_DEBIT", Name: "autumn"}
	for param, change := range map[string]func(*banklists.Params){
		"Client":     func(p *banklists.Params) { p.Client = nil },
		"package_id": func(p *banklists.Params) { p.PackageID = "847/3295" },
		"bank_type":  func(p *banklists.Params) { p.BankType = "" },
		"name":       func(p *banklists.Params) { p.Name = "autumn 2026" },
	} {
		p := good
		change(&p)
		_, err := banklists.New(p)
		wrong, ok := errors.AsType[*wxpay.ParamError](err)
		require.True(t, ok, param)
		assert.Equal(t, param, wrong.Param)
	}
}

// Nothing of a person is in what a ledger or a report gets.
func TestNothingOfAPerson(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"reset-while-read", "500-after-effect", "forged", "429", "PARAM_ERROR", "INVALID_REQUEST"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			synctest.Test(t, func(t *testing.T) {
				o, e := operation(t, server.Client()), item(rows(3))
				require.NoError(t, server.Inject(uploadRoute, fault, 1))
				r := e.take(t.Context(), o, false, false)
				server.Recover()
				assert.NotContains(t, fmt.Sprintf("%+v %v %s", r, r.Err, e.kept.Body), "62170000")
			})
		})
	}
}
