package wechat

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A variant is one way to write a piece of the text that is signed; the first of each kind is right and says nothing.
type variant struct {
	text   string
	en, zh string
	alone  bool // it is not tried together with another slip: it is long, or one of many
	hidden bool // it is not to be shown
}

// A frame makes the text of its pieces.
type frame struct {
	make   func(method, uri, at, nonce, body string) string
	en, zh string
}

func lines(method, uri, at, nonce, body string) string {
	return method + "\n" + uri + "\n" + at + "\n" + nonce + "\n" + body + "\n"
}

// A slip is a text that was signed in place of the right one.
type slip struct {
	flaw
	text string // as it may be shown
}

// A choice is a number of each kind of piece, the frame first.
type choice [6]int

// choices are all with one slip, and then those with two.
func choices(kinds [6][]variant) iter.Seq[choice] {
	return func(yield func(choice) bool) {
		for a := range kinds {
			for i := 1; i < len(kinds[a]); i++ {
				var c choice
				if c[a] = i; !yield(c) {
					return
				}
			}
		}
		for a := range kinds {
			for b := a + 1; b < len(kinds); b++ {
				for i := 1; i < len(kinds[a]); i++ {
					for j := 1; j < len(kinds[b]); j++ {
						var c choice
						if c[a], c[b] = i, j; !kinds[a][i].alone && !kinds[b][j].alone && !yield(c) {
							return
						}
					}
				}
			}
		}
	}
}

// findSlip looks for the text that was signed. The work is bounded, whatever the size of the body.
func findSlip(tx *engine.Tx, at, nonce string, signed func(text string) bool) (slip, bool) {
	frames := framesOf(len(tx.Signed) == 0)
	kinds := [6][]variant{nil, methodsOf(tx.Method), urisOf(tx), timesOf(at), noncesOf(nonce), bodiesOf(tx)}
	for _, f := range frames {
		kinds[0] = append(kinds[0], variant{en: f.en, zh: f.zh})
	}
	left := 32 << 20 // bytes to be hashed
	for c := range choices(kinds) {
		piece := func(kind int) string { return kinds[kind][c[kind]].text }
		frame := frames[c[0]].make
		text := frame(piece(1), piece(2), piece(3), piece(4), piece(5))
		if left -= len(text); left < 0 {
			break
		}
		if !signed(text) {
			continue
		}
		var s slip
		for kind, n := range c {
			if v := kinds[kind][n]; v.en != "" {
				s.en, s.zh = join(s.en, v.en, ", and "), join(s.zh, v.zh, "；")
			}
		}
		body := tx.Shown([]byte(piece(5)))
		if kinds[5][c[5]].hidden {
			body = fmt.Sprintf("<%d bytes>", len(piece(5)))
		}
		s.text = frame(piece(1), tx.Shown([]byte(piece(2))), piece(3), piece(4), body)
		return s, true
	}
	return slip{}, false
}

func join(a, b, with string) string {
	if a == "" {
		return b
	}
	return a + with + b
}

