package wxpaytest_test

import (
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
