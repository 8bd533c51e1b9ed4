package pushlists_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pushlists"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	uploadRoute = "POST /v3/push/package/upload"
	pushRoute   = "POST /v3/push/app"
	recordRoute = "POST /v3/statistics/get_push_record"
)

func params(server *wxpaytest.Server) pushlists.Params {
	return pushlists.Params{
		Config: pushpackage.Config{AccessID: wxpaytest.TPNSAccessID, SecretKey: wxpaytest.TPNSSecretKey, HTTPClient: &http.Client{Transport: server}},
		Name:   "autumn",
		Push: &pushpackage.PushParams{AudienceType: pushpackage.AccountPackage, MessageType: pushpackage.Notify,
			Message: pushpackage.Message{Title: "Prize draw", Content: "Open the app"}},
	}
}

func operation(t testing.TB, server *wxpaytest.Server, change ...func(*pushlists.Params)) bulk.Operation {
	t.Helper()
	p := params(server)
	for _, c := range change {
		c(&p)
	}
	o, err := pushlists.New(p)
	require.NoError(t, err)
	return o
}

func rows(n int) []table.Row {
	all := make([]table.Row, n)
	for i := range all {
		all[i] = table.Row{Line: i + 1, Cells: []string{fmt.Sprintf("person-%07d", i)}}
	}
	return all
}

// An entry is what a ledger remembers of an item, and all that survives a kill.
type entry struct {
	bulk.Item
	state bulk.State
	takes int
}

func item(rows []table.Row) *entry {
	return &entry{Item: bulk.Item{Number: strings.Repeat("a", 32), Rows: rows}}
}

// take takes one step as a job does whose calls are not kept. A kill before it leaves that it was begun, one after it
// that and no result.
func (e *entry) take(t testing.TB, o bulk.Operation, before, after bool) (r bulk.Result) {
	ctx := wxpay.WithAttempts(t.Context(), 1)
	e.takes++
	staged := e.state == bulk.Staged
	if staged {
		e.state, e.Tries = bulk.Sending, e.Tries+1
	}
	switch {
	case before:
		return r
	case staged:
		r = o.Send(ctx, e.Item)
	default:
		r = o.Settle(ctx, e.Item, wxpay.Prepared{})
	}
	if after {
		return r
	}
	if e.state = r.State; !staged && r.State == bulk.Staged && r.Err != nil {
		e.state = bulk.Unknown
	}
	switch {
	case e.state == bulk.Staged && r.Err == nil:
		e.Step, e.Code = r.Next, r.Code
	case e.state == bulk.Done || e.state == bulk.Rejected:
		e.Code = r.Code
	}
	return r
}

// pauses between the looks at what is unknown are those of a job.
var pauses = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, 60 * time.Second}

func (e *entry) finish(t testing.TB, o bulk.Operation) (r bulk.Result) {
	t.Helper()
	for unknown := 0; unknown <= len(pauses); {
		r = e.take(t, o, false, false)
		switch pause := time.Second; e.state {
		case bulk.Done, bulk.Rejected:
			return r
		case bulk.Unknown:
			if unknown < len(pauses) {
				<-time.After(pauses[unknown])
			}
			unknown++
		default:
			<-time.After(max(pause, time.Until(r.At)))
		}
	}
	return r
}

// view are the rows of a list of the fake.
func view(s *wxpaytest.Server, name string) []map[string]any {
	for _, v := range s.State() {
		if v.Name == name {
			return v.Rows
		}
	}
	return nil
}

func TestUploadAndPush(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server), item(append(rows(50), rows(5)...))
		first := e.take(t, o, false, false)
		require.NoError(t, first.Err)
		assert.Equal(t, bulk.Staged, first.State)
		assert.Equal(t, 1, first.Next)
		id, err := strconv.ParseInt(first.Code, 10, 64)
		require.NoError(t, err)
		assert.Equal(t, 50, server.PackageAccounts(id), "each account once")
		assert.Equal(t, "autumn-"+e.Number+".zip", view(server, "uploads")[0]["file"])

		r := e.take(t, o, false, false)
		require.NoError(t, r.Err)
		assert.Equal(t, bulk.Done, r.State)
		require.Len(t, view(server, "pushes"), 1)
		assert.Equal(t, view(server, "pushes")[0]["pushId"], r.Code)
		assert.Equal(t, id, view(server, "pushes")[0]["uploadId"])
	})
}

