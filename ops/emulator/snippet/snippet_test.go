package snippet_test

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/ops/emulator/snippet"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func load(t *testing.T) *api.Catalog {
	t.Helper()
	c, err := api.Load()
	require.NoError(t, err)
	return c
}

// example is an exchange of an operation as its documents show it, by one of its doors.
func example(op *api.Operation, n int, brand bool) journal.Exchange {
	route := op.Route
	if brand {
		route = op.BrandRoute
	}
	method, uri, _ := strings.Cut(route, " ")
	var query strings.Builder
	for _, p := range op.Params {
		v := snippet.PlainParam(p)
		switch p.In {
		case "path":
			uri = strings.ReplaceAll(uri, "{"+p.Name+"}", v)
		case "query":
			query.WriteString("&" + p.Name + "=" + strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D", " ", "%20").Replace(v))
		}
	}
	if query.String() != "" {
		uri += "?" + query.String()[1:]
	}
	x := journal.Exchange{Operation: op, Request: wxpaytest.Request{Number: n, Method: method, URI: uri, Route: route, Status: op.Status, Header: http.Header{}}}
	switch {
	case op.Upload != nil:
		name, file := snippet.ExampleFile(op)
		x.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		if op.Upload.Meta != "" {
			x.Sent = fmt.Appendf(nil, "--b\r\nContent-Disposition: form-data; name=%q\r\nContent-Type: application/json\r\n\r\n%s\r\n", op.Upload.Meta, snippet.Example(op))
		}
		x.Sent = fmt.Appendf(x.Sent, "--b\r\nContent-Disposition: form-data; name=%q; filename=%q\r\nContent-Type: text/plain\r\n\r\n%s\r\n--b--\r\n", op.Upload.Part, name, file)
	case op.Body != nil:
		x.Header.Set("Content-Type", "application/json")
		x.Sent = snippet.Example(op)
		x.Body = string(x.Sent)
	}
	x.BodySize = len(x.Sent)
	return x
}

// examples are exchanges of all operations, by both doors, and some that no document knows.
func examples(t *testing.T) (all []journal.Exchange) {
	for _, p := range load(t).Products {
		for _, op := range p.Operations {
			all = append(all, example(op, len(all)+1, false))
			if op.BrandRoute != "" {
				all = append(all, example(op, len(all)+1, true))
			}
		}
	}
	add := func(x journal.Exchange) {
		x.Number = len(all) + 1
		all = append(all, x)
	}
	add(journal.Exchange{Request: wxpaytest.Request{Method: "GET", URI: "/v3/no/such/{call}?a=1&b=%zz", Status: 404, Code: "NOT_FOUND", Header: http.Header{}}})
	add(journal.Exchange{Request: wxpaytest.Request{Method: "POST", URI: "/v3/x\n\"`", Status: 404, Code: "A\"\n", Fault: "slow\n\"", Header: http.Header{}, Sent: []byte("{"), BodySize: 1}})
	op := load(t).Operation("createTransaction")
	broken := example(op, 0, false)
	broken.Sent, broken.Body, broken.BodySize = nil, `{"appid":"wx`, 999
	add(broken)
	odd := example(op, 0, false)
	odd.Sent = []byte(`{"appid":5,"amount":"none","x":[1,2.5,12345678901234567890,null,{"y":true}],"z":"\u0000` + "`" + `"}`)
	odd.BodySize = len(odd.Sent)
	add(odd)
	return all
}

// Every Go that is made compiles: as tests, and as calls within a function that has a client.
func TestGoCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the compiler")
	}
	t.Parallel()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	write("go.mod", strings.Replace(string(gomod), "module github.com/wxpay-go/wxpay", "module snippets\n\nrequire github.com/wxpay-go/wxpay v0.0.0\n\nreplace github.com/wxpay-go/wxpay => "+root, 1))
	write("go.sum", string(sum))
	byMethod := 0
	for i, x := range examples(t) {
		test := snippet.GoTest(x)
		write(fmt.Sprintf("x%d_test.go", i), test)
		assert.Contains(t, test, fmt.Sprintf("func TestExchange%d(t *testing.T)", x.Number))
		call := snippet.SDKCall(x)
		head, body := "", ""
		for line := range strings.Lines(call) {
			if text, ok := strings.CutPrefix(line, "// "); ok && body == "" {
				head += text
				continue
			}
			body += line
		}
		wrapped := strings.ReplaceAll(head, "import (", "import (\n\"context\"\nwx \"github.com/wxpay-go/wxpay\"\ntp \"github.com/wxpay-go/wxpay/push/pushpackage\"")
		write(fmt.Sprintf("c%d_test.go", i), fmt.Sprintf("package wxpay_test\n\n%s\nfunc call%d(ctx context.Context, client *wx.Client, tpns *tp.Client) error {\n%s\nreturn nil\n}\n", wrapped, i, body))
		if x.Operation != nil && !strings.Contains(call, "wxpay.Do") && !strings.Contains(call, "wxpay.Send") && !strings.Contains(call, "http.") {
			byMethod++
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "-unusedresult=false", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.GreaterOrEqual(t, byMethod, 53, "nearly all calls have a method of the SDK")
}

// What strangers send to the emulator does nothing to whoever pastes a command: no control reaches the terminal, no
// part's name is read as more than one, and no phone number stands in it.
func TestPastingIsSafe(t *testing.T) {
	t.Parallel()
	form := func(name string) []byte {
		return []byte("--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n")
	}
	for _, x := range []wxpaytest.Request{
		{Sent: []byte("{\"a\":\"\x1b[201~\x03\ntouch /tmp/pwned\n\"}"), Header: http.Header{"Content-Type": {"text/plain"}}},
		{Sent: []byte("{}"), SentURI: "/v3/\x1b[201~\x03", Header: http.Header{"X-Emulator-Tag": {"\u202e\x07"}}},
		{Sent: form("m=</etc/hostname;type=text/plain"), Header: http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}},
		{Sent: []byte(`{"a":"\u00313912345678","b":"user_13912345678","c":"a13912345678b"}`), SentURI: "/v3/x?a=%2B8613912345678", Header: http.Header{"Content-Type": {"application/json"}}},
	} {
		x.Method, x.BodySize, x.URI = "POST", len(x.Sent), "/v3/x"
		for _, text := range []string{snippet.Curl(journal.Exchange{Request: x}, http.Header{}, "http://127.0.0.1:1"), snippet.SDKCall(journal.Exchange{Request: x})} {
			assert.NotRegexp(t, `[\x00-\x08\x0b-\x1f\x7f\x{202e}]`, text)
			assert.NotContains(t, text, "</etc/hostname;type=text/plain=")
			assert.NotContains(t, text, "3912345678")
		}
	}
}

