package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wxpay-go/wxpay/api"
)

// A source is what the Go code says of itself.
type source struct {
	routes    map[string]bool     // of the catalog
	methods   map[string][]method // by route
	constants map[string]string   // names of the constants Event…, by value
}

// A method makes one call.
type method struct{ name, text string } // package.Name, and its comment

// folders hold the packages that make calls.
var folders = []string{"services/*", "push/*"}

func readSource(root string, c *api.Catalog) (*source, error) {
	s := &source{routes: map[string]bool{}, constants: map[string]string{}, methods: map[string][]method{
		"GET /v3/certificates": {{name: "wxpay.PlatformKeys.Refresh"}}, // and the client, whenever it needs them
	}}
	for _, p := range c.Products {
		for _, o := range p.Operations {
			s.routes[o.Route] = true
		}
	}
	for _, folder := range folders {
		packages, err := filepath.Glob(filepath.Join(root, folder))
		if err != nil {
			return nil, err
		}
		for _, name := range packages {
			if err := s.readPackage(name); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// severalCalls are methods that go the way of another one again and again.
var severalCalls = regexp.MustCompile(`^(All|Wait)[A-Z]`)

// readPackage takes constants and methods of a package.
func (s *source) readPackage(folder string) error {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.GenDecl:
				for name, value := range texts(d) {
					if strings.HasPrefix(name, "Event") {
						s.constants[value] = file.Name.Name + "." + name
					}
				}
			case *ast.FuncDecl:
				if d.Recv != nil && d.Name.IsExported() && !severalCalls.MatchString(d.Name.Name) {
					s.readMethod(file.Name.Name+"."+d.Name.Name, d.Doc.Text())
				}
			}
		}
	}
	return nil
}

// readMethod takes a method whose comment names a route.
func (s *source) readMethod(name, text string) {
	for line := range strings.Lines(text) {
		if route := strings.TrimSpace(line); strings.HasPrefix(line, "\t") && s.routes[route] {
			s.methods[route] = append(s.methods[route], method{name, text})
		}
	}
}

// texts are the string constants of a group, by name.
func texts(group *ast.GenDecl) map[string]string {
	found := map[string]string{}
	for _, spec := range group.Specs {
		if spec, ok := spec.(*ast.ValueSpec); ok && group.Tok == token.CONST {
			for i, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					found[spec.Names[i].Name], _ = strconv.Unquote(lit.Value)
				}
			}
		}
	}
	return found
}

// compare holds the code to the catalog: every call has a method whose comment names the route, the title
// and a page of it, and every notification a constant.
func (s *source) compare(c *api.Catalog) error {
	var faults []error
	miss := func(p *api.Product, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", p.Name, fmt.Sprintf(format, args...)))
	}
	for _, p := range c.Products {
		for _, o := range p.Operations {
			methods := s.methods[o.Route]
			if methods == nil {
				miss(p, "%s has no method whose comment says %s", o.ID, o.Route)
			}
			says := func(text string) bool {
				return slices.ContainsFunc(methods, func(m method) bool { return m.text == "" || strings.Contains(m.text, text) })
			}
			if o.Title == "" {
				miss(p, "%s has no x-wechatpay-title", o.ID)
			} else if methods != nil && !says("("+o.Title+")") && !says(o.Title+": https://") {
				miss(p, "no comment of %s says %s", o.ID, o.Title)
			}
			if methods != nil && !slices.ContainsFunc(o.Pages, func(page string) bool { return says(page + "\n") }) {
				miss(p, "no comment of %s names one of its pages", o.ID)
			}
		}
		for _, n := range p.Notifications {
			if s.constants[n.Event] == "" {
				miss(p, "%s has no constant", n.Event)
			}
		}
	}
	return errors.Join(faults...)
}
