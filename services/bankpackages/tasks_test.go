package bankpackages_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tasksURL = "https://api.mch.weixin.qq.com/v3/marketing/bank/packages/8473295/tasks"
	taskJSON = `{"task_id":"101","package_id":"8473295","filename":"active_user.csv","bank_type":"ICBC_DEBIT",
		"create_time":"2020-05-20T13:29:35.120+08:00","update_time":"2020-05-20T14:09:36.230+08:00","status":"FINISHED",
		"success_count":1000,"fail_count":20,"success_user_count":1003}`
)

var task = bankpackages.Task{
	TaskID: "101", PackageID: "8473295", Filename: "active_user.csv", BankType: "ICBC_DEBIT",
	CreateTime: beijing(13, 29, 35, 120), UpdateTime: beijing(14, 9, 36, 230),
	Status: bankpackages.TaskFinished, SuccessCount: 1000, FailCount: 20, SuccessUserCount: 1003,
}

func beijing(h, m, s, ms int) wxpay.Time {
	return wxpay.TimeOf(time.Date(2020, 5, 20, h, m, s, ms*1e6, time.FixedZone("", 8*3600)))
}

func service(t testing.TB, mock http.RoundTripper) *bankpackages.Service {
	return bankpackages.New(platformtest.Client(t, mock))
}

func TestCreateTask(t *testing.T) {
	t.Parallel()
	content := sealedLine(2048)
	sum := sha256.Sum256([]byte(content))
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", tasksURL, func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, "PUB_KEY_ID_OTHER", req.Header.Get("Wechatpay-Serial"))
		_, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
		assert.NoError(t, err)
		form := multipart.NewReader(req.Body, params["boundary"])
		for _, want := range []struct{ name, file, kind, body string }{
			{"meta", "", "application/json", `{"filename":"active_user.csv","sha256":"` + hex.EncodeToString(sum[:]) + `","bank_type":"ICBC_DEBIT"}`},
			{"file", "active_user.csv", "text/csv", content},
		} {
			part, err := form.NextPart()
			if !assert.NoError(t, err) {
				break
			}
			body, err := io.ReadAll(part)
			assert.NoError(t, err)
			assert.Equal(t, want.name, part.FormName())
			assert.Equal(t, want.file, part.FileName())
			assert.Equal(t, want.kind, part.Header.Get("Content-Type"))
			assert.Equal(t, want.body, string(body))
		}
		return httpmock.NewStringResponse(200, taskJSON), nil
	})
	got, err := service(t, mock).CreateTask(t.Context(), bankpackages.CreateTaskParams{
		PackageID: "8473295", BankType: "ICBC_DEBIT", File: media.Bytes("active_user.csv", []byte(content)), Serial: "PUB_KEY_ID_OTHER",
	})
	require.NoError(t, err)
	assert.Equal(t, task, *got)
	assert.Equal(t, 1, mock.GetTotalCallCount())
}

func TestCreateTaskIsSentOnce(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", tasksURL, httpmock.NewStringResponder(500, `{"code":"SYSTEM_ERROR","message":"系统错误"}`))
	_, err := service(t, mock).CreateTask(t.Context(), bankpackages.CreateTaskParams{
		PackageID: "8473295", BankType: "ICBC_DEBIT", File: media.Bytes("active_user.csv", []byte(sealedLine(2048))), Serial: "S",
	})
	assert.ErrorIs(t, err, wxpay.CodeSystemError)
	assert.True(t, wxpay.OutcomeUnknown(err))
	assert.Equal(t, 1, mock.GetTotalCallCount(), "the document says to look the name up first")
}

