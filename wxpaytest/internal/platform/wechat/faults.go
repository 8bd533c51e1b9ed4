package wechat

import (
	"net/http"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// Faults are those of signatures.
func Faults() []engine.Fault {
	noAuth := &engine.Refusal{Status: http.StatusForbidden, Code: "NO_AUTH", Message: "没有权限"}
	sealed := func(name, doc string, how engine.Seals) engine.Fault {
		return engine.Fault{Name: name, Doc: doc, Stage: engine.Answering, Platform: "wechatpay", Change: func(_ *engine.Tx, a *engine.Answer) { a.Seal = how }}
	}
	refused := func(name, doc string, how engine.Seals) engine.Fault {
		return engine.Fault{Name: name, Doc: doc, Stage: engine.Acting, Platform: "wechatpay", Change: func(_ *engine.Tx, a *engine.Answer) { a.Refuse(noAuth); a.Seal = how }}
	}
	return []engine.Fault{
		refused("refusal-unsigned", "403 NO_AUTH without a signature", engine.Seals{None: true}),
		refused("refusal-forged", "403 NO_AUTH signed by a stranger", engine.Seals{Forged: true}),
		sealed("unsigned", "the answer has no signature", engine.Seals{None: true}),
		sealed("forged", "the answer is signed by a stranger in the name of the platform's key", engine.Seals{Forged: true}),
		sealed("tampered", "the body of the answer was changed after it was signed", engine.Seals{Tampered: true}),
		sealed("stale", "the answer was signed ten minutes ago", engine.Seals{Stale: true}),
		sealed("unknown-serial", "the answer names a key that nobody knows", engine.Seals{UnknownSerial: true}),
		sealed("wrong-signature-type", "the answer names a signature type of another product line", engine.Seals{OtherType: true}),
		sealed("signtest", "a signature probe: the answer's signature starts with WECHATPAY/SIGNTEST/", engine.Seals{Probe: true}),
	}
}
