package table

import "strings"

// A wrong is what is wrong with a cell, a line or a file, in both languages. It never says what a cell holds.
type wrong struct{ english, chinese string }

var (
	wrongEmpty    = &wrong{"is empty", "为空"}
	wrongNUL      = &wrong{"holds NUL bytes; the file may be damaged", "含有 NUL 字节，文件可能已损坏"}
	wrongBytes    = &wrong{"holds bytes that are no characters in the encoding of the file; name it by --encoding", "含有不符合文件编码的字节；请用 --encoding 指定编码"}
	wrongReturn   = &wrong{"holds a carriage return (line ends of CR alone?); end lines with LF or CRLF", "含有单独的回车符（文件仅以 CR 换行？）；请改用 LF 或 CRLF 换行"}
	wrongUnclosed = &wrong{"opens a double quote that is not closed", "双引号未闭合"}
	wrongBehind   = &wrong{"has text behind a closing double quote; a quote within a cell is written twice", "右双引号后还有文字；单元格内的引号应写两次"}
	wrongLong     = &wrong{"is longer than 1 MiB", "超过 1 MiB"}
	wrongMore     = &wrong{"has more cells than the header; put double quotes round a cell that holds the separator", "单元格多于表头；含分隔符的单元格请用双引号括起"}
	wrongTwice    = &wrong{"is the header once more; remove the line", "再次出现表头；请删除该行"}
	wrongMasked   = &wrong{"is masked; export it with --reveal", "已脱敏；请用 --reveal 重新导出"}
	wrongLost     = &wrong{"has lost its cells; take the row from the input that it came from", "单元格内容已缺失；请从原输入文件中取回该行"}
	wrongWas      = &wrong{"and " + FileColumn + " do not say a file and a line of it; leave both as they were exported, or leave both empty in a row that is new", "与 " + FileColumn + " 未能指明文件及其行号；请保留导出时的原值，新增的行则两列都留空"}
	wrongControl  = &wrong{"holds a control character", "含有控制字符"}
)

// chinese says in Chinese what internal/lists says in English.
func chinese(english string) string {
	for _, pair := range [...][2]string{
		{"is empty", "为空"},
		{"scientific notation", "是科学计数法，数字已丢失；请将该列以文本格式重新导出"},
		{"decimal point", "含有小数点，数字可能已丢失；请将该列以文本格式重新导出"},
		{"is masked", "已被掩码（脱敏），请使用完整的值"},
		{"is a formula", "是表格公式；请将该列以文本格式导出"},
		{"more than one column", "一个单元格中有多列内容"},
		{"double quote", "含有双引号"},
		{"apostrophe", "含有撇号；请删除"},
		{"brackets that", "括号不成对，或含有国际拨号时不拨的 0；请只写 + 和数字"},
		{"brackets", "含有括号、反引号或反斜杠；请只保留值本身"},
		{"spaces", "含有空格"},
		{"control character", "含有控制字符"},
		{"invisible", "含有不可见字符"},
		{"not ASCII", "含有非 ASCII 字符"},
		{"carriage return", wrongReturn.chinese},
		{"NUL", wrongNUL.chinese},
		{"UTF-8", wrongBytes.chinese},
		{"more than 128 bytes", "超过 128 字节"},
		{"digits; a mobile", "位数不对；大陆手机号为 1 开头的 11 位数字，境外号码以 + 和国家（地区）代码开头"},
		{"code of a country", "不是带国家（地区）代码的电话号码，或可能被误认为大陆手机号"},
		{"no mobile number", "不是大陆手机号"},
	} {
		if strings.Contains(english, pair[0]) {
			return pair[1]
		}
	}
	return "不符合要求，请核对"
}
