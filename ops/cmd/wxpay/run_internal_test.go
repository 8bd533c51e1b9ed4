package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

func TestUntil(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 21, 30, 0, 0, time.FixedZone("CST", 8*3600))
	for text, want := range map[string]time.Time{
		"22:00":                time.Date(2026, 11, 28, 22, 0, 0, 0, now.Location()),
		"21:30":                time.Date(2026, 11, 29, 21, 30, 0, 0, now.Location()),
		"06:00":                time.Date(2026, 11, 29, 6, 0, 0, 0, now.Location()),
		"24:00":                time.Date(2026, 11, 29, 0, 0, 0, 0, now.Location()),
		"2026-12-01 08:00":     time.Date(2026, 12, 1, 8, 0, 0, 0, now.Location()),
		"2026-12-01T08:00":     time.Date(2026, 12, 1, 8, 0, 0, 0, now.Location()),
		"2026-12-01T00:00:00Z": time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
	} {
		got, ok := until(text, now)
		require.True(t, ok, text)
		require.True(t, want.Equal(got), "%s: %s", text, got)
	}
	for _, text := range []string{"", "25:00", "10", "22:00:00", "tomorrow", "22.00"} {
		_, ok := until(text, now)
		require.False(t, ok, text)
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]pace.Window{
		"09:00-21:00":   {From: 9 * time.Hour, To: 21 * time.Hour},
		"22:30 - 06:15": {From: 22*time.Hour + 30*time.Minute, To: 6*time.Hour + 15*time.Minute},
		"00:00-24:00":   {From: 0, To: 24 * time.Hour},
	} {
		got, ok := between(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "09:00", "09:00-", "09:00-09:00", "9-21", "a-b"} {
		_, ok := between(text)
		require.False(t, ok, text)
	}
}

func TestNamesOfJobs(t *testing.T) {
	t.Parallel()
	dir := home{folder: folder(t.TempDir())}
	require.NoError(t, touch(dir.ledger("autumn")))
	for file, want := range map[string]string{
		"/data/autumn.csv":                          "autumn-member-import",
		"/data/秋季 会员.xlsx":                          "秋季-会员-member-import",
		"/data/a b;c.csv":                           "a-b-c-member-import",
		"/data/..csv":                               "member-import",
		"/data/autumn.rejected.csv":                 "autumn", // what came out of a job goes back into it
		"/data/autumn.rejected-3.csv":               "autumn",
		"/data/winter.rejected.csv":                 "winter.rejected-member-import",
		"/data/" + strings.Repeat("长", 99) + ".csv": strings.Repeat("长", 35) + "-member-import",
	} {
		got := dir.nameFor(file, "member-import")
		require.Equal(t, want, got, file)
		require.True(t, goodName(got), got)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", `a\b`, "-x", ".x", "a b", "x.", "a:b", "a\x00b", strings.Repeat("a", 200)} {
		require.False(t, goodName(name), name)
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	about := bulk.About{Steps: []bulk.Step{{Route: "a", Rate: 5}, {Route: "b", Rate: 10}, {Route: "a", Rate: 5}}}
	least, days := estimate(about, 1000, &bulk.Job{})
	require.Equal(t, 400*time.Second, least, "two steps share a rate")
	require.Zero(t, days)
	least, _ = estimate(about, 1000, &bulk.Job{Rate: 100})
	require.Equal(t, 20*time.Second, least)
	least, _ = estimate(about, 1000, &bulk.Job{Rate: -1})
	require.Zero(t, least)
	least, _ = estimate(about, 1000, &bulk.Job{Steps: 1})
	require.Equal(t, 200*time.Second, least)
	_, days = estimate(bulk.About{Batch: 5500, Steps: []bulk.Step{{Route: "a", Daily: 6000}}}, 5500*6000+1, &bulk.Job{})
	require.EqualValues(t, 2, days)
}

func TestShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Millisecond: "1ms", 1550 * time.Millisecond: "1.6s", 61 * time.Second: "1m1s", 3*time.Hour + 5*time.Minute: "3h5m", 73 * time.Hour: "3d1h",
	} {
		require.Equal(t, want, short(d))
	}
}

func touch(path string) error { return os.WriteFile(path, nil, 0o600) }
