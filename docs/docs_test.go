// Package docs builds the code of the documentation as a stranger would: pasted into a module of their own
// that requires this one.
//
// A block of Go in the READMEs, the FAQ or a guide is one of three:
//
//   - one that starts with `package` is a whole file; of package main it is a program, and one with tests
//     is a test, which also runs;
//   - one that is nothing but declarations is a file without its first lines;
//   - anything else are statements. They stand in a function that has what the text around them has
//     made already (see given) and that returns an error.
//
// What a block of the last two kinds imports is found by the names in known.
package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// given are the parameters of the function round statements.
const given = "ctx context.Context, client *wxpay.Client, server *wxpaytest.Server, config wxpay.Config, h *notify.Handler, tpns *pushpackage.Client, err error"

// known are the packages that a block without imports may name.
var known = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "httptest": "net/http/httptest", "io": "io", "json": "encoding/json",
	"log": "log", "os": "os", "exec": "os/exec", "slices": "slices", "slog": "log/slog", "strings": "strings", "testing": "testing", "time": "time", "url": "net/url", "x509": "crypto/x509", "tls": "crypto/tls",

	"httpmock": "github.com/jarcoal/httpmock",
	"core":     "github.com/wechatpay-apiv3/wechatpay-go/core",
	"option":   "github.com/wechatpay-apiv3/wechatpay-go/core/option",

	"wxpay":       "github.com/wxpay-go/wxpay",
	"auth":        "github.com/wxpay-go/wxpay/auth",
	"media":       "github.com/wxpay-go/wxpay/media",
	"notify":      "github.com/wxpay-go/wxpay/notify",
	"pushpackage": "github.com/wxpay-go/wxpay/push/pushpackage",
	"wxpaytest":   "github.com/wxpay-go/wxpay/wxpaytest",
}

// imported are known, and the products.
func imported() map[string]string {
	all := maps.Clone(known)
	products, _ := filepath.Glob("../services/*/routes_gen.go") // fails for a bad pattern alone
	for _, path := range products {
		name := filepath.Base(filepath.Dir(path))
		all[name] = "github.com/wxpay-go/wxpay/services/" + name
	}
	return all
}

// papers are the documents of one language, from the root of the repository.
func papers(t *testing.T, chinese bool) (list []string) {
	t.Helper()
	for _, pattern := range []string{"README*.md", "docs/faq*.md", "docs/emulator*.md", "docs/guide/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", pattern))
		require.NoError(t, err)
		for _, path := range found {
			if strings.HasSuffix(path, ".zh-CN.md") == chinese {
				list = append(list, path)
			}
		}
	}
	require.GreaterOrEqual(t, len(list), 8)
	return list
}

// A block is one piece of Go in a document.
type block struct {
	at   string // document and line, as a name of a folder
	code string
}

func (b block) whole() bool { return strings.HasPrefix(b.code, "package ") }
func (b block) test() bool {
	return strings.Contains(b.code, "*testing.T)") && !strings.HasPrefix(b.code, "package main")
}

func blocks(t *testing.T, path string) (list []block) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	name := strings.NewReplacer(".", "_", "-", "_").Replace(strings.TrimSuffix(filepath.Base(path), ".md"))
	var b *block
	line := 0
	for s := range strings.Lines(string(text)) {
		switch line++; {
		case b == nil && strings.TrimSpace(s) == "```go":
			b = &block{at: fmt.Sprintf("%s_line%d", name, line+1)}
		case b != nil && strings.TrimSpace(s) == "```":
			list, b = append(list, *b), nil
		case b != nil:
			b.code += s
		}
	}
	require.Nil(t, b, "%s: a block that does not end", path)
	return list
}

// file makes a Go file of a block.
func (b block) file() (string, error) {
	if b.whole() {
		return b.code, nil
	}
	code := b.code
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package block\n"+code, 0); err != nil {
		ending, err := ending(code)
		if err != nil {
			return "", fmt.Errorf("%s: %w", b.at, err)
		}
		code = fmt.Sprintf("func _(%s) error {\n{\n%s\n%s}\n", given, code, ending)
	}
	var imports strings.Builder
	for name, path := range imported() {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(code) {
			fmt.Fprintf(&imports, "import %q\n", path)
		}
	}
	return fmt.Sprintf("package block\n%s\n//line %s:1\n%s", imports.String(), b.at, code), nil
}

// ending uses what the statements define, since the text goes on where they end, and returns.
func ending(code string) (string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+code+"\n}", 0)
	if err != nil {
		return "", err
	}
	list := f.Decls[0].(*ast.FuncDecl).Body.List
	if _, returns := list[len(list)-1].(*ast.ReturnStmt); returns {
		return "}\n", nil
	}
	var used []string
	for _, s := range list {
		if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, left := range a.Lhs {
				if id := left.(*ast.Ident); id.Name != "_" && !slices.Contains(used, id.Name) {
					used = append(used, id.Name)
				}
			}
		}
	}
	var text strings.Builder
	for _, name := range used {
		text.WriteString("_ = " + name + "\n")
	}
	return text.String() + "}\nreturn nil\n", nil
}