func framesOf(noBody bool) []frame {
	unended := "the line feed after the body was left out of the signed text; each of its five lines ends with one"
	unendedZh := "签名串末尾（请求报文主体之后）缺少换行符；五行每行都以换行符结尾"
	if noBody {
		unended = "the line feed of the empty body was left out of the signed text: the text ends with two line feeds, that of nonce_str and one for the body that is not there"
		unendedZh = "请求报文主体为空时，签名串末尾缺少一个换行符：应以两个换行符结尾，一个属于 nonce_str，一个属于空的报文主体"
	}
	separated := func(by string) func(method, uri, at, nonce, body string) string {
		return func(method, uri, at, nonce, body string) string {
			return strings.Join([]string{method, uri, at, nonce, body, ""}, by)
		}
	}
	return []frame{
		{lines, "", ""},
		{func(m, u, t, n, b string) string { return strings.TrimSuffix(lines(m, u, t, n, b), "\n") }, unended, unendedZh},
		{func(m, u, t, n, b string) string { return strings.TrimRight(lines(m, u, t, n, b), "\n") },
			"the line feeds at the end were left out of the signed text; each of its five lines ends with one, that of an empty body too", "签名串末尾的换行符缺失；五行每行都以换行符结尾，报文主体为空时也一样"},
		{separated("\r\n"), "the lines of the signed text end with a carriage return and a line feed", "签名串的行以回车加换行（\\r\\n）结尾，应只用换行符（\\n）"},
		{separated(`\n`), `the lines of the signed text end with a backslash and an n in place of a line feed`, `签名串的行以反斜杠和字母 n 两个字符结尾，应为换行符`},
		{separated(""), "the signed text has no line feeds; each of its five lines ends with one", "签名串没有换行符；五行每行都以换行符结尾"},
		{separated("\r"), "the lines of the signed text end with a carriage return in place of a line feed", "签名串的行以回车符（\\r）结尾，应为换行符（\\n）"},
		{func(m, u, t, n, b string) string { return lines(m, u, n, t, b) }, "nonce_str stands before the timestamp in the signed text; the timestamp comes first", "签名串中 nonce_str 在 timestamp 之前；应先 timestamp 后 nonce_str"},
		{func(m, u, t, n, b string) string { return lines(u, m, t, n, b) }, "the address stands before the method in the signed text; the method comes first", "签名串中 URL 在请求方法之前；应先请求方法后 URL"},
		{func(m, u, t, n, b string) string { return lines(m, u, t, b, n) }, "the body stands before nonce_str in the signed text; the body comes last", "签名串中报文主体在 nonce_str 之前；报文主体应在最后"},
		{func(_, _, t, n, b string) string { return t + "\n" + n + "\n" + b + "\n" },
			"three lines were signed, as those of an answer are; those of a request begin with method and address", "只签了三行（那是应答验签的格式）；请求的签名串还要以请求方法和 URL 开头"},
		{func(_, u, t, n, b string) string { return u + "\n" + t + "\n" + n + "\n" + b + "\n" }, "the method was left out of the signed text", "签名串缺少请求方法"},
		{func(m, u, t, n, _ string) string { return m + "\n" + u + "\n" + t + "\n" + n + "\n" },
			"the line of the body was left out of the signed text", "签名串缺少报文主体这一行"},
		{func(m, u, _, n, b string) string { return m + "\n" + u + "\n" + n + "\n" + b + "\n" }, "the timestamp was left out of the signed text", "签名串缺少 timestamp"},
		{func(m, u, t, _, b string) string { return m + "\n" + u + "\n" + t + "\n" + b + "\n" }, "nonce_str was left out of the signed text", "签名串缺少 nonce_str"},
	}
}

func methodsOf(method string) []variant {
	all := []variant{{text: method}, {text: strings.ToLower(method), en: "the method was signed in lower case", zh: "请求方法签成了小写，应为大写"}}
	for _, other := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if other != method {
			all = append(all, variant{text: other, en: "the method was signed as " + other, zh: "请求方法签成了 " + other})
		}
	}
	return all
}