// A command asks the server for what the exchange asked, byte for byte, whatever stands in it.
func TestCurlSendsTheSame(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("this test needs curl")
	}
	type got struct {
		method, uri, body string
		header            http.Header
		form              map[string]string
	}
	seen := make(chan got, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := got{method: r.Method, uri: r.RequestURI, header: r.Header, form: map[string]string{}}
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
			form, err := r.MultipartReader()
			for err == nil {
				part, e := form.NextPart()
				if err = e; e == nil {
					text, _ := io.ReadAll(part)
					g.form[part.FormName()] = string(text)
				}
			}
		} else {
			text, _ := io.ReadAll(r.Body)
			g.body = string(text)
		}
		seen <- g
	}))
	t.Cleanup(server.Close)
	signed := http.Header{"Authorization": {`WECHATPAY2-SHA256-RSA2048 mchid="1",signature="a'b$(id)"`}, "Wechatpay-Serial": {"PUB_KEY_ID_1"}}
	all := examples(t)
	for _, body := range []string{`@/etc/passwd`, `a'b"c\d$e` + "`f`", "{\n\t\"x\": \"中文\"}", "\x00\x01\xff", strings.Repeat("x", 200<<10), "WXPAY\n", " -d x"} {
		all = append(all, journal.Exchange{Request: wxpaytest.Request{Method: "POST", URI: "/v3/a/../b'c;$(id)/[1-3]{x,y}?q='&r=%zz", Sent: []byte(body), BodySize: len(body), Header: http.Header{"Content-Type": {"application/json"}, "X-Emulator-Tag": {"a'b\nX-Evil: 1"}}}})
	}
	for _, x := range all {
		want, ok := snippet.Signed(x)
		command := snippet.Curl(x, signed, server.URL)
		if !ok || strings.ContainsAny(x.URI, "\n\"`") {
			continue
		}
		script := filepath.Join(t.TempDir(), "script")
		require.NoError(t, os.WriteFile(script, []byte(command), 0o600))
		cmd := exec.CommandContext(t.Context(), "sh", script)
		cmd.Env = append(os.Environ(), "TPNS_ACCESS_ID=1500000001", "TPNS_SECRET_KEY=s3cret")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", command[:min(len(command), 2000)], out)
		g := <-seen
		assert.Equal(t, x.Method, g.method)
		assert.Equal(t, strings.ReplaceAll(x.URI, "13800138000", "13800008000"), g.uri, "but for a phone number")
		assert.Empty(t, g.header.Get("X-Evil"))
		switch {
		case len(g.form) > 0:
			assert.NotEmpty(t, g.form[x.Operation.Upload.Part], "%s %v", command, g.form)
			if x.Operation.Upload.Meta != "" {
				assert.Equal(t, string(want), g.form[x.Operation.Upload.Meta])
			}
		default:
			assert.Equal(t, string(want), g.body)
		}
		if snippet.Basic(x) {
			assert.NotEmpty(t, g.header.Get("Authorization"))
			assert.Contains(t, command, `-u "$TPNS_ACCESS_ID:$TPNS_SECRET_KEY"`)
		} else {
			assert.Equal(t, signed.Get("Authorization"), g.header.Get("Authorization"))
			assert.Contains(t, command, "# Signed for the next 5 minutes")
		}
	}
}

