package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestMemberShow(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	card := s.fake.AddCard("SYSTEM_ALLOCATE")
	member, err := membercard.New(s.fake.Client()).ImportUserByPhone(t.Context(), membercard.ImportUserByPhoneParams{CardID: card, PhoneNumber: "13800138000", OutRequestNo: "n1"})
	require.NoError(t, err)
	for _, lang := range []string{"en", "zh"} {
		o := s.run("member", "show", "--card", card, "--code", member.Code, "--lang", lang)
		assert.Equal(t, exitDone, o.code, o.stderr)
		assert.Contains(t, o.stdout, member.Code)
		assert.NotContains(t, o.stdout, "13800138000")
		o = s.run("member", "show", "--card", card, "--code", member.Code, "--lang", lang, "--json")
		assert.Equal(t, exitDone, o.code, o.stderr)
		shown := o.of(t, "member_card")
		require.Len(t, shown, 1)
		assert.Equal(t, card, shown[0]["card_id"])
		assert.Equal(t, member.Code, shown[0]["code"])
		o = s.run("member", "show", "--card", card, "--code", "nobody", "--lang", lang)
		assert.Equal(t, exitRejected, o.code, o.stderr)
		oneLineOf(t, o.stderr)
	}
}

func TestBankTasks(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	service := bankpackages.New(s.fake.Client())
	for i := range 23 { // two pages
		_, err := service.Import(t.Context(), bankpackages.ImportParams{PackageID: "8473295", BankType: "ICBC_DEBIT", Name: fmt.Sprintf("list-%02d", i), Numbers: func(yield func(string) bool) { yield("2026000000000001") }})
		require.NoError(t, err)
	}
	o := s.run("bank", "tasks", "--package", "8473295")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, 23, strings.Count(o.stdout, "\n"))
	assert.Contains(t, o.stderr, "23 tasks")
	o = s.run("bank", "tasks", "--package", "8473295", "--json", "--quiet")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	assert.Len(t, o.of(t, "task"), 23)
	sums := o.of(t, "sums")[0]
	assert.EqualValues(t, 23, sums["tasks"])
	assert.EqualValues(t, 23, sums["success_count"])
	o = s.run("bank", "tasks", "--package", "8473295", "--status", "FINISHED", "--lang", "zh")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stderr, "共 23 个任务")
}

func TestEduContracts(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	ids := s.fake.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 45)
	args := []string{"edu", "contracts", "--openid", "oUpF8uMuAJOM2pxb1Q", "--appid", "wx8888888888888888", "--plan"}
	o := s.run(append(args, "101164396123311331", "--json")...)
	assert.Equal(t, exitDone, o.code, o.stderr)
	var seen []string
	for _, c := range o.of(t, "contract") {
		seen = append(seen, c["contract_information"].(map[string]any)["contract_id"].(string))
	}
	assert.ElementsMatch(t, ids, seen)
	o = s.run(append(args, "101164396123311331")...)
	assert.Equal(t, 45, strings.Count(o.stdout, "\n"))
	for _, lang := range []string{"en", "zh"} { // a user without contracts is an empty list, not a failure
		o = s.run(append(args, "999", "--json", "--lang", lang)...)
		assert.Equal(t, exitDone, o.code, o.stderr)
		assert.EqualValues(t, 0, o.of(t, "sums")[0]["contracts"])
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	client, err := pushpackage.New(pushpackage.Config{AccessID: wxpaytest.TPNSAccessID, SecretKey: wxpaytest.TPNSSecretKey, BaseURL: s.url})
	require.NoError(t, err)
	list, err := client.Upload(t.Context(), pushpackage.UploadParams{File: media.Bytes("a.txt", []byte("user1\nuser2\n"))})
	require.NoError(t, err)
	upload := fmt.Sprint(list.UploadID)

	o := s.run("push", "send", "--upload", upload, "--title", "T", "--content", "C", "--all-devices", "--account-type", "1002")
	require.Equal(t, exitDone, o.code, o.stderr)
	id := strings.TrimSpace(o.stdout)
	assert.NotEmpty(t, id)
	assert.Contains(t, o.stderr, "wxpay push record "+id)
	all := s.fake.Requests()
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(all[len(all)-1].Body), &sent))
	assert.Equal(t, "package_account_push", sent["audience_type"])
	assert.EqualValues(t, 1, sent["account_push_type"])
	assert.EqualValues(t, 1002, sent["account_type"])

	for _, args := range [][]string{{id}, {}, {"--from", time.Now().Add(-24 * time.Hour).Format(time.DateOnly)}} {
		o = s.run(append([]string{"push", "record", "--json"}, args...)...)
		assert.Equal(t, exitDone, o.code, o.stderr)
		records := o.of(t, "push_record")
		require.NotEmpty(t, records, "%v", args)
		assert.Equal(t, id, records[0]["push_id"])
	}
	assert.Equal(t, exitUsage, s.run("push", "record", "--from", "yesterday").code)
	assert.Equal(t, exitRejected, s.run("push", "record", "4711").code)
}