func urisOf(tx *engine.Tx) []variant {
	path, query, _ := strings.Cut(tx.URI, "?")
	all := []variant{{text: tx.URI}}
	if most := 8 << 10; len(tx.URI) > most { // nobody's slip is worth that much work
		return all
	}
	add := func(text, en, zh string) {
		if !slices.ContainsFunc(all, func(v variant) bool { return v.text == text }) {
			all = append(all, variant{text: text, en: en, zh: zh})
		}
	}
	add(path, "the query was left out of the signed text", "签名串缺少查询参数（? 之后的部分）")
	if decoded, err := url.PathUnescape(tx.URI); err == nil {
		add(decoded, "the address was signed before it was escaped", "签名串中的 URL 是编码之前的，应与实际发送的一致")
	}
	if decoded, err := url.QueryUnescape(query); err == nil && query != "" {
		add(path+"?"+decoded, "the query was signed before it was escaped", "签名串中的查询参数是编码之前的，应与实际发送的一致")
	}
	if values, err := url.ParseQuery(query); err == nil && query != "" {
		sorted := values.Encode()
		add(path+"?"+sorted, "the query was signed sorted or escaped otherwise than it was sent", "签名串中查询参数的顺序或编码方式与实际发送的不同")
		add(path+"?"+strings.ReplaceAll(sorted, "+", "%20"), "the query was signed sorted or escaped otherwise than it was sent", "签名串中查询参数的顺序或编码方式与实际发送的不同")
		items := strings.Split(query, "&")
		slices.Sort(items)
		add(path+"?"+strings.Join(items, "&"), "the query was signed sorted by name, and sent in another order", "签名串中的查询参数按名称排序，与实际发送的顺序不同")
		if given := strings.Split(query, "&"); len(given) <= 5 {
			for order := range permutations(given) {
				add(path+"?"+strings.Join(order, "&"), "the parameters of the query were signed in another order than they were sent", "签名串中查询参数的顺序与实际发送的不同")
			}
		}
	}
	for _, r := range [][2]string{{"+", "%20"}, {"%20", "+"}, {"+", "%2B"}} {
		add(strings.ReplaceAll(tx.URI, r[0], r[1]), "the address was signed with "+r[1]+" where "+r[0]+" was sent", "签名串中的 URL 用的是 "+r[1]+"，实际发送的是 "+r[0])
	}
	add(escapes(tx.URI, strings.ToLower), "the escapes of the address were signed in lower case, and sent in upper case", "签名串中 URL 的百分号编码是小写，实际发送的是大写")
	add(escapes(tx.URI, strings.ToUpper), "the escapes of the address were signed in upper case, and sent in lower case", "签名串中 URL 的百分号编码是大写，实际发送的是小写")
	add((&url.URL{Path: path, RawQuery: query}).RequestURI(), "the address was signed with its escapes escaped again", "签名串中的 URL 被编码了两次")
	host := tx.Host
	if tx.Port != "" {
		host += ":" + tx.Port
	}
	for _, at := range []string{host, tx.Host} {
		for _, scheme := range []string{"https://", "http://"} {
			add(scheme+at+tx.URI, "the whole address was signed instead of path and query", "签名串用了完整地址，应只含路径和查询参数")
			add(scheme+at+path, "the whole address was signed instead of path and query, and the query was left out", "签名串用了完整地址且缺少查询参数，应只含路径和查询参数")
		}
		add(at+tx.URI, "the host was signed before the path", "签名串中路径之前带了主机名")
		add("//"+at+tx.URI, "the host was signed before the path", "签名串中路径之前带了主机名")
	}
	for _, official := range []string{"https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com", "https://api.wechatpay.cn"} {
		add(official+tx.URI, "the whole address was signed instead of path and query", "签名串用了完整地址，应只含路径和查询参数")
	}
	add(strings.TrimPrefix(tx.URI, "/"), "the address was signed without its first slash", "签名串中的 URL 缺少开头的斜杠")
	add(strings.TrimPrefix(tx.URI, "/v3"), "the address was signed without the /v3 that it begins with", "签名串中的 URL 缺少开头的 /v3")
	add("/v3"+tx.URI, "the address was signed with one more /v3 before it", "签名串中的 URL 多了一个 /v3")
	add(strings.TrimSuffix(path, "/"), "the address was signed without the slash at its end", "签名串中的 URL 缺少末尾的斜杠")
	add(path+"/", "the address was signed with one more slash at its end", "签名串中的 URL 末尾多了一个斜杠")
	add(path+"?", "the address was signed with an empty query", "签名串中的 URL 带了空的查询参数")
	add(strings.TrimSuffix(tx.URI, "?"), "the address was signed without the question mark at its end", "签名串中的 URL 缺少末尾的问号")
	add(path+query, "the address was signed without the question mark before the query", "签名串中的 URL 缺少查询参数之前的问号")
	add(strings.ToLower(tx.URI), "the address was signed in lower case", "签名串中的 URL 被改成了小写")
	if _, route, ok := strings.Cut(tx.Route, " "); ok {
		add(route, "the address was signed with the names of its variables, such as {id}, in place of their values", "签名串中的 URL 用的是变量名（如 {id}），应为实际的值")
	}
	return all
}

// permutations are all orders of a few texts.
func permutations(all []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		var order func(done, rest []string) bool
		order = func(done, rest []string) bool {
			if len(rest) == 0 {
				return yield(done)
			}
			for n := range rest {
				if !order(append(slices.Clone(done), rest[n]), slices.Concat(rest[:n], rest[n+1:])) {
					return false
				}
			}
			return true
		}
		order(nil, all)
	}
}

// escapes changes the digits of the escapes of an address.
func escapes(uri string, change func(string) string) string {
	var b strings.Builder
	for n := 0; n < len(uri); n++ {
		if uri[n] == '%' && n+2 < len(uri) {
			b.WriteString("%" + change(uri[n+1:n+3]))
			n += 2
			continue
		}
		b.WriteByte(uri[n])
	}
	return b.String()
}

func timesOf(at string) []variant {
	all := []variant{{text: at}}
	unix, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return all
	}
	for _, d := range []int64{-1, 1, -2, 2, -3, 3, -5, 5} {
		all = append(all, variant{text: strconv.FormatInt(unix+d, 10), en: fmt.Sprintf("another timestamp was signed than Authorization names, off by %d s; take the time once for both", d),
			zh: fmt.Sprintf("签名用的 timestamp 与 Authorization 中的不同，相差 %d 秒；两处应使用同一个值", d)})
	}
	if len(at) == 10 {
		for ms := range int64(1000) {
			all = append(all, variant{text: strconv.FormatInt(unix*1000+ms, 10), en: "the timestamp was signed in milliseconds, and Authorization names it in seconds", zh: "签名用的 timestamp 以毫秒为单位，Authorization 中是秒", alone: true})
		}
	}
	return all
}

