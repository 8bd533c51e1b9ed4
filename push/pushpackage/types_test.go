package pushpackage

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/internal/lenient"
)

func TestIDs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]IDs{
		`"1328245138690125824"`: {"1328245138690125824"}, `1328245138690125824`: {"1328245138690125824"},
		`["1","2"]`: {"1", "2"}, `["1",2]`: {"1", "2"}, `[]`: nil, `""`: nil, `[""]`: nil, `null`: nil, `[null]`: nil,
	} {
		got := IDs{"old"}
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		assert.Equal(t, want, got, in)
	}
	for _, in := range []string{`{}`, `[[]]`, `[{"a":1}]`, `["a"`, ``} {
		assert.Error(t, new(IDs).UnmarshalJSON([]byte(in)), in)
	}
	for want, ids := range map[string]IDs{`"1"`: {"1"}, `["1","2"]`: {"1", "2"}, `null`: nil} {
		got, err := json.Marshal(ids)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	assert.Equal(t, "1,2", IDs{"1", "2"}.String())
}

func FuzzIDs(f *testing.F) {
	for _, s := range []string{`"1"`, `1`, `["1",2]`, `[[1]]`, `null`, `{}`, `[`, "0\f", " 1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var ids IDs
		if ids.UnmarshalJSON(in) != nil {
			return
		}
		require.True(t, json.Valid(in))
		out, err := json.Marshal(ids)
		require.NoError(t, err)
		var again IDs
		require.NoError(t, json.Unmarshal(out, &again))
		require.Equal(t, ids, again)
		require.NotContains(t, ids, "")
	})
}

// Whatever comes as an answer, decoding ends, and what encoding/json reads is read.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{
		`{"seq":0,"push_id":["1",2],"ret_code":0,"result":"{}"}`, `{"pushId":133703,"uploadId":"1","collapseID":0}`,
		`{"planId":48,"createdAt":1593314408}`, `{"retCode":"0","ErrMsg":"x"}`, `[]`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var push Push
		_, err := lenient.Unmarshal(in, &push)
		if err == nil {
			require.NotContains(t, push.PushID, "")
		}
		require.False(t, err != nil && json.Unmarshal(in, new(Push)) == nil && bytes.HasPrefix(bytes.TrimSpace(in), []byte("{")))
		_, _ = lenient.Unmarshal(in, new(PushRecords))
		_, _ = lenient.Unmarshal(in, new(PushPlan))
		var o outcome
		if _, err := lenient.Unmarshal(in, &o); err == nil {
			code, given := o.code()
			require.True(t, given || code == 0)
		}
	})
}

// A member that nobody needs and that has another form than documented does not lose a push or its record. What
// has no reading is left out and told to the observer.
func TestOddMembersLoseNothing(t *testing.T) {
	t.Parallel()
	var odd []string
	observe := func(c *Config) { c.Observe = func(_ context.Context, e Exchange) { odd = e.Odd } }
	for _, list := range []string{`""`, `[1]`, `"x"`, `null`, `[]`} {
		push, err := tpns(t, ok(`{"ret_code":0,"push_id":"5","invalid_targe_list":`+list+`}`), observe).Push(t.Context(), minimal())
		require.NoError(t, err, list)
		assert.Equal(t, IDs{"5"}, push.PushID)
	}
	record, err := tpns(t, ok(`{"retCode":"0","pushRecordData":[{"pushId":7,"title":5,"multiPkg":1,"targetList":"a","date":20200101,"content":null,"source":{"a":1},"uploadId":"12"}]}`), observe).
		GetPushRecord(t.Context(), GetPushRecordParams{PushID: "7"})
	require.NoError(t, err)
	assert.Equal(t, &PushRecord{PushID: "7", Title: "5", MultiPkg: true, Date: "20200101", UploadID: 12}, record)
	for _, name := range []string{"pushId", "title", "multiPkg", "targetList", "date", "source", "uploadId"} {
		assert.Contains(t, odd, "pushRecordData[0]."+name)
	}
}

// Which of two codes counts is not guessed.
func TestOddCodesAreNoSuccess(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`"x"`, `1.5`, `[]`, `{}`, `true`, `99999999999999999999`} {
		_, err := tpns(t, ok(`{"retCode":0,"ret_code":`+odd+`,"push_id":"5"}`)).Push(t.Context(), minimal())
		assert.True(t, OutcomeUnknown(err), odd)
	}
}
