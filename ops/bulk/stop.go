package bulk

import (
	"errors"
	"net/http"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
)

func stopped(why Why, reason wxpay.Hint, err error) *StopError {
	return &StopError{Why: why, Reason: reason, Err: err}
}

// unwritten is why a run ends that cannot write down what it does.
func unwritten(err error) *StopError {
	switch {
	case errors.Is(err, ErrLost):
		return stopped(WhyLedger, hintLost, err)
	case errors.Is(err, ErrAway):
		return stopped(WhyLedger, hintStore, err)
	}
	return stopped(WhyLedger, hintLedger, err)
}

var (
	hintLost        = wxpay.Hint{English: "another worker goes on with these rows; nothing is lost", Chinese: "这些行已由其他 worker 接手；没有丢失"}
	hintInterrupted = wxpay.Hint{English: "interrupted; run it again and it goes on here", Chinese: "已中断；再次运行即从此处继续"}
	hintLimit       = wxpay.Hint{English: "this run has done what it was told to; rows are left: run it again without limit", Chinese: "本次运行已完成限定部分，仍有未处理的行；去掉限制后再次运行即可继续"}
	hintSteps       = wxpay.Hint{English: "the steps that were asked for are taken; the others are left: run it again for them when they are due", Chinese: "所要求的步骤已完成，其余步骤尚未执行；到期后再次运行即可"}
	hintUntil       = wxpay.Hint{English: "its time is over; run it again and it goes on here", Chinese: "已到设定的结束时间；再次运行即从此处继续"}
	hintLedger      = wxpay.Hint{English: "the ledger cannot be read or written (disk full, damaged, or no permission); nothing was sent that is not written down", Chinese: "台账无法读写（磁盘已满、损坏或无权限）；未落账的请求一律未发送"}
	hintStore       = wxpay.Hint{English: "the store cannot be read or written; nothing was sent that is not written down", Chinese: "存储无法读写；未落账的请求一律未发送"}
	hintDetached    = wxpay.Hint{English: "the rows are in the store, and workers send them (wxpay work); run it again to look on until they have ended", Chinese: "数据行已存入存储，由 worker（wxpay work）发送；再次运行可等待其完成"}
	hintSealed      = wxpay.Hint{English: "rows in the store are not those that were put there; nothing of them was sent: look who writes to the database", Chinese: "存储中的数据行与写入时不符，未发送；请检查谁改动了数据库"}
	hintElsewhere   = wxpay.Hint{English: "this process no longer takes part; workers go on with the job, and it goes on here when it is run again", Chinese: "本进程已退出；其他 worker 会继续该任务，再次运行即可重新加入"}
	hintSource      = wxpay.Hint{English: "the input changed while it was read; what was sent is written down: give it its old content back and run again", Chinese: "输入文件在读取过程中发生变化；已发送的均已落账，请恢复原内容后再次运行"}
	hintClock       = wxpay.Hint{English: "this machine's clock is more than 5 minutes off the platform's; set it (NTP) and run again", Chinese: "本机时间与微信支付相差超过 5 分钟；请校准（NTP）后再次运行"}
	hintAuth        = wxpay.Hint{English: "the platform takes no call of this merchant; wxpay doctor finds out why", Chinese: "微信支付拒绝了该商户的请求；请运行 wxpay doctor 检查"}
	hintVerify      = wxpay.Hint{English: "answers cannot be verified: the platform's public key or its ID is wrong, or somebody stands in between; wxpay doctor compares them", Chinese: "应答验签失败：微信支付公钥或公钥 ID 有误，或链路被篡改；请运行 wxpay doctor 核对"}
	hintPlatform    = wxpay.Hint{English: "the platform fails in the same way for many different rows: most likely the serial number or merchant number is wrong; wxpay doctor checks them", Chinese: "大量不同的行以相同方式失败：多为证书序列号或商户号有误；请运行 wxpay doctor 检查"}
	hintNetwork     = wxpay.Hint{English: "nothing has succeeded for a long time; when the network or the platform is back, run it again", Chinese: "长时间没有任何请求成功；网络或微信支付恢复后再次运行即可"}
)

// ends is why an error ends the run: it says that every other row would fail as well.
func ends(err error) (*StopError, bool) {
	if err == nil {
		return nil, false
	}
	if e, ok := errors.AsType[*StopError](err); ok {
		return e, true
	}
	if clockOff(err) {
		return stopped(WhyAuth, hintClock, err), true
	}
	if e, ok := errors.AsType[*wxpay.Error](err); ok {
		if e.StatusCode != http.StatusUnauthorized && e.Code != wxpay.CodeNoAuth && e.Code != wxpay.CodeSignError {
			return nil, false
		}
		hint := e.Hint()
		if hint == (wxpay.Hint{}) {
			hint = hintAuth
		}
		return stopped(WhyAuth, hint, err), true
	}
	if _, ok := errors.AsType[*wxpay.ParamError](err); ok {
		return nil, false
	}
	if kind := alike(err); kind == forged || kind == unknownSerial {
		return stopped(WhyAuth, hintVerify, err), true
	}
	if wxpay.Transient(err) {
		return nil, false
	}
	for _, lasting := range []error{auth.ErrNoKey, auth.ErrFIPS, wxpay.ErrNoCertificates} {
		if errors.Is(err, lasting) {
			return stopped(WhyAuth, hintAuth, err), true
		}
	}
	return nil, false
}

// clockOff reports whether an answer was refused because this machine's clock is not the platform's.
func clockOff(err error) bool {
	_, stale := errors.AsType[*auth.StaleError](err)
	return stale
}
