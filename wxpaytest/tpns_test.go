package wxpaytest_test

import (
	"archive/zip"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const tpnsHost = "https://api.tpns.tencent.com"

// send makes a TPNS request with Basic login and returns the decoded answer.
func send(t *testing.T, s *wxpaytest.Server, path, contentType string, body []byte, change ...func(*http.Request)) m {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", tpnsHost+path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(wxpaytest.TPNSAccessID+":"+wxpaytest.TPNSSecretKey)))
	for _, f := range change {
		f(req)
	}
	resp, err := s.RoundTrip(req)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode)
	require.Empty(t, resp.Header.Get("Wechatpay-Signature"))
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	answer := m{}
	require.NoError(t, d.Decode(&answer))
	return answer
}

func post(t *testing.T, s *wxpaytest.Server, path string, body m, change ...func(*http.Request)) m {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	return send(t, s, path, "application/json", text, change...)
}

func uploadFile(t *testing.T, s *wxpaytest.Server, name, text string) m {
	t.Helper()
	body, kind := form(t, [4]string{"file", name, "application/octet-stream", text})
	return send(t, s, "/v3/push/package/upload", kind, body)
}

// code is the return code in either spelling.
func code(answer m) string {
	if c, ok := answer["ret_code"]; ok {
		return fmt.Sprint(c)
	}
	return fmt.Sprint(answer["retCode"])
}

func zipped(t *testing.T, files ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range files {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(f, "account1\naccount2\n")
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}

func TestTPNSUpload(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	for name, test := range map[string]struct {
		file, text, code string
		accounts         int
	}{
		"text":          {"a.txt", "13800000000\n13900000000\n", "0", 2},
		"no last line":  {"a.csv", "13800000000\r\n139", "0", 2},
		"zip":           {"a.zip", zipped(t, "a.txt"), "0", 2},
		"two in a zip":  {"a.zip", zipped(t, "a.txt", "b.txt"), "1008011", 0},
		"folder":        {"a.zip", zipped(t, "a/a.txt"), "1008011", 0},
		"zip of other":  {"a.zip", zipped(t, "a.doc"), "1008011", 0},
		"no zip":        {"a.zip", "PK", "1008011", 0},
		"other":         {"a.doc", "13800000000\n", "1008011", 0},
		"empty":         {"a.txt", "", "1008012", 0},
		"short account": {"a.txt", "1\n", "1008011", 0},
		"long account":  {"a.txt", strings.Repeat("1", 101), "1008011", 0},
		"two columns":   {"a.csv", "13800000000,x\n", "1008011", 0},
		"not UTF-8":     {"a.txt", "\xff\xfe\xfd\n", "1008011", 0},
		"long name":     {strings.Repeat("文", 97) + ".txt", "13800000000\n", "1008007", 0},
		"Chinese name":  {strings.Repeat("文", 96) + ".txt", "13800000000\n", "0", 1},
	} {
		t.Run(name, func(t *testing.T) {
			answer := uploadFile(t, s, test.file, test.text)
			assert.Equal(t, test.code, code(answer), answer)
			id, err := answer["uploadId"].(json.Number).Int64()
			require.NoError(t, err)
			assert.Equal(t, test.code == "0", id > 0)
			assert.Equal(t, test.accounts, s.PackageAccounts(id))
		})
	}
	assert.Equal(t, "1008001", code(send(t, s, "/v3/push/package/upload", "multipart/form-data", []byte("x"))))
	body, kind := form(t, [4]string{"meta", "", "application/json", "{}"}, [4]string{"file", "a.txt", "text/plain", "13800\n"})
	assert.Equal(t, "1008001", code(send(t, s, "/v3/push/package/upload", kind, body)))
}

func TestTPNSLogin(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t, wxpaytest.Options{TPNSHost: "api.tpns.tencent.com"})
	signed := func(at, id string, change string) func(*http.Request) {
		return func(r *http.Request) {
			body, _ := r.GetBody()
			text, _ := io.ReadAll(body)
			h := hmac.New(sha256.New, []byte(wxpaytest.TPNSSecretKey))
			h.Write([]byte(at + id + string(text) + change))
			r.Header.Del("Authorization")
			r.Header["AccessId"], r.Header["TimeStamp"] = []string{id}, []string{at}
			r.Header["Sign"] = []string{base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(h.Sum(nil))))}
		}
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	for name, test := range map[string]struct {
		change func(*http.Request)
		code   string
	}{
		"basic":       {func(*http.Request) {}, "0"},
		"wrong basic": {func(r *http.Request) { r.SetBasicAuth(wxpaytest.TPNSAccessID, "secret") }, "1008003"},
		"none":        {func(r *http.Request) { r.Header.Del("Authorization") }, "1008003"},
		"signed":      {signed(now, wxpaytest.TPNSAccessID, ""), "0"},
		"other body":  {signed(now, wxpaytest.TPNSAccessID, "x"), "1008003"},
		"other id":    {signed(now, "1500001049", ""), "1008003"},
		"old":         {signed("1565314789", wxpaytest.TPNSAccessID, ""), "1008003"},
		"other host":  {func(r *http.Request) { r.URL.Host = "api.tpns.sh.tencent.com" }, "1008035"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := post(t, s, "/v3/push/plan/add_plan_push", m{"planName": "p", "planDescribe": "d"}, test.change)
			assert.Equal(t, test.code, code(answer))
		})
	}
}

