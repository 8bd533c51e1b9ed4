//go:build services

package otel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every question of the dashboard gets an answer from a real Prometheus that scrapes a real backend.
func TestPrometheusAnswers(t *testing.T) {
	w := newWorld(t)
	w.watch(time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			w.turn(context.WithoutCancel(ctx))
			time.Sleep(300 * time.Millisecond)
		}
	}()
	ran := make(chan struct{})
	go func() { defer close(ran); w.run(ctx, "autumn", 100_000, 50) }()
	t.Cleanup(func() { cancel(); <-ended; <-ran })
	address := startPrometheus(t, w.scrape)

	d := readDashboard(t)
	ask := func(path string, query url.Values) (result []any) {
		resp, err := http.Get("http://" + address + path + "?" + query.Encode())
		require.NoError(t, err)
		defer resp.Body.Close()
		var answer struct {
			Status, Error string
			Data          json.RawMessage
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
		require.Equal(t, "success", answer.Status, "%s: %s", query, answer.Error)
		var vector struct{ Result []any }
		if json.Unmarshal(answer.Data, &vector) != nil {
			require.NoError(t, json.Unmarshal(answer.Data, &result))
			return result
		}
		return vector.Result
	}
	values := strings.NewReplacer("$__rate_interval", "10s", "$sender", ".*", "$job", ".*", "$route", ".+")
	for _, e := range d.exprs() {
		assert.Eventually(t, func() bool { return len(ask("/api/v1/query", url.Values{"query": {values.Replace(e[1])}})) > 0 },
			time.Minute, 500*time.Millisecond, "%s: nothing answers %s", e[0], e[1])
	}
	variables := 0
	for _, v := range d.Templating.List {
		m := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition)
		if v.Type != "query" {
			continue
		}
		require.NotNil(t, m, v.Name)
		variables++
		assert.NotEmpty(t, ask("/api/v1/label/"+m[2]+"/values", url.Values{"match[]": {values.Replace(m[1])}}), v.Name)
	}
	assert.Equal(t, 3, variables)

	guide, err := os.ReadFile("../../docs/telemetry.md")
	require.NoError(t, err)
	alerts := 0
	for _, m := range regexp.MustCompile("(?m)^\\| .*`([a-z_]+\\(.*|wxpay_.*) (?:[<>]|==) [0-9.]+`").FindAllStringSubmatch(string(guide), -1) {
		alerts++
		ask("/api/v1/query", url.Values{"query": {strings.ReplaceAll(m[1], `\|`, "|")}}) // it can be asked; nothing has to be wrong
	}
	assert.Equal(t, 6, alerts)
}

// startPrometheus starts one that scrapes every second, until the test ends.
func startPrometheus(t *testing.T, scrape http.Handler) (address string) {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	require.NoError(t, err, "apt-get install -y --no-install-recommends prometheus")
	backend := httptest.NewServer(scrape)
	t.Cleanup(backend.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address = listener.Addr().String()
	require.NoError(t, listener.Close())
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: backend, static_configs: [{targets: [%q]}]}]\n", backend.Listener.Addr())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600))
	cmd := exec.Command(path, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 100*time.Millisecond, "prometheus does not start")
	return address
}