func TestCreateTaskRefusesLocally(t *testing.T) {
	t.Parallel()
	file := func(name, content string) *media.Source { return media.Bytes(name, []byte(content)) }
	good := file("a_b-1.csv", sealedLine(2048))
	tests := []struct {
		name, param string
		p           bankpackages.CreateTaskParams
	}{
		{"no package", "package_id", bankpackages.CreateTaskParams{BankType: "B", File: good, Serial: "S"}},
		{"dots for a package", "package_id", bankpackages.CreateTaskParams{PackageID: "..", BankType: "B", File: good, Serial: "S"}},
		{"no bank type", "bank_type", bankpackages.CreateTaskParams{PackageID: "1", File: good, Serial: "S"}},
		{"long bank type", "bank_type", bankpackages.CreateTaskParams{PackageID: "1", BankType: strings.Repeat("B", 33), File: good, Serial: "S"}},
		{"no key named", "Wechatpay-Serial", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: good}},
		{"no file", "file", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B"}},
		{"empty file", "file", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: file("a.csv", ""), Serial: "S"}},
		{"too large", "file", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: file("a.csv", strings.Repeat(sealedLine(2048), 5_798)), Serial: "S"}},
		{"too many lines", "file", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: file("a.csv", strings.Repeat(sealedLine(2048), 5_501)), Serial: "S"}},
		{"short name", "filename", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: file("a.c", sealedLine(2048)), Serial: "S"}},
		{"long name", "filename", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: file(strings.Repeat("a", 125)+".csv", sealedLine(2048)), Serial: "S"}},
		{"name with a slash", "filename", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: file("../a.csv", sealedLine(2048)), Serial: "S"}},
		{"name with a line feed", "filename", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: file("a.csv\n", sealedLine(2048)), Serial: "S"}},
		{"name in Chinese", "filename", bankpackages.CreateTaskParams{PackageID: "1", BankType: "B", File: file("名单.csv", sealedLine(2048)), Serial: "S"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			_, err := service(t, mock).CreateTask(t.Context(), tt.p)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.param, e.Param)
			assert.Zero(t, mock.GetTotalCallCount())
		})
	}
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, taskJSON))
	for _, most := range []bankpackages.CreateTaskParams{
		{PackageID: "8473295", BankType: strings.Repeat("B", 32), File: file(strings.Repeat("a", 128), strings.Repeat(sealedLine(2048), 5_500)), Serial: "S"},
		{PackageID: "8473295", BankType: "B", File: file("abcd", strings.Repeat(sealedLine(4096), 2_919)), Serial: "S"},
	} {
		_, err := service(t, mock).CreateTask(t.Context(), most)
		assert.NoError(t, err)
	}
}

// sealedLine is a line as RSA-OAEP with a key of so many bits makes it: base64 and a line feed.
func sealedLine(bits int) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb, 0x01, 0x7e, 0xff}, bits/32)) + "\n"
}

// What is in the file leaves as it is and cannot be taken back, so nothing but ciphertext does.
func TestCreateTaskLooksAtEveryLine(t *testing.T) {
	t.Parallel()
	good := sealedLine(2048)
	many := strings.Repeat(good, 300) // more than one read
	for name, tt := range map[string]struct{ name, content, param, reason string }{
		"2048 bits":          {"a.txt", many, "", ""},
		"3072 bits":          {"a.txt", sealedLine(3072), "", ""},
		"4096 bits":          {"A.CSV", sealedLine(4096), "", ""},
		"plain numbers":      {"a.txt", "6217000012345678\n6217000012345679\n", "file", "line 1 is no encrypted number"},
		"one plain number":   {"a.txt", many + "6217000012345678\n" + many, "file", "line 301 is no encrypted number"},
		"plain at the end":   {"a.txt", many + "6217000012345678", "file", "line 301 is no encrypted number"},
		"plain of 344 signs": {"a.txt", strings.Repeat("6217,000", 43) + "\n", "file", "line 1 is no encrypted number"},
		"short ciphertext":   {"a.txt", "+/8ByGf0vA3kQ5/xT+2mZg==\n", "file", "line 1 is no encrypted number"},
		"1024 bits":          {"a.txt", sealedLine(1024), "file", "line 1 is no encrypted number"},
		"8192 bits":          {"a.txt", sealedLine(8192), "file", "line 1 is no encrypted number"},
		"in URL base64":      {"a.txt", strings.ReplaceAll(good, "+", "-"), "file", "line 1 is no encrypted number"},
		"loose padding":      {"a.txt", good[:341] + "x==\n", "file", "line 1 is no encrypted number"},
		"two keys":           {"a.txt", good + sealedLine(4096), "file", "line 2 is encrypted with another size of key"},
		"CRLF":               {"a.txt", strings.ReplaceAll(many, "\n", "\r\n"), "file", "line 1 ends in CR LF"},
		"one CRLF":           {"a.txt", many + strings.ReplaceAll(good, "\n", "\r\n"), "file", "line 301 ends in CR LF"},
		"CR alone":           {"a.txt", good[:100] + "\r" + good[100:], "file", "line 1 is no encrypted number"},
		"no line feed":       {"a.txt", many[:len(many)-1], "file", "lacks the line feed at its end"},
		"blank line":         {"a.txt", many + "\n" + good, "file", "line 301 is empty"},
		"blank at the end":   {"a.txt", good + "\n", "file", "line 2 is empty"},
		"byte order mark":    {"a.txt", "\ufeff" + good, "file", "line 1 is no encrypted number"},
		"two in a line":      {"a.txt", strings.ReplaceAll(good+good, "=\n", "=,"), "file", "line 1 is no encrypted number"},
		"header":             {"a.csv", "number\n" + good, "file", "line 1 is no encrypted number"},
		"spreadsheet":        {"a.xlsx", good, "filename", ".txt or .csv"},
		"zip":                {"a.zip", good, "filename", ".txt or .csv"},
		"older spreadsheet":  {"A.XLS", good, "filename", ".txt or .csv"},
		"no kind":            {"list", good, "", ""},
		"kind inside":        {"a.txt.gz", good, "filename", ".txt or .csv"},
		"zip called text":    {"a.txt", "PK\x03\x04\n", "file", "line 1 is no encrypted number"},
		"too many":           {"a.txt", strings.Repeat(good, 5_501), "file", "has 5501 lines"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewStringResponder(200, taskJSON))
			_, err := service(t, mock).CreateTask(t.Context(), bankpackages.CreateTaskParams{
				PackageID: "8473295", BankType: "B", File: media.Bytes(tt.name, []byte(tt.content)), Serial: "S",
			})
			if tt.param == "" {
				require.NoError(t, err)
				return
			}
			e, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.param, e.Param)
			assert.Contains(t, e.Reason, tt.reason)
			assert.NotContains(t, err.Error(), "6217")
			assert.Zero(t, mock.GetTotalCallCount(), "nothing leaves")
		})
	}
}

