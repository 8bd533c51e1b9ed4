package pushpackage_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func TestGetPushRecord(t *testing.T) {
	t.Parallel()
	client := tpns(t, expect(t, "/v3/statistics/get_push_record", `{"pushId":"133703"}`,
		`{"retCode":0,"errMsg":"NO_ERROR","pushRecordData":[{"date":"2019-07-25 20:06:28","pushId":133703,"title":"1","content":"2",
		 "status":"PUSH_FINISHED","pushType":"package_account_push","targetList":null,"tagSet":null,"uploadId":11231,"expireTime":86400,
		 "messageType":"notify","xgMediaResources":"","environment":"product","collapseID":0,
		 "pushConfig":{"android":{"ring":1},"ios":null},"multiPkg":false}]}`))
	record, err := client.GetPushRecord(t.Context(), pushpackage.GetPushRecordParams{PushID: "133703"})
	require.NoError(t, err)
	assert.Equal(t, &pushpackage.PushRecord{Date: "2019-07-25 20:06:28", PushID: "133703", Title: "1", Content: "2", Status: pushpackage.PushFinished,
		PushType: "package_account_push", TagSet: json.RawMessage("null"), UploadID: 11231, ExpireTime: 86400, MessageType: "notify",
		Environment: pushpackage.Production, PushConfig: json.RawMessage(`{"android":{"ring":1},"ios":null}`)}, record)
}

func TestGetPushRecordThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{`{"retCode":0,"pushRecordData":null}`, `{"retCode":0,"pushRecordData":[]}`, `{"retCode":0}`, `{"retCode":1008015}`} {
		_, err := tpns(t, ok(answer)).GetPushRecord(t.Context(), pushpackage.GetPushRecordParams{PushID: "1"})
		assert.ErrorIs(t, err, pushpackage.CodePushNotFound, answer)
	}
	_, err := tpns(t, unreachable(t)).GetPushRecord(t.Context(), pushpackage.GetPushRecordParams{})
	assert.ErrorAs(t, err, new(*pushpackage.ParamError))
}

func TestListPushRecords(t *testing.T) {
	t.Parallel()
	client := tpns(t, expect(t, "/v3/statistics/get_push_record",
		`{"startDate":"2026-02-01","endDate":"2026-02-28","msgType":"notify","pushType":"all","offset":50,"limit":50}`,
		`{"retCode":0,"errMsg":"NO_ERROR","count":51,"pushRecordData":[{"date":"2026-02-03 20:06:28","pushId":"1328245138690125824",
		 "title":"Prize draw","content":"You have won.","status":"PUSH_NEW","pushType":"account_list","targetList":["5822f0ee"],
		 "tagSet":{"op":"OR"},"uploadId":"11232","expireTime":3600,"messageType":"notify","xgMediaResources":"https://example.com/p.png",
		 "environment":"product","collapseID":62031,"groupId":"tpns_20260203","source":"api","pushConfig":{"android":null},"multiPkg":true}]}`))
	page, err := client.ListPushRecords(t.Context(), pushpackage.ListPushRecordsParams{StartDate: day(2026, 2, 1), EndDate: day(2026, 2, 28),
		MsgType: "notify", PushType: "all", Offset: 50, Limit: 50})
	require.NoError(t, err)
	assert.Equal(t, &pushpackage.PushRecords{Count: 51, PushRecordData: []pushpackage.PushRecord{{Date: "2026-02-03 20:06:28", PushID: "1328245138690125824",
		Title: "Prize draw", Content: "You have won.", Status: "PUSH_NEW", PushType: "account_list", TargetList: []string{"5822f0ee"},
		TagSet: json.RawMessage(`{"op":"OR"}`), UploadID: 11232, ExpireTime: 3600, MessageType: "notify", XgMediaResources: "https://example.com/p.png",
		Environment: pushpackage.Production, CollapseID: 62031, GroupID: "tpns_20260203", Source: "api", PushConfig: json.RawMessage(`{"android":null}`), MultiPkg: true}}}, page)

	first := day(2026, 2, 1)
	for param, p := range map[string]pushpackage.ListPushRecordsParams{
		"startDate": {EndDate: first}, "endDate": {StartDate: first, EndDate: day(2026, 2, 29)},
		"msgType": {StartDate: first, EndDate: first, MsgType: "x"}, "pushType": {StartDate: first, EndDate: first, PushType: "package_account_push"},
		"offset": {StartDate: first, EndDate: first, Offset: -1}, "limit": {StartDate: first, EndDate: first, Limit: 201},
	} {
		_, err := tpns(t, unreachable(t)).ListPushRecords(t.Context(), p)
		var refused *pushpackage.ParamError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, param, refused.Param)
	}
}

