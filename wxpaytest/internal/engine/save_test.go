package engine_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
)

// named is a platform that says who asks, as answers name it.
type named struct{ open }

func (named) Admit(tx *engine.Tx) error {
	tx.Caller, tx.Self = "somebody", engine.Object{"appid": "of " + tx.Header.Get("X")}
	return nil
}

func newSaving(t *testing.T, log *bytes.Buffer, products ...engine.Product) *engine.Engine {
	t.Helper()
	o := engine.Options{Platforms: []engine.Platform{open{"tpns"}, named{open{"wechatpay"}}}, Plan: &fault.Plan{}, Journal: 1, Complain: t.Errorf}
	if log != nil {
		o.Log = log
	}
	e, err := engine.New(o)
	require.NoError(t, err)
	for _, p := range products {
		require.NoError(t, e.Add(p))
	}
	return e
}

// A call without a handler that has a request number is remembered too, and answers after a restart what it did before.
func TestNumbersOfCallsWithoutAHandler(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := newSaving(t, &log)
	const route = "POST /v3/marketing/membercard-open/cards"
	_, first := call(t, e, route, `{"out_request_no":"1","title":"mine"}`)
	again := newSaving(t, nil)
	require.NoError(t, again.Restore(&log))
	_, second := call(t, again, route, `{"out_request_no":"1","title":"mine"}`)
	assert.Equal(t, first, second)
	assert.Contains(t, first, `"appid":"of `)
	_, other := call(t, again, route, `{"out_request_no":"1","title":"yours"}`)
	assert.Contains(t, other, "请求重入时")
}

// What is refused takes no number, and is not saved.
func TestRefusalsTakeNoNumbers(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var e *engine.Engine
	e = newSaving(t, &log, engine.Product{Name: "membercard", Handlers: map[string]engine.Handler{"importUser": func(tx *engine.Tx) (engine.Object, error) {
		n := e.Number()
		if tx.Body.Text("openid") == "nobody" {
			return nil, engine.Invalid("nobody")
		}
		return engine.Object{"code": n}, nil
	}}})
	const route = "POST /v3/marketing/membercard-open/cards/K/users/import"
	for range 3 {
		call(t, e, route, `{"out_request_no":"1","openid":"nobody"}`)
	}
	_, text := call(t, e, route, `{"out_request_no":"1","openid":"somebody"}`)
	assert.Equal(t, `{"code":1}`, text)
	assert.Equal(t, 1, strings.Count(log.String(), "\n"))
}

// A product whose handler wants what cannot be saved shows when its state is restored.
func TestPreparedThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := engine.Product{
		Name:     "membercard",
		Handlers: map[string]engine.Handler{"importUser": func(*engine.Tx) (engine.Object, error) { return nil, nil }},
		Prepare:  map[string]func(*engine.Tx) error{"importUser": func(tx *engine.Tx) error { tx.Prepared = struct{}{}; return nil }},
	}
	call(t, newSaving(t, &log, p), "POST /v3/marketing/membercard-open/cards/K/users/import", `{"out_request_no":"1"}`)
	assert.ErrorContains(t, newSaving(t, nil, p).Restore(&log), "line 1 of the saved state holds something prepared that cannot be read: struct {}")
}
