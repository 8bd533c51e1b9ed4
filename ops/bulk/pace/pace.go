// Package pace is how fast a job may go: a rate that gives way when it is asked to, and times of day.
package pace

import "time"

// A Window is a time of day, every day, in which work is done; from 22:00 to 06:00 spans midnight. The zero Window is
// the whole day.
type Window struct{ From, To time.Duration } // since midnight, local time
