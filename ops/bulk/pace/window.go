package pace

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Window is a time of day, every day, in which work is done; from 22:00 to 06:00 spans midnight. It goes by the clock
// on the wall, in the time zone of the times it is asked about. The zero Window is the whole day.
type Window struct{ From, To time.Duration } // since midnight

// Parse reads a window such as 09:00-21:00.
func Parse(text string) (Window, error) {
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		return Window{}, errors.New("must be two times of day, such as 09:00-21:00")
	}
	w := Window{}
	var err error
	if w.From, err = clock(from); err == nil {
		w.To, err = clock(to)
	}
	if err != nil {
		return Window{}, err
	}
	if w.From == w.To || w.From%midnight == w.To {
		return Window{}, errors.New("begins when it ends; leave it out for the whole day")
	}
	w.From %= midnight
	return w, nil
}

const midnight = 24 * time.Hour

func clock(text string) (time.Duration, error) {
	if strings.TrimSpace(text) == "24:00" {
		return midnight, nil
	}
	t, err := time.Parse("15:04", strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day, such as 09:00", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// String is the window as Parse reads it; empty for the whole day.
func (w Window) String() string {
	if w == (Window{}) {
		return ""
	}
	spell := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute) }
	return spell(w.From) + "-" + spell(w.To)
}

// Open reports whether now is within the window.
func (w Window) Open(now time.Time) bool {
	at := of(now)
	if w.From <= w.To {
		return w == (Window{}) || w.From <= at && at < w.To
	}
	return at >= w.From || at < w.To
}

// Next is when the window opens again after now: the first minute within it that follows one outside. An hour that the
// clocks leave out does not hide it. It is zero if the window never closes.
func (w Window) Next(now time.Time) time.Time {
	return minute(now, func(before, t time.Time) bool { return w.Open(t) && !w.Open(before) })
}

// minute is the first minute after now of which is holds; zero if there is none within two days.
func minute(now time.Time, is func(before, t time.Time) bool) time.Time {
	before := now.Truncate(time.Minute)
	for range 2 * 24 * 60 {
		t := before.Add(time.Minute)
		if is(before, t) {
			return t
		}
		before = t
	}
	return time.Time{}
}

// Until is the next moment after now at which the clock on the wall comes to a time such as 22:00.
func Until(text string, now time.Time) (time.Time, error) {
	at, err := clock(text)
	if err != nil {
		return time.Time{}, err
	}
	at %= midnight
	return minute(now, func(before, t time.Time) bool {
		return of(t) >= at && (of(before) < at || before.Day() != t.Day())
	}), nil
}

func of(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
}
