package lists

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPhone(t *testing.T) {
	t.Parallel()
	const number = "13800138000"
	for text, want := range map[string]string{ // a value, or what is wrong with it
		number:                         number,
		"19912345678":                  "19912345678",
		" " + number + "\u3000":        number,
		"\ufeff" + number + "\u200b\r": number,
		"\u202d" + number + "\u202c":   number,
		"138\u200b00138000":            number,
		"138 0013 8000":                number,
		"138-0013-8000":                number,
		"138–0013—8000":                number,
		"138－0013－8000":                number,
		"138.0013.8000":                number,
		"１３８００１３８０００":                  number,
		"+86" + number:                 number,
		"＋８６ １３８００１３８０００":                   number,
		"+86 138-0013-8000":                 number,
		"+86-" + number:                     number,
		"(+86) " + number:                   number,
		"（+86）" + number:                    number,
		"(86)" + number:                     number,
		"0086" + number:                     number,
		"0086-138 0013 8000":                number,
		"86" + number:                       number,
		"86 138 0013 8000":                  number,
		"'" + number:                        number,
		"'+86" + number:                     number,
		`"` + number + `"`:                  number,
		number + ".0":                       number,
		number + ".00":                      number,
		"":                                  "is empty",
		" \u200b":                           "is empty",
		"'":                                 "apostrophe",
		"''" + number:                       "apostrophe",
		number + ".5":                       "is no mobile number",
		number + ".":                        "has a decimal point",
		"1.38E+10":                          "scientific",
		"1.3800138E+10":                     "scientific",
		"１.３８E+１０":                          "scientific",
		"1.3800138000":                      "is no mobile number",
		"138****8000":                       "is masked",
		"138xxxx8000":                       "is masked",
		"138XXXX8000":                       "is masked",
		"138----8000":                       "is no mobile number",
		"1380013800":                        "has 10 digits",
		"138001380000":                      "has 12 digits",
		"013800138000":                      "has 12 digits",
		number + " 13900139000":             "has 22 digits",
		number + "/13900139000":             "is no mobile number",
		number + ",13900139000":             "more than one column",
		number + "，":                        "more than one column",
		"23800138000":                       "begins with 1",
		"+852 9123 4567":                    "+85291234567",
		"＋852-9123-4567":                    "+85291234567",
		"'+65 8123 4567":                    "+6581234567",
		"+1 (202) 555-0123":                 "+12025550123",
		"+1 (202) (555) 0123":               "+12025550123",
		"+(852) 9123 4567":                  "+85291234567",
		"+49 (170) 1234567":                 "+491701234567",
		"+44 20 7946 0018":                  "+442079460018",
		"+44 (0)20 7946 0018":               "brackets",
		"＋４４（０）20 7946 0018":                "brackets",
		"+44 ( 0 ) 20 7946 0018":            "brackets",
		"+44 (-0) 20 7946 0018":             "brackets",
		"+44 (020) 7946 0018":               "brackets",
		"+49(0)1701234567":                  "brackets",
		"+852)9123(4567":                    "brackets",
		"+852 (9123 4567":                   "brackets",
		"+852 9123) 4567":                   "brackets",
		"+852 ((9123)) 4567":                "brackets",
		"+852 ((9123) 4567":                 "brackets",
		"+852 () 9123 4567":                 "brackets",
		"+852 9123 4567-":                   "could be of the mainland",
		"+852 9123 4567x":                   "could be of the mainland",
		"+852 912":                          "could be of the mainland",
		"+8529123456789012":                 "could be of the mainland",
		"+0852 9123 4567":                   "could be of the mainland",
		"+86 138 0013":                      "could be of the mainland",
		"+1" + number[1:]:                   "could be of the mainland",
		"+120255501234":                     "could be of the mainland",
		"00852 9123 4567":                   "has 13 digits",
		"852 9123 4567":                     "begins with 1",
		"-" + number:                        "formula",
		number + "-":                        "is no mobile number",
		"=" + number:                        "formula",
		"张三":                                "not ASCII",
		"phone":                             "is no mobile number",
		number + "\x00":                     "NUL",
		number + "\x1a":                     "control",
		number + "\xff":                     "not UTF-8",
		"١٣٨٠٠١٣٨٠٠٠":                       "not ASCII",
		"1380013\r8000":                     "carriage return",
		"8613800138":                        "has 10 digits",
		strings.Repeat("1", 200):            "has 200 digits",
		"86" + "86" + number:                "has 15 digits",
		number[:3] + "." + number[3:] + ".": "is no mobile number",
	} {
		got, fault := Phone(text)
		if want == number || want == "19912345678" || want[:min(1, len(want))] == "+" {
			assert.Equal(t, want, got, "%q: %s", text, fault)
			assert.Empty(t, fault, text)
			again, _ := Phone(got)
			assert.Equal(t, got, again)
			continue
		}
		assert.Contains(t, fault, want, text)
		assert.Empty(t, got)
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o":        "",
		"ouAJO-MpxbQzNjWeSoabcdefghij":        "",
		"2020|A*1":                            "",
		"a.b_c-d":                             "",
		strings.Repeat("9", 128):              "",
		strings.Repeat("9", 129):              "more than 128 bytes",
		"6217 0000":                           "spaces",
		"6217****5678":                        "masked",
		"6217*5678":                           "masked",
		"AB**12":                              "masked",
		"6.217E+15":                           "scientific",
		"-12":                                 "formula",
		"=1":                                  "formula",
		"@a1":                                 "formula",
		"a,b":                                 "more than one column",
		"it's1":                               "apostrophe",
		"''1":                                 "apostrophe",
		"卡1":                                  "not ASCII",
		"6217\u200b0000":                      "invisible",
		"":                                    "empty",
		"6217000012345678.0":                  "decimal",
		"6217\x00":                            "NUL",
		"<6217>":                              "brackets",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": "",
	} {
		got, fault := ID(text)
		if want == "" {
			assert.Equal(t, text, got, fault)
			continue
		}
		assert.Contains(t, fault, want, text)
		assert.Empty(t, got)
	}
	for text, want := range map[string]string{
		"Ａｂ－１": "Ab-1", "'6217": "6217", "＇6217": "6217", " \ufeff6217\u200b ": "6217", `"6217"`: "6217", "６２１７": "6217", "A １": "",
	} {
		got, _ := ID(text)
		assert.Equal(t, want, got, text)
	}
}

