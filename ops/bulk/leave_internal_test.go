package bulk

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// A call leaves only if its rows are this worker's at the last moment.
func TestLeaves(t *testing.T) {
	t.Parallel()
	mine := true
	r := &run{chunk: &Chunk{Mine: func() bool { return mine }}}
	require.NoError(t, r.leave(t.Context(), 0, "POST /v3/x", time.Time{}))
	mine = false
	require.ErrorIs(t, r.leave(t.Context(), 0, "POST /v3/x", time.Time{}), ErrLost)
}

// Whose keys a worker lacks is asked once a minute at most, and never taken.
func TestLacksKeys(t *testing.T) {
	t.Parallel()
	asked := 0
	team := &team{jobs: map[string]*member{}, Worker: Worker{Operation: func(context.Context, string, ledger.Head) (Operation, func(context.Context) ([]byte, error), error) {
		asked++
		return nil, nil, nil
	}}}
	for range 3 {
		assert.False(t, team.takes(t.Context(), "autumn", ledger.Head{}))
	}
	assert.Equal(t, 1, asked)
}
