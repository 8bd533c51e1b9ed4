package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// Exit codes. They are a promise: scripts branch on them.
const (
	exitDone        = 0
	exitInternal    = 1
	exitUsage       = 2   // command line, set-up or input is wrong; nothing was sent
	exitRejected    = 3   // refused, or a job that is finished with rejected rows
	exitAuth        = 4   // keys, signature, clock or permission
	exitStopped     = 5   // network, throttled, or a job that stopped at a limit: run it again
	exitUnknown     = 6   // it may have happened: look before it is repeated
	exitInterrupted = 130 // run it again
)

// A failure is an end of the command that is not 0, in both languages. The text is one line that names the next step.
type failure struct {
	exit int
	text wxpay.Hint
	err  error // may be nil
}

func (f *failure) Error() string { return f.text.English }
func (f *failure) Unwrap() error { return f.err }

// fail makes a failure of one's own.
func fail(exit int, english, chinese string) error {
	return &failure{exit: exit, text: wxpay.Hint{English: english, Chinese: chinese}}
}

// exitOnly is an end with a code and nothing more to say.
func exitOnly(exit int) error { return &failure{exit: exit} }

// misused is a command line that is wrong.
func (a *app) misused(c *cobra.Command, english, chinese string) error {
	path := c.CommandPath()
	if c.HasParent() {
		english, chinese = path+": "+english, path+"："+chinese
	}
	return fail(exitUsage, english+"; see "+path+" --help", chinese+"；用法见 "+path+" --help")
}

// A called error is one of a call; read says that the call changes nothing.
type called struct {
	error
	read bool
}

func (c called) Unwrap() error { return c.error }

// read is the error of a call that changes nothing, written the error of one that may have.
func read(err error) error {
	if err == nil {
		return nil
	}
	return called{err, true}
}

func written(err error) error {
	if err == nil {
		return nil
	}
	return called{err, false}
}

// end says on stderr, and with --json on stdout, how the command ended, and returns its exit code.
func (a *app) end(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	r := reportOf(ctx, err)
	if r.text() != (wxpay.Hint{}) {
		a.say("wxpay: %s", oneLine(a.t(r.text().English, r.text().Chinese)))
		if a.json {
			_ = a.emit("error", r.members(a), nil)
		}
	}
	return r.exit
}

// A report is what is said of an error.
type report struct {
	exit      int
	said      wxpay.Hint // what is the matter
	hint      wxpay.Hint // what to do
	code      string     // of the platform
	route     string
	requestID string
	status    int
}

// text is all of it, in one line.
func (r report) text() wxpay.Hint {
	join := func(a, sep, b string) string {
		if a == "" || b == "" {
			return a + b
		}
		return a + sep + b
	}
	return wxpay.Hint{English: join(r.said.English, "; ", r.hint.English), Chinese: join(r.said.Chinese, "；", r.hint.Chinese)}
}

func (r report) members(a *app) any {
	return struct {
		Exit      int    `json:"exit"`
		Message   string `json:"message"`
		Hint      string `json:"hint,omitzero"` // what to do
		Code      string `json:"code,omitzero"`
		Status    int    `json:"status,omitzero"`
		Route     string `json:"route,omitzero"`
		RequestID string `json:"request_id,omitzero"`
	}{r.exit, oneLine(a.t(r.said.English, r.said.Chinese)), oneLine(a.t(r.hint.English, r.hint.Chinese)), r.code, r.status, r.route, r.requestID}
}