// stranger makes a module that requires this one, as it lies on the disk.
func stranger(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	mod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	sum, err := os.ReadFile("../go.sum")
	require.NoError(t, err)
	own := strings.Replace(string(mod), "module github.com/wxpay-go/wxpay", "module stranger", 1) +
		fmt.Sprintf("\nrequire github.com/wxpay-go/wxpay v0.0.0\nreplace github.com/wxpay-go/wxpay => %s\n", root)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(own), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))
	return dir
}

func command(t *testing.T, dir string, args ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// build lays the blocks out in a stranger's module and compiles all of them, and runs those that are tests.
func build(t *testing.T, list []block, run bool) error {
	t.Helper()
	dir := stranger(t)
	var tests []string
	for _, b := range list {
		text, err := b.file()
		if err != nil {
			return err
		}
		name := "block.go"
		if b.test() {
			name = "block_test.go"
			tests = append(tests, "./"+b.at)
		}
		require.NoError(t, os.MkdirAll(filepath.Join(dir, b.at), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, b.at, name), []byte(text), 0o600))
	}
	if err := command(t, dir, "vet", "-unusedresult", "-printf", "-copylocks", "./..."); err != nil {
		return err
	}
	if err := command(t, dir, "build", "-o", os.DevNull, "./..."); err != nil {
		return err
	}
	if run {
		return command(t, dir, append([]string{"test", "-vet=off"}, tests...)...)
	}
	return nil
}

func TestBlocks(t *testing.T) {
	for language, chinese := range map[string]bool{"en": false, "zh": true} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			var all []block
			for _, path := range papers(t, chinese) {
				if !strings.HasPrefix(filepath.Base(path), "emulator") { // uses other people's clients; ops/emulator/clients runs it
					all = append(all, blocks(t, path)...)
				}
			}
			require.Greater(t, len(all), 15)
			require.NoError(t, build(t, all, !chinese)) // the tests are the same in both
		})
	}
}

// The test above can fail: each of these is broken in one way.
func TestBrokenBlocks(t *testing.T) {
	t.Parallel()
	t.Run("types", func(t *testing.T) {
		t.Parallel()
		broken := []block{
			{"no_such_name", "task, err := bankpackages.New(client).MakeTask(ctx)"},
			{"no_such_field", "config.Certificate = nil"},
			{"unused_import", "package main\n\nimport \"fmt\"\n\nfunc main() {}\n"},
			{"unused_name", "package main\n\nfunc main() { x := 1 }\n"},
			{"unused_inside", "if err == nil {\n\tx := 1\n}"},
			{"missing_import", "package main\n\nfunc main() { fmt.Println() }\n"},
			{"wrong_argument", "func use(client *wxpay.Client) { notify.New(client) }"},
			{"wrong_verb", "func use(n int) { fmt.Printf(\"%s\", n) }"},
			{"broken_test", "package stranger_test\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) { t.Fail(1) }\n"},
		}
		err := build(t, broken, false)
		require.Error(t, err)
		for _, b := range broken {
			assert.Contains(t, err.Error(), b.at)
		}
	})
	t.Run("internal package", func(t *testing.T) {
		t.Parallel()
		internal := "package main\n\nimport _ \"github.com/wxpay-go/wxpay/internal/httpx\"\n\nfunc main() {}\n"
		assert.ErrorContains(t, build(t, []block{{"broken", internal}}, false), "use of internal package")
	})
	t.Run("program without main", func(t *testing.T) {
		t.Parallel()
		assert.ErrorContains(t, build(t, []block{{"broken", "package main\n\nfunc run() {}\n"}}, false), "main")
	})
	t.Run("test that fails", func(t *testing.T) {
		t.Parallel()
		assert.ErrorContains(t, build(t, []block{{"broken", "package stranger_test\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) { t.Fatal() }\n"}}, true), "FAIL")
	})
	t.Run("syntax", func(t *testing.T) {
		t.Parallel()
		assert.Error(t, build(t, []block{{"broken", "client, err := wxpay.New(config"}}, false))
	})
}

// The first program of the README does what it says, in the folder of the list.
func TestFirstCall(t *testing.T) {
	t.Parallel()
	fake := wxpaytest.New(t)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	first := blocks(t, "../README.md")[0]
	require.True(t, strings.HasPrefix(first.code, "package main\n"), "the first block is no program")
	dir := stranger(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(first.code), 0o600))
	require.NoError(t, command(t, dir, "build", "-o", "first", "main.go"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "numbers.txt"), []byte("20260000000001\n20260000000002\n"), 0o600))
	env, err := fake.WriteKeys(t.TempDir())
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "first"))
	cmd.Dir, cmd.Env = dir, append(env, "WXPAY_BASE_URL="+server.URL)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "2 numbers: 2 matched a user, 0 did not\n", string(out))
	assert.Equal(t, 2, fake.PackageUsers("8473295"))
}

