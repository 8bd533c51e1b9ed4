package inspector_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// addresses are pages of every kind.
func (e *rig) addresses() []string {
	all := []string{"", "?q=nothing-like-this", "?outcome=signature", "callbacks", "callbacks?event=ENTRUST.SIGNING", "state", "faults", "faults?route=" + url.QueryEscape("POST /v3/edu-papay/transactions"), "operations", "help"}
	for _, x := range e.store.Find(journal.Filter{}) {
		all = append(all, fmt.Sprintf("exchanges/%d", x.Number))
	}
	for _, n := range e.queue.All() {
		all = append(all, "callbacks/"+n.ID)
	}
	for _, p := range e.catalog.Products {
		for _, op := range p.Operations {
			all = append(all, "operations/"+op.ID)
		}
	}
	return all
}

var (
	unquotedTag = regexp.MustCompile(`<(meta|link|img|input|br)\b[^>]*[^/]>`)
	bare        = regexp.MustCompile(`\s(open|hidden|required|selected|checked|download|defer|data-submit)([\s/>])`)
)

// wellFormed holds a page to XML, once void elements are closed and attributes without a value have one.
func wellFormed(t *testing.T, where, page string) {
	t.Helper()
	text := regexp.MustCompile(`(?i)<!doctype html>`).ReplaceAllString(page, "")
	text = unquotedTag.ReplaceAllStringFunc(text, func(tag string) string { return strings.TrimSuffix(tag, ">") + "/>" })
	for range 3 {
		text = bare.ReplaceAllString(text, ` $1=""$2`)
	}
	text = strings.NewReplacer(`""/>`, `""/>`, `<br>`, `<br/>`).Replace(text)
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	ids := map[string]bool{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if !assert.NoError(t, err, where) {
			return
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range start.Attr {
			switch name := a.Name.Local; {
			case name == "id":
				assert.False(t, ids[a.Value], "%s: id %s is there twice", where, a.Value)
				ids[a.Value] = true
			case strings.HasPrefix(name, "on"), name == "style":
				t.Errorf("%s: the policy forbids %s", where, name)
			case name == "src", name == "href":
				assert.False(t, strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Value)), "javascript:"), where)
			}
		}
	}
}

// Every page is there in both languages, is well formed, and carries the headers that protect it.
func TestPages(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	e.calls(t)
	for _, path := range e.addresses() {
		for _, lang := range []string{"en", "zh"} {
			text, h := e.ask(t, http.StatusOK, http.MethodGet, inspector.Root+path, nil, "Accept-Language", lang)
			where := path + " in " + lang
			wellFormed(t, where, text)
			assert.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self'")
			assert.NotContains(t, h.Get("Content-Security-Policy"), "unsafe")
			assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
			assert.Equal(t, "no-store", h.Get("Cache-Control"))
			assert.Contains(t, text, map[string]string{"en": `<html lang="en"`, "zh": `<html lang="zh-CN"`}[lang], where)
			assert.Equal(t, 1, strings.Count(text, "<h1"), where)
			assert.Equal(t, 1, strings.Count(text, "<main"), where)
			assert.NotContains(t, text, "ZgotmplZ", where)
			assert.NotContains(t, text, "%!", where)
		}
	}
	for _, path := range []string{"static/htmx.min.js", "static/app.js", "static/style.css", "static/icon.svg", "static/htmx.LICENSE"} {
		_, h := e.ask(t, http.StatusOK, http.MethodGet, inspector.Root+path, nil)
		assert.NotEmpty(t, h.Get("Content-Security-Policy"), path)
	}
}

// What there is not is 404, and what is called wrongly 405; neither stops anything.
func TestNotThere(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	for _, path := range []string{"exchanges/1", "exchanges/0", "exchanges/-1", "exchanges/99999999999999999999", "exchanges/x", "exchanges/1/har", "exchanges/1/as/curl", "callbacks/EV-1", "callbacks/%00", "operations/none", "static/none", "nothing", "exchanges"} {
		e.ask(t, http.StatusNotFound, http.MethodGet, inspector.Root+path, nil)
	}
	e.store.Add(wxpaytest.Request{Method: "GET", URI: "/"})
	e.ask(t, http.StatusNotFound, http.MethodGet, inspector.Root+"exchanges/1/as/perl", nil)
	for _, path := range []string{"exchanges/9/replay", "callbacks/EV-1/resend", "operations/none/send"} {
		e.ask(t, http.StatusNotFound, http.MethodPost, inspector.Root+path, url.Values{})
	}
	for _, path := range []string{"reset", "callbacks/order", "state/act"} {
		e.ask(t, http.StatusBadRequest, http.MethodPost, inspector.Root+path, url.Values{"what": {"odd"}})
	}
	for _, path := range []string{"", "callbacks", "state", "faults", "operations", "help", "exchanges/1"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			e.ask(t, http.StatusMethodNotAllowed, method, inspector.Root+path, url.Values{})
		}
	}
	assert.Empty(t, e.resets)
}

