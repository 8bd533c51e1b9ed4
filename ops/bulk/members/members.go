// Package members makes members of the people of a file, as operations of a bulk job: by phone number ([ByPhone]), by
// openid ([ByOpenID]), or by a reminder that they take the card themselves ([Remind]).
package members

import (
	"context"
	"errors"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// rate is calls a second. None is published for these calls; their younger siblings have five.
const rate = 5

var (
	phoneColumn  = table.Column{Name: "phone_number", Headers: []string{"手机号", "手机号码", "手机", "电话", "电话号码", "联系电话", "mobile", "mobile_number", "phone", "tel", "telephone", "cellphone"}, Kind: table.Phone, Required: true}
	openidColumn = table.Column{Name: "openid", Headers: []string{"open_id", "用户标识", "用户openid"}, Kind: table.ID, Required: true}
	codeColumn   = table.Column{Name: "code", Headers: []string{"card_code", "会员卡code", "会员卡号", "卡号"}, Kind: table.ID}
)

func about(name string, client *wxpay.Client, card, route string, columns ...table.Column) bulk.About {
	a := bulk.About{Name: name, Settings: map[string]string{"card_id": card}, Columns: columns, Steps: []bulk.Step{{Name: "import", Route: route, Rate: rate}}}
	if client != nil {
		a.Sender = client.Sender()
	}
	return a
}

// anyNumber stands for a request number while a row is checked.
const anyNumber = "00000000000000000000000000000000"

// unsent is a context in which a call is checked and never sent.
func unsent() context.Context {
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}

// fault is what a call is refused for here; nil: nothing.
func fault(row table.Row, err error) error {
	wrong, ok := errors.AsType[*wxpay.ParamError](err)
	if !ok {
		return nil
	}
	column := wrong.Param
	switch column {
	case "encrypted_phone_number":
		column = phoneColumn.Name
	case "card_id", "route": // of the job, not of the row
		return wrong
	}
	return bulk.Fault(row, wrong, column)
}

// cell is one that a source may have left out at the end of its row.
func cell(row table.Row, column int) string {
	if column < len(row.Cells) {
		return row.Cells[column]
	}
	return ""
}

func imported(code *membercard.CardCode, err error) bulk.Result {
	if err != nil {
		return bulk.Failed(err)
	}
	return bulk.Result{State: bulk.Done, Code: code.Code}
}

// undecided is a row that was refused after an answer had been lost: the refusal may be that of a member who is one by
// now, and no query here can tell.
func undecided(r bulk.Result) bulk.Result {
	r.State = bulk.Unknown
	r.Reason = wxpay.Hint{
		English: "refused after an answer was lost, so it may be done; look for the member by hand (" + r.Reason.English + ")",
		Chinese: "上一次应答丢失后被拒绝，可能已导入成功；请人工查询该会员（" + r.Reason.Chinese + "）",
	}
	return r
}