func noncesOf(nonce string) []variant {
	return []variant{{text: nonce},
		{text: strings.ToLower(nonce), en: "nonce_str was signed in lower case", zh: "nonce_str 签成了小写"},
		{text: strings.ToUpper(nonce), en: "nonce_str was signed in upper case", zh: "nonce_str 签成了大写"},
		{text: `"` + nonce + `"`, en: "nonce_str was signed with its quotes", zh: "nonce_str 连同引号一起签了"},
	}
}

func bodiesOf(tx *engine.Tx) []variant {
	body := string(tx.Signed)
	all := []variant{{text: body}}
	add := func(text, en, zh string) {
		if !slices.ContainsFunc(all, func(v variant) bool { return v.text == text }) {
			all = append(all, variant{text: text, en: en, zh: zh})
		}
	}
	add("", "the body was left out of the signed text", "签名串缺少请求报文主体")
	const largest = 8 << 20 // of a form that is looked at as a whole
	if tx.File != nil && len(tx.Sent) <= largest {
		all = append(all,
			variant{string(tx.Sent), "the whole form was signed instead of its meta alone", "签名串用了整个表单，应只用其中的 meta", true, true},
			variant{string(tx.File.Body), "the file was signed instead of the meta alone", "签名串用了文件内容，应只用 meta", true, true})
	}
	add(body+"\n", "a line feed was signed that was not sent", "签名的报文主体末尾多了一个未发送的换行符")
	add(strings.TrimSuffix(body, "\n"), "the line feed at the end of the body was sent and not signed", "报文主体末尾的换行符已发送但未签名")
	add("{}", "{} was signed as the body, and no such body was sent", "签名时把 {} 当作报文主体，实际没有发送它")
	add("[]", "[] was signed as the body, and no such body was sent", "签名时把 [] 当作报文主体，实际没有发送它")
	add("null", "null was signed as the body, and no such body was sent", "签名时把 null 当作报文主体，实际没有发送它")
	add(`""`, `"" was signed as the body, and no such body was sent`, `签名时把 "" 当作报文主体，实际没有发送它`)
	add("undefined", "undefined was signed as the body, and no such body was sent", "签名时把 undefined 当作报文主体，实际没有发送它")
	if _, query, ok := strings.Cut(tx.URI, "?"); ok {
		add(query, "the query was signed as the body", "签名时把查询参数当作了报文主体")
	}
	add(strings.TrimSpace(body), "blanks round the body were sent and not signed", "报文主体前后的空白已发送但未签名")
	add("\ufeff"+body, "a byte order mark was signed that was not sent", "签名的报文主体带有未发送的 BOM")
	add(strings.TrimPrefix(body, "\ufeff"), "the byte order mark before the body was sent and not signed", "报文主体的 BOM 已发送但未签名")
	add(strings.ReplaceAll(body, "\n", "\r\n"), "the line feeds within the body were signed as carriage return and line feed", "签名的报文主体内换行为 \\r\\n，实际发送的是 \\n")
	add(strings.ReplaceAll(body, "\r\n", "\n"), "the line ends within the body were signed as line feeds alone", "签名的报文主体内换行为 \\n，实际发送的是 \\r\\n")
	const large = 64 << 10 // of which nobody makes a slip by hand
	if len(body) <= large {
		for _, v := range rewritten(body) {
			add(v.text, v.en, v.zh)
		}
	}
	return all
}

// A style is how JSON is written.
type style struct {
	sorted       bool
	indent       string // "": all in one line
	comma, colon string
	ascii        bool   // other characters are escaped
	upper        bool   // with digits of upper case
	html         string // which of < > & and so on are escaped
	slashes      bool   // / is escaped
}