func TestPushFromFile(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	client, err := pushpackage.New(pushpackage.Config{AccessID: wxpaytest.TPNSAccessID, SecretKey: wxpaytest.TPNSSecretKey, BaseURL: s.url})
	require.NoError(t, err)
	list, err := client.Upload(t.Context(), pushpackage.UploadParams{File: media.Bytes("a.txt", []byte("user1\nuser2\n"))})
	require.NoError(t, err)
	at := time.Now().Add(24 * time.Hour).In(time.FixedZone("", 8*60*60)).Format(time.DateTime)
	params := fmt.Sprintf(`{"audience_type":"package_account_push","upload_id":%d,"message_type":"notify","message":{"title":"T","content":"C"},"send_time":%q}`, list.UploadID, at)
	o := s.runWith(params, "push", "send", "--params", "-", "--title", "Other", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	id := o.of(t, "push")[0]["push_id"].(string)
	all := s.fake.Requests()
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(all[len(all)-1].Body), &sent))
	assert.Equal(t, at, sent["send_time"])
	assert.Equal(t, "Other", sent["message"].(map[string]any)["title"], "a flag wins")

	o = s.run("push", "cancel", id, "--json", "--lang", "zh")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, id, o.of(t, "canceled")[0]["push_id"])

	n := len(s.fake.Requests())
	for _, bad := range []string{"", "{", `{"uplod_id":1}`, `{"upload_id":"x"}`, `{"send_time":"tomorrow"}`, `[]`} {
		for _, lang := range []string{"en", "zh"} {
			o := s.runWith(bad, "push", "send", "--params", "-", "--lang", lang)
			assert.Equal(t, exitUsage, o.code, "%q %s", bad, o.stderr)
			oneLineOf(t, o.stderr)
		}
	}
	for _, args := range [][]string{{}, {"--upload", "1"}, {"--upload", "x"}, {"--upload", "1", "--audience", "everybody"}, {"--upload", "1", "--title", "T", "--content", "C", "--at", "soon"}, {"--params", "/does/not/exist"}} {
		assert.Equal(t, exitUsage, s.run(append([]string{"push", "send"}, args...)...).code, "%v", args)
	}
	assert.Len(t, s.fake.Requests(), n, "nothing is sent")
}

