package contract

import (
	"testing"

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
