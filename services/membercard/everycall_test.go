package membercard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/membercard"
)

const (
	cardID    = "pbLatjvWOibDc5-TBnbUk1pD12o0"
	code      = "478515832665"
	number    = "100002322019090134234sfdf"
	aboutNine = "2026-11-28T09:00:00.123456789+08:00"
)

// everyCall has params that pass, with every name and every time filled in, for each call that takes any.
func everyCall() map[string]any {
	validity := membercard.DateInformation{Type: membercard.DateFixTimeRange, AvailableBeginTime: at(aboutNine), AvailableEndTime: at(aboutNine)}
	period := membercard.AwardSendPeriod{AwardSendTime: []membercard.TimeRange{
		{BeginTime: at(aboutNine), EndTime: at(aboutNine)}, {BeginTime: at(aboutNine), EndTime: at(aboutNine)},
	}}
	return map[string]any{
		"SetCallback": membercard.SetCallbackParams{NotifyURL: "https://shop.example/n"},
		"CreateCard": membercard.CreateCardParams{AppID: "wx1", LogoURL: "u", Brand: membercard.Brand{BrandID: "1", DisplayName: "d"}, Title: "t",
			BackgroundPictureURL: "u", Description: "d", CodeType: "QRCODE", DateInformation: validity, CodeMode: "REAL_TIME", OutRequestNo: number},
		"ListCards":           membercard.ListCardsParams{BrandID: "1", AppID: "wx1"},
		"GetCard":             membercard.GetCardParams{CardID: cardID},
		"UpdateCard":          membercard.UpdateCardParams{CardID: cardID, AppID: "wx1", DateInformation: validity},
		"DeleteCard":          membercard.DeleteCardParams{CardID: cardID},
		"UpgradeCard":         membercard.UpgradeCardParams{CardID: cardID, BrandID: "1", AppID: "wx1"},
		"DepositCodes":        membercard.DepositCodesParams{CardID: cardID, Code: []string{"1", "2"}},
		"DecryptCode":         membercard.DecryptCodeParams{CardID: cardID, EncryptCode: "XXIz+/=="},
		"CreateCardQrcode":    membercard.CreateCardQrcodeParams{CardID: cardID, ActivateType: "AUTO_ACTIVATE"},
		"ImportUser":          membercard.ImportUserParams{CardID: cardID, OpenID: "o1", Code: code, OutRequestNo: number},
		"ImportUserByPhone":   membercard.ImportUserByPhoneParams{CardID: cardID, PhoneNumber: "13800138000", Code: code, OutRequestNo: number},
		"GetUserCard":         membercard.GetUserCardParams{CardID: cardID, Code: code},
		"InvalidateUserCard":  membercard.InvalidateUserCardParams{CardID: cardID, Code: code},
		"ListUserCards":       membercard.ListUserCardsParams{OpenID: "o1", AppID: "wx1"},
		"UpdateCardRights":    membercard.UpdateCardRightsParams{CardID: cardID},
		"RemoveServiceModule": membercard.RemoveServiceModuleParams{CardID: cardID, ServiceModuleID: "666"},
		"GetActivity":         membercard.GetActivityParams{ActivityID: "371067"},
		"TerminateActivity":   membercard.TerminateActivityParams{ActivityID: "371067"},
		"SearchPhoneNumber":   membercard.SearchPhoneNumberParams{CardID: cardID, PhoneNumber: "13800138000"},
		"ActivateUserCard":    membercard.ActivateUserCardParams{CardID: cardID, Code: code, MembershipNumber: "316510891298"},
		"ConfirmUserCard":     membercard.ConfirmUserCardParams{CardID: cardID, Code: code, UserCardConfirmState: membercard.ConfirmSuccess},
		"PrepareBonus":        membercard.PrepareBonusParams{CardID: cardID, Code: code, OutTradeNo: "1217", MchID: "1", SubMchID: "2", BonusValue: 1},
		"CommitBonus":         membercard.CommitBonusParams{CardID: cardID, Code: code, OutTradeNo: "1217", MchID: "1", SubMchID: "2", BonusValue: 1},
		"AddServiceModule":    membercard.AddServiceModuleParams{CardID: cardID, ServiceModuleID: "666"},
		"UpdateServiceModule": membercard.UpdateServiceModuleParams{CardID: cardID, ServiceModuleID: "666"},
		"ListActivities":      membercard.ListActivitiesParams{ActivityType: "MEMBER_AFTERPAY", CardID: cardID},
		"UpdateUserCard":      membercard.UpdateUserCardParams{CardID: cardID, Code: code, MembershipNumber: "3165", OutRequestNo: number},
		"UpdateUserCardRights": membercard.UpdateUserCardRightsParams{
			CardID: cardID, Code: code, OutRequestNo: number},
		"SetServiceModuleData": membercard.SetServiceModuleDataParams{
			CardID: cardID, Code: code, OutRequestNo: number, ServiceModuleID: "666", StateSetting: membercard.StateSetting{StateID: "CHECKED_IN"}},
		"GetActivateInformation": membercard.GetActivateInformationParams{ActivateTicket: "abcdefg"},
		"CreatePermissionToken":  membercard.CreatePermissionTokenParams{CardID: cardID, ActivateType: "AUTO_ACTIVATE"},
		"ImportPhoneNumber": membercard.ImportPhoneNumberParams{PhoneNumber: "13800138000",
			MemberInformation: membercard.MemberInformation{CardID: cardID, Code: code, MembershipNumber: "3165", RegistrationTime: at(aboutNine)}},
		"CreateActivity": membercard.CreateActivityParams{CardID: cardID, ActivityName: "n", ActivityType: "MEMBER_AFTERPAY", BeginTime: at(aboutNine),
			EndTime: at(aboutNine), AwardSendPeriod: period, OutRequestNo: number, StockList: []membercard.CouponStock{{StockCreatorMchID: "1", StockID: "2"}},
			PayActivitySetting: membercard.PayActivitySetting{MchIDList: []string{"1", "2"}}},
	}
}