// What changes something cannot be done by following a link.
func TestChangesNeedPost(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	e.calls(t)
	before := e.store.Version()
	for _, path := range []string{"clear", "exchanges/1/replay", "callbacks/x/resend", "callbacks/order?do=hold", "callbacks/trigger", "state/act", "faults/inject", "faults/withdraw", "operations/echo/send", "reset?what=all"} {
		_, h := e.ask(t, http.StatusNotFound, http.MethodGet, inspector.Root+path, nil)
		assert.Empty(t, h.Get("Location"))
	}
	assert.Equal(t, before, e.store.Version())
	assert.False(t, e.queue.Held())
	assert.Empty(t, e.resets)
}

const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`

// Whatever a client sends stays text.
func TestEscaping(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	e.store.Add(wxpaytest.Request{
		Method: hostile, Host: hostile, URI: "/" + hostile, Route: hostile, Tag: hostile, Header: http.Header{hostile: {hostile}}, Body: `{"a":"` + hostile + `"}`, BodySize: 999, Verdict: hostile, Code: hostile,
		Status: 400, Fault: hostile, Advice: []string{hostile}, Checks: []string{hostile}, Findings: []wxpaytest.Finding{{Where: hostile, Field: hostile, Issue: hostile}}, RequestID: hostile, AnswerHeader: http.Header{"X": {hostile}}, Answer: hostile,
		Sensitive: map[string]string{hostile: hostile}, Events: []string{hostile},
		Signature: &wxpaytest.Signature{Caller: hostile, Serial: hostile, Timestamp: hostile, Nonce: hostile, Expected: hostile, Signed: hostile + "x", Reason: hostile, ReasonZh: hostile},
	})
	id, err := e.queue.Trigger(t.Context(), "ENTRUST.SIGNING", json.RawMessage(`{"a":"`+strings.ReplaceAll(hostile, `"`, `\"`)+`"}`), "")
	require.NoError(t, err)
	_, err = e.fake.InjectFault(wxpaytest.Injection{Name: "500", Tag: hostile, Times: 1})
	require.NoError(t, err)
	q := "?q=" + url.QueryEscape(hostile) + "&tag=" + url.QueryEscape(hostile) + "&route=" + url.QueryEscape(hostile) + "&event=" + url.QueryEscape(hostile) + "&fault=" + url.QueryEscape(hostile)
	for _, path := range []string{"", "exchanges/1", "exchanges/1" + q, q, "callbacks" + q, "callbacks/" + id, "faults" + q, "state", "operations/echo" + q} {
		for _, header := range []string{"", "true"} {
			text := e.get(t, http.StatusOK, inspector.Root+path, "HX-Request", header)
			assert.NotContains(t, text, "<script>alert", path)
			assert.NotContains(t, text, "<img src=x", path)
			if header == "" {
				wellFormed(t, path, text)
			}
		}
	}
	assert.Contains(t, e.get(t, http.StatusOK, inspector.Root+"exchanges/1"), "&lt;script&gt;alert(1)")
	for _, h := range []string{"//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/v3/other"} {
		_, header := e.ask(t, http.StatusSeeOther, http.MethodPost, inspector.Root+"clear", url.Values{"back": {h}})
		assert.True(t, strings.HasPrefix(header.Get("Location"), inspector.Root+"?note="), header.Get("Location"))
	}
}

// The list keeps its filter in every address, shows fifty, and answers a poll with nothing where nothing changed.
func TestList(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	for n := range 120 {
		e.store.Add(wxpaytest.Request{Time: time.Now(), Method: "GET", URI: fmt.Sprintf("/v3/certificates?n=%d", n), Route: "GET /v3/certificates", Status: 200, Verdict: "ok", Tag: fmt.Sprint("t", n%2)})
	}
	row := regexp.MustCompile(`<tr id="x(\d+)">`)
	numbers := func(text string) (all []string) {
		for _, found := range row.FindAllStringSubmatch(text, -1) {
			all = append(all, found[1])
		}
		return all
	}
	first := e.get(t, http.StatusOK, inspector.Root)
	assert.Len(t, numbers(first), 50)
	assert.Equal(t, "120", numbers(first)[0])
	assert.Contains(t, first, "获取平台证书列表", "English pages show the Chinese title too")
	second := e.get(t, http.StatusOK, inspector.Root+"?before=71")
	assert.Equal(t, "70", numbers(second)[0])
	assert.NotContains(t, second, "hx-trigger", "an older page stands still")
	assert.Contains(t, second, `<a class="button quiet" rel="prev" href="/_inspector/">`)
	assert.Equal(t, []string{"1"}, numbers(e.get(t, http.StatusOK, inspector.Root+"?before=2")))
	assert.Empty(t, numbers(e.get(t, http.StatusOK, inspector.Root+"?before=1")))

	filtered := e.get(t, http.StatusOK, inspector.Root+"?tag=t1&outcome=ok&q=certificates")
	assert.Len(t, numbers(filtered), 50)
	for _, want := range []string{`hx-get="/_inspector/?outcome=ok&amp;q=certificates&amp;tag=t1"`, `href="/_inspector/?before=22&amp;outcome=ok&amp;q=certificates&amp;tag=t1"`, `href="/_inspector/exchanges/120?outcome=ok&amp;q=certificates&amp;tag=t1"`, `href="/_inspector/exchanges.har?outcome=ok&amp;q=certificates&amp;tag=t1"`} {
		assert.Contains(t, filtered, want)
	}
	one := e.get(t, http.StatusOK, inspector.Root+"exchanges/118?tag=t1")
	assert.Contains(t, one, `href="/_inspector/exchanges/116?tag=t1"`)
	assert.Contains(t, one, `href="/_inspector/exchanges/120?tag=t1"`)

	version := regexp.MustCompile(`data-version="([^"]+)"`).FindStringSubmatch(first)[1]
	assert.Empty(t, e.get(t, http.StatusNoContent, inspector.Root, "HX-Request", "true", "X-Version", version))
	e.store.Add(wxpaytest.Request{Method: "GET", URI: "/new"})
	part := e.get(t, http.StatusOK, inspector.Root, "HX-Request", "true", "X-Version", version)
	assert.NotContains(t, part, "<html")
	assert.Equal(t, "121", numbers(part)[0])

	var har struct {
		Log struct{ Entries []json.RawMessage }
	}
	require.NoError(t, json.Unmarshal([]byte(e.get(t, http.StatusOK, inspector.Root+"exchanges.har?tag=t0")), &har))
	assert.Len(t, har.Log.Entries, 60)
	assert.Contains(t, e.post(t, inspector.Root+"clear", url.Values{"tag": {"t0"}, "back": {inspector.Root + "?tag=t0"}}), "60 exchanges forgotten")
	assert.Len(t, e.store.Find(journal.Filter{}), 61)
}

