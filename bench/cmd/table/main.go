// Command table measures everything, prints one table of ratios and writes it into docs/performance.md.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/wxpay-go/wxpay/bench"
)

func main() {
	bench.Errand()
	out := flag.String("o", "../docs/performance.md", "file to write the table into")
	quick := flag.Bool("quick", false, "two short rounds of everything, and nothing is written")
	flag.Parse()
	if err := run(*out, *quick); err != nil {
		log.Fatal(err)
	}
}

func run(out string, quick bool) error {
	dir, err := os.MkdirTemp("", "wxpay-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	platform := bench.NewPlatform()
	defer platform.Close()
	t := &table{platform: platform, dir: dir, rounds: 9, each: 400 * time.Millisecond, lines: 20_000, most: 10_000_000}
	if quick {
		t.rounds, t.each, t.lines, t.most = 2, 20*time.Millisecond, 2_000, 100_000
	}
	start := time.Now()
	head := machine()
	for _, part := range []func() error{t.calls, t.uploads, t.memory, t.bankFiles, t.check} {
		if err := part(); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s; measured in %s\n\n", head, time.Since(start).Round(time.Second))
	t.write(&text)
	if _, err := io.Copy(os.Stdout, bytes.NewReader(text.Bytes())); err != nil || quick {
		return err
	}
	return replace(filepath.Clean(out), text.Bytes())
}

// replace puts text between the two marks in a file and leaves the rest of it.
func replace(path string, text []byte) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const begin, end = "<!-- make bench writes from here -->\n", "<!-- to here -->\n"
	before, rest, ok := bytes.Cut(old, []byte(begin))
	_, after, found := bytes.Cut(rest, []byte(end))
	if !ok || !found {
		return fmt.Errorf("%s has no place for the table", path)
	}
	return os.WriteFile(path, bytes.Join([][]byte{before, []byte(begin), text, []byte(end), after}, nil), 0o644)
}