func TestTPNSPush(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		id := uploadFile(t, s, "a.txt", strings.Repeat("13800000000\n", 100))["uploadId"]
		push := m{"audience_type": "package_account_push", "upload_id": id, "message_type": "notify", "message": m{"title": "T", "content": "C", "android": m{"ring": 0}}, "seq": 7}
		answer := post(t, s, "/v3/push/app", push)
		require.Equal(t, "0", code(answer), answer)
		pushID := answer["push_id"].(string)
		assert.Equal(t, json.Number("7"), answer["seq"])
		tooFast := post(t, s, "/v3/push/app", push)
		assert.Equal(t, "1008028", code(tooFast))
		assert.Contains(t, tooFast["err_msg"], "request too fast")
		time.Sleep(time.Second)

		record := func(id string) m {
			return post(t, s, "/v3/statistics/get_push_record", m{"pushId": id})["pushRecordData"].([]any)[0].(m)
		}
		assert.Equal(t, "PUSH_STARTED", record(pushID)["status"])
		assert.Equal(t, []any{"T", "C", id, "package_account_push", pushID}, []any{record(pushID)["title"], record(pushID)["content"], record(pushID)["uploadId"], record(pushID)["pushType"], record(pushID)["pushId"]})
		time.Sleep(time.Minute)
		assert.Equal(t, "PUSH_FINISHED", record(pushID)["status"])
		counts := post(t, s, "/v3/statistics/get_push_task_stat_channel", m{"pushId": pushID})["pushStatDataAll"].([]any)
		assert.Equal(t, json.Number("100"), counts[0].(m)["pushState"].(m)["pushActiveUv"])
		assert.Equal(t, "0", code(post(t, s, "/v3/push/stop_push_msg", m{"pushid": pushID})))
		assert.Equal(t, "PUSH_DELETED_PUSH_MSG", record(pushID)["status"])
		assert.Equal(t, "1008007", code(post(t, s, "/v3/push/cancel_timing_task", m{"pushId": pushID})))

		// The fake clock starts on 2000-01-01 at 08:00 in Beijing.
		later := post(t, s, "/v3/push/app", with(push, "send_time", "2000-01-02 08:00:00"))["push_id"].(string)
		assert.Equal(t, "PUSH_WAIT", record(later)["status"])
		assert.Equal(t, "1008007", code(post(t, s, "/v3/push/stop_push_msg", m{"pushId": later})))
		assert.Equal(t, "0", code(post(t, s, "/v3/push/cancel_timing_task", m{"pushId": later})))
		assert.Equal(t, "PUSH_CANCELED", record(later)["status"])
		s.Advance(time.Second)
		loop := m{"startDate": "2000-01-02", "endDate": "2000-01-09", "loopType": 2, "loopDayIndexs": []int{1, 3}, "dayTimes": []string{"19:00:00", "20:00:00"}}
		assert.Len(t, post(t, s, "/v3/push/app", with(push, "loop_param", loop))["push_id"], 2)
		assert.Equal(t, "0", code(post(t, s, "/v3/push/app", m{"audience_type": "token", "message_type": "message", "message": m{"content": "C"}, "token_list": []string{"t"}})))

		for name, test := range map[string]struct {
			body m
			code string
		}{
			"no upload":     {with(push, "upload_id", nil), "1008007"},
			"other upload":  {with(push, "upload_id", 1), "1008007"},
			"no title":      {with(push, "message", m{"content": "C"}), "1008002"},
			"no message":    {with(push, "message", nil), "1008002"},
			"audience":      {with(push, "audience_type", "everybody"), "1008007"},
			"long message":  {with(push, "message", m{"title": "T", "content": strings.Repeat("C", 4096)}), "1008007"},
			"expire":        {with(push, "expire_time", 259201), "1008007"},
			"speed":         {with(push, "push_speed", 999), "1008007"},
			"past":          {with(push, "send_time", "1999-12-31 00:00:00"), "10010012"},
			"far":           {with(push, "send_time", "2000-06-01 00:00:00"), "10010012"},
			"no time":       {with(push, "send_time", "2000-13-01 00:00:00"), "1008007"},
			"shape of time": {with(push, "send_time", "tomorrow"), "1008007"},
		} {
			assert.Equal(t, test.code, code(post(t, s, "/v3/push/app", test.body)), name)
		}
		assert.Equal(t, "1008001", code(send(t, s, "/v3/push/app", "application/json", []byte("{"))))
		assert.Equal(t, "1008001", code(send(t, s, "/v3/push/app", "text/plain", []byte("{}"))))

		list := post(t, s, "/v3/statistics/get_push_record", m{"startDate": "2000-01-01", "endDate": "2000-01-01", "msgType": "notify", "offset": 1, "limit": 2})
		assert.Equal(t, json.Number("4"), list["count"])
		assert.Len(t, list["pushRecordData"], 2)
		assert.Equal(t, json.Number("1"), post(t, s, "/v3/statistics/get_push_record", m{"startDate": "2000-01-01", "endDate": "2000-01-01", "pushType": "token"})["count"])
		assert.Equal(t, json.Number("0"), post(t, s, "/v3/statistics/get_push_record", m{"startDate": "2000-01-02", "endDate": "2000-01-03"})["count"])
		for body, want := range map[string]string{`{}`: "1008002", `{"pushId":"1"}`: "1008015", `{"startDate":"2000-01-01"}`: "1008002", `{"startDate":"x"}`: "1008007"} {
			assert.Equal(t, want, code(send(t, s, "/v3/statistics/get_push_record", "application/json", []byte(body))), body)
		}
		for _, path := range []string{"/v3/statistics/get_push_task_stat_channel", "/v3/push/stop_push_msg", "/v3/push/cancel_timing_task"} {
			assert.Equal(t, "1008015", code(post(t, s, path, m{"pushId": "1"})))
		}
	})
}

