package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// t is a text in the language of the user.
func (a *app) t(english, chinese string) string {
	if a.chinese {
		return chinese
	}
	return english
}

// language reports whether the user reads Chinese: --lang decides, else WXPAY_LANG, else the locale.
func language(args []string, env func(string) string) bool {
	said := flagValue(args, "lang")
	if !isLanguage(said) {
		said = ""
	}
	for _, name := range []string{"WXPAY_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if said == "" {
			said = env(name)
		}
	}
	return strings.HasPrefix(strings.ToLower(said), "zh")
}

// isLanguage reports whether --lang takes s: en, zh, or a locale of these such as zh-CN.
func isLanguage(s string) bool { return strings.HasPrefix(s, "en") || strings.HasPrefix(s, "zh") }

// finish gives every command what all have: how its arguments are counted, and cobra's own words in the language of
// the user.
func (a *app) finish(c *cobra.Command) {
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return a.wrongFlag(c, err) })
	if c.Args == nil {
		c.Args = a.arguments
	}
	c.Flags().BoolP("help", "h", false, a.t("this help", "显示帮助"))
	c.DisableFlagsInUseLine = true
	if !c.Runnable() {
		c.RunE = func(c *cobra.Command, _ []string) error {
			return a.misused(c, "a command is missing behind it", "后面缺少子命令")
		}
	}
	for _, sub := range c.Commands() {
		a.finish(sub)
	}
}

// arguments compares what stands behind a command with its Use line, such as "api METHOD PATH", and looks whether
// the flags that are marked as required are there.
func (a *app) arguments(c *cobra.Command, args []string) error {
	wanted := argumentsOf(c)
	switch {
	case c.HasAvailableSubCommands() && len(args) > 0:
		return a.unknown(c, args[0])
	case len(args) < len(wanted):
		return a.misused(c, wanted[len(args)]+" is missing", "缺少参数 "+wanted[len(args)])
	case len(args) > len(wanted)+optional(c):
		return a.misused(c, strconv.Quote(args[len(wanted)])+" is one argument too many", "多余的参数 "+strconv.Quote(args[len(wanted)]))
	}
	var missing []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if required(f) && !f.Changed {
			missing = append(missing, "--"+f.Name)
		}
	})
	if len(missing) > 0 {
		return a.misused(c, strings.Join(missing, ", ")+" is needed", "缺少 "+strings.Join(missing, "、"))
	}
	return nil
}

// argumentsOf are the words of the Use line behind the name.
func argumentsOf(c *cobra.Command) []string {
	var list []string
	for _, word := range strings.Fields(c.Use)[1:] {
		if !strings.HasPrefix(word, "[") && !strings.HasPrefix(word, "-") {
			list = append(list, word)
		}
	}
	return list
}

// optional is how many arguments may follow the ones that are wanted.
func optional(c *cobra.Command) int { return strings.Count(c.Use, " [") }

func required(f *pflag.Flag) bool {
	v := f.Annotations[cobra.BashCompOneRequiredFlag]
	return len(v) == 1 && v[0] == "true"
}

// unknown is a command that there is not.
func (a *app) unknown(c *cobra.Command, name string) error {
	english, chinese := "there is no command "+strconv.Quote(name), "没有命令 "+strconv.Quote(name)
	if c.SuggestionsMinimumDistance <= 0 {
		c.SuggestionsMinimumDistance = 2
	}
	if near := c.SuggestionsFor(name); len(near) > 0 {
		english += "; did you mean " + strings.Join(near, ", ") + "?"
		chinese += "；是否想用 " + strings.Join(near, "、") + "？"
	}
	return a.misused(c, english, chinese)
}

// wrongFlag says what pflag found.
func (a *app) wrongFlag(c *cobra.Command, err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := "--" + e.GetSpecifiedName()
		if e.GetSpecifiedShortnames() != "" {
			name = "-" + e.GetSpecifiedName()
		}
		return a.misused(c, "there is no flag "+name, "没有参数 "+name)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return a.misused(c, "--"+e.GetFlag().Name+" needs a value", "--"+e.GetFlag().Name+" 缺少值")
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := e.GetFlag()
		english, chinese := kindOfValue(f.Value.Type())
		return a.misused(c, "--"+f.Name+" takes "+english+", not "+strconv.Quote(e.GetValue()), "--"+f.Name+" 的值 "+strconv.Quote(e.GetValue())+" 无效，应为"+chinese)
	}
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return a.misused(c, strconv.Quote(e.GetSpecifiedFlag())+" is no flag", strconv.Quote(e.GetSpecifiedFlag())+" 不是有效的参数写法")
	}
	return a.misused(c, err.Error(), "参数有误："+err.Error())
}

// kindOfValue says what a flag takes.
func kindOfValue(kind string) (english, chinese string) {
	switch kind {
	case "float64":
		return "a number", "数字"
	case "int", "int64":
		return "a whole number", "整数"
	case "duration":
		return "a time such as 30s or 24h", "时长，例如 30s 或 24h"
	case "bool":
		return "true or false", " true 或 false"
	}
	return "a text", "文本"
}

// need marks flags that a command cannot do without.
func (a *app) need(c *cobra.Command, names ...string) {
	for _, name := range names {
		_ = c.MarkFlagRequired(name) // there is such a flag: a test asks for each
	}
}