// reportOf maps an error to an exit code and to a text in both languages.
func reportOf(ctx context.Context, err error) report {
	if f, ok := errors.AsType[*failure](err); ok {
		r := report{said: f.text}
		if f.err != nil {
			r = platform(f.err)
			r.said, r.hint = f.text, wxpay.Hint{}
		}
		r.exit = f.exit
		return r
	}
	if f, ok := errors.AsType[*table.Fault](err); ok {
		return report{exit: exitUsage, said: wxpay.Hint{English: f.Error(), Chinese: chineseFault(f)}, hint: wxpay.Hint{English: "nothing was sent", Chinese: "未发送任何内容"}}
	}
	if errors.Is(err, bulk.ErrAway) {
		why := awayBecause(err)
		return report{exit: exitStopped, said: wxpay.Hint{English: "the store cannot be reached: " + why, Chinese: "无法连接存储：" + why},
			hint: wxpay.Hint{English: "what was written down is safe, and nothing is sent meanwhile; run it again when the store is back", Chinese: "已落账的内容不会丢失，期间不会发送任何内容；存储恢复后再次运行即可"}}
	}
	if e, ok := errors.AsType[*postgres.VersionError](err); ok {
		return ofStoreVersion(e)
	}
	if e, ok := errors.AsType[*postgres.AccessError](err); ok {
		return ofStoreAccess(e)
	}
	if e, ok := errors.AsType[*bulk.StopError](err); ok {
		r := report{exit: exitOf(e.Why), said: e.Reason}
		if e.Err != nil && !errors.Is(e.Err, media.ErrChanged) { // the reason says that
			cause := platform(e.Err) // without its own hint: what to do about it is the reason to stop
			r.code, r.route, r.requestID, r.status = cause.code, cause.route, cause.requestID, cause.status
			r.said, r.hint = cause.said, e.Reason
			if r.said.Chinese == r.said.English {
				r.said.Chinese = "出错信息：" + r.said.Chinese
			}
		}
		if e.Host != "" {
			r.said.English, r.said.Chinese = "worker on "+e.Host+": "+r.said.English, "主机 "+e.Host+" 上的 worker："+r.said.Chinese
		}
		return r
	}
	if errors.Is(err, media.ErrChanged) {
		return report{exit: exitUsage, said: wxpay.Hint{English: "the input changed while it was read", Chinese: "输入文件在读取过程中发生变化"},
			hint: wxpay.Hint{English: "give it its old content back and run it again; of what was sent, the ledger knows", Chinese: "请恢复原内容后再次运行；已发送的均已落账"}}
	}
	c, ofCall := errors.AsType[called](err)
	r := platform(err)
	switch {
	case r.exit != 0:
	case errors.Is(err, auth.ErrNoKey), errors.Is(err, wxpay.ErrNoCertificates):
		r.exit = exitAuth
		r.hint = wxpay.Hint{English: "set WXPAY_PUBLIC_KEY_ID and WXPAY_PUBLIC_KEY_FILE", Chinese: "请设置 WXPAY_PUBLIC_KEY_ID 与 WXPAY_PUBLIC_KEY_FILE（微信支付公钥）"}
	case ofCall:
		r.exit = exitStopped
		r.said.Chinese = "请求未送达，或没有收到应答：" + r.said.Chinese
		r.hint = wxpay.Hint{English: "it had no effect; run it again", Chinese: "未产生任何变更；请重试"}
	default:
		r.exit = exitInternal
		r.said.Chinese = "程序或本机出错：" + r.said.Chinese
	}
	if r.exit == exitUnknown && ofCall && c.read {
		r = onlyRead(r, err)
	}
	if ctx.Err() != nil && (r.exit == exitInternal || r.exit == exitStopped) {
		r.exit, r.hint = exitInterrupted, wxpay.Hint{English: "interrupted; run it again", Chinese: "已中断；可再次运行"}
	}
	return r
}

// awayBecause is why a store cannot be reached.
func awayBecause(err error) string {
	s := oneLine(err.Error())
	if _, why, ok := strings.Cut(s, oneLine(bulk.ErrAway.Error())+": "); ok {
		return why
	}
	return s
}

// ofStoreVersion is a store whose tables this program cannot use.
func ofStoreVersion(e *postgres.VersionError) report {
	r := report{exit: exitUsage, said: wxpay.Hint{English: oneLine(e.Error())}}
	switch {
	case e.Is == 0:
		r.said.Chinese = "数据库中没有任务的数据表；请运行 wxpay store migrate"
	case e.Is < e.Known:
		r.said.Chinese = fmt.Sprintf("存储的数据表版本为 %d，本程序需要版本 %d；请运行 wxpay store migrate", e.Is, e.Known)
	default:
		r.said.Chinese = fmt.Sprintf("存储的数据表版本为 %d，本程序最高支持版本 %d；请使用更新版本的程序", e.Is, e.Known)
	}
	return r
}

