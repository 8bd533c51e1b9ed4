package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

//go:embed SKILL.md
var skill string

// version is set by make build; elsewhere the build knows it.
var version string

type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitzero"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionOf() versionInfo {
	v := versionInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v.Version == "" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	if v.Version == "" {
		v.Version = "(devel)"
	}
	return v
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: a.t("version of this command", "显示版本"),
		RunE: func(*cobra.Command, []string) error {
			v := versionOf()
			return a.emit("version", v, func(w io.Writer) {
				if a.chinese {
					fmt.Fprintf(w, "wxpay 版本 %s，Go 版本 %s，平台 %s\n", strings.Replace(v.Version, "(devel)", "（开发版）", 1), strings.TrimPrefix(v.Go, "go"), v.Platform)
					return
				}
				fmt.Fprintln(w, "wxpay", v.Version, v.Go, v.Platform)
			})
		},
	}
}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: a.t("script that completes command lines: bash, zsh, fish, powershell", "生成命令行补全脚本：bash、zsh、fish、powershell"),
		Example: `  source <(wxpay completion bash)
  wxpay completion zsh > "${fpath[1]}/_wxpay"
  wxpay completion fish > ~/.config/fish/completions/wxpay.fish
  wxpay completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			write, ok := map[string]func(io.Writer) error{
				"bash":       func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
				"zsh":        root.GenZshCompletion,
				"fish":       func(w io.Writer) error { return root.GenFishCompletion(w, true) },
				"powershell": root.GenPowerShellCompletionWithDesc,
			}[args[0]]
			if !ok {
				return a.misused(c, "SHELL is bash, zsh, fish or powershell", "SHELL 只能是 bash、zsh、fish 或 powershell")
			}
			var script bytes.Buffer
			if err := write(&script); err != nil {
				return err
			}
			return a.emit("completion", struct {
				Shell  string `json:"shell"`
				Script string `json:"script"`
			}{args[0], script.String()}, func(w io.Writer) { _, _ = w.Write(script.Bytes()) })
		},
	}
}

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: a.t("write the man pages into a folder", "将 man 手册写入目录"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return a.misused(c, "DIR cannot be made: "+cause(err), "无法创建目录："+cause(err))
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "wxpay " + versionOf().Version, Manual: "wxpay"}, args[0]); err != nil {
				return a.misused(c, "cannot write there: "+cause(err), "无法写入："+cause(err))
			}
			pages, _ := filepath.Glob(filepath.Join(args[0], "wxpay*.1"))
			return a.emit("man", struct {
				Dir   string `json:"dir"`
				Pages int    `json:"pages"`
			}{args[0], len(pages)}, func(w io.Writer) { fmt.Fprintln(w, len(pages), a.t("pages in", "页，位于"), args[0]) })
		},
	}
}

// helpCommand takes the place of cobra's: in both languages, with topics, and as JSON.
func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: a.t("help on a command; also: environment, exit-codes, skill", "命令帮助；另有：environment、exit-codes、skill"),
		Long: a.t("Help on a command, or on a topic:\n\n  environment  the set-up: variables, profiles, and which of them count\n  exit-codes   what the exit codes promise\n  skill        SKILL.md, which teaches an agent this command\n\nWith --json the whole tree of commands as one line of JSON.",
			"命令帮助，或主题帮助：\n\n  environment  配置：环境变量、配置文件及生效规则\n  exit-codes   退出码的含义\n  skill        供智能体阅读的 SKILL.md\n\n加 --json 以一行 JSON 输出全部命令。"),
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			names := []string{"environment", "exit-codes", "skill"}
			for _, sub := range c.Root().Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, sub.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if text, ok := a.topic(args[0]); ok {
					return a.emit("topic", struct {
						Name string `json:"name"`
						Text string `json:"text"`
					}{args[0], text}, func(w io.Writer) { fmt.Fprint(w, text) })
				}
			}
			at := c.Root()
			for _, name := range args {
				next := child(at, name)
				if next == nil {
					return a.unknown(at, name)
				}
				at = next
			}
			return at.Help()
		},
	}
}

func child(c *cobra.Command, name string) *cobra.Command {
	for _, sub := range c.Commands() {
		if sub.Name() == name || sub.HasAlias(name) {
			return sub
		}
	}
	return nil
}

// topic is help that belongs to no command.
func (a *app) topic(name string) (string, bool) {
	switch name {
	case "skill":
		return skill, true
	case "exit-codes":
		var b strings.Builder
		for _, e := range a.exitCodes() {
			fmt.Fprintf(&b, "%4d  %s\n", e.Code, e.Meaning)
		}
		return b.String(), true
	case "environment":
		return a.environment(), true
	}
	return "", false
}

func (a *app) environment() string {
	var b strings.Builder
	b.WriteString(a.t(`The set-up is variables. They stand in the environment, or in a profile: a file of lines NAME=value, mode 0600,