func TestUploadAlone(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	o := operation(t, server, func(p *pushlists.Params) { p.Push = nil })
	assert.Len(t, o.About().Steps, 1)
	r := item(rows(3)).take(t, o, false, false)
	require.NoError(t, r.Err)
	assert.Equal(t, bulk.Done, r.State)
	id, _ := strconv.ParseInt(r.Code, 10, 64)
	assert.Equal(t, 3, server.PackageAccounts(id))
}

// Whatever happens to a call, once or three times in a row, the list is pushed to once.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, route := range []string{uploadRoute, pushRoute, recordRoute} {
		for _, fault := range wxpaytest.New(t).FaultsAt(route) {
			for _, times := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s %s %d", route, fault.Name, times), func(t *testing.T) {
					t.Parallel()
					server := wxpaytest.New(t)
					synctest.Test(t, func(t *testing.T) {
						o, e := operation(t, server), item(rows(10))
						require.NoError(t, server.Inject(route, fault.Name, times))
						if route == recordRoute {
							require.NoError(t, server.Inject(pushRoute, "reset-after-effect", 1))
						}
						r := e.finish(t, o)
						server.Recover()
						if r.State == bulk.Rejected { // nothing happened then, and it says why
							assert.NotEmpty(t, r.Code)
							assert.NotEmpty(t, r.Reason.English)
							assert.NotEmpty(t, r.Reason.Chinese)
							assert.Empty(t, view(server, "pushes"))
							assert.NotEqual(t, recordRoute, route)
							return
						}
						assert.Equal(t, bulk.Done, r.State, "%v %v", r.Code, r.Err)
						require.Len(t, view(server, "pushes"), 1)
						pushed := view(server, "pushes")[0]
						assert.Equal(t, pushed["pushId"], r.Code)
						assert.Equal(t, 10, server.PackageAccounts(pushed["uploadId"].(int64)))
					})
				})
			}
		}
	}
}

// What a return code means for an item, and in which terms a job is told of it.
func TestReturnCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[pushpackage.Code]struct {
		upload, push bulk.State
		status       int
	}{
		pushpackage.CodeAuthFailed:       {bulk.Staged, bulk.Staged, 401},
		pushpackage.CodeWrongAccessPoint: {bulk.Staged, bulk.Staged, 401},
		pushpackage.CodeNotPaid:          {bulk.Staged, bulk.Staged, 401},
		pushpackage.CodeAppDestroyed:     {bulk.Staged, bulk.Staged, 401},
		pushpackage.CodeCertExpired:      {bulk.Staged, bulk.Staged, 401},
		pushpackage.CodeTooFast:          {bulk.Staged, bulk.Staged, 429},
		pushpackage.CodeServiceFailed:    {bulk.Staged, bulk.Unknown, 503},
		pushpackage.CodeUploadFailed:     {bulk.Rejected, bulk.Rejected, 400},
		pushpackage.CodeContentRefused:   {bulk.Rejected, bulk.Rejected, 400},
		pushpackage.CodeNoTarget:         {bulk.Rejected, bulk.Rejected, 400},
		pushpackage.Code(77):             {bulk.Rejected, bulk.Rejected, 400},
	} {
		t.Run(code.Error(), func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			for _, route := range []string{uploadRoute, pushRoute} {
				require.NoError(t, server.Reply(route, 200, map[string]any{"retCode": code, "errMsg": "for 13800000001"}))
			}
			o := operation(t, server)
			upload, push := item(rows(3)), item(rows(3))
			push.Step, push.Code = 1, "11231"
			for e, state := range map[*entry]bulk.State{upload: want.upload, push: want.push} {
				before := e.Item
				r := e.take(t, o, false, false)
				assert.Equal(t, state, r.State)
				assert.ErrorIs(t, r.Err, code)
				if want.status == 401 {
					stop, ok := errors.AsType[*bulk.StopError](r.Err)
					require.True(t, ok)
					assert.Equal(t, bulk.WhyAuth, stop.Why)
					assert.NotEmpty(t, stop.Reason.Chinese)
				} else {
					told, ok := errors.AsType[*wxpay.Error](r.Err)
					require.True(t, ok)
					assert.Equal(t, want.status, told.StatusCode)
				}
				assert.NotContains(t, r.Reason.English+r.Reason.Chinese, "13800000001")
				if state == bulk.Staged || state == bulk.Unknown {
					assert.Equal(t, before.Step, e.Step)
					assert.True(t, before.Step == 0 || e.Code == before.Code, "the upload id is kept")
				}
			}
		})
	}
}