// pages serves a list of records with the ids given, newest first, by offset and limit.
func pages(t *testing.T, list func() []int, count func(n int) int) httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		var asked struct {
			StartDate, EndDate string
			Offset, Limit      int
		}
		assert.NoError(t, json.NewDecoder(req.Body).Decode(&asked))
		assert.Equal(t, "2026-02-01 2026-02-28", asked.StartDate+" "+asked.EndDate)
		ids := list()
		records := []map[string]any{}
		for _, id := range ids[min(asked.Offset, len(ids)):min(asked.Offset+asked.Limit, len(ids))] {
			records = append(records, map[string]any{"pushId": strconv.Itoa(id)})
		}
		return httpmock.NewJsonResponse(http.StatusOK, map[string]any{"retCode": 0, "count": count(len(ids)), "pushRecordData": records})
	}
}

func TestAllPushRecords(t *testing.T) {
	t.Parallel()
	numbers := func(n int) []int {
		ids := make([]int, n)
		for i := range ids {
			ids[i] = n - i
		}
		return ids
	}
	for name, tt := range map[string]struct {
		n, limit, offset int
		count            func(int) int
		want, calls      int
		err              error
	}{
		"default limit":  {450, 0, 0, same, 450, 3, nil},
		"full last page": {4, 2, 0, same, 4, 2, nil},
		"from the third": {5, 2, 2, same, 3, 2, nil},
		"none":           {0, 0, 0, same, 0, 1, nil},
		"no count":       {3, 2, 0, func(int) int { return 0 }, 3, 3, nil},
		"says more":      {3, 2, 0, func(int) int { return 9 }, 3, 3, pushpackage.ErrPages},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			client := tpns(t, pages(t, func() []int { calls++; return numbers(tt.n) }, tt.count))
			var got []int
			var failed error
			p := pushpackage.ListPushRecordsParams{StartDate: day(2026, 2, 1), EndDate: day(2026, 2, 28), Limit: int64(tt.limit), Offset: int64(tt.offset)}
			for r, err := range client.AllPushRecords(t.Context(), p) {
				if failed = err; err == nil {
					id, err := strconv.Atoi(r.PushID)
					require.NoError(t, err)
					got = append(got, id)
				}
			}
			assert.ErrorIs(t, failed, tt.err)
			assert.Len(t, got, tt.want)
			assert.Subset(t, numbers(tt.n), got)
			assert.Equal(t, tt.calls, calls)
		})
	}
}

func same(n int) int { return n }

// A push that appears in front while the list is walked moves all others one place on.
func TestAllPushRecordsOfAListThatGrows(t *testing.T) {
	t.Parallel()
	calls := 0
	client := tpns(t, pages(t, func() []int {
		if calls++; calls == 1 {
			return []int{4, 3, 2, 1}
		}
		return []int{5, 4, 3, 2, 1}
	}, same))
	var got []string
	for r, err := range client.AllPushRecords(t.Context(), pushpackage.ListPushRecordsParams{StartDate: day(2026, 2, 1), EndDate: day(2026, 2, 28), Limit: 2}) {
		require.NoError(t, err)
		got = append(got, r.PushID)
	}
	assert.Equal(t, []string{"4", "3", "2", "1"}, got)
}

