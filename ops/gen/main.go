// Gen makes what follows from the API documents: api/catalog.json, hints_gen.go, types, checks and routes of the
// products that ask for them, the rows of the contract test, docs/coverage.md, docs/doubts.md and the methods in
// the READMEs. It fails if a call has no method that says where it leads.
//
//	go run ./gen [-check] [-root ..]
//	go run ./gen new <operationId>
//
// With -check nothing is written: it fails if a file is not up to date. With new it prints the method of a call,
// to be pasted, and to be completed with what only judgment knows.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/wxpay-go/wxpay/api"
)

func main() {
	check := flag.Bool("check", false, "fail instead of writing")
	root := flag.String("root", "..", "folder of the SDK module")
	flag.Parse()
	do := func() error { return run(*root, *check) }
	if flag.Arg(0) == "new" {
		do = func() error { return printNew(*root, flag.Arg(1)) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes tables first and papers last: a call that is new has its table before there is a method, and the
// papers name methods.
func run(root string, check bool) error {
	c, err := readAll(filepath.Join(root, "api"))
	if err != nil {
		return err
	}
	tables, err := tables(c)
	if err != nil {
		return err
	}
	if err := putAll(root, tables, check); err != nil {
		return err
	}
	papers, err := papers(root, c)
	if err != nil {
		return err
	}
	return putAll(root, papers, check)
}

// tables are the catalog and the generated files of Go, by name.
func tables(c *api.Catalog) (map[string][]byte, error) {
	text, err := encode(c)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"api/catalog.json": text}
	for name, code := range map[string]string{"hints_gen.go": hints(c), "ops/contract/rows_gen_test.go": rows(c)} {
		if files[name], err = format.Source([]byte(code)); err != nil {
			return nil, err
		}
	}
	linked, err := api.Parse(text)
	if err != nil {
		return nil, err
	}
	for _, p := range linked.Products {
		if p.Go == "" {
			continue
		}
		g, err := newPackage(p)
		if err != nil {
			return nil, err
		}
		code, err := g.files()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		for name, text := range code {
			files[p.Go+"/"+name] = text
		}
	}
	return files, nil
}

// papers are what people read, by name.
func papers(root string, c *api.Catalog) (map[string][]byte, error) {
	s, err := readSource(root, c)
	if err != nil {
		return nil, err
	}
	if err := s.compare(c); err != nil {
		return nil, err
	}
	files := map[string][]byte{"docs/coverage.md": []byte(coverage(c, s)), "docs/doubts.md": []byte(doubts(c))}
	for name, chinese := range map[string]bool{"README.md": false, "README.zh-CN.md": true} {
		old, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		if files[name], err = between(old, readme(c, s, chinese)); err != nil {
			return nil, fmt.Errorf("%s %w", name, err)
		}
	}
	return files, nil
}

func printNew(root, id string) error {
	c, err := readAll(filepath.Join(root, "api"))
	if err != nil {
		return err
	}
	if c, err = resolve(c); err != nil {
		return err
	}
	o := c.Operation(id)
	if o == nil {
		return fmt.Errorf("no document has an operation %q", id)
	}
	method, err := skeleton(o)
	fmt.Print(method)
	return err
}

// resolve is a catalog as its readers get it, with schemas in the place of their names.
func resolve(c *api.Catalog) (*api.Catalog, error) {
	text, err := encode(c)
	if err != nil {
		return nil, err
	}
	return api.Parse(text)
}

// readAll reads the documents of a folder.
func readAll(folder string) (*api.Catalog, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	c := new(api.Catalog)
	var faults []error
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		p, err := read(name, text)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
			continue
		}
		c.Products = append(c.Products, p)
	}
	return c, errors.Join(append(faults, unique(c)...)...)
}

// putAll puts all files, and names every one that is not up to date.
func putAll(root string, files map[string][]byte, check bool) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		faults = append(faults, put(filepath.Join(root, name), files[name], check))
	}
	return errors.Join(faults...)
}

// put writes a file, or says that it would.
func put(name string, text []byte, check bool) error {
	old, err := os.ReadFile(name)
	switch {
	case err == nil && bytes.Equal(old, text):
		return nil
	case check:
		return fmt.Errorf("%s is not up to date; run make generate", name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { // a product that is new has no folder yet
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// encode writes a catalog with one operation, notification, schema or doubt a line, so that a change of a
// document is a change of the lines it concerns.
func encode(c *api.Catalog) ([]byte, error) {
	text, err := marshal(c)
	if err != nil {
		return nil, err
	}
	return split(text), nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// lines is how deep values begin a line of their own: products, their members, and what these list.
const lines = 5

// split breaks JSON without blanks into lines.
func split(text []byte) []byte {
	var b []byte
	depth, quoted, escaped := 0, false, false
	for _, c := range text {
		switch {
		case quoted:
			quoted, escaped = escaped || c != '"', c == '\\' && !escaped
		case c == '"':
			quoted = true
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		}
		b = append(b, c)
		if !quoted && (c == ',' || c == '[' || c == '{') && depth < lines {
			b = append(b, '\n')
		}
	}
	return append(b, '\n')
}
