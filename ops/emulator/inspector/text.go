package inspector

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/ops/emulator/journal"
)

// took is a time that something took, short.
func took(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return strings.TrimSuffix(strings.TrimSuffix(d.Round(time.Second).String(), "0s"), "0m")
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// size is a number of bytes, short.
func size(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 10<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return strconv.Itoa(n) + " B"
}

// tone is the class of a status.
func tone(status int) string {
	switch {
	case status >= 200 && status < 300:
		return "good"
	case status == 0 || status >= 500:
		return "bad"
	}
	return "warn"
}

// A piece is a part of a text that is shown in a way of its own.
type piece struct{ Text, Kind string }

// mostPieces bounds what a body may turn into; the rest is shown as it is.
const mostPieces = 4000

// pretty is JSON with its lines and members set apart; it need not be whole, since what is shown is the beginning.
// Other text is one piece.
func pretty(text string) (pieces []piece) {
	if t := strings.TrimLeft(text, " \t\r\n"); t == "" || t[0] != '{' && t[0] != '[' {
		return []piece{{Text: text}}
	}
	if json.Valid([]byte(text)) { // then it is safe to drop its own blanks
		text = strings.TrimSpace(text)
	}
	depth := 0
	feed := func() { pieces = append(pieces, piece{Text: "\n" + strings.Repeat("  ", min(depth, 64))}) }
	for text != "" {
		if len(pieces) > mostPieces {
			return append(pieces, piece{Text: text})
		}
		switch c := text[0]; {
		case c == '"':
			end := quoted(text)
			rest := strings.TrimLeft(text[end:], " \t\r\n")
			kind := "str"
			if strings.HasPrefix(rest, ":") {
				kind = "key"
			}
			pieces = append(pieces, piece{text[:end], kind})
			text = text[end:]
			continue
		case (c == '{' || c == '[') && closed(text) > 0:
			pieces = append(pieces, piece{Text: text[:1] + text[closed(text):closed(text)+1]})
			text = text[closed(text)+1:]
			continue
		case c == '{' || c == '[':
			pieces = append(pieces, piece{Text: text[:1]})
			depth++
			feed()
		case c == '}' || c == ']':
			depth = max(0, depth-1)
			feed()
			pieces = append(pieces, piece{Text: text[:1]})
		case c == ',':
			pieces = append(pieces, piece{Text: ","})
			feed()
		case c == ':':
			pieces = append(pieces, piece{Text: ": "})
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		default:
			end := strings.IndexAny(text, ",:{}[]\" \t\r\n")
			if end < 0 {
				end = len(text)
			}
			pieces = append(pieces, piece{text[:end], "num"})
			text = text[end:]
			continue
		}
		text = text[1:]
	}
	return pieces
}

// quoted is where a string ends that begins here; a string that was cut off ends with the text.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// closed is where an object or list ends that holds nothing; 0: it holds something.
func closed(text string) int {
	rest := strings.TrimLeft(text[1:], " \t\r\n")
	if rest != "" && (rest[0] == '}' || rest[0] == ']') {
		return len(text) - len(rest)
	}
	return 0
}

// visible is a text with what cannot be seen made visible, and the first difference from another one marked.
func visible(text, other string) (pieces []piece) {
	at := differs(text, other)
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			pieces = append(pieces, piece{Text: run.String()})
			run.Reset()
		}
	}
	for i, r := range text {
		shown, hidden := glyph(r)
		kind := ""
		switch {
		case i == at:
			kind = "diff"
		case hidden:
			kind = "mark"
		}
		if kind == "" {
			run.WriteString(shown)
			continue
		}
		flush()
		pieces = append(pieces, piece{shown, kind})
		if r == '\n' {
			run.WriteString("\n")
		}
	}
	flush()
	if at == len(text) && at >= 0 {
		pieces = append(pieces, piece{"∅", "diff"}) // it ends where the other goes on
	}
	return pieces
}

// differs is where two texts part, at the beginning of a character; -1: nowhere.
func differs(a, b string) int {
	if a == b {
		return -1
	}
	n := min(len(a), len(b))
	i := 0
	for i < n && a[i] == b[i] {
		i++
	}
	for i > 0 && i < len(a) && !utf8.RuneStart(a[i]) {
		i--
	}
	return i
}

// glyph is how a character is shown, and whether it could not be seen otherwise.
func glyph(r rune) (string, bool) {
	switch {
	case r == '\n':
		return "↵", true
	case r == '\r':
		return "␍", true
	case r == '\t':
		return "⇥", true
	case r == ' ', r >= 0x21 && r < 0x7f:
		return string(r), false
	case r == utf8.RuneError, !unicode.IsPrint(r):
		return fmt.Sprintf("‹%04X›", r), true
	}
	return string(r), false
}

// verdict is a verdict in few words.
func verdict(lang string, x journal.Exchange) string {
	text := x.Verdict
	switch s := x.Signature; {
	case s != nil && !s.OK && lang == "zh" && s.ReasonZh != "":
		text = x.Code + ": " + s.ReasonZh
	case s != nil && !s.OK && s.Reason != "":
		text = x.Code + ": " + s.Reason
	case text == "" && x.Status == 0:
		text = "no answer"
	case lang == "zh" && x.Fault == "" && len(x.Findings) > 0 && x.Findings[0].IssueZh != "":
		text = x.Code + ": " + x.Findings[0].Field + " " + x.Findings[0].IssueZh
	case lang == "zh" && x.Fault != "":
		text = strings.Replace(strings.Replace(text, "ok; ", "成功；", 1), "fault: ", "故障 ", 1)
	}
	return say(lang, cut(text, 300))
}

// method is that of a route.
func method(route string) string {
	m, _, _ := strings.Cut(route, " ")
	return m
}

func path(route string) string {
	_, p, _ := strings.Cut(route, " ")
	return p
}
