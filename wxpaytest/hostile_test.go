package wxpaytest_test

import (
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What no honest client sends is answered like anything else, and at once.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	h.server.AddContracts("o1", "wx1", "plan", 3)
	answer := h.ok("GET", edu+"/user/o1/contracts?appid=wx1&plan_id=plan&offset=1&limit=9223372036854775807", nil)
	assert.Len(t, answer["data"], 2)
	deep := []byte(`{"echo_message":` + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + `}`)
	start := time.Now()
	status, answer := h.do(h.request(t.Context(), "POST", "/v3/security/echo", deep))
	assert.Equal(t, 400, status, answer)
	assert.Less(t, time.Since(start), 5*time.Second)
}

// A body that is far too large is not kept, and answered.
func TestHugeBodies(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	const size = 100 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	req := httptest.NewRequestWithContext(t.Context(), "POST", "/v3/security/echo", io.LimitReader(zeros{}, size))
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, req)
	runtime.ReadMemStats(&after)
	assert.Equal(t, 400, w.Code)
	assert.Contains(t, w.Body.String(), "the body is too large")
	assert.Equal(t, size, h.last().BodySize)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size))
}

// zeros is a body without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