// The page of a refused signature says why, and where the two texts part.
func TestSignature(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	e.calls(t)
	text := e.get(t, http.StatusOK, inspector.Root+"exchanges/3")
	assert.Contains(t, text, "the query is missing from the text that was signed")
	assert.Contains(t, text, `POST<i class="ctl">↵</i>`+"\n/v3/edu-papay/transactions<mark>?</mark>x=1")
	assert.Contains(t, text, "/v3/edu-papay/transactions<mark>↵</mark>\n")
	for _, want := range []string{"受理扣款", "https://pay.weixin.qq.com/doc/v3/merchant/4012524731", "/_inspector/operations/createTransaction", "must be more than 0", "send an Accept header", "138****0000", `<span class="key">&#34;amount&#34;</span>: {` + "\n    "} {
		assert.Contains(t, text, want)
	}
	chinese := e.get(t, http.StatusOK, inspector.Root+"exchanges/3", "Accept-Language", "zh-CN,zh;q=0.9")
	for _, want := range []string{"签名串缺少查询参数", "应大于 0", "请发送 Accept"} {
		assert.Contains(t, chinese, want)
	}
}

// Buttons do what they say, and the page after them tells what came of it.
func TestButtons(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	e.calls(t)
	route := "POST /v3/edu-papay/transactions"

	assert.Contains(t, e.post(t, inspector.Root+"exchanges/3/replay", url.Values{}), "Sent once more, as number 4")
	x, _ := e.store.Get(4)
	assert.Equal(t, 3, x.Repeats)

	shown := e.post(t, inspector.Root+"faults/inject", url.Values{"route": {route}, "fault": {"slow"}, "value": {"6s"}, "times": {"2"}, "percent": {"50"}, "tag": {"red"}})
	assert.Contains(t, shown, "Set: slow=6s")
	require.Len(t, e.fake.Injections(), 1)
	got := e.fake.Injections()[0]
	assert.Equal(t, wxpaytest.Injection{ID: got.ID, Name: "slow=6s", Route: route, Tag: "red", Times: 2, Probability: 0.5}, got)
	for name, form := range map[string]url.Values{"fault": {"fault": {"odd"}}, "times": {"fault": {"500"}, "times": {"x"}}, "percent": {"fault": {"500"}, "percent": {"x"}}, "chance": {"fault": {"500"}, "percent": {"200"}}, "route": {"fault": {"500"}, "route": {"GET /odd"}}} {
		assert.Contains(t, e.post(t, inspector.Root+"faults/inject", form), `class="note bad"`, name)
	}
	require.Len(t, e.fake.Injections(), 1)
	assert.Contains(t, e.get(t, http.StatusOK, inspector.Root+"faults"), `<option value="429">`)
	at := e.get(t, http.StatusOK, inspector.Root+"faults?route="+url.QueryEscape(route))
	assert.Contains(t, at, `<option value="NOT_ENOUGH">`)
	assert.NotContains(t, at, `<option value="tpns-1008003">`)
	assert.Contains(t, e.post(t, inspector.Root+"faults/withdraw", url.Values{"id": {fmt.Sprint(got.ID)}}), "Taken back")
	assert.Empty(t, e.fake.Injections())
	assert.Contains(t, e.post(t, inspector.Root+"faults/withdraw", url.Values{"id": {"77"}}), "note bad")

	e.post(t, inspector.Root+"state/act", url.Values{"action": {"advance"}, "arg.duration": {"72h"}})
	assert.Equal(t, 72*time.Hour, e.fake.Ahead())
	made := e.post(t, inspector.Root+"state/act", url.Values{"product": {"membercard"}, "action": {"add-card"}, "arg.code_mode": {"SYSTEM_ALLOCATE"}, "arg.card_id": {"card-1"}})
	assert.Contains(t, made, "Done: add-card")
	assert.Contains(t, e.get(t, http.StatusOK, inspector.Root+"state"), "card-1")
	assert.Contains(t, e.post(t, inspector.Root+"state/act", url.Values{"product": {"membercard"}, "action": {"add-card"}, "arg.code_mode": {"ODD"}}), "note bad")

	for _, what := range []string{"faults", "requests", "state", "all"} {
		e.post(t, inspector.Root+"reset", url.Values{"what": {what}, "back": {inspector.Root + "state"}})
	}
	assert.Equal(t, []string{"faults", "requests", "state", "all"}, e.resets)
}

