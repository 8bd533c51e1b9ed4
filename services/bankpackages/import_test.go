package bankpackages_test

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	createRoute = "POST /v3/marketing/bank/packages/{package_id}/tasks"
)

func importOf(n int) bankpackages.ImportParams {
	return bankpackages.ImportParams{PackageID: "8473295", BankType: "ICBC_DEBIT", Name: "list", Numbers: numbers(n), Wait: true, Every: time.Second}
}

// uploads counts the uploads that took effect or were refused, by the journal of the server.
func uploads(s *wxpaytest.Server) (n int) {
	for _, r := range s.Requests() {
		if r.Method == http.MethodPost {
			n++
		}
	}
	return n
}

func TestImport(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: time.Minute, Match: func(number string) bool { return !strings.HasSuffix(number, "7") }})
	synctest.Test(t, func(t *testing.T) {
		service := bankpackages.New(server.Client())
		var told []string
		p := importOf(5_600)
		p.Progress = func(task bankpackages.Task) { told = append(told, string(task.Status)) }
		result, err := service.Import(t.Context(), p)
		require.NoError(t, err)
		assert.Equal(t, bankpackages.ImportResult{Tasks: result.Tasks, Lines: 5_600, Sent: 2, SuccessCount: 5_040, FailCount: 560, SuccessUserCount: 5_040}, *result)
		assert.Len(t, result.Tasks, 2)
		assert.Equal(t, []string{"PROCESSING", "PROCESSING", "FINISHED", "FINISHED"}, told)
		assert.Equal(t, 5_040, server.PackageUsers("8473295"))

		again, err := service.Import(t.Context(), importOf(5_600))
		require.NoError(t, err)
		assert.Equal(t, 2, uploads(server), "nothing is sent twice")
		assert.Equal(t, 2, again.Present)
		assert.Zero(t, again.Sent)
		assert.Equal(t, int64(5_040), again.SuccessCount)
	})
}

// Whatever happens to the upload, calling again until it succeeds imports every number once.
func TestImportThroughFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range wxpaytest.Faults {
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			synctest.Test(t, func(t *testing.T) {
				service := bankpackages.New(server.Client())
				require.NoError(t, server.Inject(createRoute, fault.Name, 1))
				var result *bankpackages.ImportResult
				var err error
				for range 3 {
					if result, err = service.Import(t.Context(), importOf(20)); err == nil {
						break
					}
				}
				require.NoError(t, err)
				assert.Equal(t, int64(20), result.SuccessCount)
				assert.Len(t, result.Tasks, 1)
				assert.Equal(t, 20, server.PackageUsers("8473295"))
			})
		})
	}
}

// A lost answer is cleared up within one call: the file is found by its name, not sent again.
func TestImportFindsWhatWasTaken(t *testing.T) {
	t.Parallel()
	for fault, sent := range map[string]int{"reset-after-effect": 1, "500-after-effect": 1, "forged": 1, "reset-after-read": 2, "429": 2} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			synctest.Test(t, func(t *testing.T) {
				require.NoError(t, server.Inject(createRoute, fault, 1))
				result, err := bankpackages.New(server.Client()).Import(t.Context(), importOf(20))
				require.NoError(t, err)
				assert.Equal(t, sent, uploads(server))
				assert.Equal(t, int64(20), result.SuccessCount)
				assert.Equal(t, 1, result.Sent)
			})
		})
	}
}

func TestImportStopsAtARefusal(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	require.NoError(t, server.Inject(createRoute, "refusal-unsigned", 1))
	result, err := bankpackages.New(server.Client()).Import(t.Context(), importOf(20))
	assert.ErrorIs(t, err, wxpay.CodeNoAuth)
	assert.Equal(t, 1, uploads(server))
	assert.Zero(t, result.Sent)
}

func TestImportKeepsWhatWasDone(t *testing.T) {
	t.Parallel()
	posts := 0
	service := quick(t, refusing(func(req *http.Request) bool {
		if req.Method == http.MethodPost {
			posts++
		}
		return req.Method == http.MethodPost && posts == 3
	}), nil)
	result, err := service.Import(t.Context(), importOf(3*bankpackages.MaxLines))
	assert.ErrorIs(t, err, wxpay.CodeNoAuth)
	assert.Equal(t, 2, result.Sent)
	assert.Len(t, result.Tasks, 2)
	assert.EqualValues(t, 2*bankpackages.MaxLines, result.Lines)
}

