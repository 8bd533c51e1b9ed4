package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), string(got), "run with -update to accept")
}

// autumn is a job of two runs: the first is throttled, a night lies between them.
func autumn() report.Facts {
	begin := time.Date(2026, 11, 27, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))
	f := report.Facts{
		Name: "autumn", Operation: "member-import-by-phone", Sender: "1900000001",
		Settings: map[string]string{"card_id": "pbLatjk4T4Hx-QFQGL4zGQy27_Qg"},
		Created:  begin, Made: begin.Add(30 * time.Hour),
		Sums: bulk.Sums{Rows: 60000, Done: 41200, Rejected: 312, Unknown: 3, Skipped: 85, Left: 18400}, Begun: 400,
		Files: []report.File{
			{Name: "/data/members/autumn.csv", Encoding: "GB18030", Rows: 60000, Added: begin},
		},
		Reasons: []report.Reason{
			{Code: "USER_ALREADY_MEMBER", Rows: 250, Why: wxpay.Hint{English: "is a member already", Chinese: "用户已是会员"}},
			{Code: "PARAM_ERROR", Rows: 62, Why: wxpay.Hint{English: "phone number is not one of the mainland", Chinese: "手机号格式不正确"}},
		},
	}
	done, rejected, throttled := int64(0), int64(0), int64(0)
	for run := range 2 {
		start := begin.Add(time.Duration(run) * 24 * time.Hour)
		throttled = 0
		for i := range 120 {
			ceiling := 20.0
			rows := int64(195)
			if run == 0 && i > 30 && i < 60 {
				ceiling, rows = 10, 98
				throttled += int64(i % 4)
			}
			if i > 0 {
				done += rows
			}
			rejected = done / 140
			f.Ticks = append(f.Ticks, report.Tick{At: start.Add(time.Duration(i) * 10 * time.Second), Done: done, Rejected: rejected, Throttled: throttled, Ceiling: ceiling})
			f.Last = f.Ticks[len(f.Ticks)-1].At
		}
	}
	return f
}

func page(t *testing.T, f report.Facts) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f.HTML(&b))
	return b.String()
}

func TestPageOfAJob(t *testing.T) {
	t.Parallel()
	got := page(t, autumn())
	golden(t, "autumn.html", []byte(got))
	require.NotContains(t, got, "ZgotmplZ")
	require.Regexp(t, regexp.MustCompile(`default-src 'none'`), got)
	for _, outside := range []string{"http:", "https:", "<script", "src=", "href=", "url(", "@import"} {
		require.NotContains(t, got, outside, "the page needs nothing else")
	}
	require.Contains(t, got, `class="pause"`, "a night lies between the runs")
}

func TestPageEscapesWhatItIsTold(t *testing.T) {
	t.Parallel()
	evil := `"><script>alert(1)</script><img src=x onerror=y>`
	f := autumn()
	f.Name, f.Operation, f.Sender = evil, evil, evil
	f.Settings = map[string]string{evil: evil}
	f.Files[0].Name, f.Files[0].Encoding = evil, evil
	f.Reasons[0] = report.Reason{Code: evil, Rows: 1, Why: wxpay.Hint{English: evil, Chinese: evil}}
	got := page(t, f)
	require.NotContains(t, got, "<script")
	require.NotContains(t, got, "<img")
	require.Contains(t, got, "&lt;script&gt;")
}

func TestPageOfAJobThatHasNotBegun(t *testing.T) {
	t.Parallel()
	got := page(t, report.Facts{Name: "new"})
	require.Contains(t, got, "Nothing to draw yet.")
	require.Contains(t, got, "No row was rejected.")
	require.NotContains(t, got, "NaN")
}

// A clock that jumped, ticks of one moment, a million ticks: a chart all the same, of a size that a browser bears.
func TestChartOfOddTicks(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	many := make([]report.Tick, 200_000)
	for i := range many {
		many[i] = report.Tick{At: at.Add(time.Duration(i) * time.Second), Done: int64(i) * 5, Ceiling: 5, Throttled: int64(i / 100)}
	}
	for name, ticks := range map[string][]report.Tick{
		"one":            {{At: at, Done: 5}},
		"same moment":    {{At: at, Done: 5}, {At: at, Done: 9}},
		"backwards":      {{At: at, Done: 5}, {At: at.Add(-time.Hour), Done: 9}, {At: at.Add(time.Second), Done: 11}},
		"without limit":  {{At: at, Done: 0}, {At: at.Add(time.Second), Done: 900}},
		"nothing done":   {{At: at}, {At: at.Add(time.Second), Throttled: 4}},
		"far apart":      {{At: at}, {At: at.Add(240 * time.Hour), Done: 7}},
		"many":           many,
		"a huge ceiling": {{At: at, Ceiling: 1e9}, {At: at.Add(time.Second), Done: 1, Ceiling: 1e9}},
	} {
		f := autumn()
		f.Ticks = ticks
		got := page(t, f)
		require.NotContains(t, got, "NaN", name)
		require.NotContains(t, got, "Inf", name)
		require.Less(t, len(got), 100_000, name)
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		require.Equal(t, want, report.Grouped(n))
	}
}
