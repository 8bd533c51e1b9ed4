package bulk

import (
	"context"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// Unsent returns a context that has ended: under it the SDK looks at a call, refuses what is wrong with it as a
// [wxpay.ParamError], and does not send it.
func Unsent() context.Context {
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}

// Fault turns what the SDK refused into a fault in the named column of a row; an empty column means the whole row.
func Fault(row table.Row, wrong *wxpay.ParamError, column string) *table.Fault {
	return &table.Fault{Line: row.Line, Column: column, Reason: wrong.Reason, Chinese: chinese(wrong.Reason)}
}

// chinese says in Chinese why the SDK refused a value.
func chinese(reason string) string {
	for part, text := range map[string]string{
		"is missing":            "为空",
		"characters, more than": "过长",
		"is not a phone number": "不是有效的手机号码（纯数字，前面可带 +；以 1 开头的须为 11 位）",
		"letters, digits":       "只能包含字母、数字、下划线和短横线",
		"invisible characters":  "含有空格、换行或其他不可见字符",
		"slashes":               "不能包含斜杠",
		"must not be . or ..":   "不能是 . 或 ..",
		"UTF-8":                 "不是有效的 UTF-8 文本，可能有转码错误",
		"four bytes":            "含有表情等四字节字符，微信支付不接受",
		"IP address":            "不是 IP 地址",
		"without blanks, query": "须为不含空格、参数和 # 的完整地址",
	} {
		if strings.Contains(reason, part) {
			return text
		}
	}
	return "不合规：" + reason
}
