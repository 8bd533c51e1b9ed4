package transfers_test

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{Mode: wxpaytest.Certificates}) // whose download would be a request
	bare := params(server)
	bare.Remark = ""
	for name, test := range map[string]struct {
		params transfers.Params
		row    table.Row
		column string // "": the row is good
		reason string
	}{
		"good":                     {params(server), row("o1", "10"), "", ""},
		"everything":               {bare, row("o1", "", "amount", "88800", "name", "张三", "out_bill_no", "A1", "remark", "奖励"), "", ""},
		"no person":                {params(server), row("", "88800"), "openid", "is missing"},
		"nine fen":                 {params(server), row("o1", "9"), "amount_fen", "least"},
		"nine fen in yuan":         {params(server), row("o1", "", "amount", "9"), "amount", "least"},
		"no amount":                {params(server), row("o1", ""), "amount_fen", "is missing"},
		"both amounts":             {params(server), row("o1", "77777", "amount", "77777"), "amount_fen", "beside"},
		"negative":                 {params(server), row("o1", "-77777"), "amount_fen", "more than 0"},
		"more than can be counted": {params(server), row("o1", "7777700000000000"), "amount_fen", "too large"},
		"1,999.99 without a name":  {params(server), row("o1", "199999"), "", ""},
		"2,000 without a name":     {params(server), row("o1", "200000"), "name", "2,000 yuan"},
		"2,000 with a name":        {params(server), row("o1", "200000", "name", "张三"), "", ""},
		"0.29 with a name":         {params(server), row("o1", "29", "name", "77777"), "name", "must be empty"},
		"0.30 with a name":         {params(server), row("o1", "30", "name", "张三"), "", ""},
		"number with a dash":       {params(server), row("o1", "100", "out_bill_no", "A-77777"), "out_bill_no", "letters and digits"},
		"long number":              {params(server), row("o1", "100", "out_bill_no", strings.Repeat("7", 33)), "out_bill_no", "more than 32"},
		"no remark":                {bare, row("o1", "100"), "remark", "nothing is set for all rows"},
		"long remark":              {params(server), row("o1", "100", "remark", strings.Repeat("奖", 33)), "remark", "more than 32"},
	} {
		identity, err := transfers.New(test.params).Check(test.row)
		if test.column == "" {
			assert.NoError(t, err, name)
			assert.NotEmpty(t, identity)
			continue
		}
		fault, ok := errors.AsType[*table.Fault](err)
		if !assert.True(t, ok, "%s: %v", name, err) {
			continue
		}
		assert.Equal(t, 2, fault.Line, name)
		assert.Equal(t, test.column, fault.Column, name)
		assert.Contains(t, fault.Reason, test.reason, name)
		assert.Regexp(t, `\p{Han}`, fault.Chinese, name)
		assert.NotContains(t, fault.Reason+fault.Chinese, "77777", name)
	}
	for name, change := range map[string]func(*transfers.Params){
		"appid": func(p *transfers.Params) { p.AppID = "" }, "transfer_scene_id": func(p *transfers.Params) { p.SceneID = "" },
		"transfer_scene_report_infos": func(p *transfers.Params) { p.ReportInfos = nil }, "notify_url": func(p *transfers.Params) { p.NotifyURL = "shop" },
		"transfer_remark": func(p *transfers.Params) { p.Remark = strings.Repeat("x", 33) }, "Client": func(p *transfers.Params) { p.Client = nil },
		"Confirm": func(p *transfers.Params) { p.Confirm = nil },
	} {
		wrong := params(server)
		change(&wrong)
		_, err := transfers.New(wrong).Check(row("o1", "100"))
		p, ok := errors.AsType[*wxpay.ParamError](err)
		require.True(t, ok, "what is set wrong for all rows is no fault of each: %s: %v", name, err)
		assert.Contains(t, p.Param, name)
	}
	assert.Empty(t, server.Requests(), "nothing was sent")
}

// Two columns never go by the same words, or a file could be read two ways.
func TestColumns(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, c := range transfers.New(transfers.Params{}).About().Columns {
		words := map[string]bool{}
		for _, h := range append(c.Headers, c.Name) {
			words[strings.ToLower(strings.NewReplacer("_", "", " ", "", "（", "(", "）", ")").Replace(h))] = true
		}
		for w := range words {
			assert.Empty(t, seen[w], "%s is also a word for %s", w, c.Name)
			seen[w] = c.Name
		}
	}
	assert.Empty(t, seen["金额"], "fen and yuan are a hundredfold apart")
}

// A brand cannot make these calls: its rows are refused before anything is sent.
func TestCheckOfABrand(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t, wxpaytest.Options{Brand: true})
	_, err := transfers.New(params(server)).Check(row("o1", "100"))
	require.ErrorContains(t, err, "not open to brands")
	assert.Empty(t, server.Requests())
}

// A sum that cannot be counted is refused, and never a small one.
func TestSumThatCannotBeCounted(t *testing.T) {
	t.Parallel()
	p := transfers.Params{Confirm: func(v transfers.Review) error { return fmt.Errorf("asked for %d", v.Sum) }}
	many := func(rows int) iter.Seq[table.Row] {
		return func(yield func(table.Row) bool) {
			r := row(openID(1), "1000000000000")
			for i := range rows {
				if r.Line = i + 2; !yield(r) {
					return
				}
			}
		}
	}
	const most = 1000 // rows of ten billion yuan
	assert.EqualError(t, transfers.New(p).Whole(t.Context(), many(most)), fmt.Sprintf("asked for %d000000000000", most))
	fault, ok := errors.AsType[*table.Fault](transfers.New(p).Whole(t.Context(), many(most+9)))
	require.True(t, ok)
	assert.Equal(t, most+2, fault.Line)
	assert.Contains(t, fault.Reason, "split the file")
}

// Rows that are all alike are known by little more than their lines.
func TestRowsThatAreAlikeTakeLittle(t *testing.T) { // alone, since it measures
	var before, after runtime.MemStats
	o, r := transfers.New(transfers.Params{Confirm: func(transfers.Review) error { return nil }}), row(openID(1), "100")
	runtime.GC()
	runtime.ReadMemStats(&before)
	require.NoError(t, o.Whole(t.Context(), func(yield func(table.Row) bool) {
		for i := range 200_000 {
			if r.Line = i + 2; !yield(r) {
				return
			}
		}
	}))
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(5<<19))
	runtime.KeepAlive(o)
}

// Numbers of one's own that differ in case alone are a slip.
func TestNumbersThatDifferInCase(t *testing.T) {
	t.Parallel()
	j := newJob(t, 0, wxpaytest.Options{})
	j.Source = source{name: "bonus.csv", rows: []table.Row{row("o1", "100", "out_bill_no", "AB1"), row("o2", "200", "out_bill_no", "Ab1")}}
	j.Steps = transfers.Created
	_, err := j.carryOut(t.Context())
	wrong, ok := errors.AsType[*bulk.InputError](err)
	require.True(t, ok, "%v", err)
	assert.Contains(t, wrong.Error(), "stands in line 2 before")
	assert.Empty(t, j.Requests())
}

func TestYuan(t *testing.T) {
	t.Parallel()
	for fen, want := range map[wxpay.Fen]string{0: "0.00", 5: "0.05", 10: "0.10", 123450: "1234.50", 100: "1.00", -5: "-0.05", -123450: "-1234.50", math.MaxInt64: "92233720368547758.07", math.MinInt64: "-92233720368547758.08"} {
		assert.Equal(t, want, transfers.Yuan(fen))
	}
}