// rewritten is a body as other writers of JSON write it.
func rewritten(body string) (all []variant) {
	v, err := ordered(body)
	if err != nil {
		return nil
	}
	for _, form := range []struct {
		style
		en, zh string
	}{
		{style{comma: ",", colon: ":"}, "in one line without blanks", "单行且无空格"},
		{style{comma: ", ", colon: ": "}, "with a blank after commas and colons", "逗号和冒号后带空格"},
		{style{indent: "  ", comma: ",", colon: ": "}, "indented by two blanks", "缩进两个空格"},
		{style{indent: "    ", comma: ",", colon: ": "}, "indented by four blanks", "缩进四个空格"},
		{style{indent: "\t", comma: ",", colon: ": "}, "indented by tabs", "用制表符缩进"},
	} {
		for n := range 48 {
			s, en, zh := form.style, []string{form.en}, []string{form.zh}
			with := func(bit int, set *bool, says, saysZh string) {
				if *set = n&bit != 0; *set {
					en, zh = append(en, says), append(zh, saysZh)
				}
			}
			if s.html = [...]string{"", "<>&\u2028\u2029", "<>&='\u2028\u2029"}[n/16]; s.html != "" {
				en, zh = append(en, `with < > & escaped as \u003c \u003e \u0026`), append(zh, `< > & 转义为 \u003c \u003e \u0026`)
			}
			with(1, &s.sorted, "with sorted members", "成员经过排序")
			with(4, &s.slashes, `with / escaped as \/`, `/ 转义为 \/`)
			with(8, &s.ascii, `with characters other than ASCII escaped as \u4e2d`, `非 ASCII 字符转义为 \u4e2d 的形式`)
			with(2, &s.upper, "in upper case", "大写十六进制")
			if s.upper && !s.ascii {
				continue
			}
			var b strings.Builder
			s.write(&b, v, "\n")
			all = append(all, variant{text: b.String(), en: "the body was signed as it was written by another writer of JSON than the one that sent it: " + strings.Join(en, ", "),
				zh: "签名的报文主体与实际发送的 JSON 写法不同：签名的是" + strings.Join(zh, "，")})
		}
	}
	return all
}

// A member is one of an object, in its place.
type member struct {
	name  string
	value any
}

// ordered reads JSON and keeps the order of members.
func ordered(body string) (any, error) {
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	v, err := next(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one value")
	}
	return v, nil
}

func next(d *json.Decoder, depth int) (any, error) {
	const deepest = 50
	t, err := d.Token()
	if err != nil || depth > deepest {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := next(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		o := []member{}
		for d.More() {
			name, err := next(d, depth+1)
			if err != nil {
				return nil, err
			}
			v, err := next(d, depth+1)
			if err != nil {
				return nil, err
			}
			text, _ := name.(string)
			o = append(o, member{text, v})
		}
		_, err = d.Token()
		return o, err
	}
	return t, nil
}

// write writes a value; end is how a line ends where it stands.
func (s style) write(b *strings.Builder, v any, end string) {
	inner := end + s.indent
	between := func(n, all int, closing string) {
		switch {
		case n == all && all > 0 && s.indent != "":
			b.WriteString(end)
		case n > 0 && n < all:
			b.WriteString(s.comma)
		}
		if n < all && s.indent != "" {
			b.WriteString(inner)
		}
		if n == all {
			b.WriteString(closing)
		}
	}
	switch v := v.(type) {
	case []any:
		b.WriteString("[")
		for n, one := range v {
			between(n, len(v), "")
			s.write(b, one, inner)
		}
		between(len(v), len(v), "]")
	case []member:
		if s.sorted {
			v = slices.SortedStableFunc(slices.Values(v), func(a, b member) int { return strings.Compare(a.name, b.name) })
		}
		b.WriteString("{")
		for n, one := range v {
			between(n, len(v), "")
			s.text(b, one.name)
			b.WriteString(s.colon)
			s.write(b, one.value, inner)
		}
		between(len(v), len(v), "}")
	case string:
		s.text(b, v)
	case nil:
		b.WriteString("null")
	default:
		fmt.Fprint(b, v)
	}
}

// text writes a string.
func (s style) text(b *strings.Builder, text string) {
	escape := func(code rune) {
		format := `\u%04x`
		if s.upper {
			format = `\u%04X`
		}
		fmt.Fprintf(b, format, code)
	}
	b.WriteByte('"')
	for _, r := range text {
		switch short := strings.IndexRune("\"\\\b\f\n\r\t", r); {
		case short >= 0:
			b.WriteString(`\` + `"\bfnrt`[short:short+1])
		case r == '/' && s.slashes:
			b.WriteString(`\/`)
		case r < ' ', strings.ContainsRune(s.html, r):
			escape(r)
		case r > 0xffff && s.ascii:
			high, low := utf16.EncodeRune(r)
			escape(high)
			escape(low)
		case r > 0x7e && s.ascii:
			escape(r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// difference says where two texts differ first: the line, from 1, and what each has there.
func difference(got, want string) (line int, has, wants string) {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for n := range max(len(a), len(b)) {
		switch {
		case n >= len(a):
			return n + 1, "", b[n]
		case n >= len(b):
			return n + 1, a[n], ""
		case a[n] != b[n]:
			return n + 1, a[n], b[n]
		}
	}
	return 0, "", ""
}