func TestListTasks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		p           bankpackages.ListTasksParams
		next        *wxpay.Cursor
	}{
		{"all", "offset=0&limit=20", bankpackages.ListTasksParams{}, &wxpay.Cursor{Offset: 1}},
		{"filtered", "filename=active_user.csv&offset=2&limit=5&status=PROCESSING",
			bankpackages.ListTasksParams{Status: bankpackages.TaskProcessing, Filename: "active_user.csv", Offset: 2, Limit: 5}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterResponderWithQuery("GET", tasksURL, tt.query,
				httpmock.NewStringResponder(200, `{"data":[`+taskJSON+`],"total_count":47,"offset":2,"limit":20,"more":true}`))
			tt.p.PackageID = "8473295"
			page, err := service(t, mock).ListTasks(t.Context(), tt.p)
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			assert.Equal(t, task, page.Items[0])
			assert.EqualValues(t, 47, page.Total)
			assert.Equal(t, tt.next, page.Next)
		})
	}
	for _, bad := range []bankpackages.ListTasksParams{{PackageID: "8473295", Limit: 21}, {PackageID: "8473295", Limit: -1}, {PackageID: "8473295", Offset: -1}, {}} {
		_, err := service(t, httpmock.NewMockTransport()).ListTasks(t.Context(), bad)
		_, ok := errors.AsType[*wxpay.ParamError](err)
		assert.True(t, ok, "%v", err)
	}
}

// page n of the list, of 20 tasks each.
func taskPage(n, total int) string {
	var rows []string
	for i := n * 20; i < min((n+1)*20, total); i++ {
		rows = append(rows, fmt.Sprintf(`{"task_id":"%d","package_id":"8473295","filename":"f%04d.csv","create_time":"2020-05-20T13:29:35+08:00","status":"NEW_STATE"}`, i, i))
	}
	return fmt.Sprintf(`{"data":[%s],"total_count":%d,"offset":%d,"limit":20}`, strings.Join(rows, ","), total, n)
}

// taskPages answers with a list of so many tasks, and the pages that are in it.
func taskPages(total int) *httpmock.MockTransport {
	mock := httpmock.NewMockTransport()
	for n := range (total + 19) / 20 {
		mock.RegisterResponderWithQuery("GET", tasksURL, map[string]string{"offset": fmt.Sprint(n), "limit": "20"}, httpmock.NewStringResponder(200, taskPage(n, total)))
	}
	return mock
}

