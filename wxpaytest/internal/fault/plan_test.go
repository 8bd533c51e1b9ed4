package fault_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/tpns"
)

// What happens by chance follows from the seed, also after all was taken back, and not from what others meet.
func TestChanceFollowsFromTheSeed(t *testing.T) {
	t.Parallel()
	draws := func(p *fault.Plan, header string, noise int) string {
		p.Clear()
		if header == "" {
			_, err := p.Add(fault.Injection{Name: "500", Tag: "mine", Times: -1, Probability: 0.5}, "")
			require.NoError(t, err)
		}
		_, err := p.Add(fault.Injection{Name: "503", Tag: "noise", Times: -1, Probability: 0.5}, "")
		require.NoError(t, err)
		var b strings.Builder
		for range 64 {
			take := func(tag, header string) {
				tx := &engine.Tx{Method: "GET", URI: "/", Tag: tag, Header: http.Header{}, Platform: &tpns.Platform{}}
				if header != "" {
					tx.Header.Set(engine.FaultHeader, header)
				}
				f, err := p.Take(tx, true)
				require.NoError(t, err)
				if tag == "mine" {
					b.WriteString(map[bool]string{true: "x", false: "."}[f != nil])
				}
				p.Answered(tx, nil)
			}
			for range noise {
				take("noise", "")
			}
			take("mine", header)
		}
		return b.String()
	}
	for _, header := range []string{"", "500%50"} {
		a, b, other := fault.NewPlan("seed", fault.Table()), fault.NewPlan("seed", fault.Table()), fault.NewPlan("another", fault.Table())
		first := draws(a, header, 0)
		assert.Contains(t, first, "x")
		assert.Contains(t, first, ".")
		assert.Equal(t, first, draws(b, header, 3))
		assert.Equal(t, first, draws(a, header, 0), "after all was taken back")
		assert.NotEqual(t, first, draws(other, header, 0))
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"slwo": "slow", "SLOW": "slow", "resset": "reset", "slow-bdoy": "slow-body", "trunc": "truncated-body", "hnag": "hang", "5000": "500", "": "", "zzzz": "", strings.Repeat("slow", 100): "",
	} {
		got := fault.Near(name, []string{"reset", "slow", "slow-body", "truncated-body", "hang", "500"})
		if want != "" {
			want = `; the nearest is "` + want + `"`
		}
		assert.Equal(t, want, got, name)
	}
}
