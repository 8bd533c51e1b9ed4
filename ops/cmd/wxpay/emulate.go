package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay/internal/pasted"
	"github.com/wxpay-go/wxpay/ops/emulator"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// An emulation is what the flags of emulate say.
type emulation struct {
	config       emulator.Config
	address      string
	start, clock string
	mode         string
	tls          bool
}

func (a *app) emulateCommand() *cobra.Command {
	e := &emulation{}
	c := &cobra.Command{
		Use:   "emulate [-- PROGRAM …]",
		Short: a.t("a fake WeChat Pay and TPNS on this machine, with a page that shows every request", "在本机运行模拟的微信支付与 TPNS，并用网页展示每个请求"),
		Long: a.t(`A fake WeChat Pay and TPNS on this machine, for programs in any language: v3 has no sandbox. It checks signatures and
shapes of requests by the documents, keeps cards, contracts and tasks, signs its answers, and sends notifications. No
account, no real key: those that it makes are worth nothing elsewhere.

The first line on stdout is the address to set as base address. The folder gets the keys and the file env, whose lines set
what the SDK and this command read. The page is at /_inspector/, the API for tests at /_emulator/.

With a PROGRAM the emulator runs it in that environment and ends with its exit code.`,
			`在本机运行模拟的微信支付与 TPNS，供任何语言的程序联调：APIv3 没有沙箱。它按官方文档校验签名与请求，保存会员卡、签约、任务等状态，
对应答签名，并发送回调通知。无需账号，也不使用真实密钥：它生成的密钥在别处毫无价值。

标准输出的第一行是基地址。目录中会写入密钥与 env 文件，后者设置本 SDK 和本命令读取的环境变量。网页在 /_inspector/，供测试使用的接口在 /_emulator/。

若给出 PROGRAM，则在上述环境中运行它，并以它的退出码结束。`),
		Example: `  wxpay emulate --dir ./emulator
  wxpay emulate --forward-to http://127.0.0.1:8080 --speed 60
  wxpay emulate -- go test ./...
  wxpay emulate fault '429*2' --route "POST /v3/edu-papay/transactions"`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && c.ArgsLenAtDash() != 0 {
				return a.unknown(c, args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.emulate(c, e, args) },
	}
	f := c.Flags()
	f.StringVar(&e.address, "addr", "127.0.0.1:8089", a.t("`ADDRESS` to listen at; port 0 takes a free one", "监听地址 `ADDRESS`；端口 0 表示任选空闲端口"))
	f.StringVar(&e.config.Dir, "dir", "", a.t("`DIR` for keys and env; with the same one the keys stay the same. Else one that is removed at the end", "存放密钥与 env 的目录 `DIR`；目录不变则密钥不变。默认使用结束时删除的临时目录"))
	f.BoolVar(&e.tls, "tls", false, a.t("https, with a certificate of its own making; its root is DIR/ca.pem", "使用 https 与自签证书，根证书写入 DIR/ca.pem"))
	f.StringVar(&e.config.Fake.Seed, "seed", "", a.t("`SEED` that keys and IDs follow from, so that runs are alike", "随机种子 `SEED`：密钥与编号由它决定，多次运行结果一致"))
	f.StringVar(&e.clock, "clock", "", a.t("`TIME` at which the clock of the business stands until it is advanced, such as 2026-01-01T00:00:00+08:00; with --seed that one", "业务时钟停在 `TIME`，直到被推进，例如 2026-01-01T00:00:00+08:00；指定 --seed 时默认即为该值"))
	f.StringVar(&e.config.State, "state", "", a.t("`FILE` that keeps the state from run to run", "跨次运行保存状态的文件 `FILE`"))
	f.StringVar(&e.start, "start", "", a.t("`FILE`, YAML or JSON, of what exists when the state is new", "初始数据文件 `FILE`（YAML 或 JSON）"))
	f.Float64Var(&e.config.Speed, "speed", 1, a.t("how many `TIMES` faster than WeChat Pay notifications are sent again", "通知重发比真实平台快多少倍 `TIMES`"))
	f.StringVar(&e.config.ForwardTo, "forward-to", "", a.t("`URL` where all notifications go, whatever address the calls name", "所有通知都发往该 `URL`，忽略请求中的回调地址"))
	f.StringArrayVar(&e.config.AllowCallback, "allow-callback", nil, a.t("`HOST` besides this machine that notifications may go to; may come again, * is any", "除本机外允许接收通知的主机 `HOST`；可多次给出，* 表示任意"))
	f.BoolVar(&e.config.Remote, "allow-remote", false, a.t("listen also where others can reach it", "允许监听其他机器可访问的地址"))
	f.StringArrayVar(&e.config.Hosts, "host", nil, a.t("`NAME` under which the page and its API may be asked for besides localhost; may come again", "除 localhost 外可访问网页与接口的主机名 `NAME`；可多次给出"))
	f.StringVar(&e.mode, "mode", "public-key", a.t("what the merchant knows the platform by: `public-key|certificates|both`", "商户识别平台的方式：`public-key|certificates|both`"))
	f.BoolVar(&e.config.Fake.Brand, "brand", false, a.t("env is that of a brand, and notifications go to it", "env 使用品牌身份，通知也发给品牌"))
	f.BoolVar(&e.config.Fake.Unlimited, "unlimited", false, a.t("no published limits of rate", "不执行官方公布的频率限制"))
	f.DurationVar(&e.config.Fake.TaskDuration, "task-duration", 0, a.t("how `LONG` tasks and debits take", "任务与扣款的处理时长 `LONG`"))
	_ = c.RegisterFlagCompletionFunc("mode", cobra.FixedCompletions([]string{"public-key", "certificates", "both"}, cobra.ShellCompDirectiveNoFileComp))
	c.AddCommand(a.emulatorCommands()...)
	return c
}

var modes = map[string]wxpaytest.Mode{"public-key": wxpaytest.PublicKey, "certificates": wxpaytest.Certificates, "both": wxpaytest.Both}

// emulation completes what the flags say.
func (a *app) emulation(c *cobra.Command, e *emulation) (err error) {
	mode, ok := modes[e.mode]
	switch {
	case !ok:
		return a.misused(c, "--mode is public-key, certificates or both", "--mode 只能是 public-key、certificates 或 both")
	case !(e.config.Speed > 0 && e.config.Speed <= 1e9):
		return a.misused(c, "--speed is a number above 0", "--speed 必须大于 0")
	case e.config.Fake.TaskDuration < 0:
		return a.misused(c, "--task-duration is not negative", "--task-duration 不能为负")
	}
	e.config.Fake.Mode = mode
	if e.clock == "" && e.config.Fake.Seed != "" {
		e.clock = "2026-01-01T00:00:00+08:00"
	}
	if e.clock != "" {
		if e.config.Fake.Clock, err = time.Parse(time.RFC3339, e.clock); err != nil {
			return a.misused(c, "--clock is not a time such as 2026-01-01T00:00:00+08:00", "--clock 不是有效时间，例如 2026-01-01T00:00:00+08:00")
		}
	}
	if e.start != "" {
		if e.config.Start, err = emulator.ReadStart(e.start); err != nil {
			return refused("--start: ", err)
		}
	}
	return nil
}

// blamed is the flag whose value an emulator could not be made with.
func (e *emulation) blamed(err error) string {
	if _, ok := errors.AsType[*callbacks.Reason](err); ok {
		return "--forward-to: "
	}
	switch text := err.Error(); {
	case strings.HasPrefix(text, "start: "):
		return "--start " + e.start + ": "
	case e.config.State != "" && strings.Contains(text, e.config.State):
		return "--state: "
	}
	return "--dir: "
}

// refused is something that cannot be used, so that the emulator does not start.
func refused(what string, err error) error {
	english, chinese := whyOf(err)
	if e, ok := errors.AsType[*os.PathError](err); ok {
		english, chinese = e.Path+": "+english, e.Path+"："+chinese
	}
	return fail(exitUsage, what+english, what+chinese)
}

func (a *app) emulate(c *cobra.Command, e *emulation, command []string) error {
	if err := a.emulation(c, e); err != nil {
		return err
	}
	debug.SetGCPercent(50)         // it keeps much and makes much garbage: less room for the latter
	debug.SetMemoryLimit(48 << 20) // and less again while large uploads arrive; state that needs more gets it
	ctx, stop := context.WithCancel(c.Context())
	defer stop()
	listener, err := emulator.Listen(ctx, e.address, e.config.Remote)
	switch {
	case errors.Is(err, emulator.ErrNotLoopback):
		return a.misused(c, e.address+" can be reached from other machines; if that is meant, add --allow-remote", e.address+" 可被其他机器访问；如确有需要，请加 --allow-remote")
	case err != nil:
		return refused("--addr: ", err)
	}
	defer listener.Close()
	if e.config.Dir == "" {
		if e.config.Dir, err = os.MkdirTemp("", "wxpay-emulate-"); err != nil {
			return refused("--dir: ", err)
		}
		defer os.RemoveAll(e.config.Dir)
	}
	em, err := emulator.New(e.config)
	if err != nil {
		return refused(e.blamed(err), err)
	}
	defer em.Close()
	if e.tls {
		if listener, err = em.TLS(listener); err != nil {
			return refused("--tls: ", err)
		}
	}
	base := emulator.BaseOf(listener)
	env, err := em.WriteEnv(base)
	if err != nil {
		return refused("--dir: ", err)
	}
	a.banner(base, em.Dir(), len(command) > 0)
	ended := make(chan error, 1)
	go func() { ended <- em.Serve(ctx, listener) }()
	if len(command) == 0 {
		if err := a.emit("emulator", map[string]string{"base_url": base, "inspector": base + inspector.Root, "dir": em.Dir()}, func(w io.Writer) { fmt.Fprintln(w, base) }); err != nil {
			return err
		}
		return <-ended
	}
	err = a.within(ctx, env, command)
	stop()
	<-ended
	return err
}

// banner says what this is, and where, so that nobody takes it for the real one.
func (a *app) banner(base, dir string, command bool) {
	a.note("%s", a.t("A FAKE WeChat Pay for tests: no money moves, and its keys are worth nothing elsewhere.", "这是用于测试的模拟微信支付：不会动用资金，其密钥在别处毫无价值。"))
	a.note("  %s  %s%s", a.t("page", "网页"), base, inspector.Root)
	if !command {
		a.note("  %s  . '%s'", a.t("env ", "环境"), filepath.Join(dir, "env"))
		a.note("  %s", a.t("Ctrl-C ends it.", "按 Ctrl-C 结束。"))
	}
}

// within runs a command with the environment of the emulator.
func (a *app) within(ctx context.Context, env, command []string) error {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = append(slices.DeleteFunc(os.Environ(), ofPlatforms), env...) // a real set-up beside it would be mixed in
	c.Stdin, c.Stdout, c.Stderr = a.stdin, a.stdout, a.stderr
	if s, ok := a.stdout.(*sink); ok {
		c.Stdout = s.Writer // as it is: a terminal stays one
	}
	c.Cancel = func() error {
		if terminal(a.stdin) {
			return nil // which has told the command itself
		}
		if runtime.GOOS == "windows" { // it has no signals
			return c.Process.Kill()
		}
		return c.Process.Signal(syscall.SIGTERM)
	}
	c.WaitDelay = 10 * time.Second
	err := c.Run()
	if c.ProcessState != nil && c.ProcessState.Success() {
		return nil // also when it was told to end, and did
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if code := exit.ExitCode(); code > 0 {
			return exitOnly(code)
		}
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return exitOnly(128 + int(status.Signal())) // as shells tell it
		}
		return exitOnly(exitInterrupted)
	}
	if err != nil {
		return fail(exitUsage, command[0]+" cannot be run: "+cause(err), command[0]+" 无法运行："+cause(err))
	}
	return nil
}

// ofPlatforms reports whether a variable of the environment, as NAME=value, sets up a client.
func ofPlatforms(set string) bool {
	name, _, _ := strings.Cut(set, "=")
	return slices.ContainsFunc(variables(), func(v variable) bool { return v.name == name }) || name == "WXPAY_PROFILE"
}

// emulatorAt is the address of the emulator that commands talk to.
func (a *app) emulatorAt(c *cobra.Command, flag string) (string, error) {
	base := flag
	for _, other := range []string{a.env("WXPAY_BASE_URL"), "http://127.0.0.1:8089"} {
		if base == "" {
			base = other
		}
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", a.misused(c, "the address of the emulator is no URL such as http://127.0.0.1:8089", "模拟器地址不是有效 URL，例如 http://127.0.0.1:8089")
	}
	if !pasted.Loopback(u.Hostname()) {
		return "", fail(exitUsage, u.Hostname()+" is not this machine: an emulator is asked for at a loopback address", u.Hostname()+" 不是本机：模拟器只能用回环地址访问")
	}
	return strings.TrimSuffix(base, "/"), nil
}
