//go:build clients

package clients

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
