package bulk

import (
	"regexp"
	"sync"
)

// chinese says in Chinese why the SDK refused a value, as far as that can be told from the English: the first that fits.
func chinese(reason string) string {
	for _, w := range refusals() {
		if m := w.english.FindStringSubmatchIndex(reason); m != nil {
			return string(w.english.ExpandString(nil, w.chinese, reason, m))
		}
	}
	return "不合规：" + reason
}

type refusal struct {
	english *regexp.Regexp
	chinese string // ${1} is what stands in the first brackets
}

var refusals = sync.OnceValue(func() (list []refusal) {
	for _, pair := range [][2]string{
		{`^is missing or no day`, "为空或不是有效日期"},
		{`^is missing`, "为空"},
		{`^(?:is empty|is an empty list|are needed)$`, "为空"},
		{`^must be between (\S+) and (\S+)$`, "须在 ${1} 至 ${2} 之间"},
		{`^must be (\w+) or (\w+)$`, "只能是 ${1} 或 ${2}"},
		{`^(?:must not be|is) negative$`, "不能为负数"},
		{`^is less than (\d+)$`, "小于 ${1}"},
		{`^is more than (\d+)$`, "大于 ${1}"},
		{`^is more than 90 days ahead`, "超过 90 天"},
		{`^is more than 10 minutes past`, "已过去 10 分钟以上"},
		{`^has (\d+) characters, more than (\d+)`, "共 ${1} 个字符，超过 ${2} 个"},
		{`^has fewer than (\d+) characters`, "少于 ${1} 个字符"},
		{`^must have (\d+) to (\d+) of the characters (.+)$`, "须为 ${1} 至 ${2} 个字符，只能使用 ${3}"},
		{`^must not hold slashes`, "不能包含斜杠"},
		{`^is no merchant number`, "不是商户号，商户号只有数字"},
		{`^is no brand ID`, "不是品牌 ID"},
		{`^is no serial number`, "不是证书序列号，序列号为至多 40 位十六进制字符"},
		{`^is no number of an application`, "不是应用的 Access ID，Access ID 只有数字"},
		{`^is not open to brands`, "不支持以品牌身份调用"},
		{`^is open to brands alone`, "只支持以品牌身份调用"},
		{`^is the serial number of a certificate`, "填写的是证书序列号"},
		{`^is the ID of the platform public key`, "填写的是微信支付公钥 ID，应填商户 API 证书序列号"},
		{`^is not JSON`, "不是 JSON"},
		{`characters, more than`, "过长"},
		{`is not a phone number`, "不是有效的手机号码（纯数字，前面可带 +；以 1 开头的须为 11 位）"},
		{`letters, digits`, "只能包含字母、数字、下划线和短横线"},
		{`invisible characters`, "含有空格、换行或其他不可见字符"},
		{`slashes`, "不能包含斜杠"},
		{`must not be \. or \.\.`, "不能是 . 或 .."},
		{`UTF\-8`, "不是有效的 UTF-8 文本，可能有转码错误"},
		{`four bytes`, "含有表情等四字节字符，微信支付不接受"},
		{`IP address`, "不是 IP 地址"},
		{`without blanks, query`, "须为不含空格、参数和 # 的完整地址"},
	} {
		list = append(list, refusal{regexp.MustCompile(pair[0]), pair[1]})
	}
	return list
})
