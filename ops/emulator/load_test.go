package emulator_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/emulator"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/security"
)

var (
	storm = flag.Int("storm", 3000, "how many malformed requests TestStorm sends")
	load  = flag.Duration("load", 0, "how long TestLoad sends at full speed; 0: not at all")
)

// malformed are requests that no client in its right mind sends, as they stand on the wire. Of some net/http says 400
// before the emulator sees them, so the journal does not know them.
func malformed(r *rand.Rand) []byte {
	junk := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	word := func(all ...string) string { return all[r.IntN(len(all))] }
	path := word("/v3/security/echo", "/v3/certificates", "/v3/push/app", "/v3/push/package/upload", "/brand/x", "//", "/v3/../../etc", "/%zz", "/_emulator/requests?limit=-1",
		"/_emulator/faults", "/_emulator/reset", "/_inspector/exchanges/99999999999999999999", "/_inspector/%2e%2e/", "*", "http://evil.example/v3/x", "/"+junk(20))
	authorization := word("", "WECHATPAY2-SHA256-RSA2048 ", "WECHATPAY2-SHA256-RSA2048 "+strings.Repeat(`mchid="1",`, 50), `WECHATPAY2-SHA256-RSA2048 mchid="1900000109",nonce_str="n",timestamp="99999999999999999999",serial_no="x",signature="AAAA"`, "Basic !!!")
	body := word("", "{", `{"a":`+strings.Repeat("[", 5000), junk(300), `{"echo_message":"`+strings.Repeat("x", 5000)+`"}`, "--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n{")
	header := "Host: " + word("127.0.0.1", "evil.example", "api.mch.weixin.qq.com", "", junk(5)) + "\r\nContent-Type: " + word("application/json", "multipart/form-data", "multipart/form-data; boundary=b", junk(5)) +
		"\r\nX-Emulator-Fault: " + word("", "429*3", "hang%0", "slow=1h*99", junk(5)) + "\r\nX-Emulator-Tag: " + word("", strings.Repeat("t", 300), junk(10))
	length := fmt.Sprint(len(body))
	if r.IntN(8) == 0 {
		length = word("-1", "99999999999999999999", "7", "0x10")
	}
	return []byte(word("GET", "POST", "DELETE", "PUT", "CONNECT", "OPTIONS", "", junk(4)) + " " + path + " " + word("HTTP/1.1", "HTTP/1.0", "HTTP/9", "") + "\r\n" + header +
		"\r\nAuthorization: " + authorization + "\r\nConnection: close\r\nContent-Length: " + length + "\r\n\r\n" + body)
}

