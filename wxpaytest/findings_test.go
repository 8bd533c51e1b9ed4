package wxpaytest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// All that is wrong with a request is found, in headers, path, query and body, and the answer says the first.
func TestFindings(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	long := strings.Repeat("长", 33)
	importUser := "/v3/marketing/membercard-open/cards/1/users/import"
	type f struct{ Where, Field, Issue string }
	for name, test := range map[string]struct {
		method, uri, body string
		change            func(*http.Request)
		want              []f
	}{
		"right": {"POST", "/v3/security/echo", `{"echo_message":"a"}`, nil, nil},
		"everything": {"POST", importUser + "?limit=1&limit=2&more=1", `{"code":"` + long + `","openid":7,"other":1,"out_request_no":"a b"}`, func(r *http.Request) {
			r.Header.Set("Content-Type", "text/plain")
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Wechatpay-Serial", "1")
		}, []f{
			{"header", "Wechatpay-Serial", "names no key of the platform"}, {"header", "Accept", "does not take application/json"}, {"query", "/limit", "comes more than once"},
			{"query", "/limit", "is not a member that the documents know"}, {"query", "/more", "is not a member that the documents know"}, {"header", "Content-Type", "is not application/json"},
			{"body", "/openid", "is not text"}, {"body", "/code", "has 33 characters, and at most 32 fit"},
			{"body", "/out_request_no", "does not match ^[0-9A-Za-z|_*-]+$"}, {"body", "/other", "is not a member that the documents know"},
		}},
		"characters, not bytes": {"POST", importUser, `{"openid":"a","out_request_no":"n","code":"` + strings.Repeat("长", 32) + `"}`, nil, nil},
		"missing and empty":     {"POST", importUser, `{"openid":""}`, nil, []f{{"body", "/openid", "is empty"}, {"body", "/out_request_no", "is required"}}},
		"null, emoji and twice": {"POST", importUser, `{"openid":null,"code":"😀","out_request_no":"1","out_request_no":"2"}`, nil, []f{
			{"body", "/openid", "is null, which the platform does not take; leave the member out"}, {"body", "/code", "holds a character of four bytes of UTF-8, such as an emoji"}, {"body", "/out_request_no", "comes twice"},
		}},
		"enumeration and page": {"GET", tasks + "?status=DONE&limit=0&offset=x", "", nil, []f{
			{"query", "/status", "is none of PROCESSING, FINISHED"}, {"query", "/offset", "is not an integer"}, {"query", "/limit", "is out of range: it is at least 1"},
		}},
		"integers": {"GET", tasks + "?limit=%2B5&offset=01", "", nil, []f{{"query", "/offset", "is not an integer"}, {"query", "/limit", "is not an integer"}}},
		"path":     {"GET", "/v3/marketing/bank/packages/123/tasks", "", nil, []f{{"path", "/package_id", "has 3 characters, and at least 4 are needed"}}},
		"query of four bytes and of no text": {"GET", tasks + "?filename=abc%F0%9F%98%80&status=%ff", "", nil, []f{
			{"query", "/status", "is not UTF-8"}, {"query", "/filename", "holds a character of four bytes of UTF-8, such as an emoji"},
		}},
		"no query":         {"GET", tasks + "?limit=%zz", "", nil, []f{{"query", "", `is not a query: invalid URL escape "%zz"`}}},
		"a body too many":  {"GET", tasks, `{}`, nil, []f{{"body", "", "must be empty"}}},
		"broken JSON":      {"POST", importUser, "{\"openid\":\"a\",\n \"code\" \"中\"}", nil, []f{{"body", "", "is not JSON: line 2, character 9: invalid character '\"' after object key"}}},
		"JSON of a script": {"POST", importUser, "{'openid':1}", nil, []f{{"body", "", `is not JSON: line 1, character 2: invalid character '\'' looking for beginning of object key string`}}},
		"a comma too many": {"POST", importUser, "{\"openid\":\"中\",}", nil, []f{{"body", "", "is not JSON: line 1, character 15: invalid character '}' looking for beginning of object key string"}}},
		"JSON cut off":     {"POST", importUser, "{\"openid\":\"a\",\n", nil, []f{{"body", "", "is not JSON: it ends too soon, at line 2, character 1"}}},
		"two values":       {"POST", importUser, "{} {}", nil, []f{{"body", "", "holds more than one JSON value: the first ends before line 1, character 3"}}},
		"no JSON at all":   {"POST", importUser, " ", nil, []f{{"body", "", "is not JSON: it is empty"}}},
		"a form": {"POST", importUser, "openid=a", func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, []f{
			{"header", "Content-Type", "is not application/json"}, {"body", "", "is not JSON: line 1, character 1: invalid character 'o' looking for beginning of value"},
		}},
		"no UTF-8": {"POST", importUser, "{\"openid\":\"\xd6\xd0\"}", nil, []f{{"body", "", "is not UTF-8: see line 1, character 12"}}},
		"a list":   {"POST", importUser, "[]", nil, []f{{"body", "", "is not a JSON object"}}},
		"sealed for nobody": {"POST", "/v3/security/echo", `{"echo_message":"a","encrypted_echo_message":"张三"}`, func(r *http.Request) { r.Header.Del("Wechatpay-Serial") }, []f{
			{"header", "Wechatpay-Serial", "is missing or names no key; a request that encrypts anything has to name the platform key it encrypts with"},
		}},
		"not sealed": {"POST", "/v3/security/echo", `{"echo_message":1,"encrypted_echo_message":"张三"}`, nil, []f{{"body", "/echo_message", "is not text"}, {"body", "/encrypted_echo_message", "is not base64"}}},
		"addresses":  {"POST", "/v3/security/echo", `{"echo_message":"a","notify_url":"a.example"}`, nil, []f{{"body", "/notify_url", "is not an absolute address"}}},
		"a state":    {"GET", edu + "/user/o1/contracts?appid=wx1", "", nil, []f{{"query", "/plan_id", "is required"}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			req := h.request(t.Context(), test.method, test.uri, []byte(test.body))
			if test.change != nil {
				test.change(req)
			}
			_, answer := h.do(req)
			r := h.last()
			var got []f
			for _, one := range r.Findings {
				assert.True(t, isChinese(one.IssueZh), one.Issue)
				if name != "a state" || one.Field == "/plan_id" {
					got = append(got, f{one.Where, one.Field, one.Issue})
				}
			}
			assert.Equal(t, test.want, got)
			if len(r.Findings) == 0 {
				return
			}
			assert.Equal(t, 400, r.Status)
			detail, _ := answer["detail"].(m)
			field, _ := detail["field"].(string)
			assert.Equal(t, f{r.Findings[0].Where, r.Findings[0].Field, r.Findings[0].Issue}, f{detail["location"].(string), field, detail["issue"].(string)})
		})
	}
}