// What Number takes, ID takes alike; what ID makes, ID and Number leave as it is, and so does Phone of what it makes.
func FuzzCells(f *testing.F) {
	for _, s := range []string{"6217", "\"1\"", "\ufeff\u200b1", "'1", "1e+5", "１", "\xff", "+86 13800138000", "138.0013.8000", "a*|b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, idFault := ID(text)
		if number, fault := Number(text, false); fault == "" {
			assert.Equal(t, number, id)
		}
		assert.Equal(t, idFault == "", id != "")
		if idFault == "" {
			again, _ := ID(id)
			assert.Equal(t, id, again)
			if number, fault := Number(id, false); fault == "" {
				assert.Equal(t, id, number)
			}
		}
		phone, fault := Phone(text)
		assert.Equal(t, fault == "", phone != "")
		if fault == "" {
			again, _ := Phone(phone)
			assert.Equal(t, phone, again)
			assert.True(t, mobile(phone) || phone[0] == '+' && len(phone) > 7)
		}
	})
}

func TestHeading(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"手机号": true, "phone": true, "Column1": true, "card_no:1": true, "手机号1": true, "": true,
		"13800138000": false, "oUpF8uMu": false, `"6217"`: false, "１３８": false} {
		assert.Equal(t, want, Heading(text), text)
	}
}
