//go:build clients

package clients

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/emulator"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A script is a program of another language. With the argument calls it makes calls of every kind and looks at the
// answers itself; with receive it prints the URL where it takes notifications.
type script struct {
	args   []string
	in     string   // folder
	before []string // makes it ready
	advice map[wxpaytest.Mode][]string
}

const noSerial = "Wechatpay-Serial is missing"

func scripts() map[string]script {
	npm := []string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"}
	return map[string]script{
		"axios-plugin": {args: []string{"node", "axios-plugin.js"}, in: "node", before: npm, advice: map[wxpaytest.Mode][]string{
			wxpaytest.PublicKey:    {noSerial, noSerial, "the part meta comes after the file", noSerial},
			wxpaytest.Certificates: {"the part meta comes after the file"},
		}},
		"php": {args: []string{"php", "client.php"}, in: "php", advice: map[wxpaytest.Mode][]string{
			wxpaytest.PublicKey: {noSerial, noSerial, noSerial},
		}},
		"python": {args: []string{"/usr/bin/python3", "client.py"}, in: "python", advice: map[wxpaytest.Mode][]string{
			wxpaytest.PublicKey: {noSerial, noSerial},
		}},
		"java": {args: []string{"java", "Client.java"}, in: "java", advice: map[wxpaytest.Mode][]string{
			wxpaytest.PublicKey: {noSerial, noSerial, noSerial},
		}},
		"node-v3": {args: []string{"node", "node-v3.js"}, in: "node", before: npm, advice: map[wxpaytest.Mode][]string{
			wxpaytest.PublicKey:    {noSerial, "the part meta comes after the file", noSerial},
			wxpaytest.Certificates: {"the part meta comes after the file"},
		}},
	}
}

func run(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", strings.Join(args, " "), out)
}

// environ is the environment that the emulator writes, and a card.
func (s *stand) environ() []string {
	list := []string{"CARD=" + s.fake.AddCard("SYSTEM_ALLOCATE")}
	for name, value := range s.env {
		list = append(list, name+"="+value)
	}
	return list
}

func TestScripts(t *testing.T) {
	ready := map[string]bool{}
	for _, sc := range scripts() {
		if sc.before != nil && !ready[sc.in] {
			run(t, sc.in, nil, sc.before...)
			ready[sc.in] = true
		}
	}
	for name, sc := range scripts() {
		for way, mode := range map[string]wxpaytest.Mode{"public key": wxpaytest.PublicKey, "certificates": wxpaytest.Certificates} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				s := start(t, mode)
				env := s.environ()
				run(t, sc.in, env, append(sc.args, "calls")...)
				s.taken(sc.advice[mode])
				s.notified(receiver(t, sc.in, env, append(sc.args, "receive")...))
			})
		}
	}
}

// By https they trust the root of the emulator as the paper tells their users, and nobody who does not do that.
func TestScriptsByTLS(t *testing.T) {
	s := start(t, wxpaytest.PublicKey)
	address := s.secure()
	ca := filepath.Join(s.dir, "ca.pem")
	store := filepath.Join(t.TempDir(), "trust.jks")
	run(t, ".", nil, "keytool", "-importcert", "-noprompt", "-alias", "wxpay", "-file", ca, "-keystore", store, "-storepass", "changeit")
	env := append(s.environ(), "WXPAY_BASE_URL=https://"+address)
	for name, test := range map[string]struct {
		dir      string
		env      string
		trusting []string
		bare     []string
	}{
		"node":   {"node", "NODE_EXTRA_CA_CERTS=" + ca, []string{"node", "node-v3.js", "calls"}, []string{"node", "node-v3.js", "calls"}},
		"python": {"python", "SSL_CERT_FILE=" + ca, []string{"/usr/bin/python3", "client.py", "calls"}, []string{"/usr/bin/python3", "client.py", "calls"}},
		"php":    {"php", "", []string{"php", "-d", "curl.cainfo=" + ca, "client.php", "calls"}, []string{"php", "client.php", "calls"}},
		"java":   {"java", "", []string{"java", "-Djavax.net.ssl.trustStore=" + store, "-Djavax.net.ssl.trustStorePassword=changeit", "Client.java", "calls"}, []string{"java", "Client.java", "calls"}},
		"curl, by the platform's name": {".", "", []string{
			"curl", "-sS", "--cacert", ca, "--connect-to", "api.mch.weixin.qq.com:443:" + address, "https://api.mch.weixin.qq.com/v3/certificates",
		}, []string{"curl", "-sS", "--connect-to", "api.mch.weixin.qq.com:443:" + address, "https://api.mch.weixin.qq.com/v3/certificates"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.fresh()
			cmd := exec.CommandContext(t.Context(), test.bare[0], test.bare[1:]...)
			cmd.Dir, cmd.Env = test.dir, append(os.Environ(), env...)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "%s", out)
			require.Empty(t, s.fresh())
			run(t, test.dir, append(env, test.env), test.trusting...)
			assert.NotEmpty(t, s.fresh())
			require.NoError(t, s.emulator.Reset(emulator.ResetState)) // a name of a file is taken once
			s.fake = s.emulator.Fake()
			env = append(s.environ(), "WXPAY_BASE_URL=https://"+address)
		})
	}
}

// taken looks at the exchanges of a script: all were taken, but for the one that asks for a page that is too large.
func (s *stand) taken(advice []string) {
	s.t.Helper()
	var given []string
	refused := 0
	for _, x := range s.fresh() {
		if x.Verdict != "ok" {
			refused++
			assert.Equal(s.t, "PARAM_ERROR", x.Code, "%s %s: %s", x.Method, x.URI, x.Verdict)
		}
		given = append(given, x.Advice...)
	}
	assert.Equal(s.t, 1, refused)
	if assert.Len(s.t, given, len(advice), "%q", given) {
		for i := range advice {
			assert.Contains(s.t, given[i], advice[i])
		}
	}
}

// receiver runs a script that receives notifications, until the test ends, and returns where.
func receiver(t *testing.T, dir string, env []string, args ...string) (url string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "%s", &trouble)
	return strings.TrimSpace(line)
}