// A push whose answer is lost is not sent again, and the user is told how to look.
func TestPushUnknown(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	require.NoError(t, s.fake.Inject("POST /v3/push/app", "reset-after-effect", 1))
	o := s.run("push", "send", "--upload", "1", "--title", "T", "--content", "C", "--json")
	assert.Equal(t, exitUnknown, o.code, o.stderr)
	assert.Contains(t, o.stderr, "wxpay push record")
	assert.EqualValues(t, exitUnknown, o.of(t, "error")[0]["exit"])
	assert.Len(t, s.fake.Requests(), 1)
	require.NoError(t, s.fake.Inject("POST /v3/push/cancel_timing_task", "reset-after-effect", 1))
	o = s.run("push", "cancel", "77", "--lang", "zh")
	assert.Equal(t, exitUnknown, o.code, o.stderr)
	assert.Contains(t, o.stderr, "wxpay push record 77")
	require.NoError(t, s.fake.Inject("POST /v3/push/app", "tpns-1008003", 1))
	assert.Equal(t, exitAuth, s.run("push", "send", "--upload", "1", "--title", "T", "--content", "C").code)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{
		"SIGN_ERROR": "签名错误", "no_auth": "无权限", "08F78BB0AF0610D302189E9AB6092028FB9A9EAE05-268443699": "签名错误", "268498688": "首次请求", "1008028": "每秒一次", "1008006": "", "FREQUENCY_LIMITED": "频率过高",
	} {
		for _, lang := range []string{"en", "zh"} {
			o := runIn(t, nil, "", "explain", asked, "--lang", lang, "--json")
			assert.Equal(t, exitDone, o.code, o.stderr)
			e := o.of(t, "explanation")[0]
			if want != "" {
				assert.Contains(t, e["hint_zh"], want)
				assert.NotEmpty(t, e["hint"])
			} else {
				assert.NotEmpty(t, e["meaning"])
			}
			o = runIn(t, nil, "", "explain", asked, "--lang", lang)
			assert.Equal(t, exitDone, o.code)
			assert.Contains(t, o.stdout, want, "both languages are shown")
		}
	}
	for _, asked := range []string{"NOPE", "", "7", "08F7-1", "-", "\x1b[31m"} {
		o := runIn(t, nil, "", "explain", "--", asked)
		assert.Equal(t, exitUsage, o.code, "%q %s", asked, o.stdout)
		assert.NotContains(t, o.stderr, "\x1b")
		oneLineOf(t, o.stderr)
	}
}

// Every code that the documents name is explained.
func TestExplainKnowsAll(t *testing.T) {
	t.Parallel()
	for _, r := range wxpaytest.Refusals() {
		e, err := explain(r.Name)
		require.NoError(t, err)
		assert.NotNil(t, e, r.Name)
	}
	for _, r := range wxpaytest.ReturnCodes() {
		e, err := explain(strings.TrimPrefix(r.Name, "tpns-"))
		require.NoError(t, err)
		assert.NotNil(t, e, r.Name)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	o := runIn(t, nil, "", "version")
	assert.Equal(t, exitDone, o.code)
	assert.Regexp(t, `^wxpay \S+ go1\.\S+ \w+/\w+\n$`, o.stdout)
	v := runIn(t, nil, "", "version", "--json").of(t, "version")[0]
	assert.NotEmpty(t, v["version"])
	assert.NotEmpty(t, v["go"])
	assert.NotEmpty(t, v["platform"])
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		o := runIn(t, nil, "", "completion", shell)
		require.Equal(t, exitDone, o.code, o.stderr)
		assert.Contains(t, o.stdout, "wxpay")
		path := filepath.Join(dir, shell)
		require.NoError(t, os.WriteFile(path, []byte(o.stdout), 0o600))
		if _, err := exec.LookPath(shell); err == nil {
			said, err := exec.CommandContext(t.Context(), shell, "-n", path).CombinedOutput()
			assert.NoError(t, err, "%s: %s", shell, said)
		}
	}
	for _, args := range [][]string{{}, {"csh"}, {"bash", "zsh"}} {
		assert.Equal(t, exitUsage, runIn(t, nil, "", append([]string{"completion"}, args...)...).code)
	}
	o := runIn(t, nil, "", "__complete", "member", "")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stdout, "show")
}

