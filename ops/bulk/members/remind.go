package members

import (
	"context"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// Remind hands in the phone numbers of registered members, whom WeChat then reminds to take the card, see
// [membercard.Service.ImportPhoneNumber]. The call has no request number. So after a lost answer a query tells whether
// the number came in before it is handed in again; for a number outside of mainland China there is no query, and its
// row stays unknown.
type Remind struct {
	Client           *wxpay.Client
	CardID           string
	RegistrationTime time.Time // of rows that do not say theirs; zero: every row has to
}

// Places of the columns.
const (
	remindPhone = iota
	remindTime
	remindCode
	remindNumber
	remindOuter
)

// About names the card. The columns are phone_number, registration_time, code, membership_number and outer_str.
func (o Remind) About() bulk.About {
	return about("member-remind", o.Client, o.CardID, "POST /v3/marketing/membercard-open/phonenumber-member/import", phoneColumn,
		table.Column{Name: "registration_time", Headers: []string{"注册时间", "入会时间", "注册日期", "入会日期", "registered", "joined"}, Kind: table.Moment},
		codeColumn,
		table.Column{Name: "membership_number", Headers: []string{"会员号", "会员编号"}, Kind: table.ID},
		table.Column{Name: "outer_str", Headers: []string{"场景值", "渠道", "门店"}},
	)
}

// Check refuses what the call would be refused for here. A member is known by the phone number.
func (o Remind) Check(row table.Row) (string, error) {
	p, wrong := o.params(row)
	if wrong != nil {
		return "", wrong
	}
	return cell(row, remindPhone), fault(row, membercard.New(o.Client).ImportPhoneNumber(unsent(), p))
}

func (o Remind) params(row table.Row) (p membercard.ImportPhoneNumberParams, wrong error) {
	at := o.RegistrationTime
	if text := cell(row, remindTime); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return p, &table.Fault{Line: row.Line, Column: "registration_time", Reason: "is no time", Chinese: "不是有效的时间"}
		}
	}
	if at.IsZero() {
		return p, &table.Fault{Line: row.Line, Column: "registration_time", Reason: "is missing, and nothing is set for all rows", Chinese: "为空，且未为所有行统一设置"}
	}
	return membercard.ImportPhoneNumberParams{
		PhoneNumber: wxpay.Secret(cell(row, remindPhone)), OuterStr: cell(row, remindOuter),
		MemberInformation: membercard.MemberInformation{
			CardID: o.CardID, Code: cell(row, remindCode), MembershipNumber: cell(row, remindNumber), RegistrationTime: wxpay.TimeOf(at),
		},
	}, nil
}

// Send hands in a number.
func (o Remind) Send(ctx context.Context, item bulk.Item) bulk.Result {
	p, wrong := o.params(item.Rows[0])
	if wrong != nil {
		return bulk.Result{State: bulk.Rejected, Code: "PARAM_ERROR", Reason: wxpay.Hint{English: wrong.Error(), Chinese: wrong.Error()}, Err: wrong}
	}
	if err := membercard.New(o.Client).ImportPhoneNumber(ctx, p); err != nil {
		return bulk.Failed(err)
	}
	return bulk.Result{State: bulk.Done}
}

// Settle asks whether the number came in, and hands it in again if it did not.
func (o Remind) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	state, err := membercard.New(o.Client).SearchPhoneNumber(ctx, membercard.SearchPhoneNumberParams{
		CardID: o.CardID, PhoneNumber: wxpay.Secret(cell(item.Rows[0], remindPhone)),
	})
	if err == nil {
		return bulk.Result{State: bulk.Done, Code: string(state.ReceiveStatus)}
	}
	asked := bulk.Failed(err)
	switch {
	case asked.State == bulk.Rejected && asked.Code == string(wxpay.CodeInvalidRequest): // not known there
		if _, err := bulk.Again[struct{}](ctx, o.Client, kept); err != nil {
			return bulk.Failed(err)
		}
		return bulk.Result{State: bulk.Done}
	case asked.State == bulk.Rejected:
		return undecided(asked)
	}
	return asked
}
