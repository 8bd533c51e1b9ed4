package debits

import (
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/internal/value"
)

const (
	lastDay = 3                // a debit is taken on the days 1 to 3 after its notice
	margin  = 10 * time.Minute // of the ends of these days, for clocks that differ
	ample   = time.Hour        // before the last of them ends a debit begins
)

// midnight is when the day begins that comes so many days after that of t.
func midnight(t time.Time, days int) time.Time {
	y, m, d := t.In(value.Beijing).Date()
	return time.Date(y, m, d+days, 0, 0, 0, 0, value.Beijing)
}

// due is when a debit is to be made: when its notice is as old as lead, on one of its days.
func due(notice time.Time, lead time.Duration) time.Time {
	at, first, last := notice.Add(lead), midnight(notice, 1).Add(margin), midnight(notice, lastDay+1).Add(-ample)
	switch {
	case lead <= 0:
		return notice
	case at.Before(first):
		return first
	case at.After(last):
		return last
	}
	return at
}

// lapsed reports whether the days of a notice are over.
func lapsed(notice, now time.Time) bool {
	return !now.Before(midnight(notice, lastDay+1).Add(-margin))
}

// What the ledger keeps between two steps in place of a code: a word and a time.
const (
	noticed  = "NOTICED"        // the notice was sent then
	known    = "NOTICE_EXISTS"  // there was one then; how old it was, nobody tells
	renewing = "NOTICE_RENEWED" // the debit was refused under one of unknown age, so another is sent, once
	accepted = "ACCEPTED"       // the debit was taken then
)

func mark(word string, at time.Time) string {
	return word + " " + at.In(value.Beijing).Format(time.RFC3339)
}

// marked reads a mark. Of anything else the word is empty.
func marked(code string) (word string, at time.Time) {
	word, text, _ := strings.Cut(code, " ")
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return "", time.Time{}
	}
	return word, at
}
