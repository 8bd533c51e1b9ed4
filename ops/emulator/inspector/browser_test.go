//go:build browser

package inspector_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/security"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// screenshots says where the pictures for the documents go.
var screenshots = flag.String("screenshots", "", "folder for the pictures of docs/emulator.md")

// A browser is a tab that notes what goes wrong in it.
type browser struct {
	context.Context
	t    *testing.T
	base string

	mu      sync.Mutex
	trouble []string
}

// started is the browser of all tests.
var started = sync.OnceValues(func() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 800), chromedp.Flag("lang", "en"), chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	stops = append(stops, stop)
	ctx, stop = chromedp.NewContext(ctx)
	stops = append(stops, stop)
	return ctx, chromedp.Do(ctx)
})

var stops []func()

func TestMain(m *testing.M) {
	code := m.Run()
	slices.Reverse(stops)
	for _, stop := range stops {
		stop()
	}
	os.Exit(code)
}

func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, err := started()
	require.NoError(t, err, "this test needs Chromium")
	return ctx
}

func open(t *testing.T, e *rig) *browser {
	t.Helper()
	ctx, stop := chromedp.NewContext(chromium(t), chromedp.WithNewBrowserContext()) // with cookies of its own
	t.Cleanup(stop)
	require.NoError(t, chromedp.Do(ctx)) // the tab lives as long as this context
	ctx, end := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(end)
	b := &browser{Context: ctx, t: t, base: e.URL}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		switch ev := event.(type) {
		case *log.EventEntryAdded:
			if ev.Entry.Level == log.EntryLevelError || ev.Entry.Source == log.EntrySourceSecurity {
				b.bad(string(ev.Entry.Source) + ": " + ev.Entry.Text + " " + ev.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			b.bad("exception: " + ev.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
				b.bad(fmt.Sprintf("console: %v", ev.Args))
			}
		case *page.EventJavascriptDialogOpening:
			b.bad("a dialog opened: " + ev.Message)
		}
	}))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		assert.Empty(t, b.trouble, "what the browser complained of")
	})
	return b
}

func (b *browser) bad(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble = append(b.trouble, text)
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	err := chromedp.Do(b, actions...)
	for range 5 { // the page was replaced between looking for a node and using it: nothing happened yet
		if err == nil || !strings.Contains(err.Error(), "No node with given id") {
			break
		}
		err = chromedp.Do(b, actions...)
	}
	require.NoError(b.t, err)
}

// visit opens a page of the inspector.
func (b *browser) visit(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.base+inspector.Root+path), chromedp.WaitReady(chromedp.CSS("main")))
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	text, err := chromedp.Run(b, chromedp.Text(chromedp.CSS(selector)))
	require.NoError(b.t, err)
	return text
}

// eval returns what an expression is.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err)
	return v
}

// do runs a statement.
func (b *browser) do(statement string) {
	b.t.Helper()
	eval[bool](b, "(() => { "+statement+"; return true; })()")
}

// until waits for an expression to be true, on this page or the next.
func (b *browser) until(expression string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		ok, err := chromedp.Run(b, chromedp.Evaluate[bool]("!!("+expression+")"))
		return ok && err == nil
	}, 30*time.Second, 20*time.Millisecond, expression)
}

// at waits for a page to be there.
func (b *browser) at(path string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, inspector.Root+path))
}

// scheme is what the system says of light and dark.
func (b *browser) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
	require.NoError(b.t, err)
}

func (b *browser) press(keys string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(keys))
}

// ask makes a call that is right but for what it says.
func (e *rig) list(t testing.TB) error {
	t.Helper()
	_, err := bankpackages.New(e.fake.Client()).ListTasks(wxpay.WithAttempts(t.Context(), 1), bankpackages.ListTasksParams{PackageID: "8473295"})
	return err
}

