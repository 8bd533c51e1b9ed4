package oneline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay/internal/oneline"
)

func TestEnded(t *testing.T) {
	t.Parallel()
	assert.NoError(t, oneline.Ended(t.Context()))
	shutdown := errors.New("shutting down")
	for want, cause := range map[string]error{
		"context canceled":                nil,
		"context canceled: shutting down": shutdown,
		"stopped: context canceled":       fmt.Errorf("stopped: %w", context.Canceled),
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		err := oneline.Ended(ctx)
		assert.EqualError(t, err, want)
		assert.ErrorIs(t, err, context.Canceled)
		if cause != nil {
			assert.ErrorIs(t, err, cause)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                                "",
		"频率过高 😀":                          "频率过高 😀",
		"a\r\nb\tc":                       "a  b c",
		"\x1b[31m\x00\x7f":                " [31m  ",
		"a\u0085b\u009b2Jc\u2028d\u2029e": "a b 2Jc d e",
		"a\xffb":                          "a\ufffdb",
		strings.Repeat("频", 512):          strings.Repeat("频", 512),
		strings.Repeat("频", 513):          strings.Repeat("频", 512) + "…",
		strings.Repeat("\n", 9999):        strings.Repeat(" ", 512) + "…",
	} {
		assert.Equal(t, want, oneline.Quote(s, 512))
	}
}

// However long what is quoted is, an error is one line of bounded length, and what it wraps stays what it is.
func TestErrorsAreBounded(t *testing.T) {
	t.Parallel()
	err := oneline.Error(fmt.Errorf("%w\n%s", io.EOF, strings.Repeat("频", 2000)))
	assert.ErrorIs(t, err, io.EOF)
	assert.LessOrEqual(t, len(err.Error()), 2000)
	assert.True(t, strings.HasPrefix(err.Error(), "EOF 频") && strings.HasSuffix(err.Error(), "频…"))
	assert.Equal(t, "x: POST /x: a b is missing; nothing was sent", oneline.Param("x", "POST /x", "a\nb", "is missing"))
	assert.Equal(t, "x: Config: A is missing", oneline.Param("x", "Config", "A", "is missing"))
	assert.LessOrEqual(t, len(oneline.Param("x", "POST /x", strings.Repeat("x", 10_000), strings.Repeat("x", 10_000))), 700)
}
