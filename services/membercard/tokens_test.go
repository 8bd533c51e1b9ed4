package membercard_test

import (
	"context"
	"testing"

	"github.com/wxpay-go/wxpay/services/membercard"
)

func TestCreatePermissionToken(t *testing.T) {
	t.Parallel()
	p := membercard.CreatePermissionTokenParams{
		CardID:                   "pbLatjvWOibDc5-TBnbUk1pD12o0",
		ActivateType:             membercard.ActivateTypeJump,
		NavigateBackPreviousPage: true,
		ActivateURL:              "https://w.url.cn/s/Ahz3p2C",
		ActivateAppID:            "wxea9c30a90fs8d3fe",
		ActivatePath:             "pages/activate/activate",
		OuterStr:                 "szwxtd",
	}
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return s.CreatePermissionToken(ctx, p)
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/permission-tokens",
		route:   "POST /v3/marketing/membercard-open/cards/{card_id}/permission-tokens",
		body: `{
			"activate_type": "JUMP_ACTIVATE",
			"navigate_back_previous_page": true,
			"activate_url": "https://w.url.cn/s/Ahz3p2C",
			"activate_appid": "wxea9c30a90fs8d3fe",
			"activate_path": "pages/activate/activate",
			"outer_str": "szwxtd"
		}`,
		answer: `{"permission_token":"EhhEF0Jt0uDLPK6Cr70KCrJmkTtfPPE222gUFsdP87CF4RqzpIdnNpDsbOD1kpsN"}`,
		want:   &membercard.PermissionToken{PermissionToken: "EhhEF0Jt0uDLPK6Cr70KCrJmkTtfPPE222gUFsdP87CF4RqzpIdnNpDsbOD1kpsN"},
	}.run(t)
	limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/permission-tokens",
		func(ctx context.Context, s *membercard.Service, p membercard.CreatePermissionTokenParams) error {
			_, err := s.CreatePermissionToken(ctx, p)
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