func TestTPNSPlanAndLimits(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	plan := post(t, s, "/v3/push/plan/add_plan_push", m{"planName": "TPNS_TEST123", "planDescribe": "plan_test"})
	assert.Equal(t, "0", code(plan))
	assert.Equal(t, "48", plan["result"].(m)["planId"])
	assert.Equal(t, "TPNS_TEST123", plan["result"].(m)["planName"])
	for range 199 {
		post(t, s, "/v3/push/plan/add_plan_push", m{"planName": "p", "planDescribe": "d"})
	}
	assert.Equal(t, "1008028", code(post(t, s, "/v3/push/plan/add_plan_push", m{"planName": "p", "planDescribe": "d"})))
	for range 200 {
		post(t, s, "/v3/statistics/get_push_record", m{"pushId": "1"})
	}
	assert.Equal(t, "1008028", code(post(t, s, "/v3/statistics/get_push_record", m{"pushId": "1"})))
	s.Advance(time.Hour)
	assert.Equal(t, "1008015", code(post(t, s, "/v3/statistics/get_push_record", m{"pushId": "1"})))
}

// What TPNS does not know it answers as such, and so does WeChat Pay: neither knows the calls of the other.
func TestEachPlatformAnswersAtItsHosts(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for _, uri := range []string{"/v3/push/nothing", "/v3/security/echo"} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", tpnsHost+uri, strings.NewReader("{}"))
		require.NoError(t, err)
		req.SetBasicAuth(wxpaytest.TPNSAccessID, wxpaytest.TPNSSecretKey)
		o := exchange(&http.Client{Transport: h.server}, req)
		assert.Equal(t, 404, o.status, uri)
		assert.Contains(t, string(o.body), "TPNS has no such call")
		assert.Empty(t, o.header.Get("Wechatpay-Signature"))
	}
	h.refused(404, "NOT_FOUND", "POST", "/v3/push/app", m{})
}

// The statistics of a plan are not kept: they are those of the document.
func TestTPNSPlanStatistics(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	answer := post(t, s, "/v3/statistics/get_push_group_stat_channel", m{"planId": "48", "startDate": "20260101", "endDate": "20260102"})
	assert.Equal(t, "0", code(answer), answer)
	assert.NotEmpty(t, answer["pushStatDataAll"])
	assert.Equal(t, "1008002", code(post(t, s, "/v3/statistics/get_push_group_stat_channel", m{"planId": "48", "endDate": "20260102"})))
}

func TestTPNSReturnCodes(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	assert.Len(t, wxpaytest.ReturnCodes(), 30, "those of tpns-return-codes.csv that the service sends")
	for _, f := range wxpaytest.ReturnCodes() {
		for path, route := range map[string]string{"/v3/push/app": "ret_code", "/v3/push/package/upload": "retCode", "/v3/push/stop_push_msg": "retCode"} {
			require.NoError(t, s.Inject("POST "+path, f.Name, 1))
			answer := post(t, s, path, m{})
			assert.Equal(t, strings.TrimPrefix(f.Name, "tpns-"), fmt.Sprint(answer[route]))
		}
	}
	// Faults of signatures pass TPNS by, and its codes pass WeChat Pay by.
	h := newMerchant(t)
	require.NoError(t, h.server.Inject("", "forged", 1))
	require.NoError(t, h.server.Inject("", "tpns-1008003", 1))
	assert.Equal(t, "1008003", code(post(t, h.server, "/v3/push/stop_push_msg", m{"pushId": "1"})))
	resp, err := h.server.RoundTrip(h.request(t.Context(), "GET", tasks, nil))
	require.NoError(t, err)
	assert.Error(t, verify(h.public, resp.Header, nil))
}
