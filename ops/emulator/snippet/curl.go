package snippet

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/ops/emulator/journal"
)

// kept are the headers that a command repeats: who sent the exchange, and with which program, does not matter.
var kept = []string{"Content-Type", "Accept", "Wechatpay-Serial", "X-Emulator-Tag", "X-Emulator-Fault"}

// mostArgument is how long an argument of a command may be; systems refuse 128 KiB.
const mostArgument = 96 << 10

// Curl is the exchange as a command for sh, with the headers that sign it now.
func Curl(x journal.Exchange, signed http.Header, base string) string {
	text, f, ok := body(x)
	if !ok {
		return "# The body of this request was not kept, so that it cannot be sent again from here.\n"
	}
	var out strings.Builder
	if Basic(x) {
		out.WriteString("# TPNS_ACCESS_ID and TPNS_SECRET_KEY are in the file env of the emulator's folder.\n")
	} else {
		out.WriteString("# Signed for the next 5 minutes; copy it again after that.\n")
	}
	encoded := ""
	switch {
	case f != nil && !sendable(string(f.file)):
		encoded = base64.StdEncoding.EncodeToString(f.file)
	case f == nil && !sendable(text):
		encoded = base64.StdEncoding.EncodeToString([]byte(text))
	}
	piped := encoded != ""
	if piped {
		out.WriteString("base64 -d <<'WXPAY' |\n")
		for encoded != "" {
			n := min(76, len(encoded))
			out.WriteString(encoded[:n] + "\n")
			encoded = encoded[n:]
		}
		out.WriteString("WXPAY\n")
	}
	arg := func(args ...string) {
		for i, a := range args {
			if i > 0 {
				out.WriteByte(' ')
			}
			out.WriteString(a)
		}
	}
	uri := URI(x)
	if !strings.HasPrefix(uri, "/") {
		uri = "/" + uri
	}
	arg("curl -sS -i --globoff --path-as-is -X", Quote(x.Method), Quote(strings.TrimSuffix(base, "/")+uri))
	next := func(args ...string) { arg(append([]string{" \\\n ", args[0]}, args[1:]...)...) }
	if Basic(x) {
		next(`-u "$TPNS_ACCESS_ID:$TPNS_SECRET_KEY"`)
	} else if a := signed.Get("Authorization"); a != "" {
		next("-H", Quote("Authorization: "+a))
	}
	for _, name := range kept {
		v := x.Header.Get(name)
		if v == "" && !Basic(x) {
			v = signed.Get(name)
		}
		if v != "" && (f == nil || name != "Content-Type") {
			next("-H", Quote(name+": "+oneLine(v)))
		}
	}
	switch {
	case f != nil:
		parts := []string{"-F " + Quote(f.part+"=@-;filename="+quoted(f.name))}
		if f.metaName != "" {
			meta := "-F " + Quote(f.metaName+"="+quoted(f.meta)+";type="+oneLine(cmp.Or(f.metaType, "application/json")))
			if parts = append(parts, meta); !f.fileFirst {
				slices.Reverse(parts)
			}
		}
		for _, part := range parts {
			next(part)
		}
		if !piped { // sendable, so that its lines do not end the text
			out.WriteString(" <<'WXPAY'\n" + public(strings.TrimSuffix(string(f.file), "\n")) + "\nWXPAY")
		}
	case piped:
		next("--data-binary @-")
	case text != "":
		next("--data-raw", Quote(text))
	}
	return out.String() + "\n"
}

// sendable reports whether a text can stand in a command as it is.
func sendable(text string) bool {
	return utf8.ValidString(text) && len(text) <= mostArgument && !strings.ContainsFunc(text, controls) && !strings.Contains(text, "WXPAY")
}

// controls reports whether a terminal could take a character for a command when it is pasted.
func controls(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}

// Quote quotes an argument for sh: nothing in it means anything, there or to the terminal that it is pasted into.
func Quote(text string) string {
	text = strings.Map(func(r rune) rune {
		if controls(r) {
			return -1
		}
		return r
	}, text)
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// quoted is a value of -F in which curl sees no separator.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
