package membercard_test

import (
	"testing"

	"github.com/wxpay-go/wxpay/services/internal/platformtest"
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
	platformtest.Wire{
		Call:    answers(S.CreatePermissionToken)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/permission-tokens",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/permission-tokens",
		Body: `{
			"activate_type": "JUMP_ACTIVATE",
			"navigate_back_previous_page": true,
			"activate_url": "https://w.url.cn/s/Ahz3p2C",
			"activate_appid": "wxea9c30a90fs8d3fe",
			"activate_path": "pages/activate/activate",
			"outer_str": "szwxtd"
		}`,
		Answer: `{"permission_token":"EhhEF0Jt0uDLPK6Cr70KCrJmkTtfPPE222gUFsdP87CF4RqzpIdnNpDsbOD1kpsN"}`,
		Want:   &membercard.PermissionToken{PermissionToken: "EhhEF0Jt0uDLPK6Cr70KCrJmkTtfPPE222gUFsdP87CF4RqzpIdnNpDsbOD1kpsN"},
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/permission-tokens", answers(S.CreatePermissionToken), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("ActivateType", "activate_type", 0),
		platformtest.Optional("ActivateURL", "activate_url", 128),
		platformtest.Optional("ActivateAppID", "activate_appid", 32),
		platformtest.Optional("ActivatePath", "activate_path", 128),
		platformtest.Optional("OuterStr", "outer_str", 32),
	)
}
