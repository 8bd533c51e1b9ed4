package seentest_test

import (
	"testing"
	"time"

	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/seen/seentest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	seentest.Test(t, seentest.Store{Open: func(*testing.T, time.Duration) []notify.Seen { return []notify.Seen{notify.NewMemory(1000)} }})
}
