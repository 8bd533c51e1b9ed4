package membercard_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func TestEventTypes(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, "MEMBERCARD.ACCEPT_CARD", membercard.EventAcceptCard)
	assert.EqualValues(t, "MEMBERCARD.ACTIVATE_CARD", membercard.EventActivateCard)
	assert.EqualValues(t, "MEMBERCARD.USERCARD_MANAGE", membercard.EventManageCard)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	// The plaintexts are alike but for their own members.
	const parts = `
		"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
		"code": "289560490049",
		"event_time": "2019-12-17T10:35:53+08:00",
		"openid": "obLatjnx9gnqzS4myYGmLZ7LgLBA",
		"unionid": "obLatjvNtj7wO79ewoQBVIUEArg0",
		"born_tomorrow": {"a": [1]}`
	for _, c := range []struct {
		plaintext string
		got, want any
	}{
		{
			`{"event_type": "NEW_ACTIVATE", "phone_number": "+/8ByGf0vA3kQ5/xT+2mZg==", "outer_str": "sz_store_001",` + parts + `}`,
			new(membercard.AcceptCardEvent),
			&membercard.AcceptCardEvent{
				EventType:   membercard.AcceptNewActivate,
				CardID:      "pbLatjvWOibDc5-TBnbUk1pD12o0",
				Code:        "289560490049",
				EventTime:   at("2019-12-17T10:35:53+08:00"),
				OpenID:      "obLatjnx9gnqzS4myYGmLZ7LgLBA",
				UnionID:     "obLatjvNtj7wO79ewoQBVIUEArg0",
				PhoneNumber: "+/8ByGf0vA3kQ5/xT+2mZg==",
				OuterStr:    "sz_store_001",
			},
		},
		{
			`{"event_type": "MEMBER_CARD_ACTIVATE", "activate_scene": "RECOVER", "outer_str": "sz_store_001",` + parts + `}`,
			new(membercard.ActivateCardEvent),
			&membercard.ActivateCardEvent{
				EventType:     membercard.ActivateMemberCard,
				CardID:        "pbLatjvWOibDc5-TBnbUk1pD12o0",
				Code:          "289560490049",
				EventTime:     at("2019-12-17T10:35:53+08:00"),
				OpenID:        "obLatjnx9gnqzS4myYGmLZ7LgLBA",
				UnionID:       "obLatjvNtj7wO79ewoQBVIUEArg0",
				ActivateScene: membercard.SceneRecover,
				OuterStr:      "sz_store_001",
			},
		},
		{
			`{"event_type": "USER_DELETE_MEMBERCARD",` + parts + `}`,
			new(membercard.ManageCardEvent),
			&membercard.ManageCardEvent{
				EventType: membercard.ManageDelete,
				CardID:    "pbLatjvWOibDc5-TBnbUk1pD12o0",
				Code:      "289560490049",
				EventTime: at("2019-12-17T10:35:53+08:00"),
				OpenID:    "obLatjnx9gnqzS4myYGmLZ7LgLBA",
				UnionID:   "obLatjvNtj7wO79ewoQBVIUEArg0",
			},
		},
	} {
		require.NoError(t, json.Unmarshal([]byte(c.plaintext), c.got))
		assert.Equal(t, c.want, c.got)
	}
}

// Values not heard of pass through.
func TestEventOfTomorrow(t *testing.T) {
	t.Parallel()
	for _, event := range []any{new(membercard.AcceptCardEvent), new(membercard.ActivateCardEvent), new(membercard.ManageCardEvent)} {
		require.NoError(t, json.Unmarshal([]byte(`{"event_type": "TOMORROW"}`), event))
		assert.True(t, strings.HasPrefix(toJSON(t, event), `{"event_type":"TOMORROW"`))
	}
}

