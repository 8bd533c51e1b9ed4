// Package oneline keeps errors, and what they quote from elsewhere, to one line that can be printed.
package oneline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error gives err a text of one line. What it wraps stays what it is.
func Error(err error) error { return line{err} }

type line struct{ error }

func (l line) Error() string { return Text(l.error.Error()) }
func (l line) Unwrap() error { return l.error }

// Text is the text of a whole error: one printable line of at most 2,000 bytes.
func Text(s string) string {
	const most = 2000
	s = printable(s)
	if len(s) <= most {
		return s
	}
	end := most - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// Quote keeps text from elsewhere, which is to be part of an error, to at most so many characters.
func Quote(s string, most int) string {
	if len(s) > 8*most { // spare the rest
		s = s[:8*most]
	}
	s = printable(s)
	if r := []rune(s); len(s) > most && len(r) > most {
		s = string(r[:most]) + "…"
	}
	return Text(s)
}

// Param is the text of an error about a param, or about a field of a Config, of which nothing is sent anyway.
func Param(pkg, route, param, reason string) string {
	s := pkg + ": " + route + ": " + Quote(param, 128) + " " + Quote(reason, 512)
	if route != "Config" {
		s += "; nothing was sent"
	}
	return Text(s)
}

// printable replaces what breaks a line, steers a terminal, is invisible or turns the direction of the text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// Ended is why ctx ended: its error, joined with the cause if the caller set one.
func Ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
