package inspector

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// said are the English texts of templates and code.
func said(t *testing.T) map[string]bool {
	t.Helper()
	texts := map[string]bool{}
	call := regexp.MustCompile(`[({]-?\s*t "((?:[^"\\]|\\.)*)"`)
	names, err := fs.Glob(templateFiles, "templates/*.html")
	require.NoError(t, err)
	for _, name := range names {
		text, err := templateFiles.ReadFile(name)
		require.NoError(t, err)
		for _, found := range call.FindAllStringSubmatch(string(text), -1) {
			texts[found[1]] = true
		}
		for _, bare := range regexp.MustCompile(`>\s*[A-Za-z]{4,}[^<{]*<`).FindAllString(string(text), -1) {
			assert.Contains(t, []string{">Request-ID<", ">curl<", ">NAME[=VALUE][*COUNT][%PERCENT]<", ">Enter<"}, bare, "text beside the table in %s", name)
		}
	}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	at := map[string]int{"say": 1, "fail": 3, "done": 2, "Errorf": 0}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "words.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				called := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					called = f.Name
				case *ast.SelectorExpr:
					called = f.Sel.Name
				}
				if i, ok := at[called]; ok && i < len(n.Args) {
					texts[literal(n.Args[i])] = true
				}
			case *ast.AssignStmt:
				if id, ok := n.Lhs[0].(*ast.Ident); ok && id.Name == "said" {
					texts[literal(n.Rhs[0])] = true
				}
			}
			return true
		})
	}
	for _, s := range sections {
		texts[s.Title] = true
	}
	delete(texts, "")
	return texts
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		text, _ := strconv.Unquote(lit.Value)
		return text
	}
	return ""
}

// named are texts that come from elsewhere and are few.
func named(t *testing.T) map[string]bool {
	t.Helper()
	texts := map[string]bool{"faults": true, "requests": true, "state": true, "all": true, "no answer": true, "ok": true}
	fake, err := wxpaytest.NewServer(wxpaytest.Options{})
	require.NoError(t, err)
	catalog, err := api.Load()
	require.NoError(t, err)
	queue, err := callbacks.New(callbacks.Options{Fake: func() *wxpaytest.Server { return fake }, Catalog: catalog})
	require.NoError(t, err)
	all := slices.Concat(journal.Outcomes(), queue.Variants(), []string{callbacks.Waiting, callbacks.Held, callbacks.Delivered, callbacks.GivenUp, callbacks.Nowhere},
		[]string{"path", "query", "header", "body", "second", "minute", "hour", "day"})
	for _, f := range slices.Concat(wxpaytest.Faults, wxpaytest.Refusals(), wxpaytest.ReturnCodes()) {
		assert.NotEmpty(t, f.Zh, f.Name)
	}
	for _, a := range fake.Actions() {
		assert.NotEmpty(t, a.DocZh, a.Name)
		for _, p := range a.Params {
			assert.Equal(t, p.Doc == "", p.DocZh == "", "%s of %s", p.Name, a.Name)
		}
	}
	for _, p := range catalog.Products {
		for _, op := range p.Operations {
			all = append(all, op.Roles...)
		}
	}
	for _, text := range all {
		texts[text] = true
	}
	delete(texts, "")
	return texts
}

// Every text of the page has its Chinese, with the same gaps to fill, and the table holds no other.
func TestEveryTextHasChinese(t *testing.T) {
	t.Parallel()
	used := said(t)
	require.Greater(t, len(used), 150)
	maps.Copy(used, named(t))
	gaps := regexp.MustCompile(`%[a-z]`)
	for text := range used {
		chinese, ok := words[text]
		if !assert.True(t, ok, "no Chinese for %q", text) {
			continue
		}
		assert.Equal(t, gaps.FindAllString(text, -1), gaps.FindAllString(chinese, -1), text)
		assert.True(t, text == chinese || strings.ContainsFunc(chinese, func(r rune) bool { return unicode.Is(unicode.Han, r) }), "%q is not Chinese", chinese)
	}
	for text := range words {
		assert.True(t, used[text], "nobody says %q", text)
	}
}
