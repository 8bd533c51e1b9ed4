package wxpay_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

func TestFen(t *testing.T) {
	t.Parallel()
	for fen, want := range map[wxpay.Fen]string{0: "0.00", 1: "0.01", 888: "8.88", -5: "-0.05", -12345: "-123.45", math.MinInt64: "-92233720368547758.08"} {
		assert.Equal(t, want, fen.String())
	}
	text, err := json.Marshal(wxpay.Fen(888))
	require.NoError(t, err)
	assert.Equal(t, "888", string(text))
}

func TestDate(t *testing.T) {
	t.Parallel()
	type day struct {
		D wxpay.Date `json:"d,omitzero"`
	}
	for text, want := range map[string]wxpay.Date{
		`{"d":"2020-03-19"}`: {Year: 2020, Month: time.March, Day: 19},
		`{}`:                 {},
	} {
		var d day
		require.NoError(t, json.Unmarshal([]byte(text), &d))
		assert.Equal(t, want, d.D)
		back, err := json.Marshal(d)
		require.NoError(t, err)
		assert.Equal(t, text, string(back))
	}
	var d day
	require.NoError(t, json.Unmarshal([]byte(`{"d":""}`), &d))
	assert.True(t, d.D.IsZero())
	for _, bad := range []string{`"2020-3-19"`, `"20200319"`, `"2020-02-30"`, `17`} {
		assert.Error(t, json.Unmarshal([]byte(`{"d":`+bad+`}`), &d))
	}
	_, err := json.Marshal(wxpay.Date{Year: 2020, Month: 2, Day: 30})
	assert.Error(t, err)
	beijing := time.FixedZone("", 8*3600)
	assert.Equal(t, "2026-01-01", wxpay.DateOf(time.Date(2025, 12, 31, 16, 0, 0, 0, time.UTC).In(beijing)).String())
}
