package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
)

// An apiCall is what was asked for on the command line.
type apiCall struct {
	method, path string
	query        url.Values
	body         []byte // nil: none
	serial       string
	idempotent   bool
}

func (a *app) apiCommand() *cobra.Command {
	var call apiCall
	var data string
	var query []string
	var include, signOnly bool
	c := &cobra.Command{
		Use:   "api METHOD PATH",
		Short: a.t("make any call of the API v3", "调用任意 API v3 接口"),
		Long: a.t(`Make any call of the API v3: it is signed, sent, and its answer is verified before it is printed, as it came.

The body goes out byte by byte as it was given; nothing in it is encrypted. PATH is taken literally and may have a query;
the query is put in the order of its names. It uploads no files and downloads none, such as bills: those are not signed.
What changes something is never sent a second time, unless --idempotent says that WeChat Pay takes it as the same.

--sign-only sends nothing and shows the text that is signed and the headers.

Exit codes: 0 answered, 3 refused, 4 refused with 401 or 403 (keys, clock, permission), 5 not reached or throttled,
6 a write whose outcome is unknown: query before you repeat it, with the same numbers.`,
			`调用任意 API v3 接口：自动签名、发送，并在验签通过后原样输出应答。

请求体按给定字节原样发送，不做加密。PATH 按字面处理，可带查询串；查询参数按名称排序。本命令不上传文件，也不下载账单等文件（这类应答没有签名）。
写操作不会重发，除非用 --idempotent 声明微信支付会把重复请求视为同一请求。

--sign-only 不发送请求，只显示签名串与请求头。

退出码：0 成功，3 被拒绝，4 以 401 或 403 拒绝（密钥、时钟、权限），5 未送达或被限频，
6 写操作结果未知：请先查单，再以相同单号重试。`),
		Example: `  wxpay api GET /v3/marketing/bank/packages/8473295/tasks -q limit=20
  wxpay api POST /v3/security/echo -d '{"echo_message":"hello"}'
  wxpay api POST /v3/edu-papay/transactions -d @debit.json -i
  wxpay api GET /v3/certificates --sign-only`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			call.method, call.path = strings.ToUpper(args[0]), args[1]
			if call.query, err = a.apiQuery(c, &call, query); err != nil {
				return err
			}
			if c.Flags().Changed("data") {
				if call.body, err = a.content(c, data); err != nil {
					return err
				}
			}
			if err := a.checkCall(c, &call); err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			if signOnly {
				return a.signOnly(c, client, call)
			}
			return a.makeCall(c, client, call, include)
		},
	}
	flags := c.Flags()
	flags.StringVarP(&data, "data", "d", "", a.t("`BODY`, or @FILE, or - for stdin", "请求体 `BODY`，或 @文件，或 - 表示标准输入"))
	flags.StringArrayVarP(&query, "query", "q", nil, a.t("`NAME=VALUE` of the query; may be repeated", "查询参数 `NAME=VALUE`，可重复"))
	flags.BoolVarP(&include, "include", "i", false, a.t("status and Request-ID on stderr", "在标准错误显示状态码与 Request-ID"))
	flags.BoolVar(&signOnly, "sign-only", false, a.t("send nothing, show what is signed", "不发送，只显示签名内容"))
	flags.BoolVar(&call.idempotent, "idempotent", false, a.t("WeChat Pay takes a repeat as the same: repeat after a lost answer", "接口支持幂等：应答丢失时自动重试"))
	flags.StringVar(&call.serial, "serial", "", a.t("`ID` of the platform key that encrypted something in the body", "请求体中密文所用微信支付公钥 ID 或平台证书序列号 `ID`"))
	return c
}

// content is text from the command line, @FILE or - for stdin.
func (a *app) content(c *cobra.Command, given string) ([]byte, error) {
	const most = 10 << 20
	name, isFile := strings.CutPrefix(given, "@")
	var from io.Reader
	switch {
	case given == "-" || isFile && name == "-":
		name, from = "stdin", a.stdin
	case isFile:
		f, err := os.Open(name)
		if err != nil {
			return nil, a.misused(c, name+" cannot be opened", "无法打开 "+name)
		}
		defer f.Close()
		from = f
	default:
		return []byte(given), nil
	}
	text, err := io.ReadAll(io.LimitReader(source{c.Context(), from}, most+1))
	if c.Context().Err() != nil {
		return nil, fail(exitInterrupted, "interrupted while "+name+" was read; nothing was sent", "读取 "+name+" 时被中断；未发送任何内容")
	}
	if err != nil || len(text) > most {
		return nil, a.misused(c, name+" cannot be read, or has more than 10 MB", name+" 无法读取，或超过 10 MB")
	}
	return text, nil
}

// apiQuery joins the query of the path and the flags, and takes it off the path.
func (a *app) apiQuery(c *cobra.Command, call *apiCall, flags []string) (url.Values, error) {
	path, raw, _ := strings.Cut(call.path, "?")
	call.path = path
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, a.misused(c, "the query of PATH cannot be read", "PATH 中的查询串无法解析")
	}
	for _, pair := range flags {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, a.misused(c, "-q is NAME=VALUE", "-q 的格式为 NAME=VALUE")
		}
		query.Add(name, value)
	}
	return query, nil
}