// ofStoreAccess is a store that cannot be used as its URL says.
func ofStoreAccess(e *postgres.AccessError) report {
	r := report{exit: exitUsage, said: wxpay.Hint{English: oneLine(strings.TrimPrefix(e.Error(), "postgres: "))}}
	switch e.Code {
	case "":
		r.said.Chinese = "存储的 URL 无法识别；格式为 postgres://user:password@host:5432/database"
	case "3D000":
		r.said.Chinese = "数据库服务器返回：" + e.Said + "；请用 createdb 创建数据库，或更正 URL"
	default:
		r.said.Chinese = "数据库服务器返回：" + e.Said + "；请检查 URL 中的用户名、密码与参数，以及该用户在服务器上的权限（pg_hba.conf、GRANT）"
	}
	return r
}

// onlyRead is the report of a call that changed nothing, whatever became of it.
func onlyRead(r report, err error) report {
	r.exit = exitStopped
	const unknown, unknownZh = "outcome unknown", "结果未知"
	r.said.English = strings.Replace(r.said.English, unknown, "no answer that can be used", 1)
	r.said.Chinese = strings.Replace(r.said.Chinese, unknownZh, "没有可用的应答", 1)
	switch {
	case !errors.Is(err, wxpay.ErrUnverified), errors.Is(err, wxpay.ErrSignatureProbe):
		r.hint = wxpay.Hint{English: "nothing was changed; run it again", Chinese: "未产生任何变更；请重试"}
	default:
		r.exit = exitAuth
	}
	return r
}

func exitOf(why bulk.Why) int {
	switch why {
	case bulk.WhyInterrupted:
		return exitInterrupted
	case bulk.WhyAuth:
		return exitAuth
	case bulk.WhyLimit, bulk.WhyMoney, bulk.WhyNetwork, bulk.WhyPlatform:
		return exitStopped
	case bulk.WhyInput:
		return exitUsage
	}
	return exitInternal // of the ledger
}

// platform reads an error of a call; exit is 0 if it is none of those that can be told apart.
func platform(err error) report {
	if e, ok := errors.AsType[*wxpay.UnknownError](err); ok {
		return ofUnknown(e)
	}
	if e, ok := errors.AsType[*wxpay.Error](err); ok {
		return ofRefusal(e)
	}
	if e, ok := errors.AsType[*pushpackage.UnknownError](err); ok {
		h := e.Hint()
		said := strings.TrimSuffix(e.Error(), "; "+h.English)
		return report{exit: exitUnknown, route: e.Route, hint: wxpay.Hint(h), said: wxpay.Hint{English: said, Chinese: strings.Replace(said, "outcome unknown: ", "结果未知：", 1)}}
	}
	if e, ok := errors.AsType[*pushpackage.Error](err); ok {
		return ofTPNS(e)
	}
	param := func(route, param, reason string, err error) report {
		chinese := route + "：" + param + " " + bulk.Fault(table.Row{}, &wxpay.ParamError{Reason: reason}, "").Chinese
		if route != "Config" {
			chinese += "；未发送"
		}
		return report{exit: exitUsage, route: route, said: wxpay.Hint{English: err.Error(), Chinese: chinese}}
	}
	if e, ok := errors.AsType[*wxpay.ParamError](err); ok {
		return param(e.Route, e.Param, e.Reason, err)
	}
	if e, ok := errors.AsType[*pushpackage.ParamError](err); ok {
		return param(e.Route, e.Param, e.Reason, err)
	}
	return report{said: wxpay.Hint{English: err.Error(), Chinese: err.Error()}}
}

func ofUnknown(e *wxpay.UnknownError) report {
	r := report{exit: exitUnknown, route: e.Route, requestID: e.RequestID, hint: e.Hint()}
	shown := *e
	if refused, ok := e.Err.(*wxpay.Error); ok {
		r.code, r.status, shown.Err = string(refused.Code), refused.StatusCode, bulk.MaskedError(refused)
	}
	said := strings.TrimSuffix(shown.Error(), "; "+r.hint.English)
	if refused, ok := shown.Err.(*wxpay.Error); ok {
		said = strings.TrimSuffix(said, "; "+refused.Hint().English)
	}
	r.said = wxpay.Hint{English: said, Chinese: strings.Replace(said, "outcome unknown: ", "结果未知：", 1)}
	return r
}

