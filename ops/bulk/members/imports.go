package members

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// ByPhone imports members by phone number, see [membercard.Service.ImportUserByPhone]. A row is done when the
// platform gave a card code, and rejected when it refused the import. What is refused after an answer was lost stays
// unknown, unless the row names its code and no card has it.
type ByPhone struct {
	Client *wxpay.Client
	CardID string
}

// About names the card; phone_number and code are the columns.
func (o ByPhone) About() bulk.About {
	return about("member-import-by-phone", o.Client, o.CardID, "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import", phoneColumn, codeColumn)
}

// Check refuses what the call would be refused for here. A member is known by the phone number.
func (o ByPhone) Check(row table.Row) (string, error) {
	_, err := membercard.New(o.Client).ImportUserByPhone(unsent(), o.params(row, anyNumber))
	return cell(row, 0), fault(row, err)
}

func (o ByPhone) params(row table.Row, number string) membercard.ImportUserByPhoneParams {
	return membercard.ImportUserByPhoneParams{CardID: o.CardID, PhoneNumber: wxpay.Secret(cell(row, 0)), Code: cell(row, 1), OutRequestNo: number}
}

// Send imports a member.
func (o ByPhone) Send(ctx context.Context, item bulk.Item) bulk.Result {
	return imported(membercard.New(o.Client).ImportUserByPhone(ctx, o.params(item.Rows[0], item.Number)))
}

// Settle sends the import once more, to the last byte.
func (o ByPhone) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	r := imported(bulk.Again[membercard.CardCode](ctx, o.Client, kept))
	if r.State != bulk.Rejected {
		return r
	}
	code := cell(item.Rows[0], 1)
	if code == "" {
		return undecided(r)
	}
	if _, err := membercard.New(o.Client).GetUserCard(ctx, membercard.GetUserCardParams{CardID: o.CardID, Code: code}); bulk.Failed(err).State == bulk.Rejected {
		return r // nobody has the code that the import would have given
	}
	return undecided(r) // whose it is the platform does not say
}

// ByOpenID imports members by openid, see [membercard.Service.ImportUser]. After a lost answer a refusal is settled by a
// query: of the code if the row names one, else of the cards of the user under AppID, which can show that the row is
// done and not that it is not. Without either it stays unknown.
type ByOpenID struct {
	Client *wxpay.Client
	CardID string
	AppID  string // service account of the brand, to which the openids belong; may be empty
}

// About names the card; openid and code are the columns.
func (o ByOpenID) About() bulk.About {
	return about("member-import-by-openid", o.Client, o.CardID, "POST /v3/marketing/membercard-open/cards/{card_id}/users/import", openidColumn, codeColumn)
}

// Check refuses what the call would be refused for here. A member is known by the openid.
func (o ByOpenID) Check(row table.Row) (string, error) {
	_, err := membercard.New(o.Client).ImportUser(unsent(), o.params(row, anyNumber))
	return cell(row, 0), fault(row, err)
}

func (o ByOpenID) params(row table.Row, number string) membercard.ImportUserParams {
	return membercard.ImportUserParams{CardID: o.CardID, OpenID: cell(row, 0), Code: cell(row, 1), OutRequestNo: number}
}

// Send imports a member.
func (o ByOpenID) Send(ctx context.Context, item bulk.Item) bulk.Result {
	return imported(membercard.New(o.Client).ImportUser(ctx, o.params(item.Rows[0], item.Number)))
}

// Settle sends the import once more, to the last byte, and asks for the card if that is refused.
func (o ByOpenID) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	r := imported(bulk.Again[membercard.CardCode](ctx, o.Client, kept))
	if r.State != bulk.Rejected {
		return r
	}
	code, known := o.code(ctx, item.Rows[0])
	switch {
	case !known:
		return undecided(r)
	case code == "":
		return r
	}
	return bulk.Result{State: bulk.Done, Code: code}
}

// code is that of the card which the user has; empty: none. known reports whether a query could tell.
func (o ByOpenID) code(ctx context.Context, row table.Row) (code string, known bool) {
	service, openid, code := membercard.New(o.Client), cell(row, 0), cell(row, 1)
	if code != "" {
		card, err := service.GetUserCard(ctx, membercard.GetUserCardParams{CardID: o.CardID, Code: code})
		switch {
		case err == nil && card.OpenID == openid:
			return code, true
		case err == nil && card.OpenID != "", bulk.Failed(err).State == bulk.Rejected:
			return "", true
		}
		return "", false
	}
	if o.AppID == "" {
		return "", false
	}
	for card, err := range service.AllUserCards(ctx, membercard.ListUserCardsParams{OpenID: openid, AppID: o.AppID}) {
		if err != nil {
			return "", false
		}
		if card.CardID == o.CardID {
			return card.Code, true
		}
	}
	return "", false // a card that was given in the background may be missing from the list
}