// After rubbish, slow clients and huge bodies the emulator answers as before, and has not grown.
func TestStorm(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, emulator.Config{})
	address := strings.TrimPrefix(s.base, "http://")
	var slow []net.Conn
	for range 50 { // each sends the beginning of a request and then nothing
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		_, err = io.WriteString(c, "POST /v3/security/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
		require.NoError(t, err)
		slow = append(slow, c)
	}
	var left atomic.Int64
	left.Store(int64(*storm))
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			for left.Add(-1) >= 0 {
				c, err := net.Dial("tcp", address)
				if !assert.NoError(t, err) {
					return
				}
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				_, _ = c.Write(malformed(r))
				_ = c.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<16))
				_ = c.Close()
			}
		})
	}
	for _, path := range []string{"/v3/security/echo", "/v3/nothing", "/_emulator/faults"} {
		resp, err := http.Post(s.base+path, "application/json", io.LimitReader(zeros{}, 40<<20))
		if err == nil { // it may hang up on so much
			assert.GreaterOrEqual(t, resp.StatusCode, 400, path)
			_ = resp.Body.Close()
		}
	}
	all.Wait()
	require.NoError(t, s.Reset(emulator.ResetFaults))
	_, err := security.New(s.client()).Echo(t.Context(), security.EchoParams{EchoMessage: "hello", EncryptedEchoMessage: "x"})
	require.NoError(t, err)
	status, _ := s.api("GET", "requests?limit=1", "")
	assert.Equal(t, 200, status)
	resp, err := http.Get(s.base + "/_inspector/")
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, 200, resp.StatusCode)
	for _, c := range slow {
		_ = c.Close()
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	assert.Less(t, m.HeapAlloc, uint64(150<<20), "it keeps what it was sent")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// BenchmarkSigned makes signed calls with a sealed field over a socket, from all cores; the client's work counts too.
func BenchmarkSigned(b *testing.B) {
	dir := b.TempDir()
	e, err := emulator.New(emulator.Config{Dir: dir})
	require.NoError(b, err)
	listener, err := emulator.Listen(b.Context(), "127.0.0.1:0", false)
	require.NoError(b, err)
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(b.Context(), listener) }()
	config := e.Fake().Config()
	config.BaseURL, config.BackupURL, config.HTTPClient = emulator.BaseOf(listener), "", nil
	client, err := wxpay.New(config)
	require.NoError(b, err)
	service := bankpackages.New(client)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := service.ListTasks(b.Context(), bankpackages.ListTasksParams{PackageID: "8473295"}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// TestLoad sends at full speed to an emulator in a process of its own while somebody looks at its page, and tells of the rate,
// of the page's time, and of the memory. Run it with -load 10s -v.
func TestLoad(t *testing.T) {
	if *load == 0 {
		t.Skip("only with -load 10s: it measures, and judges nothing")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "wxpay")
	said, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/wxpay").CombinedOutput()
	require.NoError(t, err, "%s", said)
	process := exec.CommandContext(t.Context(), binary, "emulate", "--addr", "127.0.0.1:0", "--dir", filepath.Join(dir, "d"), "--unlimited", "--quiet")
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	first, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	base := strings.TrimSpace(first)
	text, err := os.ReadFile(filepath.Join(dir, "d", "env"))
	require.NoError(t, err)
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		env[name] = strings.Trim(value, "'")
	}
	config, err := wxpay.ConfigFrom(func(name string) string { return env[name] })
	require.NoError(t, err)
	client, err := wxpay.New(config)
	require.NoError(t, err)
	resident := func() string {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.Process.Pid))
		_, rest, _ := strings.Cut(string(status), "VmRSS:")
		_, peak, _ := strings.Cut(string(status), "VmHWM:")
		return strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]) + ", at most " + strings.TrimSpace(strings.SplitN(peak, "\n", 2)[0])
	}
	for _, kind := range []string{"GET", "POST", "2 MB"} {
		var n atomic.Int64
		var workers sync.WaitGroup
		end := time.Now().Add(*load)
		for range 8 {
			workers.Go(func() {
				file := []byte("--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n" +
					strings.Repeat("A", 1_900_000) + "\r\n--b--\r\n")
				for time.Now().Before(end) {
					switch kind {
					case "GET":
						_, err := bankpackages.New(client).ListTasks(t.Context(), bankpackages.ListTasksParams{PackageID: "8473295"})
						assert.NoError(t, err)
					case "POST":
						_, err := security.New(client).Echo(t.Context(), security.EchoParams{EchoMessage: strings.Repeat("hello ", 100), EncryptedEchoMessage: "x"})
						assert.NoError(t, err)
					default:
						resp, err := http.Post(base+"/v3/marketing/bank/packages/8473295/tasks", "multipart/form-data; boundary=b", bytes.NewReader(file)) // refused, and kept
						if assert.NoError(t, err) {
							_, _ = io.Copy(io.Discard, resp.Body)
							_ = resp.Body.Close()
						}
					}
					n.Add(1)
				}
			})
		}
		var page []time.Duration
		for time.Now().Before(end) {
			start := time.Now()
			resp, err := http.Get(base + "/_inspector/")
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			page = append(page, time.Since(start))
			time.Sleep(time.Second)
		}
		workers.Wait()
		slices.Sort(page)
		t.Logf("%-5s %6.0f calls/s, the page in %s at worst, resident %s", kind, float64(n.Load())/load.Seconds(), page[len(page)-1].Round(time.Millisecond), resident())
	}
	require.NoError(t, process.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, process.Wait())
}