func TestMan(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "man")
	o := runIn(t, nil, "", "man", dir, "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	page, err := os.ReadFile(filepath.Join(dir, "wxpay-api.1"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "sign-only")
	root, err := os.ReadFile(filepath.Join(dir, "wxpay.1"))
	require.NoError(t, err)
	assert.Contains(t, string(root), "wxpay-doctor")
	assert.Equal(t, exitUsage, runIn(t, nil, "", "man", filepath.Join(dir, "wxpay.1", "x")).code)
}

// walk visits every command there is.
func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		if listed(sub) {
			walk(sub, visit)
		}
	}
}

// tree is the tree of commands in one language.
func tree(chinese bool) *cobra.Command {
	a := &app{env: func(string) string { return "" }, chinese: chinese}
	return a.root()
}

// help --json lists every command with its flags and arguments, for programs.
func TestHelpJSON(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "zh"} {
		o := runIn(t, nil, "", "help", "--json", "--lang", lang)
		require.Equal(t, exitDone, o.code)
		top := o.of(t, "help")[0]
		assert.Len(t, top["exit_codes"], 8)
		assert.NotEmpty(t, top["environment"])
		known := map[string]map[string]any{}
		var collect func(map[string]any)
		collect = func(c map[string]any) {
			known[c["command"].(string)] = c
			subs, _ := c["commands"].([]any)
			for _, sub := range subs {
				collect(sub.(map[string]any))
			}
		}
		collect(top)
		global := map[string]bool{}
		for _, f := range top["global_flags"].([]any) {
			global[f.(map[string]any)["name"].(string)] = true
		}
		walk(tree(lang == "zh"), func(c *cobra.Command) {
			info := known[c.CommandPath()]
			require.NotNil(t, info, c.CommandPath())
			flags := map[string]bool{}
			list, _ := info["flags"].([]any)
			for _, f := range list {
				flags[f.(map[string]any)["name"].(string)] = true
			}
			c.Flags().VisitAll(func(f *pflag.Flag) {
				assert.True(t, f.Name == "help" || flags["--"+f.Name] || global["--"+f.Name], "%s --%s", c.CommandPath(), f.Name)
			})
		})
	}
}

// Every command has help in both languages, and every flag.
func TestHelpInBothLanguages(t *testing.T) {
	t.Parallel()
	other := map[string]*cobra.Command{}
	walk(tree(true), func(c *cobra.Command) { other[c.CommandPath()] = c })
	walk(tree(false), func(c *cobra.Command) {
		zh := other[c.CommandPath()]
		assert.NotEmpty(t, c.Short, c.CommandPath())
		assert.False(t, strings.ContainsFunc(c.Short+c.Long, isHan), c.CommandPath())
		assert.True(t, strings.ContainsFunc(zh.Short, isHan), c.CommandPath())
		assert.Equal(t, c.Long == "", zh.Long == "", c.CommandPath())
		c.Flags().VisitAll(func(f *pflag.Flag) {
			assert.False(t, strings.ContainsFunc(f.Usage, isHan), "%s --%s", c.CommandPath(), f.Name)
			g := zh.Flags().Lookup(f.Name)
			assert.True(t, strings.ContainsFunc(g.Usage, isHan), "%s --%s", c.CommandPath(), f.Name)
			assert.Equal(t, strings.Count(f.Usage, "`"), strings.Count(g.Usage, "`"), "%s --%s", c.CommandPath(), f.Name)
			for _, secret := range []string{"secret", "password", "private-key", "apiv3"} {
				assert.NotContains(t, f.Name, secret, "secrets are no flags")
			}
		})
		for lang, marker := range map[string]string{"en": "Usage:", "zh": "用法："} {
			args := append(strings.Fields(c.CommandPath())[1:], "--help", "--lang", lang)
			o := runIn(t, nil, "", args...)
			assert.Equal(t, exitDone, o.code, args)
			assert.Contains(t, o.stdout, marker, args)
			assert.Empty(t, o.stderr)
			for _, own := range []string{"Available Commands", "help for ", "Use \""} {
				assert.NotContains(t, o.stdout, own, "cobra's own words")
			}
			o = runIn(t, nil, "", append([]string{"help"}, append(strings.Fields(c.CommandPath())[1:], "--lang", lang)...)...)
			assert.Contains(t, o.stdout, marker, args)
		}
	})
}