func ofRefusal(e *wxpay.Error) report {
	r := report{exit: exitRejected, route: e.Route, requestID: e.RequestID, code: string(e.Code), status: e.StatusCode, hint: e.Hint()}
	said := strings.TrimSuffix(bulk.MaskedError(e).Error(), "; "+r.hint.English)
	r.said = wxpay.Hint{English: said, Chinese: said}
	switch {
	case e.StatusCode >= 500:
		r.exit = exitUnknown
	case e.StatusCode == http.StatusTooManyRequests:
		r.exit = exitStopped
	case e.Code == wxpay.CodeNotEnough:
	case e.StatusCode == http.StatusUnauthorized, e.StatusCode == http.StatusForbidden, e.Code == wxpay.CodeSignError, e.Code == wxpay.CodeNoAuth:
		r.exit = exitAuth
	}
	return r
}

func ofTPNS(e *pushpackage.Error) report {
	r := report{exit: exitRejected, route: e.Route, status: e.StatusCode, hint: wxpay.Hint(e.Hint())}
	if e.RetCode != 0 {
		r.code = fmt.Sprint(int64(e.RetCode))
	}
	shown := *e
	shown.Message = bulk.Masked(e.Message)
	said := strings.TrimSuffix(shown.Error(), "; "+r.hint.English)
	r.said = wxpay.Hint{English: said, Chinese: said}
	switch {
	case pushpackage.OutcomeUnknown(e):
		r.exit = exitUnknown
	case e.RetCode == pushpackage.CodeTooFast, e.StatusCode == http.StatusTooManyRequests:
		r.exit = exitStopped
	case e.RetCode == pushpackage.CodeAuthFailed, e.RetCode == pushpackage.CodeWrongAccessPoint, e.StatusCode == http.StatusUnauthorized, e.StatusCode == http.StatusForbidden:
		r.exit = exitAuth
	}
	return r
}

func chineseFault(f *table.Fault) string {
	s := f.File
	if f.Line > 0 {
		s += fmt.Sprintf(" 第 %d 行", f.Line)
	}
	if f.Column != "" {
		s += " 列 " + f.Column
	}
	return s + "：" + f.Chinese
}

// oneLine is an error's text without the name of the package in front.
func oneLine(s string) string {
	for _, name := range []string{"wxpay: ", "pushpackage: ", "bulk: ", "auth: ", "ledger: ", "table: ", "postgres: "} {
		s = strings.TrimPrefix(s, name)
		for _, before := range []string{": ", "：", "; ", "；", "("} {
			s = strings.ReplaceAll(s, before+name, before)
		}
	}
	return printable(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}

// whyOf says in both languages why a file or folder could not be used.
func whyOf(err error) (english, chinese string) {
	if r, ok := errors.AsType[*callbacks.Reason](err); ok {
		return r.English, r.Chinese
	}
	for known, text := range map[error]wxpay.Hint{
		fs.ErrPermission: {English: "permission denied", Chinese: "没有权限"},
		fs.ErrNotExist:   {English: "is not there", Chinese: "不存在"},
		fs.ErrExist:      {English: "is there already", Chinese: "已存在"},
		syscall.ENOTDIR:  {English: "is no folder", Chinese: "不是目录"},
		syscall.EISDIR:   {English: "is a folder", Chinese: "是目录"},
		syscall.EROFS:    {English: "can only be read", Chinese: "只读"},
		syscall.ENOSPC:   {English: "the disk is full", Chinese: "磁盘已满"},
	} {
		if errors.Is(err, known) {
			return text.English, text.Chinese
		}
	}
	return cause(err), "系统提示：" + cause(err)
}

// cause is an error of a file without its path.
func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// says reports whether there is more to say of an end than its exit code.
func says(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return err != nil && (!ok || f.text != (wxpay.Hint{}))
}
