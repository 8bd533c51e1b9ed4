package membercard_test

import (
	"context"
	"testing"

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
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return s.CreateCardQrcode(ctx, p)
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/qrcode",
		route:   "POST /v3/marketing/membercard-open/cards/{card_id}/qrcode",
		body: `{
			"activate_type": "AUTO_ACTIVATE",
			"activate_url": "https://w.url.cn/s/Ahz3p2C",
			"activate_appid": "wxea9c30a90fs8d3fe",
			"activate_path": "pages/activate/activate",
			"outer_str": "szwxtd"
		}`,
		answer: `{"url":"https://w.url.cn/s/Bhz3p2D"}`,
		want:   &membercard.CardQrcode{URL: "https://w.url.cn/s/Bhz3p2D"},
	}.run(t)
	limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/qrcode",
		func(ctx context.Context, s *membercard.Service, p membercard.CreateCardQrcodeParams) error {
			_, err := s.CreateCardQrcode(ctx, p)
			return err
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"ActivateType", "activate_type", 0, true},
		limit{"ActivateURL", "activate_url", 128, false},
		limit{"ActivateAppID", "activate_appid", 32, false},
		limit{"ActivatePath", "activate_path", 128, false},
		limit{"OuterStr", "outer_str", 32, false},
	)
}
