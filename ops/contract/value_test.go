package contract

import (
	"encoding/json"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLostMemberIsReported proves the comparison that the table rests on.
func TestLostMemberIsReported(t *testing.T) {
	t.Parallel()
	const answer = `{"id":"1","count":3,"on":true,"at":"2020-05-20T13:29:35.120+08:00","none":null,
		"card":{"brand":{"name":"a"}},"tags":["x","y"],"data":[{"code":"c1"},{"code":"c2"}]}`
	for _, tt := range []struct {
		name, got string
		lost      []string
	}{
		{"itself", answer, nil},
		{"more members", `{"more":1,"id":"1","count":3,"on":true,"at":"2020-05-20T13:29:35.120+08:00","none":null,
			"card":{"brand":{"name":"a","b":2}},"tags":["x","y"],"data":[{"code":"c1"},{"code":"c2"}]}`, nil},
		{"same instant, same number", `{"id":"1","count":3.0,"on":true,"at":"2020-05-20T05:29:35.12Z","none":null,
			"card":{"brand":{"name":"a"}},"tags":["x","y"],"data":[{"code":"c1"},{"code":"c2"}]}`, nil},
		{"misspelt and zero", `{"id":"1","cuont":3,"on":false,"at":"2020-05-20T13:29:35+08:00","none":null,
			"card":{"brand":{"name":"a"}},"tags":["x","y"],"data":[{"code":"c1"},{"code":"c2"}]}`, []string{"at", "count", "on"}},
		{"other type", `{"id":1,"count":"3","on":true,"at":"2020-05-20T13:29:35.120+08:00","none":null,
			"card":{"brand":{"name":"a"}},"tags":["x","y"],"data":[{"code":"c1"},{"code":"c2"}]}`, []string{"count", "id"}},
		{"object left out", `{"id":"1","count":3,"on":true,"at":"2020-05-20T13:29:35.120+08:00","none":null,
			"tags":["x","y"],"data":[{"code":"c1"},{"code":"c2"}]}`, []string{"card", "card.brand", "card.brand.name"}},
		{"null left out", `{"id":"1","count":3,"on":true,"at":"2020-05-20T13:29:35.120+08:00",
			"card":{"brand":{"name":"a"}},"tags":["x","y"],"data":[{"code":"c1"},{"code":"c2"}]}`, []string{"none"}},
		{"list cut short", `{"id":"1","count":3,"on":true,"at":"2020-05-20T13:29:35.120+08:00","none":null,
			"card":{"brand":{"name":"a"}},"tags":["x"],"data":[{"code":"c1"}]}`, []string{"data", "data[].code", "tags"}},
		{"second of a list", `{"id":"1","count":3,"on":true,"at":"2020-05-20T13:29:35.120+08:00","none":null,
			"card":{"brand":{"name":"a"}},"tags":["y","x"],"data":[{"code":"c1"},{"c0de":"c2"}]}`, []string{"data[].code", "tags"}},
		{"nothing", `null`, []string{"", "at", "card", "card.brand", "card.brand.name", "count", "data", "data[].code", "id", "none", "on", "tags"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want, err := Decode([]byte(answer))
			require.NoError(t, err)
			got, err := Decode([]byte(tt.got))
			require.NoError(t, err)
			assert.Equal(t, tt.lost, Lost(want, got))
		})
	}
}

// TestMisspeltTag is the same through a struct whose tag has a slip.
func TestMisspeltTag(t *testing.T) {
	t.Parallel()
	type task struct {
		TaskID   string `json:"task_id"`
		BankType string `json:"bank_tpye"`
	}
	answer := map[string]any{"data": []any{map[string]any{"task_id": "101", "bank_type": "ICBC_DEBIT"}}}
	decoded := struct {
		Data []task `json:"data"`
	}{[]task{{TaskID: "101"}}}
	again, err := JSON(decoded)
	require.NoError(t, err)
	assert.Equal(t, []string{"data[].bank_type"}, Lost(answer, again))
	assert.Equal(t, []string{"data", "data[].bank_type", "data[].task_id"}, Members(answer))
}

// TestExample holds values against what stands in the documents.
func TestExample(t *testing.T) {
	t.Parallel()
	schemas := schemas(t)
	for _, tt := range []struct{ schema, want string }{
		{"membercard.yaml DayTimeRange", // an example beside a $ref
			`{"begin_day_time":{"hours":9,"minutes":34,"seconds":6},"end_day_time":{"hours":18,"minutes":45,"seconds":7}}`},
		{"membercard.yaml Deposit", // a list without an example of its own
			`{"data":[{"code":"478515832665","result":"SUCCESS"},{"code":"478515832665","result":"SUCCESS"}]}`},
		{"edupapay.yaml ContractReleasedNotification", // allOf with a const
			`{"id":"EV-2018022511223320873","create_time":"2015-05-20T13:29:35+08:00","event_type":"ENTRUST.RELEASE",
			"resource_type":"encrypt-resource","summary":"签约结果通知","resource":{"algorithm":"AEAD_AES_256_GCM",
			"original_type":"contract","ciphertext":"+/8ByGf0vA3kQ5/xT+2mZg==","nonce":"61f9c719728a","associated_data":"contract-event"}}`},
	} {
		got, err := json.Marshal(Example(schemas[tt.schema]))
		require.NoError(t, err)
		assert.JSONEq(t, tt.want, string(got), tt.schema)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	schemas := schemas(t)
	for _, tt := range []struct{ schema, given, want string }{
		{"tpns.yaml PushRecord", `{"pushId":133703,"expireTime":86400,"targetList":null}`, `{"pushId":"133703","expireTime":86400}`},
		{"tpns.yaml PushAppResult", `{"push_id":"7","seq":0}`, `{"push_id":["7"],"seq":0}`},
		{"tpns.yaml PushAppResult", `{"push_id":["7","8"]}`, `{"push_id":["7","8"]}`},
		{"bankpackages.yaml Task", `{"task_id":101,"status":null}`, `{"task_id":101,"status":null}`},
	} {
		given, err := Decode([]byte(tt.given))
		require.NoError(t, err)
		got, err := json.Marshal(Plain(schemas[tt.schema], given))
		require.NoError(t, err)
		assert.JSONEq(t, tt.want, string(got), tt.schema)
	}
}

func TestAliased(t *testing.T) {
	t.Parallel()
	got, ok := Aliased(schemas(t)["membercard.yaml TerminatedActivity"], map[string]any{"activity_id": "1", "terminate_time": "2"})
	assert.True(t, ok)
	assert.Equal(t, map[string]any{"activity_id": "1", "creterminate_timeate_time": "2"}, got)
	_, ok = Aliased(schemas(t)["bankpackages.yaml Task"], map[string]any{"task_id": "1"})
	assert.False(t, ok)
}

// schemas are those of all documents, by document and name.
func schemas(t *testing.T) map[string]*openapi3.Schema {
	t.Helper()
	all := map[string]*openapi3.Schema{}
	for _, doc := range documents(t) {
		for name, s := range doc.Spec.Components.Schemas {
			all[doc.Name+" "+name] = s.Value
		}
	}
	return all
}
