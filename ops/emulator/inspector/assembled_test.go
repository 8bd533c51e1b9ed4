package inspector_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// In the whole emulator the example of every operation is sent from its page, signed and encrypted as it has to be, and
// what curl sends of it is taken too.
func TestAssembled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	assembled, err := emulator.New(emulator.Config{Dir: dir, Fake: wxpaytest.Options{Unlimited: true}})
	require.NoError(t, err)
	listener, err := emulator.Listen(t.Context(), "127.0.0.1:0", false)
	require.NoError(t, err)
	_, err = assembled.WriteEnv(emulator.BaseOf(listener))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- assembled.Serve(ctx, listener) }()
	t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })

	e := &emulatorAt{base: emulator.BaseOf(listener)}
	catalog, err := api.Load()
	require.NoError(t, err)
	hidden := regexp.MustCompile(`name="((?:path|query|filename)[^"]*)" value="([^"]*)"`)
	area := regexp.MustCompile(`(?s)<textarea name="(body|filetext)"[^>]*>(.*?)</textarea>`)
	chosen := regexp.MustCompile(`(?s)<select name="(query[^"]*)">.*?<option value="([^"]*)" selected>`)
	plain := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&", "&#43;", "+")
	for _, p := range catalog.Products {
		for _, op := range p.Operations {
			page := e.get(t, inspector.Root+"operations/"+op.ID)
			form := url.Values{}
			for _, found := range hidden.FindAllStringSubmatch(page, -1) {
				form.Set(found[1], plain.Replace(found[2]))
			}
			for _, found := range chosen.FindAllStringSubmatch(page, -1) {
				form.Set(found[1], found[2])
			}
			for _, found := range area.FindAllStringSubmatch(page, -1) {
				form.Set(found[1], plain.Replace(found[2]))
			}
			shown := e.post(t, inspector.Root+"operations/"+op.ID+"/send", form)
			assert.Contains(t, shown, `id="h-verdict"`, op.ID)
			assert.NotContains(t, shown, `<b class="chip bad">wrong</b>`, op.ID)
			for _, found := range regexp.MustCompile(`<td>(path|query|header|body)</td>.*</td>`).FindAllString(shown, -1) {
				if !strings.Contains(found, "is not known") { // its own example exists nowhere
					assert.Empty(t, found, op.ID)
				}
			}
			if op.BrandRoute != "" {
				form.Set("brand", "on")
				shown := e.post(t, inspector.Root+"operations/"+op.ID+"/send", form)
				assert.Contains(t, shown, op.BrandRoute[strings.Index(op.BrandRoute, "/brand"):][:20], op.ID)
				assert.NotContains(t, shown, `<b class="chip bad">wrong</b>`, op.ID)
				assert.NotRegexp(t, `<td>(path|query|header|body)</td>.*</td>`, shown, op.ID)
			}
			number := regexp.MustCompile(`<div><dt>#</dt><dd>(\d+)`).FindStringSubmatch(shown)[1]
			script := filepath.Join(t.TempDir(), "script")
			require.NoError(t, os.WriteFile(script, []byte(". '"+dir+"/env'\n"+e.get(t, inspector.Root+"exchanges/"+number+"/as/curl")), 0o600))
			out, err := exec.CommandContext(t.Context(), "sh", script).CombinedOutput()
			require.NoError(t, err, "%s: %s", op.ID, out)
			assert.NotContains(t, string(out), "SIGN_ERROR", op.ID)
			assert.NotContains(t, string(out), "HTTP/1.1 401", op.ID)
			assert.Regexp(t, `(?i)request-id|retCode|ret_code`, string(out), op.ID)
			replayed := e.post(t, inspector.Root+"exchanges/"+number+"/replay", url.Values{})
			assert.Contains(t, replayed, "Sent once more", op.ID)
			assert.NotContains(t, replayed, `<b class="chip bad">wrong</b>`, op.ID)
		}
	}
}

// An emulatorAt is one that listens.
type emulatorAt struct{ base string }

func (e *emulatorAt) get(t *testing.T, path string) string {
	t.Helper()
	return e.ask(t, http.MethodGet, path, nil)
}

// post presses a button and returns the page to which it leads.
func (e *emulatorAt) post(t *testing.T, path string, form url.Values) string {
	t.Helper()
	return e.ask(t, http.MethodPost, path, form)
}

func (e *emulatorAt) ask(t *testing.T, method, path string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.base+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s %s: %s", method, path, text)
	return string(text)
}