func isChinese(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// What a handler refuses is found as well, and so is what is wrong with a file.
func TestFindingsOfHandlers(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	meta := []byte(`{"filename":"a.csv","sha256":"` + strings.Repeat("0", 64) + `","bank_type":"ICBC_DEBIT"}`)
	h.do(h.uploadMeta("8473295", meta, "a.csv", "x\n"))
	require.NotEmpty(t, h.last().Findings)
	assert.Equal(t, "/sha256", h.last().Findings[0].Field)
	card := h.server.AddCard("SYSTEM_ALLOCATE")
	h.refused(400, "PARAM_ERROR", "GET", "/v3/marketing/membercard-open/cards/"+card+"/decrypt-code?encrypt_code=AAAA", nil)
	assert.Equal(t, []wxpaytest.Finding{{Where: "query", Field: "/encrypt_code", Issue: "is not an encrypted code; + and / have to be escaped", IssueZh: "不是加密的卡号；+ 和 / 需要转义"}}, h.last().Findings)
	req := httptest.NewRequestWithContext(t.Context(), "POST", "/v3/push/app", strings.NewReader(`{"audience_type":"everybody","upload_id":"1"}`))
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(wxpaytest.TPNSAccessID, wxpaytest.TPNSSecretKey)
	h.server.ServeHTTP(httptest.NewRecorder(), req)
	assert.Equal(t, []string{"/audience_type", "/upload_id", "/message_type", "/message"}, fieldsOf(h.last().Findings))
	assert.Contains(t, h.last().Answer, "/audience_type")
}

func fieldsOf(all []wxpaytest.Finding) (fields []string) {
	for _, f := range all {
		fields = append(fields, f.Field)
	}
	return fields
}

// No value that should be encrypted is repeated, and nothing that somebody made up grows without end.
func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	var body strings.Builder
	body.WriteString(`{"echo_message":"` + strings.Repeat("x", 100_000) + `"`)
	for n := range 100 {
		fmt.Fprintf(&body, `,"%s%d":1`, strings.Repeat("y", 1000), n)
	}
	body.WriteString("}")
	_, answer := h.do(h.request(t.Context(), "POST", "/v3/security/echo", []byte(body.String())))
	r := h.last()
	require.LessOrEqual(t, len(r.Findings), 20)
	for _, f := range r.Findings {
		assert.Less(t, len(f.Field)+len(f.Issue), 700)
	}
	assert.Less(t, len(fmt.Sprint(answer)), 2000)
	for _, sealed := range []string{`"13800138000"`, `13800138000`, `""`, `["13800138000"]`} {
		_, answer = h.do(h.request(t.Context(), "POST", "/v3/security/echo", []byte(`{"echo_message":"a","encrypted_echo_message":`+sealed+`}`)))
		assert.NotContains(t, fmt.Sprint(answer), "138001")
		assert.NotContains(t, answer["detail"], "value")
	}
}
