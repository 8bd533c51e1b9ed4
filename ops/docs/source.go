package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A source is what the Go code says of itself.
type source struct {
	methods   map[string][]method // by route
	constants map[string]string   // names of the constants Event…, by value
}

// A method makes one call.
type method struct {
	name  string // package.Name
	title string // of the official page, in Chinese
	page  string
}

// folders hold the packages that make calls.
var folders = []string{"services/*", "push/*"}

// byItself are calls without a method of their own.
var byItself = map[string]method{
	"GET /v3/certificates": {name: "wxpay.PlatformKeys.Refresh"}, // and the client, whenever it needs them
}

func readSource(root string) (*source, error) {
	s := &source{methods: map[string][]method{}, constants: map[string]string{}}
	for route, m := range byItself {
		s.methods[route] = []method{m}
	}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			s.read(file)
		}
	}
	return s, nil
}

// severalCalls are methods that go the way of another one again and again.
var severalCalls = regexp.MustCompile(`^(All|Wait)[A-Z]`)

// read takes the constants of a file and the methods whose comment names a route of it.
func (s *source) read(file *ast.File) {
	routes := map[string]bool{}
	for _, decl := range file.Decls {
		if group, ok := decl.(*ast.GenDecl); ok && group.Tok == token.CONST {
			for name, value := range constants(group) {
				routes[value] = strings.HasPrefix(name, "route")
				if strings.HasPrefix(name, "Event") {
					s.constants[value] = file.Name.Name + "." + name
				}
			}
		}
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv == nil || !f.Name.IsExported() || severalCalls.MatchString(f.Name.Name) {
			continue
		}
		text := f.Doc.Text()
		for line := range strings.Lines(text) {
			if route := strings.TrimSpace(line); strings.HasPrefix(line, "\t") && routes[route] {
				m := method{file.Name.Name + "." + f.Name.Name, title(text), address.FindString(text)}
				s.methods[route] = append(s.methods[route], m)
			}
		}
	}
}

// constants are the string constants of a group, by name.
func constants(group *ast.GenDecl) map[string]string {
	found := map[string]string{}
	for _, spec := range group.Specs {
		spec := spec.(*ast.ValueSpec)
		for i, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					found[spec.Names[i].Name] = text
				}
			}
		}
	}
	return found
}

var (
	chinese = regexp.MustCompile(`\(([^()]*\p{Han}[^()]*)\)`)
	named   = regexp.MustCompile(`(?m)^(.*\p{Han}.*): https://`)
	address = regexp.MustCompile(`(?m)https://\S+$`)
)

// title is the Chinese name of a call: of the page where its address is given, or in brackets.
func title(text string) string {
	if m := named.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	if m := chinese.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}