// checkCall says what is wrong with a call before anything is sent.
func (a *app) checkCall(c *cobra.Command, call *apiCall) error {
	u, err := url.ParseRequestURI(call.path)
	writes := call.method != http.MethodGet
	switch {
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, call.method):
		return a.misused(c, "METHOD is GET, POST, PUT, PATCH or DELETE", "METHOD 只能是 GET、POST、PUT、PATCH 或 DELETE")
	case !strings.HasPrefix(call.path, "/"):
		return a.misused(c, "PATH starts with /, such as /v3/certificates; the host is part of the set-up", "PATH 以 / 开头，例如 /v3/certificates；域名由配置决定")
	case err != nil || strings.Contains(call.path, "#") || strings.HasPrefix(call.path, "//"):
		return a.misused(c, "PATH is no path of a URL; escape what is not allowed in one, such as %20", "PATH 不是合法路径；特殊字符请转义，例如 %20")
	case !writes && call.body != nil:
		return a.misused(c, "GET has no body; use -q", "GET 没有请求体，请使用 -q")
	case !writes && call.idempotent:
		return a.misused(c, "--idempotent is for calls that change something; GET is repeated anyway", "--idempotent 仅用于写操作；GET 总会自动重试")
	case call.body != nil && !json.Valid(call.body):
		return a.misused(c, "the body is not JSON", "请求体不是 JSON")
	}
	call.path = u.EscapedPath()
	return nil
}

// makeCall sends a call and prints its answer. A call that was prepared sends its bytes as they are.
func (a *app) makeCall(c *cobra.Command, client *wxpay.Client, call apiCall, include bool) error {
	var ex wxpay.Exchange
	ctx := wxpay.WithExchange(c.Context(), &ex)
	got, err := wxpay.Do[json.RawMessage](ctx, client, wxpay.Prepared{
		Route: call.method + " " + call.path, Query: call.query, Body: call.body, Serial: call.serial, Idempotent: call.idempotent,
	}.Call())
	if include && ex.Status != 0 {
		a.say("%d %s", ex.Status, http.StatusText(ex.Status))
		a.say("Request-ID: %s", printable(ex.RequestID))
	}
	switch {
	case err != nil && call.method == http.MethodGet:
		return read(err)
	case err != nil:
		return written(err)
	}
	body := *got
	return a.emit("answer", struct {
		Status    int             `json:"status"`
		RequestID string          `json:"request_id,omitzero"`
		Body      json.RawMessage `json:"body,omitzero"`
	}{ex.Status, ex.RequestID, body}, func(w io.Writer) {
		if len(body) == 0 {
			return
		}
		if terminal(w) {
			var pretty bytes.Buffer
			if json.Indent(&pretty, body, "", "  ") == nil {
				fmt.Fprintln(w, printableLines(pretty.String()))
				return
			}
		}
		_, _ = w.Write(body)
		if !bytes.HasSuffix(body, []byte("\n")) && terminal(w) {
			fmt.Fprintln(w)
		}
	})
}

// printableLines is printable line by line.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// A signed call is what would be sent.
type signed struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	Headers     map[string]string `json:"headers"`
	SigningText string            `json:"signing_text"`
	Body        string            `json:"body,omitzero"`
}

// signOnly shows what is signed, and the headers, of a call that is not sent.
func (a *app) signOnly(c *cobra.Command, client *wxpay.Client, call apiCall) error {
	scheme := auth.Merchant
	if s, ok := client.Signer().(*auth.Signer); ok {
		scheme = s.Scheme()
	}
	uri := call.path
	if len(call.query) > 0 {
		uri += "?" + call.query.Encode()
	}
	now := time.Now().Unix()
	authorization, err := auth.Authorization(c.Context(), client.Signer(), scheme, call.method, uri, now, call.body)
	if err != nil {
		return err
	}
	nonce := ""
	if m := nonceOf.FindStringSubmatch(authorization); m != nil {
		nonce = m[1]
	}
	base := cmp.Or(strings.TrimSuffix(a.lookup("WXPAY_BASE_URL"), "/"), wxpay.MainURL)
	s := signed{
		Method: call.method, URL: base + uri, SigningText: auth.RequestMessage(call.method, uri, now, nonce, call.body), Body: string(call.body),
		Headers: map[string]string{"Authorization": authorization, "Accept": "application/json"},
	}
	if call.body != nil {
		s.Headers["Content-Type"] = "application/json"
	}
	if serial := cmp.Or(call.serial, a.lookup("WXPAY_PUBLIC_KEY_ID")); serial != "" {
		s.Headers["Wechatpay-Serial"] = serial
	}
	a.note("%s", a.t("nothing was sent; for 5 minutes whoever has this Authorization can make this one call", "未发送任何内容；此 Authorization 在 5 分钟内有效，持有者可发起该请求，请勿外传"))
	return a.emit("signed", s, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s\n", s.Method, s.URL)
		for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
			fmt.Fprintf(w, "%s: %s\n", name, s.Headers[name])
		}
		fmt.Fprintf(w, "\n%s\n%s", a.t("# signed text; each line ends in a line feed, the last one too", "# 签名串；每行以换行符结尾，最后一行也是"), s.SigningText)
	})
}

var nonceOf = regexp.MustCompile(`nonce_str="([^"]*)"`)
