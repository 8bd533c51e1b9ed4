// Command wxpay is WeChat Pay for the people who run it: it checks a set-up, carries out jobs of a million rows that
// survive any interruption, looks things up, and makes any call of the API by hand. `wxpay help` tells more, in English
// or Chinese; `wxpay help --json` tells it to programs, and SKILL.md to agents.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	hangsUp := !signal.Ignored(syscall.SIGHUP) // nohup
	if hangsUp {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, func() {
		if hangsUp {
			signal.Ignore(syscall.SIGHUP) // a terminal that is closed says so twice: by itself and through the shell
		}
		stop() // the second Ctrl-C ends the process at once
	})
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	os.Exit(code)
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &sink{Writer: stdout}
	a := &app{env: env, stdin: stdin, stdout: out, stderr: stderr}
	a.chinese, a.json = language(args, env), flagged(args, "json")
	defer a.close()
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = fail(exitInternal, "what was to be said could not be written to stdout: "+cause(out.err), "无法写入标准输出："+cause(out.err))
	}
	a.json = a.json || flagged(args, "json") // a command line that cannot be read may have left it off
	return a.end(ctx, err)
}

// An app is one run of the command.
type app struct {
	env            func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer

	chinese bool
	json    bool   // JSON lines on stdout
	quiet   bool   // nothing on stderr but errors
	profile string // name or path of a file; empty: see setup.go
	set     setup

	store   *store // open; nil: jobs are remembered in a folder
	opened  bool   // it is known which
	errands map[*cobra.Command]*errand
	metrics *metrics // of a worker; nil: nobody asks for them
}

// root is the tree of commands. What belongs to all commands, such as how arguments are counted, is added last.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "wxpay",
		Short: a.t("WeChat Pay for those who run it: jobs, checks and calls", "微信支付运维命令：批量任务、检查与接口调用"),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if f := c.Flags().Lookup("lang"); f.Changed && !isLanguage(f.Value.String()) {
			return a.misused(c, "--lang is en or zh", "--lang 只能是 en 或 zh")
		}
		return nil
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.profile, "profile", "", a.t("`NAME` of a set-up: ~/.config/wxpay/NAME.env, or the path of such a file", "配置 `NAME`：~/.config/wxpay/NAME.env，或该类文件的路径"))
	flags.String("lang", "", a.t("language, `en|zh`", "语言，`en|zh`"))
	flags.BoolVar(&a.json, "json", false, a.t("JSON lines on stdout", "在标准输出打印 JSON，每行一个"))
	flags.BoolVar(&a.quiet, "quiet", false, a.t("nothing on stderr but errors", "标准错误只输出错误"))
	_ = root.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"en", "zh"}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("profile", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return a.profiles(), cobra.ShellCompDirectiveDefault
	})
	root.AddCommand(
		a.doctorCommand(),
		a.group("member", a.t("member cards", "会员卡"), a.memberImport(), a.memberRemind(), a.memberShow()),
		a.group("bank", a.t("bank packages", "号码包"), a.bankUpload(), a.bankTasks()),
		a.group("edu", a.t("education auto-renewal", "教育续费通"), a.eduDebit(), a.eduContracts()),
		a.group("coupon", a.t("product coupons", "商品券"), a.couponSend()),
		a.transferCommand(),
		a.group("push", a.t("Tencent push service TPNS", "腾讯移动推送 TPNS"), a.pushUpload(), a.pushSend(), a.pushRecord(), a.pushCancel()),
		a.group("jobs", a.t("jobs that were begun", "已开始的任务"), a.jobsCommands()...),
		a.workCommand(),
		a.group("store", a.t("jobs in PostgreSQL, for many machines", "PostgreSQL 中的多机任务存储"), a.storeCommands()...),
		a.emulateCommand(),
		a.triggerCommand(),
		a.apiCommand(),
		a.explainCommand(),
		a.versionCommand(),
		a.completionCommand(),
		a.manCommand(),
	)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetIn(a.stdin)
	root.SetHelpCommand(a.helpCommand())
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		_ = a.help(c) // run looks whether stdout took it
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.InitDefaultHelpCmd()
	a.finish(root)
	return root
}

// group is a command that only holds others.
func (a *app) group(name, short string, of ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short}
	c.AddCommand(of...)
	return c
}

// A sink remembers that it could not be written to: output that is lost must not end with 0.
type sink struct {
	io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if s.err == nil {
		s.err = err
	}
	return n, err
}

// A source is read from until ctx ends, also while it has nothing to give, such as a terminal at which nobody types.
type source struct {
	ctx  context.Context
	from io.Reader
}

func (s source) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	buffer, done := make([]byte, len(p)), make(chan result, 1)
	go func() { // a read cannot be ended; that of a command which is interrupted is left behind
		n, err := s.from.Read(buffer)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return copy(p, buffer[:r.n]), r.err
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// terminal reports whether a person looks at w.
func terminal(w any) bool {
	if s, ok := w.(*sink); ok {
		w = s.Writer
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// flagged looks for a switch before the command line is read, for what has to be known by then.
func flagged(args []string, name string) bool {
	args = args[:len(args)-len(behind(args))]
	return slices.Contains(args, "--"+name) || slices.Contains(args, "--"+name+"=true")
}

// flagValue looks for the value of a flag before the command line is read.
func flagValue(args []string, name string) string {
	args = args[:len(args)-len(behind(args))]
	for i, arg := range args {
		if v, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return v
		}
		if arg == "--"+name && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// behind is what stands behind --, where no flags are.
func behind(args []string) []string {
	if i := slices.Index(args, "--"); i >= 0 {
		return args[i:]
	}
	return nil
}
