package debits

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

func at(text string) time.Time {
	t, _ := time.ParseInLocation("2006-01-02 15:04", text, time.UTC)
	return t
}

// Beijing is eight hours ahead: its day of the 1st begins on the eve at 16:00.
func TestDays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		notice string
		lead   time.Duration
		due    string
	}{
		{"2026-03-01 02:00", 24 * time.Hour, "2026-03-02 02:00"},
		{"2026-03-01 02:00", time.Hour, "2026-03-01 16:10"}, // the next day
		{"2026-03-01 15:59", time.Hour, "2026-03-01 16:59"},
		{"2026-03-01 15:59", time.Nanosecond, "2026-03-01 16:10"},
		{"2026-03-01 16:00", time.Minute, "2026-03-02 16:10"},
		{"2026-03-01 02:00", 72 * time.Hour, "2026-03-04 02:00"},
		{"2026-03-01 15:59", 72 * time.Hour, "2026-03-04 15:00"}, // not in the last hour
		{"2026-03-01 02:00", 1000 * time.Hour, "2026-03-04 15:00"},
		{"2026-03-01 02:00", 0, "2026-03-01 02:00"},
		{"2026-03-01 02:00", -time.Hour, "2026-03-01 02:00"},
		{"2026-12-31 02:00", 48 * time.Hour, "2027-01-02 02:00"},
	} {
		assert.Equal(t, at(test.due), due(at(test.notice), test.lead).UTC(), "%s %v", test.notice, test.lead)
	}
	for now, over := range map[string]bool{"2026-03-01 02:00": false, "2026-03-02 02:00": false, "2026-03-04 15:49": false, "2026-03-04 15:50": true, "2026-03-05 02:00": true} {
		assert.Equal(t, over, lapsed(at("2026-03-01 02:00"), at(now)), now)
		assert.Equal(t, over, lapsed(at("2026-02-28 16:00"), at(now)), now)
	}
}

// Whenever a notice is sent and whatever the lead, the debit is due on one of the days that are for it.
func TestDueOnOneOfTheDays(t *testing.T) {
	t.Parallel()
	day := func(t time.Time) int { return int(t.Add(8*time.Hour).Unix() / 86400) }
	for minute := range 24 * 60 {
		notice := at("2026-03-01 00:00").Add(time.Duration(minute) * time.Minute)
		for lead := time.Duration(1); lead < 100*time.Hour; lead += 7*time.Hour + time.Minute {
			d := due(notice, lead)
			days := day(d) - day(notice)
			if days < 1 || days > 3 || lapsed(notice, d) || d.Sub(notice) < min(lead, 71*time.Hour) {
				t.Fatal(notice, lead, d)
			}
		}
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	now := at("2026-03-01 02:00")
	word, then := marked(mark(noticed, now))
	assert.Equal(t, noticed, word)
	assert.True(t, now.Equal(then))
	for _, code := range []string{"", "SYSTEM_ERROR", renewing, "NOTICED yesterday", "4200000000"} {
		word, then := marked(code)
		assert.Empty(t, word)
		assert.True(t, then.IsZero())
	}
}

// When a debit is due follows from the notice and from the lead of the run, not from that of the run before.
func TestDueOfARun(t *testing.T) {
	t.Parallel()
	now := time.Now()
	noticedNow := bulk.Item{Step: stepDebit, Code: mark(noticed, now)}
	assert.Greater(t, Run{NoticeLead: 24 * time.Hour}.Due(noticedNow).Sub(now), 23*time.Hour)
	assert.Greater(t, Run{NoticeLead: 48 * time.Hour}.Due(noticedNow).Sub(now), 47*time.Hour)
	assert.False(t, Run{}.Due(noticedNow).After(now))
	assert.Zero(t, Run{NoticeLead: 24 * time.Hour, NoNotice: true}.Due(noticedNow))
	assert.Zero(t, Run{NoticeLead: 24 * time.Hour}.Due(bulk.Item{Step: stepResult, Code: mark(accepted, now)}))
	assert.Zero(t, Run{NoticeLead: 24 * time.Hour}.Due(bulk.Item{Step: stepDebit, Code: mark(noticed, now.AddDate(0, 0, -9))}), "its days are over: another notice")
}

// A debit of a row that was taken, and is another one now, is neither done nor to be made once more.
func TestAnotherDebitThanWasTaken(t *testing.T) {
	t.Parallel()
	var p edupapay.CreateTransactionParams
	p.Amount.Total = 100
	found := new(transaction)
	found.Amount.Total, found.TradeState = 900, edupapay.TradeSuccess
	for word, want := range map[string]bulk.State{accepted: bulk.Unknown, noticed: bulk.Rejected} {
		res := Run{}.ended(bulk.Item{Step: stepResult, Code: mark(word, time.Now())}, p, found)
		assert.Equal(t, want, res.State, word)
		assert.Equal(t, want == bulk.Rejected, strings.Contains(res.Reason.English, "a number of its own"), res.Reason.English)
	}
}