// The constants of every enumeration, as the documents list them.
func TestEnums(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want string
		got  any
	}{
		{"BAR_CODE QRCODE BAR_CODE_AND_QRCODE NONE_CODE", []membercard.CodeType{membercard.CodeTypeBarCode, membercard.CodeTypeQRCode, membercard.CodeTypeBarCodeAndQRCode, membercard.CodeTypeNone}},
		{"SYSTEM_ALLOCATE MERCHANT_DEPOSIT REAL_TIME", []membercard.CodeMode{membercard.CodeModeSystemAllocate, membercard.CodeModeMerchantDeposit, membercard.CodeModeRealTime}},
		{"NOT_APPROVE APPROVE_FAIL APPROVED DELETED", []membercard.CardStatus{membercard.CardNotApprove, membercard.CardApproveFail, membercard.CardApproved, membercard.CardDeleted}},
		{"FIX_TIME_RANGE FIX_TERM PERMANENT", []membercard.DateType{membercard.DateFixTimeRange, membercard.DateFixTerm, membercard.DatePermanent}},
		{"USER_FORM_FLAG_MOBILE USER_FORM_FLAG_SEX USER_FORM_FLAG_NAME USER_FORM_FLAG_BIRTHDAY USER_FORM_FLAG_ADDRESS USER_FORM_FLAG_EMAIL USER_FORM_FLAG_CITY", []membercard.CommonField{membercard.FieldMobile, membercard.FieldSex, membercard.FieldName, membercard.FieldBirthday, membercard.FieldAddress, membercard.FieldEmail, membercard.FieldCity}},
		{"TEXT SELECT RADIO CHECK_BOX", []membercard.CustomFieldType{membercard.CustomFieldText, membercard.CustomFieldSelect, membercard.CustomFieldRadio, membercard.CustomFieldCheckBox}},
		{"SUCCESS DUPLICATE FAIL", []membercard.DepositOutcome{membercard.DepositSuccess, membercard.DepositDuplicate, membercard.DepositFail}},
		{"DEFAULT CREATE_CARD_SUCCESS CREATE_CARD_FAIL CREATE_CARD_ALREADY_EXISTS", []membercard.UserCardConfirmState{membercard.ConfirmDefault, membercard.ConfirmSuccess, membercard.ConfirmFail, membercard.ConfirmAlreadyExists}},
		{"NOT_ACTIVATE EFFECTIVE EXPIRE UNAVAILABLE DELETE", []membercard.UserCardStatus{membercard.UserCardNotActivate, membercard.UserCardEffective, membercard.UserCardExpire, membercard.UserCardUnavailable, membercard.UserCardDelete}},
		{"MEMBER_PRICE MEMBER_ACTIVITY", []membercard.MemberPriceTitle{membercard.MemberPriceTitlePrice, membercard.MemberPriceTitleActivity}},
		{"FAVOR VIP", []membercard.FavorModuleTitle{membercard.FavorModuleTitleFavor, membercard.FavorModuleTitleVIP}},
		{"AUTO_ACTIVATE JUMP_ACTIVATE", []membercard.ActivateType{membercard.ActivateTypeAuto, membercard.ActivateTypeJump}},
		{"UNSHOWED UNRECEIVED RECEIVED", []membercard.ReceiveStatus{membercard.ReceiveUnshowed, membercard.ReceiveUnreceived, membercard.ReceiveReceived}},
		{"NON_MEMBER_AFTERPAY MEMBER_AFTERPAY NON_MEMBER_MINIPROGRAM MEMBER_MINIPROGRAM", []membercard.ActivityType{membercard.ActivityNonMemberAfterpay, membercard.ActivityMemberAfterpay, membercard.ActivityNonMemberMiniprogram, membercard.ActivityMemberMiniprogram}},
		{"CREATED ONGOING TERMINATED OVER_TIME", []membercard.ActivityStatus{membercard.ActivityCreated, membercard.ActivityOngoing, membercard.ActivityTerminated, membercard.ActivityOverTime}},
		{"NEW_ACTIVATE RECOVER MEMBER_CARD_ACCEPT_BY_PHONE_NUMBER MEMBER_CARD_ACTIVATE", []membercard.AcceptEventType{membercard.AcceptNewActivate, membercard.AcceptRecover, membercard.AcceptByPhoneNumber, membercard.AcceptActivate}},
		{"MEMBER_CARD_ACTIVATE", []membercard.ActivateEventType{membercard.ActivateMemberCard}},
		{"NEW_ACTIVATE RECOVER", []membercard.ActivateScene{membercard.SceneNewActivate, membercard.SceneRecover}},
		{"USER_VIEW_MEMBERCARD USER_DELETE_MEMBERCARD USER_MODIFY_INFORMATION", []membercard.ManageEventType{membercard.ManageView, membercard.ManageDelete, membercard.ManageModify}},
	} {
		assert.JSONEq(t, `["`+strings.ReplaceAll(c.want, " ", `","`)+`"]`, toJSON(t, c.got))
	}
}
