package wxpay

import (
	"errors"
	"strings"

	"github.com/wxpay-go/wxpay/auth"
)

// A Hint says what is the matter and what to do, for people.
type Hint struct{ English, Chinese string }

// Hint explains a refusal by the number at the end of its Request-ID, in which the platform tells more than
// in the code, and by its code. It is empty if there is nothing to add to Message.
func (e *Error) Hint() Hint {
	var byNumber Hint
	if i := strings.LastIndexByte(e.RequestID, '-'); i >= 0 {
		byNumber = hintByNumber[e.RequestID[i+1:]]
	}
	h := byNumber.and(hintByCode[e.Code])
	if h == (Hint{}) && e.StatusCode >= 500 {
		return hintByCode[CodeSystemError]
	}
	return h
}

// and is both hints, without saying a thing twice.
func (h Hint) and(more Hint) Hint {
	switch {
	case h == Hint{} || h == more:
		return more
	case more == Hint{}:
		return h
	}
	return Hint{h.English + "; " + more.English, h.Chinese + "；" + more.Chinese}
}

// Hint explains why an answer could not be used, with the most likely cause first.
func (e *UnknownError) Hint() Hint {
	_, stale := errors.AsType[*auth.StaleError](e.Err)
	refusal, refused := errors.AsType[*Error](e.Err)
	switch {
	case errors.Is(e.Err, ErrSignatureProbe):
		return Hint{"the platform tests whether signatures are checked; repeat with the same numbers", "微信支付的签名探测流量，验签失败属正常；用相同单号重试"}
	case stale:
		return Hint{"set this machine's clock (NTP); then query or repeat with the same numbers", "请校准本机时间（NTP），再查询或用相同单号重试"}
	case errors.Is(e.Err, auth.ErrUnknownSerial):
		return Hint{"check PublicKeyID and PublicKey, or set Migrating to know the certificates too", "请核对微信支付公钥及公钥ID；切换期间请同时加载平台证书（Migrating）"}
	case errors.Is(e.Err, auth.ErrForged):
		return Hint{"most likely PublicKeyID and PublicKey (pub_key.pem) do not belong together or to this merchant: download both anew; else something between here and the platform changes answers: do not trust this one, query",
			"最可能的原因：公钥ID（PublicKeyID）与微信支付公钥（PublicKey，pub_key.pem）不匹配，或不属于本商户号，请在商户平台重新获取；否则请检查代理是否改动了应答。该应答不可信，请查单确认"}
	case errors.Is(e.Err, auth.ErrUnsigned), refused && !refusal.Verified:
		return Hint{"the answer is not signed: a proxy or another server may have given it (in tests: wxpaytest signs its answers); query, or repeat with the same numbers, never with new ones",
			"应答没有微信支付签名，可能来自代理或其他服务器（测试请使用 wxpaytest）：请查单，或用相同单号重试，切勿更换单号"}
	case errors.Is(e.Err, ErrUnverified):
		return Hint{"do not trust the answer; check that nothing between here and the platform changes it, then query", "应答验签未通过，不可信；请检查代理是否改动了应答，并查单确认"}
	}
	return Hint{"query, or repeat with the same numbers; never with new ones", "结果未知：请查单，或用相同单号、相同参数重试，切勿更换单号"}
}

var (
	hintSlow = Hint{"slow down; repeat later with the same numbers", "频率过高：请降低频率，稍后用相同单号重试"}
	hintGone = Hint{"check the number, and that it belongs to this merchant", "资源不存在：请核对编号及其所属商户"}
)

var hintByCode = map[Code]Hint{
	CodeParamError:     {"fix what the message names", "参数错误：请按错误描述修改请求"},
	CodeInvalidRequest: {"the request breaks a rule of the product; the message says which", "请求不符合业务规则，详见错误描述"},
	CodeAlreadyExists:  {"it exists; query it instead of creating it again", "资源已存在：请查询，勿重复创建"},
	CodeSignError: {"check the private key, its certificate serial number, the merchant number and this machine's clock",
		"签名错误：请核对商户私钥、证书序列号、商户号与本机时间"},
	CodeNoAuth:                 {"apply for the product, or check merchant number, AppID and caller address", "无权限：请确认已开通产品，并核对商户号、AppID 与调用 IP"},
	CodeNotEnough:              {"the payer's money is not enough", "余额不足：请更换支付方式或充值"},
	CodeNotFound:               hintGone,
	CodeResourceNotExists:      hintGone,
	CodeRateLimitExceeded:      hintSlow,
	CodeFrequencyLimited:       hintSlow,
	CodeFrequencyLimitExceeded: hintSlow,
	CodeSystemError:            {"repeat with the same numbers; if many calls fail so, check serial number and merchant number", "系统错误：请用相同参数重试；若大量出现，请核对证书序列号与商户号"},
	CodeServiceUnavailable:     {"repeat later with the same numbers", "服务不可用：请稍后用相同参数重试"},
}