// Callbacks are held, released, sent again in every way, and triggered with a text of one's own.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	var got []string
	arrived := make(chan string, 10)
	shop := http.NewServeMux()
	shop.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { arrived <- r.Header.Get("Wechatpay-Signature") })
	shopAt := serve(t, shop)

	assert.Contains(t, e.post(t, inspector.Root+"callbacks/order", url.Values{"do": {"hold"}}), "callbacks held")
	assert.True(t, e.queue.Held())
	shown := e.post(t, inspector.Root+"callbacks/trigger", url.Values{"event": {"ENTRUST.SIGNING"}, "plaintext": {`{"contract_id":"c-1"}`}, "url": {shopAt + "/n"}})
	assert.Contains(t, shown, "c-1")
	id := e.queue.All()[0].ID
	e.post(t, inspector.Root+"callbacks/order", url.Values{"do": {"release"}})
	got = append(got, <-arrived)
	require.Eventually(t, func() bool { n, _ := e.queue.Get(id); return n.State == callbacks.Delivered }, 10*time.Second, time.Millisecond)
	for _, variant := range append(e.queue.Variants(), "") {
		shown := e.post(t, inspector.Root+"callbacks/"+id+"/resend", url.Values{"variant": {variant}})
		n, _ := e.queue.Get(id)
		last := n.Attempts[len(n.Attempts)-1]
		assert.Equal(t, variant, last.Variant)
		if last.Status != 0 {
			got = append(got, <-arrived)
		}
		assert.Contains(t, shown, last.Why[:20])
	}
	assert.Greater(t, len(got), 10)
	assert.Contains(t, e.post(t, inspector.Root+"callbacks/"+id+"/resend", url.Values{"variant": {"odd"}}), "note bad")
	assert.Contains(t, e.post(t, inspector.Root+"callbacks/trigger", url.Values{"event": {"NO.SUCH"}}), "note bad")
	e.post(t, inspector.Root+"callbacks/order", url.Values{"do": {"twice"}})
	assert.True(t, e.queue.SendsTwice())
	e.post(t, inspector.Root+"callbacks/order", url.Values{"do": {"once"}})
	assert.False(t, e.queue.SendsTwice())
	e.post(t, inspector.Root+"callbacks/order", url.Values{"do": {"hold"}})
	e.post(t, inspector.Root+"callbacks/order", url.Values{"do": {"reverse"}})
	assert.False(t, e.queue.Held())
}

