package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
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
	return fail(exitUsage, fmt.Sprintf("%s: %s; see %s --help", path, english, path), fmt.Sprintf("%s：%s；用法见 %s --help", path, chinese, path))
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
	if r.text != (wxpay.Hint{}) {
		a.say("wxpay: %s", oneLine(a.t(r.text.English, r.text.Chinese)))
		if a.json {
			_ = a.emit("error", r.members(a), nil)
		}
	}
	return r.exit
}

// A report is what is said of an error.
type report struct {
	exit      int
	text      wxpay.Hint
	code      string // of the platform
	route     string
	requestID string
	status    int
}

func (r report) members(a *app) any {
	return struct {
		Exit      int    `json:"exit"`
		Message   string `json:"message"`
		Code      string `json:"code,omitzero"`
		Status    int    `json:"status,omitzero"`
		Route     string `json:"route,omitzero"`
		RequestID string `json:"request_id,omitzero"`
	}{r.exit, oneLine(a.t(r.text.English, r.text.Chinese)), r.code, r.status, r.route, r.requestID}
}

// reportOf maps an error to an exit code and to a text in both languages.
func reportOf(ctx context.Context, err error) report {
	if f, ok := errors.AsType[*failure](err); ok {
		return report{exit: f.exit, text: f.text}
	}
	if f, ok := errors.AsType[*table.Fault](err); ok {
		return report{exit: exitUsage, text: wxpay.Hint{English: f.Error() + "; nothing was sent", Chinese: chineseFault(f) + "；未发送任何内容"}}
	}
	if e, ok := errors.AsType[*bulk.StopError](err); ok {
		r := report{exit: exitOf(e.Why), text: e.Reason}
		if e.Err != nil {
			cause := reportOf(ctx, e.Err)
			r.code, r.route, r.requestID, r.status = cause.code, cause.route, cause.requestID, cause.status
			r.text = wxpay.Hint{English: r.text.English + ": " + cause.text.English, Chinese: r.text.Chinese + "：" + cause.text.Chinese}
		}
		return r
	}
	c, ofCall := errors.AsType[called](err)
	r := platform(err)
	switch {
	case r.exit != 0:
	case errors.Is(err, auth.ErrNoKey), errors.Is(err, wxpay.ErrNoCertificates):
		r.exit = exitAuth
	case ofCall:
		r.exit = exitStopped
	default:
		r.exit = exitInternal
	}
	if r.exit == exitUnknown && ofCall && c.read {
		r.exit = exitStopped
		if errors.Is(err, wxpay.ErrUnverified) && !errors.Is(err, wxpay.ErrSignatureProbe) {
			r.exit = exitAuth
		}
	}
	if ctx.Err() != nil && (r.exit == exitInternal || r.exit == exitStopped) {
		r.exit = exitInterrupted
	}
	return r
}

func exitOf(why bulk.Why) int {
	switch why {
	case bulk.WhyInterrupted:
		return exitInterrupted
	case bulk.WhyAuth:
		return exitAuth
	case bulk.WhyLimit, bulk.WhyNetwork, bulk.WhyPlatform:
		return exitStopped
	}
	return exitInternal
}

// platform reads an error of a call; exit is 0 if it is none of those that can be told apart.
func platform(err error) report {
	if e, ok := errors.AsType[*wxpay.UnknownError](err); ok {
		r := report{exit: exitUnknown, route: e.Route, requestID: e.RequestID, text: wxpay.Hint{English: e.Error(), Chinese: e.Route + "：结果未知：" + e.Err.Error() + "；" + e.Hint().Chinese}}
		if refused, ok := e.Err.(*wxpay.Error); ok {
			r.code, r.status = string(refused.Code), refused.StatusCode
		}
		return r
	}
	if e, ok := errors.AsType[*wxpay.Error](err); ok {
		r := report{exit: exitRejected, route: e.Route, requestID: e.RequestID, code: string(e.Code), status: e.StatusCode}
		r.text = wxpay.Hint{English: e.Error(), Chinese: chineseRefusal(e)}
		switch {
		case e.StatusCode >= 500:
			r.exit = exitUnknown
		case e.StatusCode == 429:
			r.exit = exitStopped
		case e.StatusCode == 401, e.Code == wxpay.CodeSignError, e.Code == wxpay.CodeNoAuth, e.StatusCode == 403 && e.Code != wxpay.CodeNotEnough:
			r.exit = exitAuth
		}
		return r
	}
	if e, ok := errors.AsType[*wxpay.ParamError](err); ok {
		return report{exit: exitUsage, route: e.Route, text: wxpay.Hint{English: e.Error(), Chinese: e.Route + "：" + e.Param + " " + e.Reason + "；未发送"}}
	}
	if e, ok := errors.AsType[*pushpackage.UnknownError](err); ok {
		return report{exit: exitUnknown, route: e.Route, text: wxpay.Hint{English: e.Error(), Chinese: e.Route + "：结果未知：" + e.Err.Error() + "；" + e.Hint().Chinese}}
	}
	if e, ok := errors.AsType[*pushpackage.Error](err); ok {
		r := report{exit: exitRejected, route: e.Route, status: e.StatusCode, text: wxpay.Hint{English: e.Error(), Chinese: e.Error()}}
		if e.RetCode != 0 {
			r.code = fmt.Sprint(int64(e.RetCode))
		}
		if h := e.Hint(); h.Chinese != "" {
			r.text.Chinese = strings.TrimSuffix(e.Error(), "; "+h.English) + "；" + h.Chinese
		}
		switch {
		case pushpackage.OutcomeUnknown(e):
			r.exit = exitUnknown
		case e.RetCode == pushpackage.CodeTooFast, e.StatusCode == 429:
			r.exit = exitStopped
		case e.RetCode == pushpackage.CodeAuthFailed, e.RetCode == pushpackage.CodeWrongAccessPoint, e.StatusCode == 401, e.StatusCode == 403:
			r.exit = exitAuth
		}
		return r
	}
	if e, ok := errors.AsType[*pushpackage.ParamError](err); ok {
		return report{exit: exitUsage, route: e.Route, text: wxpay.Hint{English: e.Error(), Chinese: e.Route + "：" + e.Param + " " + e.Reason + "；未发送"}}
	}
	return report{text: wxpay.Hint{English: err.Error(), Chinese: err.Error()}}
}

func chineseRefusal(e *wxpay.Error) string {
	s := e.Error()
	h := e.Hint()
	if h.Chinese == "" {
		return s
	}
	return strings.TrimSuffix(s, "; "+h.English) + "；" + h.Chinese
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
	for _, name := range []string{"wxpay: ", "pushpackage: ", "bulk: ", "auth: "} {
		s = strings.TrimPrefix(s, name)
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// cause is an error of a file without its path.
func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}
