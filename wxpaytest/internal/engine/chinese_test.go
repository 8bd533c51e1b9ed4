package engine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever the fake finds or advises has Chinese, also what a product will say tomorrow.
func TestFindingsHaveChinese(t *testing.T) {
	t.Parallel()
	blank, more := regexp.MustCompile(`%[a-z]`), regexp.MustCompile(`(\w)%s$`) // something follows that is optional
	n := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../"+path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			at := map[string]int{"Bad": 2, "BadParam": 1, "Advise": 0, "find": 1}[name]
			if name == "find" && len(call.Args) > 3 { // of a check: place, value, schema, what
				at = 3
			}
			if name != "Bad" && name != "BadParam" && name != "Advise" && name != "find" || len(call.Args) <= at {
				return true
			}
			literal, ok := call.Args[at].(*ast.BasicLit)
			if !ok {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil || strings.HasPrefix(text, "%s") {
				return true
			}
			n++
			said := chinese(blank.ReplaceAllString(more.ReplaceAllString(text, "$1"), "x"))
			assert.True(t, strings.ContainsFunc(said, func(r rune) bool { return unicode.Is(unicode.Han, r) }), "%s: %q has no Chinese", path, text)
			return true
		})
		return nil
	})
	require.NoError(t, err)
	assert.Greater(t, n, 30)
	for _, p := range phrases {
		english, want := strings.ReplaceAll(p[0], "%s", "7"), strings.ReplaceAll(p[1], "%s", "7")
		assert.Equal(t, want, chinese(english), "an earlier phrase hides it")
	}
	assert.Equal(t, "something else", chinese("something else"))
}
