package wxpay_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

var morning = wxpay.TimeOf(time.Date(2020, 3, 26, 2, 43, 39, 0, time.UTC))

// All forms that the documents show.
func TestTimeIsRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]wxpay.Time{
		"2020-03-26T10:43:39+08:00":      morning,
		"2020-03-26T02:43:39Z":           morning,
		"2020-03-26T02:43:39.000+00:00":  morning,
		"2020-03-26T10:43:39.120+08:00":  wxpay.TimeOf(morning.Add(120 * time.Millisecond)),
		"2020-03-26T10:43:39.1234+08:00": wxpay.TimeOf(morning.Add(123400 * time.Microsecond)),
		"2020-03-26T10:43+08:00":         wxpay.TimeOf(morning.Add(-39 * time.Second)),
		"20200326104339":                 morning,
		"":                               {},
	} {
		var got struct{ T wxpay.Time }
		require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"t":%q}`, text), &got), text)
		assert.True(t, want == got.T, "%s: %s", text, got.T)
		got.T = morning
		require.NoError(t, got.T.UnmarshalText([]byte(text)))
		assert.True(t, want == got.T, "%s: %s", text, got.T)
	}
	for _, text := range []string{`"soon"`, `"  "`, `"2020-02-30T10:43:39+08:00"`, `"2020-03-26"`, `"2020-03-26T10:43:39"`, `"1585190619"`, `20200326104339`, `{}`, `true`} {
		got := morning
		err := json.Unmarshal([]byte(text), &got)
		if assert.Error(t, err, text) {
			assert.NotContains(t, err.Error(), strings.Trim(text, `"`), "no value")
		}
	}
	got := morning
	require.NoError(t, json.Unmarshal([]byte("null"), &got))
	assert.True(t, got.IsZero())
}

func TestTimeIsWritten(t *testing.T) {
	t.Parallel()
	beijing := time.FixedZone("", 8*3600)
	for given, want := range map[time.Time]string{
		time.Date(2020, 3, 26, 10, 43, 39, 0, beijing):                        "2020-03-26T10:43:39+08:00",
		time.Date(2020, 3, 26, 2, 43, 39, 0, time.UTC):                        "2020-03-26T10:43:39+08:00",
		time.Date(2020, 3, 25, 21, 43, 39, 0, time.FixedZone("EST", -5*3600)): "2020-03-26T10:43:39+08:00",
		time.Date(2020, 3, 26, 10, 43, 39, 999_999, beijing):                  "2020-03-26T10:43:39+08:00",
		time.Date(2020, 3, 26, 10, 43, 39, 120_999_999, beijing):              "2020-03-26T10:43:39.120+08:00",
		time.Date(2020, 3, 26, 10, 43, 39, 999_999_999, beijing):              "2020-03-26T10:43:39.999+08:00",
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, beijing):             "1969-12-31T23:59:59.999+08:00",
		time.Date(2020, 3, 26, 0, 0, 0, 0, beijing):                           "2020-03-26T00:00:00+08:00",
		time.Date(9999, 12, 31, 23, 59, 59, 0, beijing):                       "9999-12-31T23:59:59+08:00",
		{}: "",
	} {
		for _, v := range []wxpay.Time{wxpay.TimeOf(given), {Time: given}} {
			text, err := json.Marshal(v)
			require.NoError(t, err)
			assert.Equal(t, `"`+want+`"`, string(text))
			text, err = v.MarshalText()
			require.NoError(t, err)
			assert.Equal(t, want, string(text))
			assert.Equal(t, want, fmt.Sprint(v))
			assert.Equal(t, "at "+want, fmt.Sprintf("at %s", v))
		}
	}
	for _, year := range []int{-1, 10000, 1_000_000} {
		_, err := json.Marshal(wxpay.TimeOf(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)))
		assert.Error(t, err, year)
	}
}

// Where a Time goes, it is the same moment afterwards, and the zero Time is nothing.
func TestTimeIsAValue(t *testing.T) {
	t.Parallel()
	type holder struct {
		T wxpay.Time `json:"t,omitzero"`
	}
	text, err := json.Marshal(holder{})
	require.NoError(t, err)
	assert.Equal(t, "{}", string(text))
	assert.True(t, wxpay.TimeOf(time.Time{}) == wxpay.Time{})
	assert.Equal(t, morning, cmp.Or(wxpay.Time{}, morning))
	assert.True(t, wxpay.TimeOf(time.Now()) != morning && wxpay.TimeOf(morning.In(time.Local)) == morning)

	for _, want := range []holder{{}, {morning}, {wxpay.TimeOf(morning.Add(time.Millisecond))}} {
		var buffer bytes.Buffer
		require.NoError(t, gob.NewEncoder(&buffer).Encode(want))
		var got holder
		require.NoError(t, gob.NewDecoder(&buffer).Decode(&got))
		assert.True(t, want == got, "%s", got.T)
	}

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "at", morning)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "at", morning)
	assert.Contains(t, log.String(), `"at":"2020-03-26T10:43:39+08:00"`)
	assert.Contains(t, log.String(), `at=2020-03-26T10:43:39+08:00`)
}

// A verified answer is not unknown because of a time.
func TestOddTimes(t *testing.T) {
	t.Parallel()
	type answered struct {
		At   wxpay.Time   `json:"at"`
		More []wxpay.Time `json:"more,omitzero"`
		Text string       `json:"text"`
	}
	for member, tt := range map[string]struct {
		at  wxpay.Time
		odd []string
	}{
		`"at":"2020-03-26T10:43:39+08:00"`: {morning, nil},
		`"at":"20200326104339"`:            {morning, nil},
		`"at":""`:                          {wxpay.Time{}, nil},
		`"at":null`:                        {wxpay.Time{}, nil},
		`"at":20200326104339`:              {morning, []string{"at"}},
		`"at":1585190619`:                  {morning, []string{"at"}},
		`"at":"2020-03-26 10:43:39"`:       {morning, []string{"at"}},
		`"at":"soon, 13800138000"`:         {wxpay.Time{}, []string{"at"}},
		`"at":{}`:                          {wxpay.Time{}, []string{"at"}},
		`"at":"","more":["", "soon"]`:      {wxpay.Time{}, []string{"more[1]"}},
	} {
		p := newPlatform(t, answer{body: `{` + member + `,"text":"b"}`})
		config := p.config()
		var odd []string
		config.Observe = func(_ context.Context, ex wxpay.Exchange) { odd = ex.Odd }
		client, err := wxpay.New(config)
		require.NoError(t, err)
		got, err := wxpay.Do[answered](t.Context(), client, write(false))
		require.NoError(t, err, member)
		assert.Equal(t, tt.at, got.At, member)
		assert.Equal(t, "b", got.Text)
		assert.Equal(t, tt.odd, odd, member)
	}
}
