package membercard_test

import (
	"testing"

	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func TestCreateCardQrcode(t *testing.T) {
	t.Parallel()
	p := membercard.CreateCardQrcodeParams{
		CardID:        "pbLatjvWOibDc5-TBnbUk1pD12o0",
		ActivateType:  membercard.ActivateTypeAuto,
		ActivateURL:   "https://w.url.cn/s/Ahz3p2C",
		ActivateAppID: "wxea9c30a90fs8d3fe",
		ActivatePath:  "pages/activate/activate",
		OuterStr:      "szwxtd",
	}
	platformtest.Wire{
		Call:    answers(S.CreateCardQrcode)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/qrcode",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/qrcode",
		Body: `{
			"activate_type": "AUTO_ACTIVATE",
			"activate_url": "https://w.url.cn/s/Ahz3p2C",
			"activate_appid": "wxea9c30a90fs8d3fe",
			"activate_path": "pages/activate/activate",
			"outer_str": "szwxtd"
		}`,
		Answer: `{"url":"https://w.url.cn/s/Bhz3p2D"}`,
		Want:   &membercard.CardQrcode{URL: "https://w.url.cn/s/Bhz3p2D"},
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/qrcode", answers(S.CreateCardQrcode), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("ActivateType", "activate_type", 0),
		platformtest.Optional("ActivateURL", "activate_url", 128),
		platformtest.Optional("ActivateAppID", "activate_appid", 32),
		platformtest.Optional("ActivatePath", "activate_path", 128),
		platformtest.Optional("OuterStr", "outer_str", 32),
	)
}