// A list with one bad number does not go out by halves: an upload cannot be taken back.
func TestImportChecksTheWholeListFirst(t *testing.T) {
	t.Parallel()
	numbered := importOf(0)
	numbered.Numbers = func(yield func(string) bool) {
		for n := range numbers(6_000) {
			if !yield(n) {
				return
			}
		}
		yield("not a number")
	}
	lined := importOf(0)
	lined.Numbers, lined.Lines = nil, media.Bytes("numbers.txt", []byte(strings.Repeat("6217000012345678\r\n", 6_000)+"\r\n6217000012345678\u200b1\r\n"))
	for want, p := range map[string]bankpackages.ImportParams{"number 6001 holds spaces": numbered, "line 6002 holds an invisible character": lined} {
		k := new(taker)
		result, err := quick(t, k, nil).Import(t.Context(), p)
		e, ok := errors.AsType[*wxpay.ParamError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "numbers", e.Param)
		assert.Contains(t, e.Reason, want)
		assert.NotContains(t, err.Error(), "6217")
		assert.Empty(t, k.names, "nothing is sent")
		assert.Equal(t, bankpackages.ImportResult{}, *result)
	}
}

// What has one reading is cleaned before it is named, counted and encrypted.
func TestImportCleans(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{Match: func(number string) bool { return strings.HasPrefix(number, "62170000") && len(number) == 16 }})
	p := importOf(0)
	p.Every = time.Millisecond
	p.Numbers, p.Lines = nil, media.Bytes("numbers.txt", []byte("\ufeff\ufeff6217000000000001\r\n\r\n\"6217000000000002\"\r\n"+
		"6217000000000003\u200b\r\n\u202d6217000000000004\u202c\r\n６２１７０００００００００００５\r\n 6217000000000001\u3000\r\n"))
	service := bankpackages.New(server.Client())
	result, err := service.Import(t.Context(), p)
	require.NoError(t, err)
	assert.EqualValues(t, 6, result.SuccessCount)
	assert.EqualValues(t, 6, result.Lines)
	assert.EqualValues(t, 1, result.Duplicates)

	clean := importOf(0)
	clean.Every = time.Millisecond
	clean.Numbers = slices.Values([]string{"6217000000000001", "6217000000000002", "6217000000000003", "6217000000000004", "6217000000000005", "6217000000000001"})
	again, err := service.Import(t.Context(), clean)
	require.NoError(t, err)
	assert.Equal(t, 1, again.Present, "the same list by another way")
}

func TestImportEndsWithTheContext(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: time.Hour})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		start := time.Now()
		result, err := bankpackages.New(server.Client()).Import(ctx, importOf(20))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.LessOrEqual(t, time.Since(start), 10*time.Minute)
		assert.Equal(t, 1, result.Sent)
		assert.Equal(t, bankpackages.TaskProcessing, result.Tasks[0].Status, "the last state seen")
	})
}

// taker takes every upload unread and knows its name then; before runs first.
type taker struct {
	before func(*http.Request)
	mu     sync.Mutex
	names  map[string]bool
}

func (k *taker) RoundTrip(req *http.Request) (*http.Response, error) {
	if k.before != nil {
		k.before(req)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	const row = `{"task_id":"1","package_id":"8473295","filename":"%s","create_time":"2020-05-20T13:29:35+08:00","status":"PROCESSING"}`
	if name := req.URL.Query().Get("filename"); k.names[name] {
		return httpmock.NewStringResponse(200, fmt.Sprintf(`{"data":[`+row+`],"total_count":1}`, name)), nil
	} else if name != "" {
		return noTask(), nil
	}
	defer req.Body.Close()
	_, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	form, err := multipart.NewReader(req.Body, params["boundary"]).ReadForm(4 << 20)
	if err != nil {
		return nil, err
	}
	name := form.File["file"][0].Filename
	if k.names == nil {
		k.names = map[string]bool{}
	}
	k.names[name] = true
	return httpmock.NewStringResponse(200, fmt.Sprintf(row, name)), nil
}

// noTask answers a look-up.
func noTask() *http.Response { return httpmock.NewStringResponse(200, `{"total_count":0}`) }

// The next file is looked up and encrypted while one is being uploaded.
func TestImportOverlaps(t *testing.T) {
	t.Parallel()
	var looks atomic.Int64
	second := make(chan struct{})
	k := &taker{before: func(req *http.Request) {
		switch {
		case req.Method == http.MethodGet && looks.Add(1) == 2:
			close(second)
		case req.Method == http.MethodPost: // the first upload waits for the second file
			select {
			case <-second:
			case <-req.Context().Done():
				t.Error("the second file was not prepared during the first upload")
			}
		}
	}}
	p := importOf(5_501)
	p.Wait = false
	result, err := service(t, k).Import(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, 2, result.Sent)
}

// The same params serve again: after a refusal of the first file the whole list is imported, none of it
// lost because a reader stood in the middle.
func TestImportReadsItsListAgain(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	p := importOf(0)
	p.Numbers, p.Lines = nil, media.Bytes("numbers.txt", []byte(strings.Join(slices.Collect(numbers(40)), "\n")))
	require.NoError(t, server.Inject(createRoute, "refusal-unsigned", 1))
	_, err := bankpackages.New(server.Client()).Import(t.Context(), p)
	require.ErrorIs(t, err, wxpay.CodeNoAuth)
	p.Every = time.Millisecond
	result, err := bankpackages.New(server.Client()).Import(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, int64(40), result.Lines)
	assert.Equal(t, int64(40), result.SuccessCount)
}

func TestImportOfAChangingFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "numbers.txt")
	require.NoError(t, os.WriteFile(path, []byte("1\n2\n"), 0o600))
	file, err := media.File(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("1\n2\n3\n"), 0o600))
	p := importOf(0)
	p.Numbers, p.Lines = nil, file
	_, err = service(t, new(taker)).Import(t.Context(), p)
	assert.ErrorIs(t, err, media.ErrChanged)
}

