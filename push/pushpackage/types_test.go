package pushpackage_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func TestIDs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]pushpackage.IDs{
		`"1328245138690125824"`: {"1328245138690125824"}, `1328245138690125824`: {"1328245138690125824"},
		`["1","2"]`: {"1", "2"}, `["1",2]`: {"1", "2"}, `[]`: nil, `""`: nil, `[""]`: nil, `null`: nil, `[null]`: nil,
	} {
		got := pushpackage.IDs{"old"}
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		assert.Equal(t, want, got, in)
	}
	for _, in := range []string{`{}`, `[[]]`, `[{"a":1}]`, `["a"`, ``} {
		assert.Error(t, new(pushpackage.IDs).UnmarshalJSON([]byte(in)), in)
	}
	for want, ids := range map[string]pushpackage.IDs{`"1"`: {"1"}, `["1","2"]`: {"1", "2"}, `null`: nil} {
		got, err := json.Marshal(ids)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	assert.Equal(t, "1,2", pushpackage.IDs{"1", "2"}.String())
}

func FuzzIDs(f *testing.F) {
	for _, s := range []string{`"1"`, `1`, `["1",2]`, `[[1]]`, `null`, `{}`, `[`, "0\f", " 1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var ids pushpackage.IDs
		if ids.UnmarshalJSON(in) != nil {
			return
		}
		require.True(t, json.Valid(in))
		out, err := json.Marshal(ids)
		require.NoError(t, err)
		var again pushpackage.IDs
		require.NoError(t, json.Unmarshal(out, &again))
		require.Equal(t, ids, again)
		require.NotContains(t, ids, "")
	})
}

// Whatever comes as an answer, reading it ends, and a push that succeeds has its ids.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{
		`{"seq":0,"push_id":["1",2],"ret_code":0,"result":"{}"}`, `{"pushId":133703,"uploadId":"1","collapseID":0}`,
		`{"planId":48,"createdAt":1593314408}`, `{"retCode":"0","ErrMsg":"x"}`, `[]`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		client := tpns(t, httpmock.NewBytesResponder(http.StatusOK, in), func(c *pushpackage.Config) { c.MaxAttempts = 1 })
		push, err := client.Push(t.Context(), minimal())
		if err == nil {
			require.NotEmpty(t, push.PushID)
			require.NotContains(t, push.PushID, "")
			require.NoError(t, json.Unmarshal(in, new(map[string]any)))
		}
		_, _ = client.GetPushRecord(t.Context(), pushpackage.GetPushRecordParams{PushID: "1"})
		_, _ = client.CreatePushPlan(t.Context(), pushpackage.CreatePushPlanParams{PlanName: "n", PlanDescribe: "d"})
	})
}

// A member that nobody needs and that has another form than documented does not lose a push or its record. What
// has no reading is left out and told to the observer.
func TestOddMembersLoseNothing(t *testing.T) {
	t.Parallel()
	var odd []string
	observe := func(c *pushpackage.Config) {
		c.Observe = func(_ context.Context, e pushpackage.Exchange) { odd = e.Odd }
	}
	for _, list := range []string{`""`, `[1]`, `"x"`, `null`, `[]`} {
		push, err := tpns(t, ok(`{"ret_code":0,"push_id":"5","invalid_targe_list":`+list+`}`), observe).Push(t.Context(), minimal())
		require.NoError(t, err, list)
		assert.Equal(t, pushpackage.IDs{"5"}, push.PushID)
	}
	record, err := tpns(t, ok(`{"retCode":"0","pushRecordData":[{"pushId":7,"title":5,"multiPkg":1,"targetList":"a","date":20200101,"content":null,"source":{"a":1},"uploadId":"12"}]}`), observe).
		GetPushRecord(t.Context(), pushpackage.GetPushRecordParams{PushID: "7"})
	require.NoError(t, err)
	assert.Equal(t, &pushpackage.PushRecord{PushID: "7", Title: "5", MultiPkg: true, Date: "20200101", UploadID: 12}, record)
	for _, name := range []string{"pushId", "title", "multiPkg", "targetList", "date", "source", "uploadId"} {
		assert.Contains(t, odd, "pushRecordData[0]."+name)
	}
}

// Which of two codes counts is not guessed.
func TestOddCodesAreNoSuccess(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`"x"`, `1.5`, `[]`, `{}`, `true`, `99999999999999999999`} {
		_, err := tpns(t, ok(`{"retCode":0,"ret_code":`+odd+`,"push_id":"5"}`)).Push(t.Context(), minimal())
		assert.True(t, pushpackage.OutcomeUnknown(err), odd)
	}
}