// What was not kept cannot be sent, and the command says so.
func TestCurlWithoutBody(t *testing.T) {
	t.Parallel()
	text := snippet.Curl(journal.Exchange{Request: wxpaytest.Request{Method: "POST", URI: "/v3/x", BodySize: 5, Body: "ab"}}, nil, "http://127.0.0.1:1")
	assert.True(t, strings.HasPrefix(text, "# The body of this request was not kept"))
	assert.NotContains(t, text, "curl -")
}

// Nobody's number, key or ciphertext's plain text leaves by a snippet.
func TestNothingSecret(t *testing.T) {
	t.Parallel()
	const phone = "13912345678"
	op := load(t).Operation("importPhoneNumber")
	x := example(op, 1, false)
	x.Sent = []byte(`{"member_information":{"card_id":"c","name":"` + phone + `"},"encrypted_phone_number":"CIPHERTEXT","x":"86` + phone + `"}`)
	x.Body, x.BodySize = string(x.Sent), len(x.Sent)
	x.Sensitive = map[string]string{"/encrypted_phone_number": "139****5678"}
	x.URI += "?p=" + phone
	x.Header.Set("X-Emulator-Tag", phone)
	x.SentURI, x.URI = x.URI, strings.ReplaceAll(x.URI, phone, "139****5678")
	for name, text := range map[string]string{"curl": snippet.Curl(x, http.Header{}, "http://127.0.0.1:1"), "test": snippet.GoTest(x), "call": snippet.SDKCall(x)} {
		assert.NotContains(t, text, phone, name)
		for _, secret := range []string{wxpaytest.APIv3Key, wxpaytest.TPNSSecretKey} {
			assert.NotContains(t, text, secret, name)
		}
	}
	assert.NotContains(t, snippet.GoTest(x), "CIPHERTEXT", "another server has other keys")
}

func TestHAR(t *testing.T) {
	t.Parallel()
	x := example(load(t).Operation("createTransaction"), 7, false)
	x.Status, x.Answer, x.AnswerHeader, x.URI = 401, `{"code":"SIGN_ERROR"}`, http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"a"}}, "/v3/edu-papay/transactions?a=1&a=2"
	text, err := snippet.HAR([]journal.Exchange{x, {}}, "http://127.0.0.1:1/")
	require.NoError(t, err)
	var har struct {
		Log struct {
			Version string
			Creator struct{ Name, Version string }
			Entries []struct {
				StartedDateTime string
				Time            *float64
				Request         struct {
					Method, URL, HTTPVersion string
					Cookies, Headers         []any
					QueryString              []struct{ Name, Value string }
					PostData                 struct{ MimeType, Text string }
					HeadersSize, BodySize    int
				}
				Response struct {
					Status  int
					Content struct {
						Size           int
						MimeType, Text string
					}
					Headers []struct{ Name, Value string }
				}
				Timings struct{ Send, Wait, Receive *float64 }
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &har))
	assert.Equal(t, "1.2", har.Log.Version)
	require.Len(t, har.Log.Entries, 2)
	e := har.Log.Entries[0]
	assert.Equal(t, "http://127.0.0.1:1/v3/edu-papay/transactions?a=1&a=2", e.Request.URL)
	assert.Len(t, e.Request.QueryString, 2)
	assert.Equal(t, x.Body, e.Request.PostData.Text)
	assert.Equal(t, 401, e.Response.Status)
	assert.Equal(t, x.Answer, e.Response.Content.Text)
	assert.NotNil(t, e.Timings.Wait)
	empty, err := snippet.HAR(nil, "")
	require.NoError(t, err)
	assert.Contains(t, string(empty), `"entries": []`)
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for _, p := range load(t).Products {
		for _, op := range p.Operations {
			if op.Body == nil {
				continue
			}
			text := snippet.Example(op)
			assert.True(t, json.Valid(text), op.ID)
			var a, b map[string]any
			require.NoError(t, json.Unmarshal(text, &a))
			if len(op.BodyExample) > 0 {
				require.NoError(t, json.Unmarshal(op.BodyExample, &b))
				for name := range b {
					assert.Contains(t, a, name, op.ID)
				}
			}
		}
	}
	assert.Contains(t, string(snippet.Example(load(t).Operation("importPhoneNumber"))), `"encrypted_phone_number": "13800138000"`)
}
