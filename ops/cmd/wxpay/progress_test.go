package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay/ops/bulk"
)

// Why calls fail is told when that lasts, once, and without a number of anybody.
func TestTroubleIsTold(t *testing.T) {
	t.Parallel()
	for _, chinese := range []bool{false, true} {
		var stderr bytes.Buffer
		w := (&app{stderr: &stderr, chinese: chinese}).watch("autumn")
		failing := bulk.Progress{Phase: bulk.PhaseSending, Err: errors.New("dial tcp: connection refused to 13800138000")}
		w.observe(failing)
		w.observe(bulk.Progress{Phase: bulk.PhaseSending})
		w.observe(failing)
		assert.NotContains(t, stderr.String(), "refused", "one call that failed")
		for range 3 {
			w.observe(failing)
		}
		assert.Equal(t, 1, strings.Count(stderr.String(), "connection refused"), stderr.String())
		assert.NotContains(t, stderr.String(), "13800138000")
		assert.Equal(t, chinese, strings.Contains(stderr.String(), "请求失败"))
	}
}