func TestTopics(t *testing.T) {
	t.Parallel()
	o := runIn(t, nil, "", "help", "skill")
	assert.Equal(t, exitDone, o.code)
	assert.Equal(t, skill, o.stdout)
	for _, topic := range []string{"environment", "exit-codes", "skill"} {
		for _, lang := range []string{"en", "zh"} {
			o := runIn(t, nil, "", "help", topic, "--lang", lang, "--json")
			assert.Equal(t, exitDone, o.code)
			assert.NotEmpty(t, o.of(t, "topic")[0]["text"])
		}
	}
	assert.Equal(t, exitUsage, runIn(t, nil, "", "help", "nonsense").code)
}

// The skill names commands and flags that there are, and no others.
func TestSkillIsTrue(t *testing.T) {
	t.Parallel()
	assert.NotRegexp(t, `(?m)^    wxpay [^'\n]*[{}"]`, skill, "a shell takes quotes away")
	d := newDesk(t, 1)
	debit := regexp.MustCompile(`(?m)^    wxpay (edu debit .+)`).FindStringSubmatch(skill)
	require.NotNil(t, debit)
	o := d.job(append(strings.Fields(strings.NewReplacer("debits.csv", d.debits("debits.csv", "a"), "APPID", "wx8888888888888888", "URL", "https://shop.example/notify", "IP", "203.0.113.7").Replace(debit[1])), "--dry-run")...)
	assert.Equal(t, exitDone, o.code, o.stderr)
	paths := map[string]*cobra.Command{}
	walk(tree(false), func(c *cobra.Command) { paths[c.CommandPath()] = c })
	for line := range strings.Lines(skill) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "wxpay ") || strings.HasPrefix(line, "wxpay help ") {
			continue
		}
		words := strings.Fields(line)
		c, depth := paths["wxpay"], 1
		for ; depth < len(words) && paths[strings.Join(words[:depth+1], " ")] != nil; depth++ {
			c = paths[strings.Join(words[:depth+1], " ")]
		}
		if !c.HasParent() || c.HasAvailableSubCommands() {
			assert.Fail(t, "there is no such command", line)
			continue
		}
		for _, word := range words[depth:] {
			if name, ok := strings.CutPrefix(word, "--"); ok {
				name, _, _ = strings.Cut(name, "=")
				assert.True(t, c.Flags().Lookup(name) != nil || c.InheritedFlags().Lookup(name) != nil, line)
			}
		}
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env     map[string]string
		args    []string
		chinese bool
	}{
		{nil, nil, false},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, nil, true},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, nil, false},
		{map[string]string{"LANG": "C", "LC_MESSAGES": "zh_TW"}, nil, true},
		{map[string]string{"LC_ALL": "zh_CN", "WXPAY_LANG": "en"}, nil, false},
		{map[string]string{"WXPAY_LANG": "zh"}, []string{"--lang", "en"}, false},
		{nil, []string{"--lang=zh"}, true},
		{nil, []string{"--lang", "zh"}, true},
		{nil, []string{"--", "--lang=zh"}, false},
	} {
		assert.Equal(t, tt.chinese, language(tt.args, func(name string) string { return tt.env[name] }), "%v", tt)
		o := runIn(t, tt.env, "", append([]string{"nonsense"}, tt.args...)...)
		assert.Equal(t, exitUsage, o.code)
		assert.Equal(t, tt.chinese, strings.ContainsFunc(o.stderr, isHan), "%v %s", tt, o.stderr)
	}
}