// A server that counts otherwise is noticed, and a caller that stops is not read for.
func TestAllPushRecordsEnds(t *testing.T) {
	t.Parallel()
	day := pushpackage.ListPushRecordsParams{StartDate: day(2026, 2, 1), EndDate: day(2026, 2, 1)}
	calls := 0
	client := tpns(t, func(*http.Request) (*http.Response, error) {
		calls++
		return httpmock.NewStringResponse(http.StatusOK, `{"retCode":0,"count":0,"pushRecordData":[{"pushId":1},{"pushId":2}]}`), nil
	})
	var failed error
	for _, failed = range client.AllPushRecords(t.Context(), day) {
		continue
	}
	assert.ErrorIs(t, failed, pushpackage.ErrPages)
	assert.Equal(t, 2, calls)
	for range client.AllPushRecords(t.Context(), day) {
		break
	}
	assert.Equal(t, 3, calls)
}

// script answers reads of a record with the given statuses, codes and errors in turn, and notes when.
func script(at *[]time.Time, steps ...any) httpmock.Responder {
	var mu sync.Mutex
	return func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		step := steps[min(len(*at), len(steps)-1)]
		*at = append(*at, time.Now())
		switch s := step.(type) {
		case pushpackage.PushStatus:
			return ok(fmt.Sprintf(`{"retCode":0,"pushRecordData":[{"pushId":"1","status":%q}]}`, s))(req)
		case pushpackage.Code:
			return ok(fmt.Sprintf(`{"retCode":%d}`, s))(req)
		}
		return nil, step.(error)
	}
}

func TestWaitPush(t *testing.T) {
	t.Parallel()
	lost := io.ErrUnexpectedEOF
	for name, tt := range map[string]struct {
		steps []any
		reads int
		want  pushpackage.PushStatus
		err   error
	}{
		"finished":           {[]any{pushpackage.PushInit, pushpackage.PushWait, pushpackage.PushStatus("PUSH_NEW"), pushpackage.PushStarted, pushpackage.PushFinished}, 5, pushpackage.PushFinished, nil},
		"failed":             {[]any{pushpackage.PushFailed}, 1, pushpackage.PushFailed, nil},
		"stopped":            {[]any{pushpackage.PushStarted, pushpackage.PushStopped}, 2, pushpackage.PushStopped, nil},
		"not there yet":      {[]any{pushpackage.CodePushNotFound, pushpackage.CodePushNotFound, pushpackage.PushFinished}, 3, pushpackage.PushFinished, nil},
		"never there":        {[]any{pushpackage.CodePushNotFound}, 3, "", pushpackage.CodePushNotFound},
		"limit":              {[]any{pushpackage.PushStarted, pushpackage.CodeTooFast, pushpackage.CodeTooFast, pushpackage.CodeTooFast, pushpackage.CodeTooFast, pushpackage.PushFinished}, 6, pushpackage.PushFinished, nil},
		"lost now and then":  {[]any{pushpackage.PushStarted, lost, lost, pushpackage.PushStarted, lost, lost, pushpackage.PushFinished}, 7, pushpackage.PushFinished, nil},
		"lost for long":      {[]any{pushpackage.PushStarted, lost, lost, lost, lost, pushpackage.PushFinished}, 6, pushpackage.PushFinished, nil},
		"refused":            {[]any{pushpackage.PushStarted, pushpackage.CodeAuthFailed}, 2, pushpackage.PushStarted, pushpackage.CodeAuthFailed},
		"service":            {[]any{pushpackage.CodeServiceFailed, pushpackage.PushFinished}, 2, pushpackage.PushFinished, nil},
		"replaced":           {[]any{pushpackage.PushCollapsed}, 1, pushpackage.PushCollapsed, nil},
		"cancelled, deleted": {[]any{pushpackage.PushWait, pushpackage.PushCanceled}, 2, pushpackage.PushCanceled, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var at []time.Time
				client := tpns(t, script(&at, tt.steps...), func(c *pushpackage.Config) { c.MaxAttempts = 1 })
				record, err := client.WaitPush(t.Context(), pushpackage.WaitPushParams{PushID: "1"})
				assert.ErrorIs(t, err, tt.err)
				if tt.want == "" {
					assert.Nil(t, record)
				} else if assert.NotNil(t, record) {
					assert.Equal(t, tt.want, record.Status)
				}
				assert.Len(t, at, tt.reads)
				for i := 1; i < len(at); i++ {
					assert.Equal(t, 18*time.Second, at[i].Sub(at[i-1]))
				}
			})
		})
	}
}