// play makes a call by its name; what it sends ends up in bodies.
func play(t *testing.T, method string, p any) (bodies []string, err error) {
	mock := all(func(req *http.Request) (*http.Response, error) {
		var body []byte
		if req.Body != nil {
			var err error
			if body, err = io.ReadAll(req.Body); err != nil {
				return nil, err
			}
		}
		bodies = append(bodies, string(body))
		return httpmock.NewStringResponse(http.StatusForbidden, `{"code":"NO_AUTH","message":"no"}`), nil
	})
	_, err = byName(t.Context(), newService(mock), method, p)
	return bodies, err
}

// byName makes a call by its name; answers is empty where the call answers nothing.
func byName(ctx context.Context, s *membercard.Service, method string, p any) (answers []any, err error) {
	results := reflect.ValueOf(s).MethodByName(method).Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(p)})
	last := len(results) - 1
	for _, r := range results[:last] {
		answers = append(answers, r.Interface())
	}
	err, _ = results[last].Interface().(error)
	return answers, err
}

func TestEveryCallIsHere(t *testing.T) {
	t.Parallel()
	service, calls := reflect.TypeFor[*membercard.Service](), everyCall()
	for method := range service.Methods() {
		name := method.Name
		if strings.HasPrefix(name, "All") || name == "GetCallback" {
			continue
		}
		p, ok := calls[name]
		if assert.True(t, ok, name) {
			bodies, err := play(t, name, p)
			assert.ErrorIs(t, err, wxpay.CodeNoAuth, name)
			assert.Len(t, bodies, 1, name)
		}
	}
}

// texts calls visit with every text below v and the path to it, as in the params.
func texts(path string, v reflect.Value, visit func(path string, text reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				texts(path+"."+v.Type().Field(i).Name, v.Field(i), visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(fmt.Sprintf("%s[%d]", path, i), v.Index(i), visit)
		}
	case reflect.String:
		visit(path, v)
	}
}

