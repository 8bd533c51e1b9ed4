package wxpay_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

// looks are what one look after the other finds; the last one stays.
type looks []struct {
	saw  string
	done bool
	err  error
}

func (l *looks) next(context.Context) (string, bool, error) {
	now := (*l)[0]
	if len(*l) > 1 {
		*l = (*l)[1:]
	}
	return now.saw, now.done, now.err
}

func TestWait(t *testing.T) {
	t.Parallel()
	lost := &wxpay.UnknownError{Route: "GET /v3/x", Err: io.ErrUnexpectedEOF}
	denied := &wxpay.Error{StatusCode: 403, Code: wxpay.CodeNoAuth}
	gone := errors.New("gone")
	for name, tt := range map[string]struct {
		looks looks
		every time.Duration
		want  string
		err   error
		after time.Duration
	}{
		"done at once":              {looks{{"paid", true, nil}}, time.Minute, "paid", nil, 0},
		"done later":                {looks{{"new", false, nil}, {"sent", false, nil}, {"paid", true, nil}}, time.Minute, "paid", nil, 2 * time.Minute},
		"no interval":               {looks{{"new", false, nil}, {"paid", true, nil}}, 0, "paid", nil, 5 * time.Second},
		"a negative interval":       {looks{{"new", false, nil}, {"paid", true, nil}}, -1, "paid", nil, 5 * time.Second},
		"what may pass":             {looks{{"", false, lost}, {"new", false, nil}, {"", false, lost}, {"paid", true, nil}}, time.Second, "paid", nil, 3 * time.Second},
		"a refusal":                 {looks{{"new", false, nil}, {"ignored", false, denied}}, time.Second, "new", denied, time.Second},
		"a refusal at once":         {looks{{"ignored", false, denied}}, time.Second, "", denied, 0},
		"done with what might pass": {looks{{"new", false, nil}, {"", true, gone}}, time.Second, "new", gone, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := wxpay.Wait(t.Context(), tt.every, tt.looks.next)
				assert.Equal(t, tt.err, err)
				assert.Equal(t, tt.want, got)
				assert.Equal(t, tt.after, time.Since(start))
			})
		})
	}
}

// Whatever the last look failed with, the context's end and the caller's cause are found in the error, in one line.
func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("shop\ncloses")
	for name, last := range map[string]error{
		"a look without an error":    nil,
		"a lost look":                &wxpay.UnknownError{Route: "GET /v3/x", Err: io.ErrUnexpectedEOF},
		"a look that ended with it":  &wxpay.UnknownError{Route: "GET /v3/x", Err: context.Canceled},
		"a look that knows its own":  errors.Join(context.Canceled, cause),
		"a look with another's time": &wxpay.UnknownError{Route: "GET /v3/x", Err: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(90*time.Second, func() { cancel(cause) })
				start := time.Now()
				first := true
				got, err := wxpay.Wait(ctx, time.Minute, func(context.Context) (string, bool, error) {
					if first {
						first = false
						return "new", false, nil
					}
					return "new", false, last
				})
				assert.Equal(t, "new", got)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, cause)
				if last != nil {
					require.ErrorIs(t, err, last)
				}
				assert.Equal(t, 90*time.Second, time.Since(start))
			})
		})
	}
}

// A pause that the context has no time for is not begun.
func TestWaitWithoutTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		start := time.Now()
		got, err := wxpay.Wait(ctx, time.Minute, (&looks{{"new", false, nil}}).next)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, "new", got)
		assert.Equal(t, time.Minute, time.Since(start))
		assert.NotContains(t, err.Error(), "\n")
	})
}
