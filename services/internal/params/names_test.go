package params

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

// Values that a platform might store and that nobody could name again in a path.
var unnameable = map[string]string{
	"slash": "10/0011", "backslash": `10\0011`, "this folder": ".", "folder above": "..",
	"line end of Windows": "100006\r", "line end": "100006\n", "tab": "100\t006", "NUL": "100006\x00", "DEL": "100006\x7f", "C1 control": "100\u0085006",
	"blank before": " 100006", "blank after": "100006 ", "blank within": "100 006", "nothing but a blank": " ",
	"no-break space": "100\u00a0006", "wide blank": "100006\u3000", "line separator": "100006\u2028",
	"byte order mark": "\ufeff100006", "zero width": "100006\u200b", "right to left": "\u202e100006", "soft hyphen": "100\u00ad006",
	"word joiner": "100006\u2060", "filler": "100006\u3164", "joiner of marks": "100\u034f006", "selector": "100006\ufe0f", "blank of Braille": "100006\u2800",
	"private use": "100\ue000006", "GBK": "\xd6\xd0100006", "converted GBK": "\ufffd100006", "four bytes": "100006\U0001F600",
}

var nameable = map[string]string{
	"digits": "478515832665", "card": "pbLatjvWOibDc5-TBnbUk1pD12o0", "openid": "oUpF8uMuAJOM2pxb1Q", "marks": "a_b-c|d*e.f~g!h@i#j$k%l&m+n=o?p:q;r,s",
	"dots": "...", "a dot before": ".a", "Chinese": "会员一号", "accents": "e\u0301é",
}

func TestID(t *testing.T) {
	t.Parallel()
	for what, s := range unnameable {
		for rule, fault := range map[string]*wxpay.ParamError{
			"needed": ID("code", s, 32), "optional": OptionalID("code", s, 32), "list": IDs("code", []string{"1", s}, 32),
		} {
			if !assert.NotNil(t, fault, "%s %s", rule, what) {
				continue
			}
			want := "code"
			if rule == "list" {
				want = "code[1]"
			}
			assert.Equal(t, want, fault.Param)
			assert.NotContains(t, fault.Reason, "100", "a reason holds no value")
			assert.NotContains(t, fault.Reason, "\n")
		}
	}
	for what, s := range nameable {
		assert.Nil(t, ID("code", s, 64), what)
		assert.Nil(t, OptionalID("code", s, 64), what)
		assert.Nil(t, IDs("code", []string{s, s}, 64), what)
	}
	assert.Nil(t, OptionalID("code", "", 32))
	assert.Equal(t, &wxpay.ParamError{Param: "code", Reason: "is missing"}, ID("code", "", 32))
	assert.Equal(t, &wxpay.ParamError{Param: "code", Reason: "has 33 characters, more than 32"}, ID("code", strings.Repeat("9", 33), 32))
}

// What is only shown may have blanks and slashes between its characters.
func TestClean(t *testing.T) {
	t.Parallel()
	for what, s := range unnameable {
		switch what {
		case "slash", "backslash", "this folder", "folder above", "blank within":
			assert.Nil(t, Clean("a", s, 32), what)
		default:
			assert.NotNil(t, Clean("a", s, 32), what)
		}
	}
	assert.Nil(t, Clean("a", "", 32))
	assert.NotNil(t, Clean("a", strings.Repeat("9", 33), 32))
}

// A list says at which place the fault is, and reads as one sentence.
func TestFaultsOfListsReadWell(t *testing.T) {
	t.Parallel()
	codes := []string{"1", "2", "3", "100006\r", "5"}
	err := Check("POST /v3/x", IDs("code", codes, 32))
	assert.EqualError(t, err, "wxpay: POST /v3/x: code[3] holds blanks, line ends or other invisible characters; nothing was sent")
	codes[3] = strings.Repeat("7", 33)
	err = Check("POST /v3/x", IDs("code", codes, 32))
	assert.EqualError(t, err, "wxpay: POST /v3/x: code[3] has 33 characters, more than 32; nothing was sent")
}

// Every reason continues the name of the parameter, without naming it again.
func TestReasonsContinueTheName(t *testing.T) {
	t.Parallel()
	faults := []*wxpay.ParamError{
		Required("a", "", 0), Optional("a", "xx", 1), ID("a", "/", 9), ID("a", ".", 9), ID("a", " ", 9), ID("a", "\xff", 9), ID("a", "\U0001F600", 9),
		Page(-1, 0, 0), Page(0, -1, 0), Page(0, 2, 1), NotifyURL("a", "x"), NotifyURL("a", "https://a.example/?"), NotifyURL("a", "http://a.example/"),
		IP("a", "x"), IP("a", ""),
	}
	for _, fault := range faults {
		require.NotNil(t, fault)
		first, _, _ := strings.Cut(fault.Reason, " ")
		assert.Contains(t, []string{"is", "has", "holds", "must"}, first, "%s %s", fault.Param, fault.Reason)
	}
}

func TestNotifyURLWithoutBlanks(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"https://shop.example/n ", " https://shop.example/n", "https://shop.example/n\u200b", "https://shop.example/a b", "https://shop.example/n\r"} {
		assert.NotNil(t, NotifyURL("notify_url", s), "%q", s)
	}
}