// The form of an operation sends what stands in it; its example is the documented one in plain text.
func TestTry(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	form := e.get(t, http.StatusOK, inspector.Root+"operations/importPhoneNumber")
	assert.Contains(t, form, "&#34;encrypted_phone_number&#34;: &#34;13800138000&#34;")
	assert.NotContains(t, form, "xT+2mZg==&#34;,\n", "nothing encrypted is to be sent")
	shown := e.post(t, inspector.Root+"operations/getUserCard/send", url.Values{"path.card_id": {"c/1"}, "path.code": {"2"}, "query.odd": {"3"}, "body": {"4"}})
	assert.Contains(t, shown, "exchanges/1")
	require.Len(t, e.trials, 1)
	trial := e.trials[0]
	assert.Equal(t, map[string]string{"card_id": "c/1", "code": "2"}, trial.Path)
	assert.Empty(t, trial.Query)
	assert.Nil(t, trial.Body)
	e.post(t, inspector.Root+"operations/listTasks/send", url.Values{"path.package_id": {"1234"}, "query.limit": {"5"}, "query.status": {""}})
	assert.Equal(t, map[string]string{"limit": "5"}, e.trials[1].Query)
	assert.Contains(t, e.post(t, inspector.Root+"operations/echo/send", url.Values{"body": {`refuse`}}), "it cannot be sent")
	e.post(t, inspector.Root+"operations/createTask/send", url.Values{"path.package_id": {"1234"}, "body": {"{}"}, "filename": {"a.txt"}, "filetext": {"1\r\n2\r\n"}})
	assert.Equal(t, "1\n2\n", string(e.trials[3].File))
	assert.Equal(t, "a.txt", e.trials[3].FileName)
	assert.Contains(t, e.get(t, http.StatusOK, inspector.Root+"operations/createTransaction"), "out_trade_no")
}

// The language is that of the address, then of the cookie, then of the browser.
func TestLanguage(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	for _, test := range []struct{ query, cookie, accept, want string }{
		{"", "", "", "en"},
		{"", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"},
		{"", "", "en;q=0.1, zh-TW;q=0.8", "zh-CN"},
		{"", "", "fr, zh;q=0.5", "zh-CN"},
		{"", "", "de-DE", "en"},
		{"", "", ";;;==\x7f", "en"},
		{"", "zh", "en", "zh-CN"},
		{"", "odd", "zh", "zh-CN"},
		{"?lang=en", "zh", "zh", "en"},
		{"?lang=odd", "", "zh", "zh-CN"},
	} {
		text, h := e.ask(t, http.StatusOK, http.MethodGet, inspector.Root+test.query, nil, "Accept-Language", strings.Trim(test.accept, "\x7f"), "Cookie", "wxpay-inspector-lang="+test.cookie)
		assert.Contains(t, text, `<html lang="`+test.want+`"`, "%+v", test)
		assert.Equal(t, test.query == "?lang=en", h.Get("Set-Cookie") != "", "%+v", test)
	}
	assert.Contains(t, e.get(t, http.StatusOK, inspector.Root+"?theme=dark"), `data-theme="dark"`)
	assert.NotContains(t, e.get(t, http.StatusOK, inspector.Root+"?theme=auto"), `data-theme`)
	assert.NotContains(t, e.get(t, http.StatusOK, inspector.Root+"?theme=x"), `data-theme`)
}

// No page shows a key, a password, or what proves who somebody is.
func TestNoSecrets(t *testing.T) {
	t.Parallel()
	e := newEmulator(t)
	e.calls(t)
	for _, path := range append(e.addresses(), "exchanges.har", "exchanges/3/har", "exchanges/3/as/gotest", "exchanges/3/as/sdk", "exchanges/3/as/curl") {
		text := e.get(t, http.StatusOK, inspector.Root+path)
		for _, secret := range []string{wxpaytest.APIv3Key, wxpaytest.BrandAPIKey, wxpaytest.TPNSSecretKey, "PRIVATE KEY"} {
			assert.NotContains(t, text, secret, path)
		}
	}
}