// A status of HTTP alone says something too.
func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		state bulk.State
		stops bool
	}{403: {bulk.Staged, true}, 401: {bulk.Staged, true}, 429: {bulk.Staged, false}, 404: {bulk.Staged, false}, 502: {bulk.Unknown, false}} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			require.NoError(t, server.Reply(pushRoute, status, "<html>"))
			e := item(rows(3))
			e.Step, e.Code = 1, "11231"
			r := e.take(t, operation(t, server), false, false)
			assert.Equal(t, want.state, r.State)
			_, stops := errors.AsType[*bulk.StopError](r.Err)
			assert.Equal(t, want.stops, stops)
		})
	}
}

// A push without an answer is looked for, and made again only when it stays away from the records.
func TestPushIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server), item(rows(10))
		e.take(t, o, false, false)
		require.NoError(t, server.Inject(pushRoute, "reset-after-effect", 1))
		r := e.take(t, o, false, false)
		assert.Equal(t, bulk.Unknown, r.State)
		assert.Contains(t, r.Reason.English, "uploadId "+r.Code)

		// The records lag behind.
		require.NoError(t, server.Reply(recordRoute, 200, map[string]any{"retCode": 0, "errMsg": "NO_ERROR", "count": 0, "pushRecordData": []any{}}))
		r = e.take(t, o, false, false)
		assert.Equal(t, bulk.Staged, r.State)
		assert.Equal(t, time.Now().Add(45*time.Second), r.At)
		<-time.After(45 * time.Second)
		server.Recover()
		assert.Equal(t, bulk.Done, e.take(t, o, false, false).State)
		assert.Len(t, view(server, "pushes"), 1)
	})
}

// TPNS may know better than its records.
func TestRepeatedPushIsRefused(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server), item(rows(10))
		e.take(t, o, false, false)
		e.take(t, o, true, false) // never left
		e.take(t, o, false, false)
		<-time.After(time.Minute)
		require.NoError(t, server.Reply(pushRoute, 200, map[string]any{"ret_code": 10010018, "err_msg": ""}))
		assert.Equal(t, bulk.Unknown, e.take(t, o, false, false).State)
		server.Recover()
		assert.Equal(t, bulk.Done, e.finish(t, o).State)
		assert.Len(t, view(server, "pushes"), 1)
	})
}

// A push of another list, or of another day, is not taken for this one.
func TestOtherPushesAreNotThis(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, other, e := operation(t, server), item(rows(4)), item(rows(10))
		assert.Equal(t, bulk.Done, other.finish(t, o).State)
		<-time.After(2 * time.Second)
		e.take(t, o, false, false)
		e.take(t, o, true, false)
		r := e.finish(t, o)
		assert.Equal(t, bulk.Done, r.State)
		assert.NotEqual(t, other.Code, r.Code)
		assert.Len(t, view(server, "pushes"), 2)
	})
}

// A kill at any point leaves what a ledger has: the list is pushed to once all the same.
func TestKills(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 10))
				o, e := operation(t, server), item(rows(10))
				for range 6 {
					route := []string{uploadRoute, pushRoute, recordRoute}[dice.IntN(3)]
					faults := slices.DeleteFunc(server.FaultsAt(route), func(f wxpaytest.Fault) bool { return strings.HasPrefix(f.Name, "tpns-") })
					require.NoError(t, server.Inject(route, faults[dice.IntN(len(faults))].Name, 1))
				}
				for range 12 {
					e.take(t, o, dice.IntN(3) == 0, dice.IntN(3) == 0)
					if e.state == bulk.Done {
						break
					}
					<-time.After(10 * time.Second)
					o = operation(t, server) // another process
				}
				server.Recover()
				if e.state != bulk.Done {
					assert.Equal(t, bulk.Done, e.finish(t, o).State)
				}
				pushes := view(server, "pushes")
				require.Len(t, pushes, 1)
				assert.Equal(t, 10, server.PackageAccounts(pushes[0]["uploadId"].(int64)))
			})
		})
	}
}