// changed are the params of everyCall with another value in the texts at these paths.
func changed(method, value string, which func(path string) bool) any {
	given := reflect.ValueOf(everyCall()[method])
	p := reflect.New(given.Type()).Elem()
	p.Set(given)
	texts("", p, func(path string, text reflect.Value) {
		if which(path) {
			text.SetString(value)
		}
	})
	return p.Interface()
}

// Names on the wire of what is asked for by, by the path of the field.
var namesOfFields = []struct{ field, param string }{
	{`^\.AppID$`, "appid"}, {`\.BrandID$`, "brand_id"}, {`\.CardID$`, "card_id"}, {`^\.(MemberInformation\.)?Code$`, "code"}, {`\.Code\[0\]$`, "code[0]"},
	{`\.Code\[1\]$`, "code[1]"}, {`\.OpenID$`, "openid"}, {`\.OutTradeNo$`, "out_trade_no"}, {`\.OutRequestNo$`, "out_request_no"}, {`^\.MchID$`, "mchid"},
	{`^\.SubMchID$`, "sub_mchid"}, {`\.ActivityID$`, "activity_id"}, {`\.ServiceModuleID$`, "service_module_id"}, {`\.StateID$`, "state_id"},
	{`\.ActivateTicket$`, "activate_ticket"}, {`\.StockList\[0\]\.StockID$`, "stock_list[0].stock_id"},
	{`\.StockList\[0\]\.StockCreatorMchID$`, "stock_list[0].stock_creator_mchid"}, {`\.MchIDList\[1\]$`, "pay_activity_setting.mchid_list[1]"},
}

// What could not be named again is refused here, by the same rule in every call, in paths, queries, bodies and
// lists, and without the value.
func TestNamesInEveryCall(t *testing.T) {
	t.Parallel()
	bad := []string{"10/0011", `10\0011`, "100006\r", "100006\n", "1 00006", " 100006", "100006 ", ".", "..", "100006\u200b", "\ufeff100006", "1\xff00006"}
	seen := map[string]bool{}
	for method := range everyCall() {
		fields := map[string]string{}
		texts("", reflect.ValueOf(everyCall()[method]), func(path string, _ reflect.Value) {
			for _, n := range namesOfFields {
				if regexp.MustCompile(n.field).MatchString(path) {
					fields[path], seen[n.param] = n.param, true
				}
			}
		})
		for path, param := range fields {
			for _, value := range bad {
				bodies, err := play(t, method, changed(method, value, func(at string) bool { return at == path }))
				e, refused := errors.AsType[*wxpay.ParamError](err)
				if assert.True(t, refused, "%s %s %q: %v", method, path, value, err) {
					assert.True(t, e.Param == param || strings.HasSuffix(e.Param, "."+param), "%s is no name of %s", e.Param, path)
					assert.NotContains(t, e.Reason, "1")
				}
				assert.Empty(t, bodies, "%s %s %q was sent", method, path, value)
			}
		}
	}
	assert.Len(t, seen, len(namesOfFields), "no call has these: %v", seen)
}

// Times have milliseconds at most, wherever they stand, and the caller's params keep theirs.
func TestTimesOfEveryCall(t *testing.T) {
	t.Parallel()
	sent := 0
	given := everyCall()
	for method, p := range given {
		bodies, err := play(t, method, p)
		require.ErrorIs(t, err, wxpay.CodeNoAuth)
		require.Len(t, bodies, 1)
		for text := range strings.SplitSeq(bodies[0], `"`) {
			if strings.HasPrefix(text, "2026-11-28T") {
				sent++
				assert.Equal(t, "2026-11-28T09:00:00.123+08:00", text, method)
			}
		}
		assert.NotContains(t, bodies[0], "123456")
	}
	assert.Equal(t, 2+2+1+2+4, sent, "CreateCard, UpdateCard, ImportPhoneNumber, CreateActivity and its period")
	assert.Equal(t, everyCall(), given)
}

