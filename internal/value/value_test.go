package value_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/internal/value"
)

// Whatever shows a secret shows ***, whether it is sealed or not.
func TestSecretIsNotShown(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]value.Secret{"plain": "13800138000", "sealed": value.Secret(value.Mark + "13800138000")} {
		holder := struct {
			S value.Secret
			L []value.Secret
			M map[string]*value.Secret
		}{s, []value.Secret{s}, map[string]*value.Secret{"s": &s}}
		var shown bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
			fmt.Fprintf(&shown, verb+" "+verb+"\n", s, holder)
		}
		require.NoError(t, gob.NewEncoder(&shown).Encode(s))
		assert.NotContains(t, shown.String(), "13800138000", name)
		assert.NotContains(t, shown.String(), fmt.Sprintf("%x", "13800138000"), name)
		assert.Equal(t, "***", s.String(), name)
	}
	assert.Empty(t, fmt.Sprint(value.Secret("")))

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "phone", value.Secret("13800138000"))
	assert.Contains(t, log.String(), `"phone":"***"`)
}

// What stands in place of a secret goes into JSON as it is, and is shown no more than the secret.
func TestMark(t *testing.T) {
	t.Parallel()
	gap := value.Secret(value.Mark + "0..")
	text, err := json.Marshal([]value.Secret{gap, "13800138000", "0.." + gap, gap[:len(value.Mark)-1], ""})
	require.NoError(t, err)
	assert.Equal(t, `["`+value.Mark+`0..","***","***","***",""]`, string(text))
	assert.Equal(t, "***", fmt.Sprint(gap))
}

func TestDate(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal([]value.Date{{Year: 2026, Month: 2, Day: 28}, {}})
	require.NoError(t, err)
	assert.Equal(t, `["2026-02-28",""]`, string(b))
	var days []value.Date
	require.NoError(t, json.Unmarshal(b, &days))
	assert.Equal(t, []value.Date{{Year: 2026, Month: 2, Day: 28}, {}}, days)
	for _, in := range []string{"2026-02-29", "20260228", "x"} {
		assert.Error(t, new(value.Date).UnmarshalText([]byte(in)), in)
	}
	for _, d := range []value.Date{{Year: 2026, Month: 2, Day: 29}, {Year: 10000, Month: 1, Day: 1}, {Year: -1, Month: 1, Day: 1}, {Year: 2026, Month: 0, Day: 1}} {
		_, err = json.Marshal(d)
		assert.Error(t, err, d)
	}
	assert.Equal(t, value.Date{Year: 2026, Month: 3, Day: 1}, value.DateOf(time.Date(2026, 3, 1, 23, 0, 0, 0, time.FixedZone("", -8*3600))))
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-02-28", "2024-02-29", "2026-02-29", "", "0000-01-01"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var d value.Date
		if d.UnmarshalText(in) != nil {
			return
		}
		out, err := d.MarshalText()
		require.NoError(t, err)
		require.Equal(t, string(in), string(out))
	})
}
