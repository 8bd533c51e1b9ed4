package pushpackage

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

func TestNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]number{`0`: 0, `"0"`: 0, `1008028`: 1008028, `"1008028"`: 1008028, `-1`: -1, `null`: 5} {
		got := number(5)
		require.NoError(t, got.UnmarshalJSON([]byte(in)), in)
		assert.Equal(t, want, got, in)
	}
	for _, in := range []string{`""`, `1.5`, `"x"`, `[]`, `{}`, `true`, `99999999999999999999`, `x`, ``} {
		assert.Error(t, new(number).UnmarshalJSON([]byte(in)), in)
	}
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

func FuzzNumber(f *testing.F) {
	for _, s := range []string{`0`, `"0"`, `-1`, `1e3`, `null`, `""`, `[1]`, "0\v", " 1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var n number
		if n.UnmarshalJSON(in) != nil {
			return
		}
		require.True(t, json.Valid(in))
		out, err := json.Marshal(n)
		require.NoError(t, err)
		var again number
		require.NoError(t, again.UnmarshalJSON(out))
		require.Equal(t, n, again)
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{`"a"`, `1`, `{"a":1}`, `null`, `"`, ``, "\v0", " 1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var s text
		if err := s.UnmarshalJSON(in); err == nil {
			require.True(t, json.Valid(in))
		} else {
			require.False(t, json.Valid(in))
		}
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
		if json.Unmarshal(in, &push) == nil {
			require.NotContains(t, push.PushID, "")
		}
		var record PushRecord
		_ = json.Unmarshal(in, &record)
		var plan PushPlan
		_ = json.Unmarshal(in, &plan)
		var o outcome
		if json.Unmarshal(in, &o) == nil {
			code, given := o.code()
			require.True(t, given || code == 0)
		}
	})
}

// A member that nobody needs and that has another form than documented does not lose a push or its record.
func TestOddMembersLoseNothing(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`""`, `[1]`, `"x"`, `null`, `[]`} {
		var p Push
		require.NoError(t, json.Unmarshal([]byte(`{"push_id":"5","invalid_targe_list":`+odd+`}`), &p), odd)
		assert.Equal(t, IDs{"5"}, p.PushID)
	}
	var r PushRecord
	require.NoError(t, json.Unmarshal([]byte(`{"pushId":7,"title":5,"multiPkg":1,"targetList":"a","date":20200101,"content":null,"source":{"a":1}}`), &r))
	assert.Equal(t, PushRecord{PushID: "7", Title: "5", MultiPkg: true, TargetList: []string{"a"}, Date: "20200101", Source: `{"a":1}`}, r)
}
