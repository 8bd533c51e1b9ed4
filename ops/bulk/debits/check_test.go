package debits_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{Mode: wxpaytest.Certificates}) // whose download would be a request
	nothing := debits.Run{Client: server.Client()}
	for name, test := range map[string]struct {
		run    debits.Run
		row    table.Row
		column string // "": the row is good
		reason string
	}{
		"good":                   {run(server), row("wx1", "2026-09_A", "1"), "", ""},
		"everything by columns":  {nothing, row("wx1", "n", "", "amount", "88800", "appid", "wx2", "notify_url", "https://a.example/n", "device_ip", "::1", "sub_mchid", "19", "sub_appid", "wx3", "attach", "秋季"), "", ""},
		"column before setting":  {run(server), row("wx1", "n", "1", "device_ip", "elsewhere"), "device_ip", "is not an IP address"},
		"no contract":            {run(server), row("", "n", "1"), "contract_id", "is missing"},
		"no number":              {run(server), row("wx1", "", "1"), "out_trade_no", "is missing"},
		"long number":            {run(server), row("wx1", strings.Repeat("7", 33), "1"), "out_trade_no", "has 33 characters, more than 32"},
		"number with a star":     {run(server), row("wx1", "77777*", "1"), "out_trade_no", "may hold letters"},
		"contract with a blank":  {run(server), row("wx 77777", "n", "1"), "contract_id", "blanks"},
		"no amount":              {run(server), row("wx1", "n", ""), "amount_fen", "is missing"},
		"both amounts":           {run(server), row("wx1", "n", "77777", "amount", "77777"), "amount_fen", "beside"},
		"amount of nothing":      {run(server), row("wx1", "n", "0"), "amount_fen", "more than 0"},
		"negative amount":        {run(server), row("wx1", "n", "", "amount", "-77777"), "amount", "more than 0"},
		"amount of words":        {run(server), row("wx1", "n", "77777x"), "amount_fen", "more than 0"},
		"amount beyond counting": {run(server), row("wx1", "n", "77777777777777777777"), "amount_fen", "more than 0"},
		"no description":         {run(server), row("wx1", "n", "1", "description", ""), "description", "is missing"},
		"long description":       {run(server), row("wx1", "n", "1", "description", strings.Repeat("课", 129)), "description", "more than 128"},
		"emoji":                  {run(server), row("wx1", "n", "1", "description", "课😀"), "description", "four bytes"},
		"emoji in attach":        {run(server), row("wx1", "n", "1", "attach", "😀"), "attach", "four bytes"},
		"no appid":               {nothing, row("wx1", "n", "1", "notify_url", "https://a.example/n", "device_ip", "::1"), "appid", "nothing is set for all rows"},
		"no notify_url":          {nothing, row("wx1", "n", "1", "appid", "wx2", "device_ip", "::1"), "notify_url", "nothing is set for all rows"},
		"no device_ip":           {nothing, row("wx1", "n", "1", "appid", "wx2", "notify_url", "https://a.example/n"), "device_ip", "nothing is set for all rows"},
		"address with query":     {nothing, row("wx1", "n", "1", "appid", "wx2", "notify_url", "https://a.example/n?77777", "device_ip", "::1"), "notify_url", "must be an address"},
		"few cells":              {run(server), table.Row{Line: 2, Cells: []string{"wx1", "n"}}, "amount_fen", "is missing"},
	} {
		identity, err := test.run.Check(test.row)
		if test.column == "" {
			assert.NoError(t, err, name)
			assert.Equal(t, test.row.Cells[1], identity, name)
			continue
		}
		var fault *table.Fault
		if !assert.ErrorAs(t, err, &fault, name) {
			continue
		}
		assert.Equal(t, 2, fault.Line, name)
		assert.Equal(t, test.column, fault.Column, name)
		assert.Contains(t, fault.Reason, test.reason, name)
		assert.Regexp(t, `\p{Han}`, fault.Chinese, name)
		for _, text := range []string{fault.Reason, fault.Chinese} {
			assert.NotContains(t, text, "77777", name)
			assert.NotContains(t, text, "\n", name)
		}
	}
	_, err := debits.Run{}.Check(row("wx1", "n", "1"))
	require.ErrorContains(t, err, "Client is missing")
	wrong := run(server)
	wrong.NotifyURL = "shop"
	_, err = wrong.Check(row("wx1", "n", "1"))
	_, ofTheRow := errors.AsType[*table.Fault](err)
	require.False(t, ofTheRow, "a wrong setting is no fault of each row: %v", err)
	require.ErrorContains(t, err, "notify_url")
	assert.Empty(t, server.Requests(), "nothing was sent")
}

// A brand cannot make these calls: its rows are refused before anything is sent.
func TestCheckOfABrand(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{Brand: true})
	_, err := run(server).Check(row("wx1", "n", "1"))
	require.ErrorContains(t, err, "not open to brands")
	assert.Empty(t, server.Requests())
}

// Two columns never go by the same words, or a file could be read two ways.
func TestColumns(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, c := range (debits.Run{}).About().Columns {
		words := map[string]bool{}
		for _, h := range append(c.Headers, c.Name) {
			words[strings.ToLower(strings.NewReplacer("_", "", " ", "", "（", "(", "）", ")").Replace(h))] = true
		}
		for w := range words {
			assert.Empty(t, seen[w], "%s is also a word for %s", w, c.Name)
			seen[w] = c.Name
		}
	}
	assert.Equal(t, "amount", seen["amount"])
	assert.Equal(t, "amount_fen", seen["金额(分)"])
	assert.Equal(t, "amount", seen["金额(元)"])
	assert.Empty(t, seen["金额"], "a hundredfold apart")
}