func TestAllTasks(t *testing.T) {
	t.Parallel()
	mock := taskPages(47)
	n := 0
	for task, err := range service(t, mock).AllTasks(t.Context(), bankpackages.ListTasksParams{PackageID: "8473295"}) {
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(n), task.TaskID)
		assert.Equal(t, bankpackages.TaskStatus("NEW_STATE"), task.Status, "values not heard of pass through")
		n++
	}
	assert.Equal(t, 47, n)
	assert.Equal(t, 3, mock.GetTotalCallCount())
}

func TestWaitTask(t *testing.T) {
	t.Parallel()
	state := func(status string) httpmock.Responder {
		return httpmock.NewStringResponder(200, `{"data":[{"task_id":"101","package_id":"8473295","filename":"active_user.csv",
			"create_time":"2020-05-20T13:29:35+08:00","status":"`+status+`","success_count":7}],"total_count":1,"offset":0,"limit":20}`)
	}
	none := httpmock.NewStringResponder(200, `{"total_count":0,"offset":0,"limit":20}`)
	down := httpmock.NewStringResponder(503, `{"code":"SERVICE_UNAVAILABLE","message":"m"}`)
	denied := httpmock.NewStringResponder(403, `{"code":"NO_AUTH","message":"m"}`)
	tests := []struct {
		name    string
		answers httpmock.Responder
		looks   int
		err     error
		seen    bankpackages.TaskStatus
		takes   time.Duration
	}{
		{"at once", state("FINISHED"), 1, nil, "FINISHED", 0},
		{"after two looks", state("PROCESSING").Then(state("PAUSED")).Then(state("FINISHED")), 3, nil, "FINISHED", 2 * time.Minute},
		{"late in the list", none.Then(none).Then(state("FINISHED")), 3, nil, "FINISHED", 2 * time.Minute},
		{"never in the list", none, 3, bankpackages.ErrNoTask, "", 2 * time.Minute},
		{"refused", state("PROCESSING").Then(denied), 2, wxpay.CodeNoAuth, "PROCESSING", time.Minute},
		{"outage", state("PROCESSING").Then(down).Then(down).Then(down).Then(state("FINISHED")), 5, nil, "FINISHED", 2*time.Minute + 300*time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			platformtest.MerchantKey()
			platformtest.PlatformKey()
			synctest.Test(t, func(t *testing.T) {
				mock := httpmock.NewMockTransport()
				mock.RegisterNoResponder(tt.answers)
				start := time.Now()
				task, err := service(t, mock).WaitTask(t.Context(), bankpackages.WaitTaskParams{PackageID: "8473295", Filename: "active_user.csv", Every: time.Minute})
				assert.ErrorIs(t, err, tt.err)
				assert.Equal(t, tt.looks, mock.GetTotalCallCount())
				assert.LessOrEqual(t, time.Since(start), tt.takes)
				assert.Greater(t, time.Since(start), tt.takes-time.Second)
				if tt.seen != "" {
					require.NotNil(t, task)
					assert.Equal(t, tt.seen, task.Status)
				}
			})
		})
	}
}

// What is read from a file with a line end or a blank at its end would send the list to another place.
func TestNamesWithBlanksAreRefused(t *testing.T) {
	t.Parallel()
	service := bankpackages.New(platformtest.Client(t, nil))
	for _, p := range []bankpackages.ImportParams{
		{PackageID: "8473295 ", BankType: "ICBC_DEBIT"}, {PackageID: "84\u200b", BankType: "ICBC_DEBIT"}, {PackageID: "8473295", BankType: "ICBC_DEBIT\r"},
	} {
		p.Name, p.Numbers = "list", numbers(1)
		_, err := service.Import(t.Context(), p)
		_, refused := errors.AsType[*wxpay.ParamError](err)
		assert.True(t, refused, "%v", err)
	}
}

// A walk may run twice at once.
func TestAllTasksTwiceAtOnce(t *testing.T) {
	t.Parallel()
	walk := service(t, taskPages(47)).AllTasks(t.Context(), bankpackages.ListTasksParams{PackageID: "8473295"})
	for range 2 {
		t.Run("walk", func(t *testing.T) {
			t.Parallel()
			n := 0
			for _, err := range walk {
				require.NoError(t, err)
				n++
			}
			assert.Equal(t, 47, n)
		})
	}
}
