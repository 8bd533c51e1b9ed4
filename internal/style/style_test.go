// Package style holds the rules of CONTRIBUTING.md that a syntax tree can show.
package style

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// source is one package of the SDK, without tests.
type source struct {
	dir   string
	files []*ast.File
}

func (s source) product() bool { return strings.Contains(s.dir, "services/") }
func (s source) fake() bool    { return strings.Contains(s.dir, "wxpaytest") }

func packages(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	fset := token.NewFileSet()
	byDir := map[string]*source{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path == "ops" || path == "bench" || path == "examples" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, filepath.Join("../..", path), nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if byDir[dir] == nil {
			byDir[dir] = &source{dir: dir}
		}
		byDir[dir].files = append(byDir[dir].files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []source
	for _, s := range byDir {
		list = append(list, *s)
	}
	if len(list) < 8 {
		t.Fatalf("found %d packages only", len(list))
	}
	return fset, list
}

func TestNothingHappensBehindTheCaller(t *testing.T) {
	t.Parallel()
	fset, list := packages(t)
	for _, s := range list {
		variables := map[string]bool{}
		for _, f := range s.files {
			for _, imp := range f.Imports {
				if imp.Path.Value == `"log"` || imp.Path.Value == `"unsafe"` {
					t.Errorf("%s: import of %s", fset.Position(imp.Pos()), imp.Path.Value)
				}
			}
			for _, d := range f.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
					for _, spec := range g.Specs {
						for _, name := range spec.(*ast.ValueSpec).Names {
							variables[name.Name] = true
						}
					}
				}
			}
		}
		for _, f := range s.files {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					if n.Name.Name == "init" && n.Recv == nil {
						t.Errorf("%s: func init", fset.Position(n.Pos()))
					}
				case *ast.CallExpr:
					if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "panic" && !abortsHandler(n) {
						t.Errorf("%s: panic", fset.Position(n.Pos()))
					}
					if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
						if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" {
							t.Errorf("%s: time.Sleep does not end with the context", fset.Position(n.Pos()))
						}
					}
				case *ast.AssignStmt:
					for _, left := range n.Lhs {
						id, ok := left.(*ast.Ident)
						// A name of another file of the package has no Obj, a local one has one of its own.
						if ok && n.Tok != token.DEFINE && id.Name != "_" && variables[id.Name] && (id.Obj == nil || id.Obj == f.Scope.Lookup(id.Name)) {
							t.Errorf("%s: package variable %s changes", fset.Position(n.Pos()), id.Name)
						}
					}
				}
				return true
			})
		}
	}
}

// Jitter, the choice among shares and faults by chance are no secrets; everything near keys takes crypto/rand. XML has no
// business here at all.
func TestRandomnessNearKeys(t *testing.T) {
	t.Parallel()
	fset, list := packages(t)
	for _, s := range list {
		for _, f := range s.files {
			for _, imp := range f.Imports {
				path, at := strings.Trim(imp.Path.Value, `"`), fset.Position(imp.Pos())
				jitter := s.dir == "internal/attempt" || s.dir == "wxpaytest/internal/fault" || filepath.Base(at.Filename) == "keys.go" && s.dir == "."
				if strings.HasPrefix(path, "math/rand") && !jitter {
					t.Errorf("%s: import of %s", at, path)
				}
				if path == "encoding/xml" {
					t.Errorf("%s: import of %s", at, path)
				}
			}
		}
	}
}

