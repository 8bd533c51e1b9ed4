//go:build clients

package clients

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/emulator"
)

// A snippet is one fenced block of the paper on the emulator.
type snippet struct {
	language, code string
	line           int
	run            bool // no comment before it says that it is not run
}

func snippets(t *testing.T, path string) (list []snippet) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var open *snippet
	skip, number := false, 0
	for line := range strings.Lines(string(text)) {
		number++
		trimmed := strings.TrimSpace(line)
		language, fence := strings.CutPrefix(trimmed, "```")
		switch {
		case open == nil && fence:
			open = &snippet{language: language, line: number, run: !skip}
		case open != nil && fence:
			list, open = append(list, *open), nil
		case open != nil:
			open.code += line
		default:
			skip = strings.HasPrefix(trimmed, "<!-- not run: ")
		}
	}
	require.Nil(t, open, "%s: a block that does not end", path)
	return list
}

const paper = "../../../docs/emulator.md"

// What the paper on the emulator tells people to paste does what it says: each block is run in its order, against the
// command as it is built from this tree. The others are looked at by what reads them.
func TestPaper(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "bin", "wxpay")
	run(t, "../..", nil, "go", "build", "-o", binary, "./cmd/wxpay")
	run(t, "node", nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	modules, err := filepath.Abs("node/node_modules")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))

	cmd := exec.CommandContext(t.Context(), binary, "emulate", "--dir", "./emulator", "--addr", "127.0.0.1:0")
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait()
	})
	base, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^http://127\.0\.0\.1:\d+\n$`, base)

	ran := map[string]int{}
	for _, s := range snippets(t, paper) {
		file := filepath.Join(dir, "snippet."+s.language)
		require.NoError(t, os.WriteFile(file, []byte(s.code), 0o600))
		prelude := ". ./emulator/env && PATH=" + filepath.Dir(binary) + ":$PATH && "
		said := ""
		switch {
		case s.language == "sh" && s.run:
			said = output(t, dir, s.line, prelude+"bash -eu snippet.sh")
			assert.NotContains(t, said, `"error"`, "line %d", s.line)
		case s.language == "js":
			said = output(t, dir, s.line, prelude+"node snippet.js")
		case s.language == "go":
			said = output(t, "../..", s.line, "cd "+dir+" && "+prelude+"cd - >/dev/null && go run "+file)
		case s.language == "php":
			said = output(t, dir, s.line, "php -l snippet.php")
		case s.language == "python":
			said = output(t, dir, s.line, "/usr/bin/python3 -m py_compile snippet.python")
		case s.language == "yaml" && s.run:
			steps, err := emulator.ReadStart(file)
			require.NoError(t, err)
			assert.NotEmpty(t, steps)
		default:
			continue
		}
		ran[s.language]++
		if s.run && strings.Contains(s.code, `hello`) {
			assert.Regexp(t, `hello|Verified OK`, said, "line %d", s.line)
		}
		if strings.Contains(s.code, "openssl dgst -sha256 -verify") {
			assert.Contains(t, said, "Verified OK")
		}
	}
	for language, least := range map[string]int{"sh": 6, "js": 2, "go": 4, "php": 1, "python": 1, "yaml": 1} {
		assert.GreaterOrEqual(t, ran[language], least, language)
	}
}

func output(t *testing.T, dir string, line int, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "line %d: %s", line, out)
	return string(out)
}

// The Chinese paper has the same code.
func TestPaperTwin(t *testing.T) {
	bare := func(code string) string {
		code = regexp.MustCompile(`(?m)(//|#) .*$`).ReplaceAllString(code, "")
		return strings.Join(strings.Fields(code), " ")
	}
	ours, theirs := snippets(t, paper), snippets(t, strings.TrimSuffix(paper, ".md")+".zh-CN.md")
	require.Len(t, theirs, len(ours))
	for i := range ours {
		assert.Equal(t, ours[i].language, theirs[i].language)
		assert.Equal(t, bare(ours[i].code), bare(theirs[i].code), "block at line %d", theirs[i].line)
	}
}
