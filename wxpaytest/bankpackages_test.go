package wxpaytest_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestBankPackage(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Match: func(n string) bool { return strings.HasPrefix(n, "62") }})
	status, task := h.do(h.upload("8473295", "a.csv", h.lines("6201", "6202", "6202", "7701")))
	require.Equal(t, 200, status, task)
	assert.Equal(t, "PROCESSING", task["status"])
	assert.Equal(t, "8473295", task["package_id"])
	assert.Equal(t, "a.csv", task["filename"])
	assert.Equal(t, "ICBC_DEBIT", task["bank_type"])
	assert.NotContains(t, task, "success_count")
	status, _ = h.do(h.upload("8473295", "b.csv", h.lines("6202", "6203")))
	require.Equal(t, 200, status)

	list := h.ok("GET", tasks+"?filename=a.csv", nil)
	require.Len(t, list["data"], 1)
	got := list["data"].([]any)[0].(m)
	assert.Equal(t, "FINISHED", got["status"])
	assert.Equal(t, []any{3.0, 1.0, 2.0}, []any{got["success_count"], got["fail_count"], got["success_user_count"]}, "a number that comes twice is one user")
	assert.Equal(t, 3, h.server.PackageUsers("8473295"), "users are merged without duplicates")
	assert.Zero(t, h.server.PackageUsers("other"))

	status, answer := h.do(h.upload("8473295", "a.csv", h.lines("6204")))
	assert.Equal(t, 400, status)
	assert.Contains(t, answer["message"], "file name")
	status, _ = h.do(h.upload("8473296", "a.csv", h.lines("6204")))
	assert.Equal(t, 200, status, "names are unique within a package only")
}

// A card may be bound to several accounts, and an account to several cards.
func TestTasksCountUsers(t *testing.T) {
	t.Parallel()
	owners := map[string][]string{"6201": {"ann", "bob"}, "6202": {"bob"}, "6203": {"ann", "bob", "cid"}, "6299": {"dan"}}
	h := newMerchant(t, wxpaytest.Options{
		Users: func(n string) []string { return owners[n] },
		Match: func(n string) bool { return n != "6299" },
	})
	for i, test := range []struct {
		file                 string
		success, fail, users float64
		inPackage            int
	}{
		{h.lines("6201"), 1, 0, 2, 2},
		{h.lines("6201", "6202", "6201"), 3, 0, 2, 2},
		{h.lines("6202", "6203", "nobody", "6299"), 2, 2, 3, 3},
	} {
		status, answer := h.do(h.upload("8473295", fmt.Sprintf("f%d.csv", i), test.file))
		require.Equal(t, 200, status, answer)
		got := h.ok("GET", fmt.Sprintf("%s?filename=f%d.csv", tasks, i), nil)["data"].([]any)[0].(m)
		assert.Equal(t, []any{test.success, test.fail, test.users}, []any{got["success_count"], got["fail_count"], got["success_user_count"]}, i)
		assert.Equal(t, test.inPackage, h.server.PackageUsers("8473295"))
	}
}

func TestBankFileIsChecked(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	line := h.lines("6201")
	for name, test := range map[string]struct{ filename, file, says string }{
		"lines":         {"a.csv", strings.Repeat("AAAA\n", 5501), "5501 lines"},
		"size":          {"a.csv", strings.Repeat(strings.Repeat("A", 399)+"\n", 5001), "2 MB"},
		"empty":         {"a.csv", "", "empty"},
		"last line":     {"a.csv", strings.TrimSuffix(line, "\n"), "last line"},
		"blank line":    {"a.csv", line + "\n", "line 2"},
		"CRLF":          {"a.csv", strings.TrimSuffix(line, "\n") + "\r\n", "line 1 of the file is not base64"},
		"another key":   {"a.csv", line + "AAAA\n", "line 2 of the file does not decrypt"},
		"name":          {"ä.csv", line, "does not match"},
		"name too long": {strings.Repeat("a", 129), line, "129 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			status, answer := h.do(h.upload("8473295", test.filename, test.file))
			assert.Equal(t, 400, status)
			assert.Contains(t, answer["message"], test.says)
		})
	}
	meta := `{"filename":"a.csv","sha256":"` + strings.Repeat("0", 64) + `","bank_type":"ICBC_DEBIT"}`
	status, answer := h.do(h.uploadMeta("8473295", []byte(meta), "a.csv", line))
	assert.Equal(t, 400, status)
	assert.Contains(t, answer["message"], "/sha256 is not that of the file")
	assert.Zero(t, h.server.PackageUsers("8473295"))
}

