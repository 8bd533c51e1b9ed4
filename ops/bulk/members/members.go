// Package members makes members of the people of a file, as operations of a bulk job: [ByPhone] and [ByOpenID] give
// them the card, [Remind] lets WeChat remind them to take it.
//
// A row whose answer was lost is sent again, the same bytes under the same request number; of a reminder, which has no
// number, the platform is asked first. The platform's pages do not say what a repeat answers. So a refusal of one
// counts only after a query:
//
//   - the user has the card: done.
//   - there is no card with the code of the row: rejected, for the reason of the refusal.
//   - nothing tells, as by phone if there is a card with the code, since the platform does not say whose it is: the row
//     stays unknown, and says so.
package members

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// No figure is published for these calls; newer ones of the same kind allow five a second.
const rate = 5

func phoneColumn() table.Column {
	return table.Column{Name: "phone_number", Kind: table.Phone, Required: true, Headers: []string{
		"手机号", "手机号码", "手机", "电话", "电话号码", "联系电话", "联系手机", "会员手机号", "会员手机", "移动电话", "注册手机号", "绑定手机号",
		"phone", "phone_no", "mobile", "mobile_phone", "mobile_number", "mobile_no", "tel", "telephone", "cell", "cellphone", "cell_phone", "msisdn",
	}}
}

// codeColumn does not know 会员号: that is the number shown on a card, and may be another one.
func codeColumn() table.Column {
	return table.Column{Name: "code", Kind: table.ID, Headers: []string{
		"会员卡号", "会员卡编号", "会员卡code", "卡号", "卡code", "card_code", "card_no", "card_number", "user_card_code",
	}}
}

// about is what the operations have in common.
func about(name, step, route string, client *wxpay.Client, cardID string, columns ...table.Column) bulk.About {
	var sender string
	if client != nil {
		sender = client.Sender()
	}
	return bulk.About{
		Name: name, Sender: sender, Settings: map[string]string{"card_id": cardID}, Columns: columns,
		Steps: []bulk.Step{{Name: step, Route: route, Rate: rate}},
	}
}

// sample stands for the number of an item where a row is only checked.
const sample = "00000000000000000000000000000000"

// checked lets the SDK look at a call and does not send it. What it refuses is told by the column it comes from; what
// does not come from the row, as it is.
func checked(row table.Row, client *wxpay.Client, call func(context.Context) error) error {
	if client == nil {
		return &wxpay.ParamError{Route: "members", Param: "Client", Reason: "is missing"}
	}
	wrong, ok := errors.AsType[*wxpay.ParamError](call(bulk.Unsent()))
	if !ok {
		return nil // nothing is wrong but that the context has ended
	}
	column := strings.TrimPrefix(wrong.Param, "member_information.")
	switch column {
	case "encrypted_phone_number":
		column = "phone_number"
	case "openid", "code", "membership_number", "registration_time", "outer_str":
	default:
		return wrong
	}
	return bulk.Fault(row, wrong, column)
}

// one spelling of a phone number, so that a person is the same one in every file.
func one(phone string) string {
	if strings.HasPrefix(phone, "+1") { // 11 digits without the +, as a number of the mainland
		return phone
	}
	phone = strings.TrimPrefix(phone, "+")
	if len(phone) == 13 && strings.HasPrefix(phone, "861") {
		return phone[2:]
	}
	return phone
}

// A finding is what a query tells about a call that was lost.
type finding int

const (
	unsure finding = iota // nothing
	there                 // it worked
	gone                  // it did not
)

// sent is the result of a call that was made for the first time.
func sent(code string, err error) bulk.Result {
	if err == nil {
		return bulk.Result{State: bulk.Done, Code: code}
	}
	return bulk.Failed(err)
}

// repeated is the result of a call that was made again after its answer had been lost. If it failed for good, that says
// nothing of the first time; ask does.
func repeated(code string, err error, ask func() (string, finding, error)) bulk.Result {
	res := sent(code, err)
	switch res.State {
	case bulk.Done, bulk.Unknown:
		return res
	case bulk.Staged: // not now
		return unknown(err)
	}
	if unpaid(err) {
		return res
	}
	code, found, asked := twice(ask)
	_, here := errors.AsType[*wxpay.ParamError](err)
	switch {
	case found == there:
		return bulk.Result{State: bulk.Done, Code: code}
	case found == gone && here: // its bytes cannot be sent any more, such as after a change of keys: others may
		return bulk.Result{State: bulk.Staged}
	case found == gone:
		return res
	case asked != nil:
		return unknown(asked)
	}
	res.State, res.Err = bulk.Unknown, nil
	res.Reason = after(res.Reason, "the answer to an earlier try was lost, which may have worked, and no query tells; look for the member in the merchant platform",
		"此前一次请求的应答丢失，可能已经成功，且无法通过查询确认；请在商户平台核对该会员")
	return res
}

// unpaid reports whether a refusal says that the person has not paid within a year, which no repeat of a call that
// worked is told. The pages give the meaning and not the words, so it goes by what any words for it hold.
func unpaid(err error) bool {
	e, ok := errors.AsType[*wxpay.Error](err)
	if !ok || !e.Verified || e.Code != wxpay.CodeInvalidRequest {
		return false
	}
	for _, word := range []string{"一年", "支付记录", "未支付", "支付过", "within a year"} {
		if strings.Contains(e.Message, word) {
			return true
		}
	}
	return false
}

// twice asks again where a query says that there is nothing: a call that was lost may have been on its way still, and the
// refusal that says so has the code of any other.
func twice(ask func() (string, finding, error)) (code string, found finding, err error) {
	if code, found, err = ask(); found == gone {
		return ask()
	}
	return code, found, err
}

// unknown is the result of an item of which nothing is known yet, for an error that may pass.
func unknown(err error) bulk.Result {
	res := bulk.Failed(err)
	res.State = bulk.Unknown
	if res.Reason == (wxpay.Hint{}) {
		res.Reason = wxpay.Hint{
			English: "the answer was lost, and what became of the call could not be found out yet; run the job again",
			Chinese: "应答丢失，尚未查明结果；请重新运行任务",
		}
	}
	return res
}

func after(h wxpay.Hint, english, chinese string) wxpay.Hint {
	if h.English == "" {
		return wxpay.Hint{English: english, Chinese: chinese}
	}
	return wxpay.Hint{English: h.English + "; " + english, Chinese: cmp.Or(h.Chinese, h.English) + "；" + chinese}
}

// nothing reports whether the platform itself says that there is nothing under a name. For these calls it has no code
// of its own for that.
func nothing(err error) bool {
	e, ok := errors.AsType[*wxpay.Error](err)
	if !ok || !e.Verified || wxpay.OutcomeUnknown(err) {
		return false
	}
	return e.Code == wxpay.CodeInvalidRequest || e.Code == wxpay.CodeNotFound || e.Code == wxpay.CodeResourceNotExists
}