// The tests that docs name exist.
func TestDocsNameTests(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				tests[strings.TrimSuffix(f.Name.Name, "_test")+"."+fn.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, doc := range []string{"security.md", "reliability.md"} {
		text, err := os.ReadFile("../../docs/" + doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile("`([a-z]+\\.(?:Test|Fuzz)\\w+)`").FindAllSubmatch(text, -1) {
			if named++; !tests[string(name[1])] {
				t.Errorf("%s names %s, which does not exist", doc, name[1])
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d tests are named", named)
	}
}

// abortsHandler reports whether a panic is net/http's own way to break off an answer.
func abortsHandler(n *ast.CallExpr) bool {
	sel, ok := n.Args[0].(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "ErrAbortHandler"
}

// fieldName is the Go name of a member: each word capitalised, initialisms whole.
func fieldName(member string) string {
	whole := map[string]string{
		"id": "ID", "url": "URL", "ip": "IP", "appid": "AppID", "mchid": "MchID", "openid": "OpenID", "unionid": "UnionID", "sha256": "SHA256", "qrcode": "QRCode",
	}
	var b strings.Builder
	for word := range strings.SplitSeq(member, "_") {
		if w, ok := whole[word]; ok {
			b.WriteString(w)
		} else if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

func TestFieldsMirrorTheWire(t *testing.T) {
	t.Parallel()
	fset, list := packages(t)
	fields, pointers := 0, 0
	for _, s := range list {
		if s.fake() {
			continue
		}
		for _, f := range s.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if _, inside := n.(*ast.FuncDecl); inside {
					return false // a shape of the moment, such as a second spelling of a member
				}
				field, ok := n.(*ast.Field)
				if !ok || field.Tag == nil || len(field.Names) != 1 {
					return true
				}
				member, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
				if member == "" || member == "-" {
					return true
				}
				fields++
				name, at := field.Names[0].Name, fset.Position(field.Pos())
				open, sealed := strings.CutPrefix(member, "encrypted_") // a Secret is plain text here, and sealed on its way out
				plain := sealed && isSecret(field.Type) && name == fieldName(open)
				second := name == "Plain"+fieldName(member) // of a name that comes in two spellings, mch_id and mchid
				if s.product() && name != fieldName(member) && !plain && !second {
					t.Errorf("%s: member %s is field %s, not %s", at, member, name, fieldName(member))
				}
				if star, ok := field.Type.(*ast.StarExpr); ok && scalar(star.X) {
					pointers++
					if !strings.Contains(field.Doc.Text()+field.Comment.Text(), "nil:") {
						t.Errorf("%s: pointer %s needs a comment that says what nil means (nil: …)", at, name)
					}
				}
				return true
			})
		}
	}
	if fields == 0 || pointers*20 > fields {
		t.Errorf("%d of %d fields are pointers to scalars, more than 5 %%", pointers, fields)
	}
	t.Logf("%d of %d fields are pointers to scalars", pointers, fields)
}

func isSecret(e ast.Expr) bool {
	sel, ok := e.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Secret"
}

func scalar(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		switch e.Name {
		case "string", "bool", "int", "int64", "int32", "uint", "uint32", "uint64", "float64":
			return true
		}
	case *ast.SelectorExpr:
		switch e.Sel.Name {
		case "Fen", "Date", "Secret", "Duration":
			return true
		}
	}
	return false
}

// A call of a product is an exported method of its Service that names a route constant.
func TestCallsAreShortAndDocumented(t *testing.T) {
	t.Parallel()
	fset, list := packages(t)
	var lengths []int
	for _, s := range list {
		if !s.product() {
			continue
		}
		routes := map[string]string{}
		for _, f := range s.files {
			for _, d := range f.Decls {
				g, ok := d.(*ast.GenDecl)
				if !ok || g.Tok != token.CONST {
					continue
				}
				for _, spec := range g.Specs {
					v := spec.(*ast.ValueSpec)
					if strings.HasPrefix(v.Names[0].Name, "route") && len(v.Values) == 1 {
						routes[v.Names[0].Name] = strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`)
					}
				}
			}
		}
		called := map[string]bool{}
		for _, f := range s.files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Recv == nil || !fn.Name.IsExported() || strings.HasPrefix(fn.Name.Name, "Wait") {
					continue // waiting is made of calls
				}
				route := routeOf(fn, routes)
				if route == "" {
					continue
				}
				called[route] = true
				at := fset.Position(fn.Pos())
				lines := fset.Position(fn.End()).Line - at.Line + 1
				if lengths = append(lengths, lines); lines > 25 {
					t.Errorf("%s: %s has %d lines", at, fn.Name.Name, lines)
				}
				doc := fn.Doc.Text()
				if !strings.Contains(doc, "\n\t"+route+"\n") {
					t.Errorf("%s: comment of %s lacks the line %q", at, fn.Name.Name, route)
				}
				for _, part := range []string{"https://pay.weixin.qq.com/", "Repeating:"} {
					if !strings.Contains(doc, part) {
						t.Errorf("%s: comment of %s lacks %q", at, fn.Name.Name, part)
					}
				}
			}
		}
		for name, route := range routes {
			if !called[route] {
				t.Errorf("%s: no call uses %s", s.dir, name)
			}
		}
	}
	slices.Sort(lengths)
	if len(lengths) < 40 || lengths[len(lengths)/2] > 15 {
		t.Errorf("lengths of calls: %v", lengths)
	}
	t.Logf("%d calls, median %d lines", len(lengths), lengths[len(lengths)/2])
}

// A walk that a product returns may be gone twice, also at once: what it takes from around must stay as it is.
func TestWalksShareNothing(t *testing.T) {
	t.Parallel()
	fset, list := packages(t)
	walks := 0
	for _, s := range list {
		if !s.product() {
			continue
		}
		for _, f := range s.files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || !strings.HasPrefix(fn.Name.Name, "All") {
					continue
				}
				walks++
				for _, at := range changedFromWithin(fn) {
					t.Errorf("%s: %s changes what its walks share; change a copy", fset.Position(at), fn.Name.Name)
				}
			}
		}
	}
	if walks < 5 {
		t.Errorf("found %d walks only", walks)
	}
	sample, err := parser.ParseFile(fset, "sample.go", `package p
func AllGood(p P) func() { return func() { p := p; p.A = 1; q := p; q.A++ } }
func AllBad(p P) func() { n := 0; return func() { p.A = 1; p.B[0]++; n = 2 } }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 3} {
		if got := len(changedFromWithin(sample.Decls[i].(*ast.FuncDecl))); got != want {
			t.Errorf("%d changes found in sample %d, not %d", got, i, want)
		}
	}
}

// changedFromWithin returns where functions inside of fn assign to what was declared around them.
func changedFromWithin(fn *ast.FuncDecl) (at []token.Pos) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		inner, ok := n.(*ast.FuncLit)
		if !ok {
			return true
		}
		around := func(e ast.Expr) bool {
			id := rootOf(e)
			return id != nil && id.Obj != nil && (id.Obj.Pos() < inner.Pos() || id.Obj.Pos() > inner.End())
		}
		ast.Inspect(inner.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE && slices.ContainsFunc(n.Lhs, around) {
					at = append(at, n.Pos())
				}
			case *ast.IncDecStmt:
				if around(n.X) {
					at = append(at, n.Pos())
				}
			}
			return true
		})
		return false
	})
	return at
}

// rootOf is the variable that an expression such as p.A[0] is a part of.
func rootOf(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return rootOf(e.X)
	case *ast.IndexExpr:
		return rootOf(e.X)
	case *ast.StarExpr:
		return rootOf(e.X)
	}
	return nil
}

// A fake that had types for JSON would be a second SDK; what a stateful call costs is kept small.
func TestTheFakeIsNoSecondSDK(t *testing.T) {
	t.Parallel()
	fset, list := packages(t)
	var lengths []int
	face := 0 // lines of what users see of it
	for _, s := range list {
		if !s.fake() {
			continue
		}
		for _, f := range s.files {
			if s.dir == "wxpaytest" {
				face += fset.Position(f.FileEnd).Line
			}
			for _, imp := range f.Imports {
				path := strings.TrimPrefix(strings.Trim(imp.Path.Value, `"`), "github.com/wxpay-go/wxpay/")
				product := strings.Contains(s.dir, "/products/") && strings.Contains(imp.Path.Value, "wxpay-go/wxpay") && path != "wxpaytest/internal/engine"
				if product || strings.HasPrefix(path, "services/") || strings.HasPrefix(path, "push/") {
					t.Errorf("%s: import of %s", fset.Position(imp.Pos()), path)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Field:
					if n.Tag != nil {
						t.Errorf("%s: a field with a tag", fset.Position(n.Pos()))
					}
				case *ast.FuncDecl:
					if !strings.Contains(s.dir, "/products/") || !isHandler(n) {
						return true
					}
					at := fset.Position(n.Pos())
					lines := fset.Position(n.End()).Line - at.Line + 1
					if lengths = append(lengths, lines); lines > 15 {
						t.Errorf("%s: %s has %d lines", at, n.Name.Name, lines)
					}
				}
				return true
			})
		}
	}
	if face < 300 || face > 1100 {
		t.Errorf("the face of the fake has %d lines", face)
	}
	slices.Sort(lengths)
	if len(lengths) < 40 || lengths[len(lengths)/2] > 10 {
		t.Errorf("lengths of handlers: %v", lengths)
	}
	t.Logf("a face of %d lines, %d handlers: %v lines", face, len(lengths), lengths)
}