func TestTasksTakeTime(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{TaskDuration: 40 * time.Minute})
	synctest.Test(t, func(t *testing.T) {
		h := h.in(t)
		_, _ = h.do(h.upload("8473295", "a.csv", h.lines("6201")))
		time.Sleep(39 * time.Minute)
		assert.Len(t, h.ok("GET", tasks+"?status=PROCESSING", nil)["data"], 1)
		assert.Empty(t, h.ok("GET", tasks+"?status=FINISHED", nil)["data"])
		h.server.Advance(time.Minute) // without waiting
		task := h.ok("GET", tasks+"?status=FINISHED", nil)["data"].([]any)[0].(m)
		assert.Equal(t, "2000-01-01T08:00:00.000+08:00", task["create_time"])
		assert.Equal(t, "2000-01-01T08:40:00.000+08:00", task["update_time"])
	})
}

func TestTaskPages(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Sample: 1000})
	for i := range 45 {
		status, _ := h.do(h.upload("8473295", fmt.Sprintf("f%02d.csv", i), h.lines("6201")))
		require.Equal(t, 200, status)
	}
	for query, want := range map[string]struct {
		n     int
		first string
		limit float64
	}{
		"":                             {20, "f00.csv", 20},
		"offset=1":                     {20, "f20.csv", 20}, // a page number
		"offset=2&limit=20":            {5, "f40.csv", 20},
		"offset=3&limit=10":            {10, "f30.csv", 10},
		"offset=9":                     {0, "", 20},
		"offset=9223372036854775807":   {0, "", 20},
		url.PathEscape("limit") + "=7": {7, "f00.csv", 7},
	} {
		list := h.ok("GET", tasks+"?"+query, nil)
		data := list["data"].([]any)
		require.Len(t, data, want.n, query)
		assert.Equal(t, []any{45.0, want.limit}, []any{list["total_count"], list["limit"]})
		if want.n > 0 {
			assert.Equal(t, want.first, data[0].(m)["filename"], query)
		}
	}
	empty := h.ok("GET", "/v3/marketing/bank/packages/9999/tasks", nil)
	assert.Equal(t, []any{}, empty["data"])
}

func TestFilesADay(t *testing.T) {
	t.Parallel()
	for name, unlimited := range map[string]bool{"limited": false, "unlimited": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newMerchant(t, wxpaytest.Options{Unlimited: unlimited})
			h.server.CountFiles(5999)
			status, _ := h.do(h.upload("8473295", "1.csv", h.lines("1")))
			assert.Equal(t, 200, status)
			status, answer := h.do(h.upload("8473295", "2.csv", h.lines("1")))
			if unlimited {
				assert.Equal(t, 200, status)
				return
			}
			assert.Equal(t, 429, status)
			assert.Equal(t, "RATELIMIT_EXCEEDED", answer["code"])
			h.server.Advance(24 * time.Hour)
			status, _ = h.do(h.upload("8473295", "2.csv", h.lines("1")))
			assert.Equal(t, 200, status)
		})
	}
}

// With Sample only some lines are decrypted; the others count.
func TestSample(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Sample: 2, Match: func(string) bool { return false }})
	status, _ := h.do(h.upload("8473295", "a.csv", h.lines("6201")+"AAAA\n"+h.lines("6202")))
	require.Equal(t, 200, status)
	task := h.ok("GET", tasks, nil)["data"].([]any)[0].(m)
	assert.Equal(t, []any{1.0, 2.0}, []any{task["success_count"], task["fail_count"]})
}

// With CountBadLines a line that does not decrypt counts as failed, as on the platform.
func TestCountBadLines(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{CountBadLines: true})
	status, _ := h.do(h.upload("8473295", "a.csv", h.lines("6201")+"AAAA\n"+h.lines("6202")))
	require.Equal(t, 200, status)
	task := h.ok("GET", tasks, nil)["data"].([]any)[0].(m)
	assert.Equal(t, []any{2.0, 1.0}, []any{task["success_count"], task["fail_count"]})
}