// What only a change here cures is not waited for.
func TestWaitPushEndsWithWhatLasts(t *testing.T) {
	t.Parallel()
	for name, lasting := range map[string]httpmock.Responder{
		"unreadable": ok(`{"retCode":0,"pushRecordData":{}}`),
		"untrusted":  httpmock.NewErrorResponder(&tls.CertificateVerificationError{Err: io.ErrUnexpectedEOF}),
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := tpns(t, lasting).WaitPush(t.Context(), pushpackage.WaitPushParams{PushID: "1"})
			assert.Error(t, err, name)
			assert.Less(t, time.Since(start), pushpackage.PollEvery, name)
		})
	}
}

func TestWaitPushEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for every, want := range map[time.Duration]time.Duration{time.Second: 18 * time.Second, time.Minute: time.Minute} {
			var at []time.Time
			client := tpns(t, script(&at, pushpackage.PushStarted, pushpackage.PushStarted, pushpackage.PushFinished))
			_, err := client.WaitPush(t.Context(), pushpackage.WaitPushParams{PushID: "1", Every: every})
			require.NoError(t, err)
			assert.Equal(t, []time.Duration{want, want}, []time.Duration{at[1].Sub(at[0]), at[2].Sub(at[1])})
		}
	})
}

func TestWaitPushEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		client := tpns(t, script(&at, pushpackage.PushStarted))
		why := errors.New("shift is over")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Minute, func() { cancel(why) })
		start := time.Now()
		record, err := client.WaitPush(ctx, pushpackage.WaitPushParams{PushID: "1"})
		require.ErrorIs(t, err, why)
		assert.Contains(t, err.Error(), "pushpackage: stopped waiting: context canceled")
		assert.NotContains(t, err.Error(), "\n")
		assert.Equal(t, pushpackage.PushStarted, record.Status)
		assert.Equal(t, 10*time.Minute, time.Since(start))
		assert.Len(t, at, 34)
	})
}

// Many waits of one client stay within 200 reads an hour together.
func TestWaitsShareTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		client := tpns(t, script(&at, pushpackage.PushStarted))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour-time.Second)
		defer cancel()
		var group sync.WaitGroup
		for i := range 5 {
			group.Go(func() {
				_, err := client.WaitPush(ctx, pushpackage.WaitPushParams{PushID: strconv.Itoa(i)})
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		group.Wait()
		assert.LessOrEqual(t, len(at), 200)
		assert.GreaterOrEqual(t, len(at), 190)
		for i := 1; i < len(at); i++ {
			assert.GreaterOrEqual(t, at[i].Sub(at[i-1]), 18*time.Second)
		}
	})
}

func TestWaitPushNeedsAnID(t *testing.T) {
	t.Parallel()
	_, err := tpns(t, unreachable(t)).WaitPush(t.Context(), pushpackage.WaitPushParams{})
	assert.ErrorAs(t, err, new(*pushpackage.ParamError))
}

// A wait that has no time for its turn leaves it to others.
func TestWaitsWithoutTimeTakeNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turn := pushpackage.Turns()
		assert.Zero(t, turn(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for range 100 {
			assert.Equal(t, pushpackage.PollEvery, turn(ctx))
		}
		assert.Equal(t, pushpackage.PollEvery, turn(t.Context()))
		assert.Equal(t, 2*pushpackage.PollEvery, turn(t.Context()))
	})
}
