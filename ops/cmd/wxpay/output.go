package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// emit gives one piece of data to stdout: as a line of JSON, whose members are "type" and those of v, or as human
// writes it. A nil human writes nothing.
func (a *app) emit(kind string, v any, human func(io.Writer)) error {
	if !a.json {
		if human != nil {
			human(a.stdout)
		}
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line := fmt.Appendf(nil, `{"type":%q`, kind)
	if len(text) > 2 {
		line = append(line, ',')
	}
	line = append(line, text[1:]...)
	_, err = a.stdout.Write(append(line, '\n'))
	return err
}

// say writes a line to stderr.
func (a *app) say(format string, v ...any) { fmt.Fprintf(a.stderr, format+"\n", v...) }

// note writes a line to stderr unless --quiet.
func (a *app) note(format string, v ...any) {
	if !a.quiet {
		a.say(format, v...)
	}
}

// printable is text of the platform without what a terminal would take for a command.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}
