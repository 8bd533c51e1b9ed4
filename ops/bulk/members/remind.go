package members

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// Remind hands in the phone numbers of people who are members already, whom WeChat then reminds to take the card, by
// [membercard.Service.ImportPhoneNumber].
//
// The call has no request number. After a lost answer the platform is asked whether it knows the number
// ([membercard.Service.SearchPhoneNumber]); only if it does not, the number is handed in again. It can be asked for numbers of mainland
// China alone: any other is handed in as well, and stays unknown if the answer is lost, since a second reminder might go out.
type Remind struct {
	Client *wxpay.Client
	CardID string
	// What rows have that do not say it themselves.
	RegistrationTime time.Time // when people became members; zero: every row has to say it
	OuterStr         string    // scene mark, such as a shop
}

// Places of the columns of [Remind].
const (
	colPhone = iota
	colTime
	colCode
	colMember
	colOuter
)

// About says that another card is another job.
func (o Remind) About() bulk.About {
	const route = "POST /v3/marketing/membercard-open/phonenumber-member/import"
	return about("member-remind", "remind", route, o.Client, o.CardID, phoneColumn(),
		table.Column{Name: "registration_time", Kind: table.Moment, Required: o.RegistrationTime.IsZero(), Headers: []string{
			"注册时间", "注册日期", "入会时间", "入会日期", "会员注册时间", "会员注册日期", "开卡时间", "开卡日期", "成为会员时间", "registered_at", "registration_date", "register_time", "join_time", "joined_at",
		}},
		codeColumn(),
		table.Column{Name: "membership_number", Kind: table.Text, Headers: []string{"会员号", "会员编号", "会员号码", "member_no", "member_number", "member_id", "membership_no"}},
		table.Column{Name: "outer_str", Kind: table.Text, Headers: []string{"场景值", "场景标识", "渠道", "渠道标识", "scene"}})
}

// Check refuses what [membercard.Service.ImportPhoneNumber] refuses. A phone number is who a row is.
func (o Remind) Check(row table.Row) (string, error) {
	p, err := o.params(row)
	if err == nil {
		err = checked(row, o.Client, func(ctx context.Context) error { return membercard.New(o.Client).ImportPhoneNumber(ctx, p) })
	}
	if err != nil {
		return "", err
	}
	return one(string(p.PhoneNumber)), nil
}

func (o Remind) params(row table.Row) (p membercard.ImportPhoneNumberParams, err error) {
	p = membercard.ImportPhoneNumberParams{
		PhoneNumber: wxpay.Secret(row.Cell(colPhone)), OuterStr: o.OuterStr,
		MemberInformation: membercard.MemberInformation{
			CardID: o.CardID, Code: row.Cell(colCode), MembershipNumber: row.Cell(colMember), RegistrationTime: wxpay.TimeOf(o.RegistrationTime),
		},
	}
	fault := func(column, reason string) error {
		return bulk.Fault(row, &wxpay.ParamError{Reason: reason}, column)
	}
	if own := row.Cell(colOuter); own != "" {
		p.OuterStr = own
	}
	switch {
	case strings.ToValidUTF8(p.OuterStr, "") != p.OuterStr:
		return p, fault("outer_str", "is not UTF-8")
	case strings.ContainsFunc(p.OuterStr, func(r rune) bool { return r > 0xffff }):
		return p, fault("outer_str", "holds a character of four bytes, such as an emoji, which the platform refuses")
	}
	if own := row.Cell(colTime); own != "" {
		if p.MemberInformation.RegistrationTime.UnmarshalText([]byte(own)) != nil {
			return p, &table.Fault{Line: row.Line, Column: "registration_time", Reason: "is not a time", Chinese: "不是有效的时间"}
		}
	}
	if p.MemberInformation.RegistrationTime.IsZero() {
		return p, &table.Fault{Line: row.Line, Column: "registration_time",
			Reason: "is missing, and nothing is set for all rows", Chinese: "为空，且未为所有行统一设置"}
	}
	return p, nil
}

// Send hands in the number.
func (o Remind) Send(ctx context.Context, item bulk.Item) bulk.Result {
	p, err := o.params(item.Rows[0])
	if err != nil {
		return bulk.Result{State: bulk.Rejected, Code: string(wxpay.CodeParamError), Err: err}
	}
	return sent("", membercard.New(o.Client).ImportPhoneNumber(ctx, p))
}

// Settle asks whether the platform knows the number, and hands it in again only if it does not.
func (o Remind) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	find := func() (string, finding, error) { return o.find(ctx, item.Rows[0]) }
	_, found, err := twice(find)
	wrong, here := errors.AsType[*wxpay.ParamError](err)
	switch {
	case found == there:
		return bulk.Result{State: bulk.Done}
	case found == gone:
		_, err = bulk.Again[struct{}](ctx, o.Client, kept)
		return repeated("", err, find)
	case here && wrong.Param == "encrypted_phone_number":
		return bulk.Result{State: bulk.Unknown, Reason: wxpay.Hint{
			English: "the answer was lost, and the platform can be asked for numbers of mainland China alone; it is not repeated, since a second reminder might go out; look for the member in the merchant platform",
			Chinese: "应答丢失，而微信支付只支持查询中国大陆手机号；为避免重复提醒，不再重发，请在商户平台核对该会员",
		}}
	}
	return unknown(err)
}

// find asks whether the platform knows the number of a row, in whatever state.
func (o Remind) find(ctx context.Context, row table.Row) (string, finding, error) {
	state, err := membercard.New(o.Client).SearchPhoneNumber(ctx, membercard.SearchPhoneNumberParams{
		CardID: o.CardID, PhoneNumber: wxpay.Secret(row.Cell(colPhone)),
	})
	switch {
	case err == nil && state.ReceiveStatus != "":
		return "", there, nil
	case err == nil:
		return "", unsure, nil
	case nothing(err):
		return "", gone, nil
	}
	return "", unsure, err
}