func TestDepositOfNothing(t *testing.T) {
	t.Parallel()
	for _, codes := range [][]string{nil, {}} {
		bodies, err := play(t, "DepositCodes", membercard.DepositCodesParams{CardID: cardID, Code: codes})
		assert.EqualError(t, err, "wxpay: POST /v3/marketing/membercard-open/cards/{card_id}/codes/deposit: code is an empty list; nothing was sent")
		assert.Empty(t, bodies)
	}
	_, err := play(t, "DepositCodes", membercard.DepositCodesParams{CardID: cardID, Code: []string{"1", "2", "3", ""}})
	assert.EqualError(t, err, "wxpay: POST /v3/marketing/membercard-open/cards/{card_id}/codes/deposit: code[3] is missing; nothing was sent")
}

// A code that stands twice in a list is the platform's to judge: it answers DUPLICATE.
func TestDepositOfTheSameCodeTwice(t *testing.T) {
	t.Parallel()
	bodies, err := play(t, "DepositCodes", membercard.DepositCodesParams{CardID: cardID, Code: []string{"1", "1"}})
	require.ErrorIs(t, err, wxpay.CodeNoAuth)
	assert.Equal(t, []string{`{"code":["1","1"]}`}, bodies)
}

// A + of the query that carried the code here was decoded into a blank.
func TestDecryptCodeOfAPlusThatBecameABlank(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []string{"XXIz /==", "XXIz\r", "XXIz\u200b"} {
		bodies, err := play(t, "DecryptCode", membercard.DecryptCodeParams{CardID: cardID, EncryptCode: encrypted})
		e, refused := errors.AsType[*wxpay.ParamError](err)
		require.True(t, refused, "%v", err)
		assert.Equal(t, "encrypt_code", e.Param)
		assert.NotContains(t, e.Reason, "XXIz")
		assert.Empty(t, bodies)
	}
}

// Numbers of members come from the merchant's files, and are stored and shown.
func TestMembershipNumberInEveryCall(t *testing.T) {
	t.Parallel()
	for method, param := range map[string]string{
		"ActivateUserCard": "membership_number", "UpdateUserCard": "membership_number", "ImportPhoneNumber": "member_information.membership_number",
	} {
		for value, good := range map[string]bool{"A-17/4 b": true, "316510891298\r": false, "3165\u200b": false, " 3165": false, "3165\xff": false} {
			bodies, err := play(t, method, changed(method, value, func(at string) bool { return strings.HasSuffix(at, ".MembershipNumber") }))
			if good {
				assert.ErrorIs(t, err, wxpay.CodeNoAuth)
				continue
			}
			e, refused := errors.AsType[*wxpay.ParamError](err)
			require.True(t, refused, "%s %q: %v", method, value, err)
			assert.Equal(t, param, e.Param)
			assert.Empty(t, bodies)
		}
	}
}

// The samples' forms of times read back as what was given.
func TestTimesAreSentInBeijingTime(t *testing.T) {
	t.Parallel()
	bodies, err := play(t, "UpdateCard", membercard.UpdateCardParams{CardID: cardID, DateInformation: membercard.DateInformation{
		Type: membercard.DateFixTimeRange, AvailableBeginTime: at("2026-11-28T01:00:00.5Z"), AvailableEndTime: at("2026-11-28T09:00:00-05:00")}})
	require.ErrorIs(t, err, wxpay.CodeNoAuth)
	var sent map[string]map[string]string
	require.NoError(t, json.Unmarshal([]byte(bodies[0]), &sent))
	assert.Equal(t, map[string]string{
		"type": "FIX_TIME_RANGE", "available_begin_time": "2026-11-28T09:00:00.500+08:00", "available_end_time": "2026-11-28T22:00:00+08:00",
	}, sent["date_information"])
}
