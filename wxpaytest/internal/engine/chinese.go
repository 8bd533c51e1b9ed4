package engine

import (
	"regexp"
	"strings"
	"sync"
)

// phrases are what the fake says of requests, in English and Chinese; %s stands for what differs.
var phrases = [][2]string{
	{"is required", "缺少必填字段"},
	{"is empty", "必填字段不能为空"},
	{"is not a member that the documents know", "文档中没有此字段"},
	{"is not a member where a brand calls for itself", "品牌自行调用时没有此字段"},
	{"is not an object", "应为对象"}, {"is not a list", "应为数组"}, {"is not true or false", "应为布尔值 true 或 false"},
	{"is not an integer", "应为整数"}, {"is not a number", "应为数字"}, {"is not text", "应为字符串"},
	{"needs %s", "需要以下字段之一：%s"},
	{"has %s characters, and at least %s are needed", "有 %s 个字符，至少需要 %s 个"},
	{"has %s characters, and at most %s fit", "有 %s 个字符，最多 %s 个"},
	{"has %s entries, and at least %s are needed", "有 %s 项，至少需要 %s 项"},
	{"has %s entries, and at most %s fit", "有 %s 项，最多 %s 项"},
	{"does not match %s", "不符合格式 %s"},
	{"is none of %s", "不是允许的值之一：%s"},
	{"is out of range", "超出范围"},
	{"is out of range: it is one of %s", "超出范围：应为 %s 之一"},
	{"is out of range: it is from %s to %s", "超出范围：应在 %s 到 %s 之间"},
	{"is out of range: it is at least %s", "超出范围：至少为 %s"},
	{"is out of range: it is at most %s", "超出范围：最多为 %s"},
	{"holds a character of four bytes of UTF-8, such as an emoji", "含有 UTF-8 编码为四字节的字符，例如表情符号"},
	{"is null, which the platform does not take; leave the member out", "值为 null，平台不接受；请去掉此字段"},
	{"comes twice", "字段重复"}, {"comes more than once", "参数出现多次"},
	{"is not UTF-8", "不是 UTF-8 编码"},
	{"is not UTF-8: see line %s, character %s", "不是 UTF-8 编码：见第 %s 行第 %s 个字符"},
	{"is not JSON: it is empty", "不是 JSON：内容为空"},
	{"is not JSON: it ends too soon, at line %s, character %s", "不是完整的 JSON：在第 %s 行第 %s 个字符处中断"},
	{"is not JSON: line %s, character %s: %s", "不是合法的 JSON：第 %s 行第 %s 个字符：%s"},
	{"is not JSON: %s", "不是合法的 JSON：%s"},
	{"holds more than one JSON value: the first ends before line %s, character %s", "含有多个 JSON 值：第一个在第 %s 行第 %s 个字符之前结束"},
	{"is not a JSON object", "不是 JSON 对象"}, {"is too deep", "嵌套过深"},
	{"is not a date-time, such as %s", "不是日期时间，例如 %s"}, {"is not a date, such as %s", "不是日期，例如 %s"},
	{"is not a uri", "不是合法的地址"}, {"is not an absolute address", "不是完整的地址（应含协议和主机）"},
	{"is not an https address without query", "应为不带查询参数的 https 地址"},
	{"is not an IP address", "不是 IP 地址"},
	{"is not base64", "不是 Base64"},
	{"does not decrypt (RSA-OAEP with SHA-1) with the key %s that Wechatpay-Serial names", "无法用 Wechatpay-Serial 所指的密钥 %s 解密（应为 RSA-OAEP，SHA-1）"},
	{"is missing or names no key; a request that encrypts anything has to name the platform key it encrypts with", "缺失或不是任何密钥的编号；有加密字段的请求必须写明加密所用的平台证书序列号或平台公钥 ID"},
	{"names no key of the platform", "不是平台证书序列号或平台公钥 ID"},
	{"is not a query: %s", "不是合法的查询参数：%s"},
	{"does not take application/json", "未接受 application/json"}, {"is not application/json", "应为 application/json"},
	{"must be empty", "此接口没有请求报文主体，应为空"},
	{"is not that of the file received, %s", "与收到的文件不符，实际为 %s"},
	{"the file is empty", "文件为空"}, {"the file has %s bytes, more than %s MB", "文件有 %s 字节，超过 %s MB"},
	{"is not multipart/form-data with a boundary", "应为带 boundary 的 multipart/form-data"},
	{"is not multipart/form-data with a boundary: %s", "应为带 boundary 的 multipart/form-data：缺少 boundary，无法分开各部分；请由生成表单的库设置此请求头"},
	{"is not the multipart form it should be", "不是合法的 multipart 表单"}, {"ends within a part", "在表单的某一部分中途结束"},
	{"is not the part expected here; the form has one each of %s", "不是预期的部分；表单应含以下各一个：%s"},
	{"must have a file name if it is the file, and only then", "只有文件部分、且必须带文件名"},
	{"is missing from the form", "表单缺少此部分"},
	{"is no token of this list", "不是此列表的翻页标记"}, {"is not known", "不存在"},
	{"is not an encrypted code; + and / have to be escaped", "不是加密的卡号；+ 和 / 需要转义"},
	{"or activate_appid and activate_path are needed for JUMP_ACTIVATE", "JUMP_ACTIVATE 需要此字段，或 activate_appid 和 activate_path"},
	{"is not bonus_value minus before_bonus_value", "不等于 bonus_value 减 before_bonus_value"},
	{"is not the difference of the balances", "不等于余额之差"}, {"is more than a year away", "距今超过一年"},
	{"is more than 90 days after begin_time", "晚于 begin_time 超过 90 天"}, {"is not after begin_time", "不晚于 begin_time"},
	{"is not taken under 0.3 yuan", "金额低于 0.3 元时不能填写"}, {"is required from 2,000 yuan", "金额达到 2,000 元时必须填写"},
	{"or out_authorization_no is needed, and not both", "此字段与 out_authorization_no 必须且只能填写一个"},
	{"does not fit the scene, which wants these entries, each once: %s", "与转账场景不符，该场景要求以下各项，每项一次：%s"},
	{"is not on a day from 1 to 28", "日期应在 1 日到 28 日之间"}, {"means nothing", "没有意义的值"},

	{"the body {} is not needed; the documents have none here", "不需要请求报文主体 {}；文档中此接口没有主体"},
	{"Wechatpay-Serial is missing; WeChat Pay counts a call for the switch to its public key only if the call names that key", "缺少 Wechatpay-Serial；切换到微信支付公钥时，只有写明公钥 ID 的调用才计入"},
	{"Wechatpay-Serial names no key of the platform; leave it out until one is known", "Wechatpay-Serial 不是平台的密钥编号；获知之前请勿填写"},
	{"Wechatpay-Serial names a public key, and none is switched on for this merchant; it is not looked at", "Wechatpay-Serial 写的是公钥 ID，但此商户未启用公钥；该请求头被忽略"},
	{"the part meta has the Content-Type %s; it is application/json", "meta 部分的 Content-Type 为 %s，应为 application/json"},
	{"the part meta comes after the file; the documents put it first", "meta 部分在文件之后；文档要求在前"},
}

// A phrase is one of them, made ready.
type phrase struct {
	english *regexp.Regexp
	chinese string
}

var readyPhrases = sync.OnceValue(func() (all []phrase) {
	for _, p := range phrases {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(p[0]), "%s", "(.*?)")
		all = append(all, phrase{regexp.MustCompile("^(?s:" + pattern + ")$"), p[1]})
	}
	return all
})

// chinese is a phrase in Chinese, or as it is if there is no Chinese for it.
func chinese(text string) string {
	for _, p := range readyPhrases() {
		found := p.english.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		said := p.chinese
		for _, part := range found[1:] {
			said = strings.Replace(said, "%s", part, 1)
		}
		return said
	}
	return text
}
