package members

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// ByPhone gives the people behind phone numbers a card, by [membercard.Service.ImportUserByPhone]. The result of a row
// is the card code.
type ByPhone struct {
	Client *wxpay.Client
	CardID string
}

// About says that another card is another job.
func (o ByPhone) About() bulk.About {
	const route = "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import"
	return about("member-import-by-phone", "import", route, o.Client, o.CardID, phoneColumn(), codeColumn())
}

// Check refuses what [membercard.Service.ImportUserByPhone] refuses. A phone number is who a row is.
func (o ByPhone) Check(row table.Row) (string, error) {
	err := checked(row, o.Client, func(ctx context.Context) error {
		_, err := o.send(ctx, row, sample)
		return err
	})
	if err != nil {
		return "", err
	}
	return one(row.Cell(0)), nil
}

func (o ByPhone) send(ctx context.Context, row table.Row, number string) (string, error) {
	card, err := membercard.New(o.Client).ImportUserByPhone(ctx, membercard.ImportUserByPhoneParams{
		CardID: o.CardID, PhoneNumber: wxpay.Secret(row.Cell(0)), Code: row.Cell(1), OutRequestNo: number,
	})
	return codeOf(card, err)
}

// Send imports the member.
func (o ByPhone) Send(ctx context.Context, item bulk.Item) bulk.Result {
	return sent(o.send(ctx, item.Rows[0], item.Number))
}

// Settle imports the member again. After a refusal only the code of the row, if it has one, can tell, and only that the
// first import did not work.
func (o ByPhone) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	code, err := importAgain(ctx, o.Client, kept)
	return repeated(code, err, func() (string, finding, error) { return held(ctx, o.Client, o.CardID, item.Rows[0].Cell(1), "") })
}

// ByOpenID gives the users behind openids a card, by [membercard.Service.ImportUser]. The result of a row is the card
// code.
type ByOpenID struct {
	Client *wxpay.Client
	CardID string
	// AppID is the service account of the brand, if the openids are under it. It is only asked with, after a refusal
	// that follows a lost answer: the cards of the user may tell then what became of the row.
	AppID string
}

// About says that another card is another job.
func (o ByOpenID) About() bulk.About {
	const route = "POST /v3/marketing/membercard-open/cards/{card_id}/users/import"
	openid := table.Column{Name: "openid", Kind: table.ID, Required: true, Headers: []string{"open_id", "用户openid", "微信openid", "会员openid", "用户标识", "wx_openid", "wechat_openid"}}
	return about("member-import-by-openid", "import", route, o.Client, o.CardID, openid, codeColumn())
}

// Check refuses what [membercard.Service.ImportUser] refuses. An openid is who a row is.
func (o ByOpenID) Check(row table.Row) (string, error) {
	err := checked(row, o.Client, func(ctx context.Context) error {
		_, err := o.send(ctx, row, sample)
		return err
	})
	if err != nil {
		return "", err
	}
	return row.Cell(0), nil
}

func (o ByOpenID) send(ctx context.Context, row table.Row, number string) (string, error) {
	card, err := membercard.New(o.Client).ImportUser(ctx, membercard.ImportUserParams{
		CardID: o.CardID, OpenID: row.Cell(0), Code: row.Cell(1), OutRequestNo: number,
	})
	return codeOf(card, err)
}

// Send imports the member.
func (o ByOpenID) Send(ctx context.Context, item bulk.Item) bulk.Result {
	return sent(o.send(ctx, item.Rows[0], item.Number))
}

// Settle imports the member again. After a refusal the code of the row or the cards of the user may tell whether the
// first import worked.
func (o ByOpenID) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	code, err := importAgain(ctx, o.Client, kept)
	return repeated(code, err, func() (string, finding, error) { return o.find(ctx, item.Rows[0]) })
}

func (o ByOpenID) find(ctx context.Context, row table.Row) (string, finding, error) {
	openid, code := row.Cell(0), row.Cell(1)
	if code, found, err := held(ctx, o.Client, o.CardID, code, openid); found != unsure || err != nil || o.AppID == "" {
		return code, found, err
	}
	for card, err := range membercard.New(o.Client).AllUserCards(ctx, membercard.ListUserCardsParams{OpenID: openid, AppID: o.AppID}) {
		switch {
		case err != nil:
			return "", unsure, err
		case card.CardID != o.CardID:
		case code != "" && card.Code != code: // the user has the card, and not by this row
			return "", gone, nil
		default:
			return card.Code, there, nil
		}
	}
	return "", unsure, nil // a card that was imported need not be among those of the user
}

func codeOf(card *membercard.CardCode, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return card.Code, nil
}

func importAgain(ctx context.Context, client *wxpay.Client, kept wxpay.Prepared) (string, error) {
	return codeOf(bulk.Again[membercard.CardCode](ctx, client, kept))
}

// held asks whether the member with a code is the one with that openid. Whose phone number it is the platform does not
// say; openid is empty then.
func held(ctx context.Context, client *wxpay.Client, cardID, code, openid string) (string, finding, error) {
	if code == "" {
		return "", unsure, nil
	}
	member, err := membercard.New(client).GetUserCard(ctx, membercard.GetUserCardParams{CardID: cardID, Code: code})
	switch {
	case err == nil && openid != "" && member.OpenID == openid:
		return code, there, nil
	case err == nil: // perhaps somebody else, or the same user under another AppID
		return "", unsure, nil
	case nothing(err):
		return "", gone, nil
	}
	return "", unsure, err
}