// A list that is there with another bank type is not taken for this one.
func TestImportNoticesAnotherBankType(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	wrong := importOf(20)
	wrong.BankType, wrong.Wait = "ICBC_CREDIT", false
	_, err := bankpackages.New(server.Client()).Import(t.Context(), wrong)
	require.NoError(t, err)
	_, err = bankpackages.New(server.Client()).Import(t.Context(), importOf(20))
	e, ok := errors.AsType[*wxpay.ParamError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "bank_type", e.Param)
	assert.Equal(t, 1, uploads(server))
}

// A platform whose filter matches loosely does not make a foreign file ours.
func TestImportLooksAtTheName(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, taskJSON))
	mock.RegisterResponder("GET", tasksURL, httpmock.NewStringResponder(200, `{"data":[`+taskJSON+`],"total_count":1}`))
	p := importOf(20)
	p.Wait = false
	result, err := service(t, mock).Import(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, 1, result.Sent)
	assert.Zero(t, result.Present)
}

func TestImportOfNothing(t *testing.T) {
	t.Parallel()
	_, err := service(t, new(taker)).Import(t.Context(), importOf(0))
	e, ok := errors.AsType[*wxpay.ParamError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "numbers", e.Param)
}

func TestImportChecksItsParams(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	for param, change := range map[string]func(*bankpackages.ImportParams){
		"package_id": func(p *bankpackages.ImportParams) { p.PackageID = "" },
		"bank_type":  func(p *bankpackages.ImportParams) { p.BankType = "" },
		"numbers":    func(p *bankpackages.ImportParams) { p.Numbers = nil },
		"name":       func(p *bankpackages.ImportParams) { p.Name = "a b" },
	} {
		p := importOf(1)
		change(&p)
		_, err := bankpackages.New(server.Client()).Import(t.Context(), p)
		e, ok := errors.AsType[*wxpay.ParamError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, param, e.Param)
	}
	assert.Empty(t, server.Requests())
}

func ExampleService_Import() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	service := bankpackages.New(server.Client())

	result, err := service.Import(context.Background(), bankpackages.ImportParams{
		PackageID: "8473295",
		BankType:  "ICBC_DEBIT",
		Name:      "autumn-2026",
		Lines:     media.Bytes("numbers.txt", []byte("202001010001\n202001010002\n202001010003\n")),
		Wait:      true,
		Every:     time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Lines, "numbers in", len(result.Tasks), "file:", result.SuccessCount, "matched")
	// Output: 3 numbers in 1 file: 3 matched
}

// Without Wait the sums are those of the tasks that are finished already.
func TestImportSumsWithoutWaiting(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: time.Minute})
	service := bankpackages.New(server.Client())
	p := importOf(30)
	p.Wait = false
	first, err := service.Import(t.Context(), p)
	require.NoError(t, err)
	assert.Zero(t, first.SuccessCount, "the task goes on")
	server.Advance(2 * time.Minute)
	again, err := service.Import(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, 1, again.Present)
	assert.EqualValues(t, 30, again.SuccessCount)
	assert.EqualValues(t, 30, again.SuccessUserCount)
	assert.Zero(t, again.FailCount)
}