// The two languages have the same sections and the same code.
func TestTwins(t *testing.T) {
	t.Parallel()
	for _, path := range papers(t, false) {
		twin := strings.TrimSuffix(path, ".md") + ".zh-CN.md"
		ours, theirs := blocks(t, path), blocks(t, twin)
		if assert.Len(t, theirs, len(ours), "%s: blocks of Go", twin) {
			for i := range ours {
				assert.Equal(t, bare(ours[i].code), bare(theirs[i].code), "%s and its twin: block %d", path, i+1)
			}
		}
		assert.Len(t, headings(t, twin), len(headings(t, path)), "%s: headings", twin)
	}
}

// bare is code without what is translated: comments and texts.
func bare(code string) string {
	code = regexp.MustCompile(`//.*`).ReplaceAllString(code, "")
	code = regexp.MustCompile(`"[^"\n]*"`).ReplaceAllString(code, `""`)
	return strings.Join(strings.Fields(code), " ")
}

func headings(t *testing.T, path string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	code := false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") && !code {
			list = append(list, strings.TrimSpace(title))
		}
	}
	return list
}

// What the FAQ quotes in its headings is what the SDK says.
func TestFAQQuotes(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		source.Write(text)
		return err
	})
	require.NoError(t, err)
	golang := []string{"context deadline exceeded", "fips140=only"} // Go's own words
	quotes := 0
	for _, faq := range []string{"faq.md", "faq.zh-CN.md"} {
		for _, heading := range headings(t, faq) {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(heading, -1) {
				for part := range strings.SplitSeq(m[1], "…") {
					if quotes++; !slices.Contains(golang, part) {
						assert.True(t, strings.Contains(source.String(), part), "%s: nothing says %q any more", faq, part)
					}
				}
			}
		}
	}
	assert.Greater(t, quotes, 40)
}

// Every doubt of the API documents stands in doubts.md, in the words that it has there.
func TestDoubts(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("doubts.md")
	require.NoError(t, err)
	words := strings.Join(strings.Fields(string(page)), " ")
	documents, err := filepath.Glob("../api/*.yaml")
	require.NoError(t, err)
	seen := 0
	text := `(.*(?:\n      .*)*)`
	entry := regexp.MustCompile(`(?m)^  ([A-Z]{2}-\d+):\n    about: ` + text + `\n    seen: ` + text + `\n    decision: ` + text)
	for _, path := range documents {
		document, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range entry.FindAllStringSubmatch(string(document), -1) {
			seen++
			for i, folded := range m {
				m[i] = strings.Trim(strings.Join(strings.Fields(folded), " "), "'")
			}
			want := fmt.Sprintf("### %s %s - Seen: %s - Here: %s", m[1], m[2], m[3], m[4])
			assert.True(t, strings.Contains(words, want), want)
		}
	}
	assert.Equal(t, len(regexp.MustCompile(`### `).FindAllString(words, -1)), seen)
}

// A package that names doubts says where they are explained, and names none that is not.
func TestDoubtsAreExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("doubts.md")
	require.NoError(t, err)
	named, explained := map[string]bool{}, map[string]bool{}
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, number := range regexp.MustCompile(`\b[A-Z]{2}-\d{1,3}\b`).FindAllString(string(text), -1) {
			named[filepath.Dir(path)] = true
			assert.True(t, strings.Contains(string(page), "### "+number+"\n"), "%s names %s", path, number)
		}
		if strings.Contains(string(text), "https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md") {
			explained[filepath.Dir(path)] = true
		}
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, named, explained)
	assert.GreaterOrEqual(t, len(named), 4)
}

// Every link inside the repository leads somewhere, its anchor too.
func TestLinks(t *testing.T) {
	t.Parallel()
	list := append(papers(t, false), papers(t, true)...)
	more, err := filepath.Glob("*.md")
	require.NoError(t, err)
	seen := 0
	for _, path := range append(list, more...) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		prose := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(string(text), "")
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			seen++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); !assert.NoError(t, err, "%s links to %s", path, m[1]) || anchor == "" {
				continue
			}
			var anchors []string
			for _, h := range headings(t, target) {
				anchors = append(anchors, slug(h))
			}
			assert.Contains(t, anchors, anchor, "%s links to %s", path, m[1])
		}
	}
	assert.Greater(t, seen, 50)
}

// slug is the anchor that GitHub makes of a heading.
func slug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
