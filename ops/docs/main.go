// Docs writes the coverage table into the READMEs: every call of the API documents with the method that
// makes it, and every notification with its constant. It fails if one has none.
//
//	go run ./docs [-check] [-root ..]
//
// With -check nothing is written: it fails if a README is not up to date.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	begin = "<!-- coverage:begin -->"
	end   = "<!-- coverage:end -->"
)

// readmes are the files and the language of their table.
var readmes = map[string]language{
	"README.md": {
		calls:         "| operation | page | route | method | roles |",
		notifications: "| notification | page | constant |",
		summary:       "%d calls and %d notifications. The table is made from the API documents and the source by `make docs`.",
		roles:         map[string]string{"merchant": "merchant", "partner": "partner", "app": "app"},
	},
	"README.zh-CN.md": {
		calls:         "| 操作 | 官方文档 | 路由 | 方法 | 角色 |",
		notifications: "| 通知 | 官方文档 | 常量 |",
		summary:       "共 %d 个接口、%d 种通知。此表由 `make docs` 根据接口描述与源码生成。",
		roles:         map[string]string{"merchant": "商户", "partner": "服务商", "app": "应用"},
	},
}

func main() {
	check := flag.Bool("check", false, "fail instead of writing")
	root := flag.String("root", "..", "folder of the SDK module")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	source, err := readSource(root)
	if err != nil {
		return err
	}
	coverage, err := cover(source)
	if err != nil {
		return err
	}
	for name, lang := range readmes {
		if err := update(filepath.Join(root, name), coverage.table(lang), check); err != nil {
			return err
		}
	}
	return nil
}

// update puts the table between the markers of a file.
func update(name, table string, check bool) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no markers %s and %s", name, begin, end)
	}
	text := head + begin + "\n" + table + end + tail
	switch {
	case text == string(old):
		return nil
	case check:
		return fmt.Errorf("%s is not up to date; run make docs", name)
	}
	return os.WriteFile(name, []byte(text), 0o644)
}