// What is wrong with a command line is one line, in both languages, with a pointer to the help; nothing on stdout
// but the object of --json.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"nonsense"}, {"memebr"}, {"member"}, {"member", "shwo"}, {"jobs"}, {"member", "show"}, {"member", "show", "--card"}, {"member", "show", "--card", "1"}, {"member", "show", "x", "--card", "1", "--code", "2"},
		{"doctor", "x"}, {"doctor", "--timeout", "soon"}, {"doctor", "--timeout"}, {"--nope"}, {"-x"}, {"version", "--json=perhaps"}, {"explain"}, {"help", "nonsense"}, {"edu", "contracts", "--openid", "o"}, {"bank", "tasks", "--pack", "1"},
		{"--lang", "fr", "version"}, {"--lang=", "version"}, {"version", "--lang"}, {""}, {"member", ""},
	} {
		for lang, chinese := range map[string]bool{"en": false, "zh": true} {
			env := map[string]string{"WXPAY_LANG": lang}
			o := runIn(t, env, "", args...)
			assert.Equal(t, exitUsage, o.code, "%q", args)
			assert.Empty(t, o.stdout, "%q", args)
			line := oneLineOf(t, o.stderr)
			assert.Contains(t, line, "--help", "%q", args)
			assert.Equal(t, chinese, strings.ContainsFunc(line, isHan), "%q %s", args, line)
			o = runIn(t, env, "", append([]string{"--json"}, args...)...)
			assert.Equal(t, exitUsage, o.code, "%q", args)
			assert.Len(t, o.lines(t), 1, "%q", args)
		}
	}
	assert.Contains(t, runIn(t, nil, "", "memebr").stderr, "did you mean member?")
	assert.Contains(t, runIn(t, nil, "", "member", "shwo").stderr, "did you mean show?")
}

// A command that nobody set up says what is missing, and where to look.
func TestNotSetUp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"member", "show", "--card", "1", "--code", "2"}, {"bank", "tasks", "--package", "8473295"}, {"edu", "contracts", "--openid", "o", "--appid", "a", "--plan", "p"},
		{"push", "send", "--upload", "1", "--title", "T", "--content", "C"}, {"push", "record", "1"}, {"push", "cancel", "1"}, {"api", "GET", "/v3/x"}, {"api", "GET", "/v3/x", "--sign-only"},
	} {
		for _, lang := range []string{"en", "zh"} {
			o := runIn(t, nil, "", append([]string{"--json", "--lang", lang}, args...)...)
			assert.Equal(t, exitUsage, o.code, "%q %s", args, o.stderr)
			assert.Contains(t, oneLineOf(t, o.stderr), "wxpay doctor")
			assert.Len(t, o.of(t, "error"), 1)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Output that is lost is never a success.
func TestLostOutput(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	env := func(name string) string { return s.env[name] }
	for _, args := range [][]string{
		{"version"}, {"help"}, {"help", "--json"}, {"explain", "NO_AUTH"}, {"doctor"}, {"doctor", "--json"}, {"completion", "bash"}, echoArgs(), echoArgs("--json"), {"api", "GET", "/v3/x", "--sign-only"}, {"help", "skill"},
	} {
		var stderr bytes.Buffer
		code := run(t.Context(), args, env, strings.NewReader(""), full{}, &stderr)
		assert.Equal(t, exitInternal, code, "%v", args)
		assert.Contains(t, stderr.String(), "no space left", "%v", args)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{echoArgs(), {"api", "GET", "/v3/x"}, {"bank", "tasks", "--package", "8473295"}, {"push", "record", "1"}, {"push", "send", "--upload", "1", "--title", "T", "--content", "C"}} {
		for lang, word := range map[string]string{"en": "run it again", "zh": "可再次运行"} {
			var stdout, stderr bytes.Buffer
			code := run(ctx, append(args, "--lang", lang), func(name string) string { return s.env[name] }, strings.NewReader(""), &stdout, &stderr)
			assert.Equal(t, exitInterrupted, code, "%v %s", args, stderr.String())
			assert.Contains(t, oneLineOf(t, stderr.String()), word)
		}
	}
	assert.Empty(t, s.fake.Requests())
}