~/.config/wxpay/NAME.env (on Windows %AppData%\wxpay\NAME.env). --profile NAME or WXPAY_PROFILE names one, also by its path.
Paths of keys in it are relative to the file. The variables of one platform come from one place and are never mixed: from a
profile that is named, if it has any of them; else from the environment, if that has any; else from the profile "default".
wxpay doctor says which.

`, `配置由变量组成，可来自环境变量，或配置文件：每行 NAME=value，权限 0600，
位于 ~/.config/wxpay/NAME.env（Windows：%AppData%\wxpay\NAME.env）。用 --profile NAME 或 WXPAY_PROFILE 指定，也可写文件路径。
其中密钥文件的相对路径以该文件所在目录为准。同一平台的变量只取自一处，绝不混用：指定了配置文件且其中有该平台变量时取配置文件；
否则环境变量中有则取环境变量；否则取名为 default 的配置文件。wxpay doctor 会说明实际来源。

`))
	for _, v := range variables() {
		fmt.Fprintf(&b, "  %-24s %s\n", v.name, a.t(v.english, v.chinese))
	}
	for _, v := range a.otherVariables() {
		fmt.Fprintf(&b, "  %-24s %s\n", v[0], v[1])
	}
	return b.String()
}

func (a *app) otherVariables() [][2]string {
	return [][2]string{
		{"WXPAY_PROFILE", a.t("profile to take, as --profile", "使用的配置，同 --profile")},
		{"WXPAY_STORE", a.t("store of jobs for many machines, as --store: postgres://user@host/db. A password in it is a secret; it may stand in ~/.pgpass, PGPASSFILE or PGPASSWORD instead", "多机任务的存储，同 --store：postgres://user@host/db。其中的密码属于机密，也可放在 ~/.pgpass、PGPASSFILE 或 PGPASSWORD 中")},
		{"WXPAY_LANG", a.t("language, as --lang; else LC_ALL, LC_MESSAGES, LANG", "语言，同 --lang；否则依次看 LC_ALL、LC_MESSAGES、LANG")},
		{"NO_COLOR", a.t("no colors", "不使用颜色")},
		{"HTTPS_PROXY, NO_PROXY", a.t("proxy on the way to the platform", "访问平台所用代理")},
	}
}

type exitCode struct {
	Code    int    `json:"code"`
	Meaning string `json:"meaning"`
}

func (a *app) exitCodes() []exitCode {
	return []exitCode{
		{exitDone, a.t("done, all of it", "全部完成")},
		{exitInternal, a.t("an error of this command or of this machine", "程序或本机内部错误")},
		{exitUsage, a.t("command line, set-up or input is wrong; nothing was sent, or nothing more if the input changed while its job ran", "命令行、配置或输入有误；未发送任何内容（若输入在任务运行中变更，则不再继续发送）")},
		{exitRejected, a.t("refused by the platform, or a job that is finished, with rejected rows or with changed rows that were not sent", "被平台拒绝，或任务已结束，有被拒绝的行，或有内容变更而未发送的行")},
		{exitAuth, a.t("keys, signature, clock or permission", "密钥、签名、时钟或权限问题")},
		{exitStopped, a.t("not reached, throttled, or a job that stopped at a limit; run it again", "未送达、被限频，或任务因限制而停止；可再次运行")},
		{exitUnknown, a.t("the outcome of something is unknown; a job settles it when it is run again", "存在结果未知的操作；任务再次运行时会先行确认")},
		{exitInterrupted, a.t("interrupted; run it again", "被中断；可再次运行")},
	}
}

// A commandInfo is a command for programs.
type commandInfo struct {
	Command   string        `json:"command"`
	Summary   string        `json:"summary"`
	Details   string        `json:"details,omitzero"`
	Arguments []argument    `json:"arguments,omitzero"`
	Flags     []flagInfo    `json:"flags,omitzero"`
	Example   string        `json:"example,omitzero"`
	Commands  []commandInfo `json:"commands,omitzero"`
}

type argument struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Many     bool   `json:"many,omitzero"`
}

type flagInfo struct {
	Name     string `json:"name"`
	Short    string `json:"short,omitzero"`
	Value    string `json:"value,omitzero"` // what it takes; empty: it is a switch
	Type     string `json:"type"`
	Default  string `json:"default,omitzero"`
	Usage    string `json:"usage"`
	Required bool   `json:"required,omitzero"`
	Repeated bool   `json:"repeated,omitzero"`
}

func infoOf(c *cobra.Command) commandInfo {
	i := commandInfo{Command: c.CommandPath(), Summary: c.Short, Details: c.Long, Example: c.Example, Flags: flagsOf(c.LocalNonPersistentFlags())}
	for _, word := range strings.Fields(c.Use)[1:] {
		name := strings.Trim(word, "[]")
		i.Arguments = append(i.Arguments, argument{Name: strings.TrimSuffix(name, "..."), Required: name == word, Many: strings.HasSuffix(name, "...")})
	}
	for _, sub := range c.Commands() {
		if listed(sub) {
			i.Commands = append(i.Commands, infoOf(sub))
		}
	}
	return i
}

// listed reports whether people are told of a command; cobra leaves help out.
func listed(c *cobra.Command) bool {
	return c.IsAvailableCommand() || c.Name() == "help" && !c.HasAvailableSubCommands()
}

func flagsOf(set *pflag.FlagSet) []flagInfo {
	var list []flagInfo
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		kind := f.Value.Type()
		def := f.DefValue
		if def == "[]" || kind == "bool" && def == "false" {
			def = ""
		}
		list = append(list, flagInfo{Name: "--" + f.Name, Short: dashed(f.Shorthand), Value: value, Type: kind, Default: def, Usage: usage, Required: required(f),
			Repeated: strings.HasSuffix(kind, "Array") || strings.HasSuffix(kind, "Slice")})
	})
	return list
}

func dashed(short string) string {
	if short == "" {
		return ""
	}
	return "-" + short
}

// help writes the help of a command, for people or programs.
func (a *app) help(c *cobra.Command) error {
	if a.json {
		type environment struct {
			Name   string `json:"name"`
			Usage  string `json:"usage"`
			Secret bool   `json:"secret,omitzero"`
		}
		tree := struct {
			commandInfo
			GlobalFlags []flagInfo    `json:"global_flags"`
			ExitCodes   []exitCode    `json:"exit_codes"`
			Environment []environment `json:"environment"`
		}{commandInfo: infoOf(c), GlobalFlags: flagsOf(c.Root().PersistentFlags()), ExitCodes: a.exitCodes()}
		for _, v := range variables() {
			tree.Environment = append(tree.Environment, environment{v.name, a.t(v.english, v.chinese), v.secret})
		}
		for _, v := range a.otherVariables() {
			tree.Environment = append(tree.Environment, environment{v[0], v[1], v[0] == "WXPAY_STORE"})
		}
		return a.emit("help", tree, nil)
	}
	var b bytes.Buffer
	if text := strings.TrimSpace(c.Long); text != "" {
		fmt.Fprintf(&b, "%s\n\n", text)
	} else if c.Short != "" {
		fmt.Fprintf(&b, "%s\n\n", c.Short)
	}
	use := c.CommandPath()
	if words := strings.Fields(c.Use)[1:]; len(words) > 0 {
		use += " " + strings.Join(words, " ")
	}
	fmt.Fprintf(&b, "%s\n", a.t("Usage:", "用法："))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s %s\n", use, a.t("COMMAND", "命令"))
	} else {
		fmt.Fprintf(&b, "  %s %s\n", use, a.t("[flags]", "[参数]"))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s\n", a.t("Commands:", "命令："))
		for _, sub := range c.Commands() {
			if listed(sub) {
				fmt.Fprintf(&b, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\n%s\n%s\n", a.t("Examples:", "示例："), strings.TrimRight(c.Example, "\n"))
	}
	a.listFlags(&b, a.t("Flags:", "参数："), c.LocalNonPersistentFlags())
	a.listFlags(&b, a.t("Global flags:", "全局参数："), c.Root().PersistentFlags())
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s\n", a.t(strconv.Quote(c.CommandPath()+" COMMAND --help")+" tells more of a command.", "用 "+strconv.Quote(c.CommandPath()+" 命令 --help")+" 查看某个命令的说明。"))
	}
	_, err := a.stdout.Write(b.Bytes())
	return err
}

func (a *app) listFlags(w io.Writer, title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	type row struct{ left, right string }
	var rows []row
	width := 0
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		left := "      --" + f.Name
		if f.Shorthand != "" {
			left = "  -" + f.Shorthand + ", --" + f.Name
		}
		if value != "" {
			left += " " + value
		}
		if required(f) {
			usage += a.t(" (needed)", "（必填）")
		} else if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "[]" && d != "0s" {
			usage += a.t(" (default "+d+")", "（默认 "+d+"）")
		}
		rows = append(rows, row{left, usage})
		width = max(width, len([]rune(left)))
	})
	fmt.Fprintf(w, "\n%s\n", title)
	for _, r := range rows {
		fmt.Fprintf(w, "%s%s  %s\n", r.left, strings.Repeat(" ", width-len([]rune(r.left))), r.right)
	}
}