// isHandler reports whether a function answers a call of the fake: it returns an Object and an error.
func isHandler(fn *ast.FuncDecl) bool {
	r := fn.Type.Results
	if r == nil || len(r.List) != 2 {
		return false
	}
	object, ok := r.List[0].Type.(*ast.SelectorExpr)
	return ok && object.Sel.Name == "Object"
}

// routeOf is the route that fn sends: the constant it names.
func routeOf(fn *ast.FuncDecl, routes map[string]string) (route string) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && route == "" {
			route = routes[id.Name]
		}
		return true
	})
	return route
}

func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	fset, list := packages(t)
	for _, s := range list {
		if strings.Contains(s.dir, "internal") {
			continue
		}
		for _, f := range s.files {
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Name.IsExported() && d.Doc == nil && !standard(d.Name.Name) && exportedReceiver(d) {
						t.Errorf("%s: %s has no comment", fset.Position(d.Pos()), d.Name.Name)
					}
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
							t.Errorf("%s: %s has no comment", fset.Position(ts.Pos()), ts.Name.Name)
						}
					}
				}
			}
		}
	}
}

// standard methods say what they do by their name.
func standard(name string) bool {
	switch name {
	case "Error", "String", "Unwrap", "Format", "RoundTrip", "Read", "Write", "Close", "Network":
		return true
	}
	return false
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}