// A ledger that has no upload id any more begins anew; nobody was pushed to.
func TestNoUploadID(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o, e := operation(t, server), item(rows(3))
		e.Step, e.Code = 1, ""
		assert.Equal(t, bulk.Done, e.finish(t, o).State)
		assert.Len(t, view(server, "pushes"), 1)
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	o := operation(t, wxpaytest.New(t))
	for _, good := range []string{"person-1", "张三", "a b", strings.Repeat("长", 100), "a,b", "=ab"} {
		identity, err := o.Check(table.Row{Line: 1, Cells: []string{good}})
		require.NoError(t, err)
		assert.Equal(t, good, identity)
	}
	for _, bad := range []string{"", "x", "1000\n2000", "1000\r", "1000\r\n2000", "10\t00", " 1000", "1000 ", strings.Repeat("长", 101), "10\u200b00", "1０00", "10\x0000", "\xff\xfe1000"} {
		_, err := o.Check(table.Row{Line: 3, Cells: []string{bad}})
		fault, ok := errors.AsType[*table.Fault](err)
		require.True(t, ok, "%q", bad)
		assert.Equal(t, 3, fault.Line)
		assert.Equal(t, "account", fault.Column)
		assert.NotContains(t, fault.Error(), "1000")
		assert.NotEmpty(t, fault.Chinese)
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	about := operation(t, server).About()
	assert.Equal(t, wxpaytest.TPNSAccessID, about.Sender)
	assert.True(t, about.Unkept)
	assert.Equal(t, bulk.Step{Name: "push", Route: pushRoute, Rate: 1}, about.Steps[1])
	assert.NotContains(t, fmt.Sprint(about), "Prize", "of the message its digest is kept")
	same := operation(t, server).About()
	assert.Equal(t, about.Settings, same.Settings)
	other := operation(t, server, func(p *pushlists.Params) { p.Push.Message.Title = "Another" }).About()
	assert.NotEqual(t, about.Settings, other.Settings)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	for param, change := range map[string]func(*pushlists.Params){
		"AccessID":      func(p *pushlists.Params) { p.Config.AccessID = "" },
		"Name":          func(p *pushlists.Params) { p.Name = "a b" },
		"Push.UploadID": func(p *pushlists.Params) { p.Push.UploadID = 5 },
		"audience_type": func(p *pushlists.Params) { p.Push.AudienceType = "all" },
		"message.title": func(p *pushlists.Params) { p.Push.Message.Title = "" },
		"Extra":         func(p *pushlists.Params) { p.Push.Extra = map[string]any{"upload_id": 7} },
	} {
		p := params(server)
		change(&p)
		_, err := pushlists.New(p)
		wrong, ok := errors.AsType[*pushpackage.ParamError](err)
		require.True(t, ok, "%s: %v", param, err)
		if param != "Extra" {
			assert.Equal(t, param, wrong.Param)
		}
	}
	p := params(server)
	p.Push.SendTime = time.Now().Add(-time.Hour) // its job may go on: what was sent is looked at
	_, err := pushlists.New(p)
	require.NoError(t, err)
}

// No value shows the secret.
func TestSecret(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", operation(t, server), params(server), operation(t, server)), wxpaytest.TPNSSecretKey)
}

// A full list of the longest accounts fits, four bytes a character and a line end, however it packs.
const _ = uint(pushpackage.MaxFileSize - pushlists.Accounts*401)

// Long accounts that are nearly the same pack well, and not too well for TPNS.
func TestLongestAccounts(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	o := operation(t, server, func(p *pushlists.Params) { p.Push = nil })
	list := rows(2000)
	for i := range list {
		list[i].Cells[0] = strings.Repeat("\U00020000", 95) + fmt.Sprintf("%05d", i)
	}
	_, err := o.Check(list[0])
	require.NoError(t, err)
	r := item(list).take(t, o, false, false)
	require.NoError(t, r.Err)
	id, _ := strconv.ParseInt(r.Code, 10, 64)
	assert.Equal(t, 2000, server.PackageAccounts(id))
}