// signedWrongly sends a request whose signature forgets the query.
func (e *rig) signedWrongly(t testing.TB) {
	t.Helper()
	const path, query = "/v3/edu-papay/transactions/out-trade-no/20261129001", "?sub_mchid=1900000109"
	key, ok := e.fake.Config().PrivateKey.(*rsa.PrivateKey)
	require.True(t, ok)
	stamp, nonce := fmt.Sprint(time.Now().Unix()), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
	sum := sha256.Sum256([]byte("GET\n" + path + "\n" + stamp + "\n" + nonce + "\n\n"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+path+query, nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "my-shop/1.0")
	req.Header.Set("Authorization", fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		wxpaytest.MchID, nonce, base64.StdEncoding.EncodeToString(signature), stamp, e.fake.Config().SerialNo))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

// What a client sends appears by itself, and a refused signature shows why and where the two texts part.
func TestBrowserLive(t *testing.T) {
	e := newEmulator(t)
	b := open(t, e)
	b.visit("")
	assert.Contains(t, b.text("#rows"), "Nothing yet")
	require.NoError(t, e.list(t))
	b.run(chromedp.WaitVisible(chromedp.CSS("#x1")))
	assert.Contains(t, b.text("#x1"), "查询上传任务列表")
	assert.Contains(t, b.text("#x1 .status"), "200")

	e.signedWrongly(t)
	b.run(chromedp.WaitVisible(chromedp.CSS("#x2")), chromedp.Click(chromedp.CSS("#x2 .call a")), chromedp.WaitVisible(chromedp.CSS("#h-sign")))
	assert.NotEmpty(t, b.text(".reason"))
	expected := eval[string](b, `document.querySelectorAll(".twins figure pre mark")[0].textContent`)
	signed := eval[string](b, `document.querySelectorAll(".twins figure pre mark")[1].textContent`)
	assert.Equal(t, "?", expected)
	assert.Equal(t, "↵", signed)
	assert.Contains(t, eval[string](b, `document.querySelector(".twins figure pre").textContent`), "20261129001?sub_mchid=1900000109↵")
}

// The list can be paused, and goes on.
func TestBrowserPause(t *testing.T) {
	e := newEmulator(t)
	b := open(t, e)
	require.NoError(t, e.list(t))
	b.visit("")
	b.run(chromedp.WaitVisible(chromedp.CSS("#pause")), chromedp.Click(chromedp.CSS("#pause")))
	require.NoError(t, e.list(t))
	asked := eval[float64](b, `performance.getEntriesByType("resource").length`)
	b.run(chromedp.Sleep(2500 * time.Millisecond)) // nothing is to happen, which takes its time
	assert.False(t, eval[bool](b, `!!document.querySelector("#x2")`))
	assert.LessOrEqual(t, eval[float64](b, `performance.getEntriesByType("resource").length`), asked+1)
	b.press("p")
	b.run(chromedp.WaitVisible(chromedp.CSS("#x2")))
}

// A fault that is set on the page hits the next call of that route, and no other.
func TestBrowserFault(t *testing.T) {
	e := newEmulator(t)
	b := open(t, e)
	b.visit("operations/listTasks")
	b.run(chromedp.Click(chromedp.CSS(`#h-errors ~ div form button[aria-label$="INVALID_REQUEST"]`)), chromedp.WaitVisible(chromedp.CSS(".note.good")))
	assert.ErrorIs(t, e.list(t), wxpay.CodeInvalidRequest)
	assert.NoError(t, e.list(t))

	b.visit("faults")
	b.run(chromedp.SetValue(chromedp.CSS(`select[name="route"]`), "GET /v3/marketing/bank/packages/{package_id}/tasks"))
	b.until(`location.search.includes("route=") && !!document.querySelector("#fault option[value='429']")`)
	b.run(chromedp.SetValue(chromedp.CSS("#fault"), "429"), chromedp.Submit(chromedp.CSS("#fault")), chromedp.WaitVisible(chromedp.CSS(".note.good")))
	assert.ErrorIs(t, e.list(t), wxpay.CodeFrequencyLimited)
	assert.NoError(t, e.list(t))
	b.visit("faults")
	assert.Contains(t, b.text("#h-set ~ div table"), "429")
}

// A callback is sent again, and the page says what came of it.
func TestBrowserCallback(t *testing.T) {
	e := newEmulator(t)
	b := open(t, e)
	var arrived atomic.Int32
	shop := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	b.visit("callbacks?event=ENTRUST.SIGNING")
	b.run(chromedp.SetValue(chromedp.CSS(`input[name="url"]`), shop+"/notify"), chromedp.Submit(chromedp.CSS(`input[name="url"]`)), chromedp.WaitVisible(chromedp.CSS(".note.good")))
	require.Eventually(t, func() bool { all := e.queue.All(); return len(all) == 1 && all[0].State == callbacks.Delivered }, 20*time.Second, 10*time.Millisecond)
	before := arrived.Load()
	b.visit("callbacks")
	b.run(chromedp.Click(chromedp.CSS(`#rows form button`)), chromedp.WaitVisible(chromedp.CSS(".note")))
	assert.Equal(t, before+1, arrived.Load())
	b.run(chromedp.SetValue(chromedp.CSS(`select[name="variant"]`), "forged"), chromedp.Submit(chromedp.CSS(`select[name="variant"]`)))
	b.until(`document.querySelector(".note")?.textContent.includes("the receiver must refuse it")`)
	assert.Equal(t, before+2, arrived.Load())
}

// Scripts in what clients send stay text: nothing runs, nothing loads, and the browser has no complaint.
func TestBrowserScriptsStayText(t *testing.T) {
	e := newEmulator(t)
	b := open(t, e)
	const script = `<script>window.hit=1</script><img src=x onerror="window.hit=2">"'><svg onload=window.hit=3>`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/v3/security/echo?a="+url.QueryEscape(script)+"&b='\"><x>", strings.NewReader(`{"a":"`+strings.ReplaceAll(script, `"`, `\"`)+`"}`))
	require.NoError(t, err)
	req.URL.RawQuery += "&raw=<script>"
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Emulator-Tag", script)
	req.Header.Set("X-Evil", script)
	req.Header.Set("Authorization", `WECHATPAY2-SHA256-RSA2048 mchid="`+script+`"`)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	e.store.Add(wxpaytest.Request{Method: script, URI: script, Body: script, Answer: script, Verdict: script, Fault: script, Advice: []string{script}, Header: http.Header{"A": {script}}, Signature: &wxpaytest.Signature{Expected: script, Signed: "x" + script, Reason: script}})
	id, err := e.queue.Trigger(t.Context(), "ENTRUST.SIGNING", json.RawMessage(`{"a":"`+strings.ReplaceAll(script, `"`, `\"`)+`"}`), "")
	require.NoError(t, err)
	for _, path := range []string{"", "exchanges/1", "exchanges/2", "callbacks", "callbacks/" + id, "?q=" + url.QueryEscape(script)} {
		b.visit(path)
		b.run(chromedp.Sleep(50 * time.Millisecond))
		assert.Equal(t, "undefined", eval[string](b, `typeof window.hit`), path)
		assert.Zero(t, eval[int](b, `document.querySelectorAll("main script, main svg, main img").length`), path)
	}
	b.visit("")
	assert.Contains(t, b.text("#rows"), "<script>")
}

// No page makes the browser complain, in either language; on a phone none scrolls sideways; and all text stands out
// from its ground, by day and by night.
func TestBrowserAllPages(t *testing.T) {
	e := newEmulator(t, shop(t))
	e.show(t)
	b := open(t, e)
	const contrast = `(() => {
		const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
		const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
		const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
		const read = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
		const bad = new Set();
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let n; (n = walker.nextNode());) {
			if (!n.textContent.trim()) continue;
			const el = n.parentElement, style = getComputedStyle(el);
			if (!el.checkVisibility() || el.closest(".unseen, .skip") || el.tagName === "OPTION" || el.tagName === "OPTGROUP") continue;
			let ground = el;
			while (ground && read(getComputedStyle(ground).backgroundColor)[3] < 255) ground = ground.parentElement;
			const a = light(read(style.color)), b = light(read(getComputedStyle(ground ?? document.body).backgroundColor));
			const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (ratio < 4.5) bad.add(el.tagName + "." + el.className + " " + ratio.toFixed(2) + " " + n.textContent.trim().slice(0, 30));
		}
		return [...bad];
	})()`
	const labels = `[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button")].filter((e) => e.checkVisibility() && !e.labels?.length && !e.getAttribute("aria-label") && !e.textContent.trim()).map((e) => e.outerHTML.slice(0, 120))`
	addresses := e.addresses()
	for _, lang := range []string{"en", "zh"} {
		b.run(chromedp.EmulateViewport(1280, 800))
		for n, path := range addresses {
			if strings.HasPrefix(path, "operations/") && n%6 != 0 { // they are alike
				continue
			}
			join := "?"
			if strings.Contains(path, "?") {
				join = "&"
			}
			scheme := []string{"light", "dark"}[n%2]
			if lang == "zh" {
				scheme = []string{"dark", "light"}[n%2]
			}
			b.run(chromedp.EmulateViewport(1280, 800))
			b.scheme(scheme)
			b.visit(path + join + "lang=" + lang)
			b.do(`document.querySelectorAll("details").forEach((d) => d.open = true)`)
			assert.Empty(t, eval[[]string](b, contrast), "%s in %s, %s", path, lang, scheme)
			assert.Empty(t, eval[[]string](b, labels), "%s in %s", path, lang)
			b.run(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
			assert.LessOrEqual(t, eval[float64](b, `Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)`), 360.0, "%s in %s scrolls sideways", path, lang)
		}
	}
}

// Everything is within reach of the keyboard.
func TestBrowserKeys(t *testing.T) {
	e := newEmulator(t)
	for range 3 {
		require.NoError(t, e.list(t))
	}
	b := open(t, e)
	b.visit("")
	b.press("/")
	assert.Equal(t, "search", eval[string](b, `document.activeElement.id`))
	b.do(`document.activeElement.value = ""`) // the protocol writes the slash although its key was taken
	b.press("jk")
	assert.Equal(t, "jk", eval[string](b, `document.activeElement.value`), "letters are letters where one writes")
	b.press(kb.Escape)
	b.press("j")
	assert.Equal(t, "x3", eval[string](b, `document.activeElement.closest("tr").id`))
	b.press("j")
	b.press("j")
	b.press("j")
	assert.Equal(t, "x1", eval[string](b, `document.activeElement.closest("tr").id`))
	b.press("k")
	assert.NotEqual(t, "none", eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`), "the focus is seen")
	require.NoError(t, e.list(t))
	b.run(chromedp.WaitVisible(chromedp.CSS("#x4")))
	assert.Equal(t, "x2", eval[string](b, `document.activeElement.closest("tr")?.id`), "a new row does not take the focus away")
	b.press(kb.Enter)
	b.at("exchanges/2")
	b.press("k")
	b.at("exchanges/3")
	b.press("u")
	b.at("")
	for key, path := range map[string]string{"c": "callbacks", "s": "state", "f": "faults", "o": "operations", "h": "help", "e": ""} {
		b.press("g")
		b.press(key)
		b.at(path)
	}
	b.press("?")
	b.at("help")
}

// Copying works: what is signed is fetched anew.
func TestBrowserCopy(t *testing.T) {
	e := newEmulator(t)
	require.NoError(t, e.list(t))
	b := open(t, e)
	b.visit("exchanges/1")
	b.do(`navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }`)
	for target, want := range map[string]string{"curl": "curl -sS", "gotest": "func TestExchange1", "sdk": "bankpackages.New(client).ListTasks"} {
		b.run(chromedp.Click(chromedp.CSS(fmt.Sprintf(`button[data-copy=%q]`, target))))
		b.until(fmt.Sprintf(`(window.copied ?? "").includes(%q) && document.querySelector("button[data-copy=%s]").textContent === "Copied"`, want, target))
	}
}

// Light and dark follow the system, and a switch overrules it.
func TestBrowserDark(t *testing.T) {
	e := newEmulator(t)
	b := open(t, e)
	ground := func() string { return eval[string](b, `getComputedStyle(document.body).backgroundColor`) }
	b.scheme("light")
	b.visit("")
	light := ground()
	b.scheme("dark")
	dark := ground()
	assert.NotEqual(t, light, dark)
	b.run(chromedp.Click(chromedp.CSS(`.themes a[href*="theme=light"]`)), chromedp.WaitReady(chromedp.CSS(`html[data-theme="light"]`)))
	assert.Equal(t, light, ground())
	b.visit("help")
	assert.Equal(t, light, ground(), "the choice is kept")
}

// While 500 exchanges a second arrive the list stays live, with fifty rows.
func TestBrowserStorm(t *testing.T) {
	e := newEmulator(t)
	b := open(t, e)
	require.NoError(t, e.list(t))
	b.visit("")
	model := e.store.Find(journal.Filter{})[0].Request
	ctx, stop := context.WithCancel(t.Context())
	var sent atomic.Int64
	var storm sync.WaitGroup
	storm.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			for range 5 {
				r := model
				r.Time = time.Now()
				e.store.Add(r)
				sent.Add(1)
			}
		}
	})
	b.do(`window.swaps = 0; document.addEventListener("htmx:after:swap", () => { window.swaps++; })`)
	started := time.Now()
	b.until(`window.swaps >= 8`)
	b.press("/")
	assert.Equal(t, "search", eval[string](b, `document.activeElement.id`))
	behind := int(sent.Load()) - eval[int](b, `Number(document.querySelector("#rows").dataset.newest)`)
	took := time.Since(started)
	stop()
	storm.Wait()
	assert.LessOrEqual(t, eval[int](b, `document.querySelectorAll("#rows tbody tr").length`), 50)
	t.Logf("%.0f exchanges a second for %s: 8 updates of the list, %d exchanges behind at the end", float64(sent.Load())/took.Seconds(), took.Round(100*time.Millisecond), behind)
	b.until(fmt.Sprintf(`document.querySelector("#rows").dataset.newest === "%d"`, e.store.Find(journal.Filter{Limit: 1})[0].Number))
}

// Without scripts everything can be read, and forms work.
func TestBrowserWithoutScripts(t *testing.T) {
	e := newEmulator(t)
	require.NoError(t, e.list(t))
	b := open(t, e)
	_, err := chromedp.Call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(t, err)
	b.visit("")
	b.run(chromedp.WaitVisible(chromedp.CSS("#x1")), chromedp.Click(chromedp.CSS("#x1 .call a")), chromedp.WaitVisible(chromedp.CSS("#h-request")))
	b.visit("state")
	b.run(chromedp.Click(chromedp.CSS(`button[value="72h"]`)), chromedp.WaitVisible(chromedp.CSS(".note.good")))
	assert.Equal(t, 72*time.Hour, e.fake.Ahead())
}

// shop is a merchant that takes every notification, and refuses the first.
func shop(t testing.TB) string {
	var n atomic.Int32
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})) + "/notify"
}

// show fills the emulator with what a morning of work looks like.
func (e *rig) show(t testing.TB) {
	t.Helper()
	ctx := wxpay.WithAttempts(t.Context(), 1)
	client := e.fake.Client()
	edu, cards := edupapay.New(client), membercard.New(client)
	_, err := security.New(client).Echo(ctx, security.EchoParams{EchoMessage: "hello"})
	require.NoError(t, err)
	ids := e.fake.AddContracts("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "wx8888888888888888", "12535", 1)
	_, err = edu.GetContract(ctx, edupapay.GetContractParams{ContractID: ids[0], AppID: "wx8888888888888888"})
	require.NoError(t, err)
	card := e.fake.AddCard("SYSTEM_ALLOCATE")
	_, err = cards.GetCard(ctx, membercard.GetCardParams{CardID: card})
	require.NoError(t, err)
	err = cards.ImportPhoneNumber(ctx, membercard.ImportPhoneNumberParams{})
	require.Error(t, err)
	_, err = cards.GetCard(ctx, membercard.GetCardParams{CardID: "pbLatjvWOibDc5"})
	require.Error(t, err)
	require.NoError(t, e.list(t))
	e.signedWrongly(t)
	require.NoError(t, e.fake.Inject("", "429", 1))
	require.Error(t, e.list(t))
	require.NoError(t, e.list(t))
	debit := edupapay.CreateTransactionParams{AppID: "wx8888888888888888", Body: "语文课程", OutTradeNo: "20261129001", NotifyURL: "https://shop.example/notify", ContractID: ids[0], Amount: edupapay.DebitAmount{Total: 888, Currency: "CNY"}, TradeScene: "EDUCATION_PERIOD", DeviceInformation: edupapay.DeviceInformation{DeviceIP: "123.12.12.123"}}
	require.NoError(t, edu.SendDebitNotice(ctx, edupapay.SendDebitNoticeParams{ContractID: ids[0], AppID: debit.AppID}))
	e.fake.Advance(48 * time.Hour)
	require.NoError(t, edu.CreateTransaction(ctx, debit))
	_, err = edu.GetTransactionByOutTradeNo(ctx, edupapay.GetTransactionByOutTradeNoParams{OutTradeNo: "20261129001"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { all := e.queue.All(); return len(all) > 0 && all[0].State == callbacks.Delivered }, 20*time.Second, 10*time.Millisecond)
}

// Pictures for the documents; they are small.
func TestBrowserPictures(t *testing.T) {
	e := newEmulator(t, shop(t))
	e.show(t)
	b := open(t, e)
	dir := *screenshots
	if dir == "" {
		dir = t.TempDir()
	}
	refused := e.store.Find(journal.Filter{Outcome: "signature"})[0].Number
	debit := e.store.Find(journal.Filter{Route: "POST /v3/edu-papay/transactions"})[0].Number
	for name, at := range map[string]struct {
		path   string
		height int64
	}{
		"list":      {"?theme=light", 560},
		"exchange":  {fmt.Sprintf("exchanges/%d?theme=light", debit), 900},
		"signature": {fmt.Sprintf("exchanges/%d?theme=light", refused), 760},
	} {
		for lang, suffix := range map[string]string{"en": "", "zh": ".zh-CN"} {
			b.run(chromedp.EmulateViewport(1200, at.height))
			b.visit(at.path + "&lang=" + lang)
			picture, err := chromedp.Run(b, chromedp.CaptureScreenshot())
			require.NoError(t, err)
			assert.Less(t, len(picture), 200<<10, name+suffix)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "emulator-"+name+suffix+".png"), picture, 0o644))
		}
	}
}
