package wechat

import (
	"net/http"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// furthest is how far a clock may be off.
const furthest = 100 * 365 * 24 * time.Hour

// skew makes a fault that of a clock.
func skew(f *engine.Fault, value string) bool {
	d, err := time.ParseDuration(value)
	f.Change = func(_ *engine.Tx, a *engine.Answer) { a.Seal.Skew = d }
	return err == nil && d != 0 && d.Abs() <= furthest
}

// Faults are those of signatures.
func Faults() []engine.Fault {
	noAuth := &engine.Refusal{Status: http.StatusForbidden, Code: "NO_AUTH", Message: "没有权限"}
	sealed := func(name, doc, zh string, how engine.Seals) engine.Fault {
		return engine.Fault{Name: name, Doc: doc, Zh: zh, Stage: engine.Answering, Platform: "wechatpay", Change: func(_ *engine.Tx, a *engine.Answer) { a.Seal = how }}
	}
	refused := func(name, doc, zh string, how engine.Seals) engine.Fault {
		return engine.Fault{Name: name, Doc: doc, Zh: zh, Stage: engine.Acting, Platform: "wechatpay", Change: func(_ *engine.Tx, a *engine.Answer) { a.Refuse(noAuth); a.Seal = how }}
	}
	skewed := sealed("skew", "the platform's clock is ten minutes slow, or off by another time: Date and timestamp are of that clock", "平台时钟慢十分钟（可指定偏差）：Date 和签名时间戳均按该时钟", engine.Seals{Skew: -2 * maxAge})
	skewed.Example, skewed.With = "skew=-10m", skew
	return []engine.Fault{
		skewed,
		refused("refusal-unsigned", "403 NO_AUTH without a signature", "403 NO_AUTH，无签名", engine.Seals{None: true}),
		refused("refusal-forged", "403 NO_AUTH signed by a stranger", "403 NO_AUTH，由他人签名", engine.Seals{Forged: true}),
		sealed("unsigned", "the answer has no signature", "应答没有签名", engine.Seals{None: true}),
		sealed("forged", "the answer is signed by a stranger in the name of the platform's key", "应答由他人冒用平台密钥编号签名", engine.Seals{Forged: true}),
		sealed("tampered", "the body of the answer was changed after it was signed", "应答主体在签名后被修改", engine.Seals{Tampered: true}),
		sealed("stale", "the answer was signed ten minutes ago", "应答是十分钟前签名的", engine.Seals{Stale: true}),
		sealed("unknown-serial", "the answer names a key that nobody knows", "应答的签名密钥编号无人认识", engine.Seals{UnknownSerial: true}),
		sealed("wrong-signature-type", "the answer names a signature type of another product line", "应答的签名类型属于其他产品线", engine.Seals{OtherType: true}),
		sealed("signtest", "a signature probe: the answer's signature starts with WECHATPAY/SIGNTEST/", "签名探测：应答签名以 WECHATPAY/SIGNTEST/ 开头", engine.Seals{Probe: true}),
	}
}
