package productcoupon_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// The coupon of a user in the samples. Each number is that of another call.
const (
	openID     = "oh-394z-6CGkNoJrsDLTTUKiAnp4"
	appID      = "wx233544546545989"
	code       = "123446565767"
	userBundle = "7123912547109241212489"
	sent       = "MCHSEND202003101234"
	confirmed  = "MCHCONFIRM202003101234"
	used       = number
	returned   = "MCHRETURN202003101234"
	gone       = "1002600620019090123143254436"

	user      = "/users/oh-394z-6CGkNoJrsDLTTUKiAnp4"
	userRoute = "/users/{openid}"
	one       = user + "/coupons/123446565767"
	oneRoute  = userRoute + "/coupons/{coupon_code}"

	orderText = `{"transaction_id":"4200000000123456789123456789","out_trade_no":"trade_no_20250724123456","mchid":"1234567890","sub_mchid":"1234567890"}`
	scoreText = `{"order_id":"15646546545165651651","out_order_no":"1234323JKHDFE1243252","mchid":"1234567890","sub_mchid":"1234567890"}`
	usageOf   = `{"use_request_no":"34657_20250101_123456","use_time":"2025-07-24T12:00:00+08:00","associated_order_info":` + orderText + `,
		"associated_pay_score_order_info":` + scoreText + `,"saved_amount":100,"return_request_no":"MCHRETURN202003101234","return_time":"2025-07-25T14:29:35+08:00"}`
	tagText        = `{"coupon_tag_list":["MEMBER"],"member_tag_info":{"member_card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0"}}`
	userCouponText = `{"brand_id":"120344","coupon_code":"123446565767","coupon_state":"EFFECTIVE","valid_begin_time":"2025-07-24T00:00+08:00",
		"valid_end_time":"2025-08-24T00:00:00+08:00","receive_time":"2025-07-24T00:00:00+08:00","send_request_no":"MCHSEND202003101234","send_channel":"API",
		"confirm_request_no":"MCHCONFIRM202003101234","confirm_time":"2025-07-24T00:00:05+08:00","deactivate_request_no":"1002600620019090123143254436",
		"deactivate_time":"2025-07-24T00:00:00+08:00","deactivate_reason":"商品已下线","single_usage_detail":` + usageOf + `,
		"progressive_bundle_usage_detail":` + usageOf + `,"user_product_coupon_bundle_info":{"user_coupon_bundle_id":"7123912547109241212489",
		"user_coupon_bundle_index":0,"total_count":10,"used_count":3},"product_coupon":` + couponText + `,"stock":` + stockText + `,"attach":"example_attach",
		"channel_custom_info":"example_channel_custom_info","coupon_tag_info":` + tagText + `}`
)

var (
	order  = productcoupon.OrderInfo{TransactionID: "4200000000123456789123456789", OutTradeNo: "trade_no_20250724123456", MchID: "1234567890", SubMchID: "1234567890"}
	score  = productcoupon.PayScoreOrderInfo{OrderID: "15646546545165651651", OutOrderNo: "1234323JKHDFE1243252", MchID: "1234567890", SubMchID: "1234567890"}
	tags   = productcoupon.CouponTagInfo{CouponTagList: []productcoupon.CouponTag{"MEMBER"}, MemberTagInfo: productcoupon.MemberTagInfo{MemberCardID: "pbLatjvWOibDc5-TBnbUk1pD12o0"}}
	detail = productcoupon.UsageDetail{UseRequestNo: used, UseTime: at("2025-07-24T12:00:00+08:00"), AssociatedOrderInfo: order, AssociatedPayScoreOrderInfo: score,
		SavedAmount: 100, ReturnRequestNo: returned, ReturnTime: at("2025-07-25T14:29:35+08:00")}
	userCoupon = productcoupon.UserCoupon{
		BrandID: brandID, CouponCode: code, CouponState: productcoupon.UserCouponEffective, ValidBeginTime: at("2025-07-24T00:00:00+08:00"),
		ValidEndTime: at("2025-08-24T00:00:00+08:00"), ReceiveTime: at("2025-07-24T00:00:00+08:00"), SendRequestNo: sent, SendChannel: productcoupon.SendChannelAPI,
		ConfirmRequestNo: confirmed, ConfirmTime: at("2025-07-24T00:00:05+08:00"), DeactivateRequestNo: gone, DeactivateTime: at("2025-07-24T00:00:00+08:00"),
		DeactivateReason: "商品已下线", SingleUsageDetail: detail, ProgressiveBundleUsageDetail: detail,
		UserProductCouponBundleInfo: productcoupon.UserBundleInfo{UserCouponBundleID: userBundle, TotalCount: 10, UsedCount: 3},
		ProductCoupon:               coupon, Stock: stock, Attach: "example_attach", ChannelCustomInfo: "example_channel_custom_info", CouponTagInfo: tags,
	}
	userCoupons = productcoupon.UserCouponBundle{UserCouponBundleID: userBundle, UserProductCouponList: []productcoupon.UserCoupon{userCoupon}}
)

func sending() productcoupon.SendCouponParams {
	return productcoupon.SendCouponParams{OpenID: openID, BrandID: brandID, ProductCouponID: couponID, StockID: stockID, CouponCode: code, AppID: appID,
		SendRequestNo: sent, Attach: "example_attach", CouponTagInfo: tags}
}

func confirming() productcoupon.ConfirmCouponParams {
	return productcoupon.ConfirmCouponParams{OpenID: openID, CouponCode: code, BrandID: brandID, ProductCouponID: couponID, StockID: stockID, AppID: appID,
		OutRequestNo: confirmed}
}

func using() productcoupon.UseCouponParams {
	return productcoupon.UseCouponParams{OpenID: openID, CouponCode: code, BrandID: brandID, ProductCouponID: couponID, StockID: stockID, AppID: appID,
		UseTime: at("2025-07-24T12:00:00+08:00"), OutRequestNo: used, StoreID: "100000001", AssociatedOrderInfo: order, SavedAmount: 100}
}

func returning() productcoupon.ReturnCouponParams {
	return productcoupon.ReturnCouponParams{OpenID: openID, CouponCode: code, BrandID: brandID, ProductCouponID: couponID, StockID: stockID, AppID: appID,
		OutRequestNo: returned}
}

func deactivating() productcoupon.DeactivateCouponParams {
	return productcoupon.DeactivateCouponParams{OpenID: openID, CouponCode: code, BrandID: brandID, ProductCouponID: couponID, StockID: stockID, AppID: appID,
		OutRequestNo: gone, DeactivateReason: "商品已下线，使用户商品券失效"}
}

func deactivatingBundle() productcoupon.DeactivateCouponBundleParams {
	return productcoupon.DeactivateCouponBundleParams{OpenID: openID, UserCouponBundleID: userBundle, BrandID: brandID, ProductCouponID: couponID,
		StockBundleID: bundleID, AppID: appID, OutRequestNo: gone, DeactivateReason: "商品已下线，使用户商品券失效"}
}

// userCalls are the calls about coupons of users that both doors have, by name.
func userCalls() map[string]platformtest.Wire {
	const (
		which = `"brand_id":"120344","product_coupon_id":"1000000013","stock_id":"1000000013001","appid":"wx233544546545989"`
		all   = `"brand_id":"120344","product_coupon_id":"1000000013","stock_bundle_id":"712315129419284901","appid":"wx233544546545989"`
	)
	scored := using()
	scored.AssociatedOrderInfo, scored.AssociatedPayScoreOrderInfo = productcoupon.OrderInfo{}, score
	states := []string{"EFFECTIVE", "API", "MEMBER"}
	change := func(call platformtest.Call, what, body string) platformtest.Wire {
		return platformtest.Wire{Call: call, Request: "POST " + partner + one + what, Route: "POST " + partner + oneRoute + what, Body: "{" + which + body + "}",
			Answer: userCouponText, Want: &userCoupon, Enums: states, Repeats: true}
	}
	return map[string]platformtest.Wire{
		"SendCoupon": {
			Call: answers(S.SendCoupon)(sending()), Request: "POST " + partner + user + "/coupons", Route: "POST " + partner + userRoute + "/coupons",
			Body:   `{` + which + `,"coupon_code":"123446565767","send_request_no":"MCHSEND202003101234","attach":"example_attach","coupon_tag_info":` + tagText + `}`,
			Answer: userCouponText, Want: &userCoupon, Enums: states, Repeats: true,
		},
		"ListUserCoupons": {
			Call: answers(S.ListUserCoupons)(productcoupon.ListUserCouponsParams{OpenID: openID, BrandID: brandID, AppID: appID, ProductCouponID: couponID,
				StockID: stockID, CouponState: productcoupon.UserCouponEffective, UserCouponBundleID: userBundle, PageSize: 50, PageToken: "MTIzMjUK"}),
			Request: "GET " + partner + user + "/coupons", Route: "GET " + partner + userRoute + "/coupons",
			Query: "brand_id=120344&appid=wx233544546545989&product_coupon_id=1000000013&stock_id=1000000013001&coupon_state=EFFECTIVE" +
				"&user_coupon_bundle_id=7123912547109241212489&page_size=50&page_token=MTIzMjUK",
			Answer:  `{"total_count":100,"user_coupon_list":[` + userCouponText + `],"next_page_token":"MTIzNDUK"}`,
			Want:    &wxpay.Page[productcoupon.UserCoupon]{Items: []productcoupon.UserCoupon{userCoupon}, Total: 100, Next: &wxpay.Cursor{Token: "MTIzNDUK"}},
			Enums:   states,
			Repeats: true,
		},
		"PreSendCoupon": {
			Call: answers(S.PreSendCoupon)(productcoupon.PreSendCouponParams{OpenID: openID, BrandID: brandID, ProductCouponID: couponID, StockID: stockID,
				CouponCode: code, AppID: appID, SendRequestNo: sent, Attach: "example_attach"}),
			Request: "POST " + partner + user + "/pre-send-coupon", Route: "POST " + partner + userRoute + "/pre-send-coupon",
			Body:   `{` + which + `,"coupon_code":"123446565767","send_request_no":"MCHSEND202003101234","attach":"example_attach"}`,
			Answer: `{"token":"ABBpZjCfAAABAAAAAACmTrRvExc7XKea-"}`, Want: &productcoupon.SendToken{Token: "ABBpZjCfAAABAAAAAACmTrRvExc7XKea-"}, Repeats: true,
		},
		"GetUserCoupon": {
			Call: answers(S.GetUserCoupon)(productcoupon.GetUserCouponParams{OpenID: openID, CouponCode: code, BrandID: brandID, ProductCouponID: couponID,
				StockID: stockID, AppID: appID}),
			Request: "GET " + partner + one, Route: "GET " + partner + oneRoute,
			Query:  "brand_id=120344&product_coupon_id=1000000013&stock_id=1000000013001&appid=wx233544546545989",
			Answer: userCouponText, Want: &userCoupon, Enums: states, Repeats: true,
		},
		"ConfirmCoupon": change(answers(S.ConfirmCoupon)(confirming()), "/confirm", `,"out_request_no":"MCHCONFIRM202003101234"`),
		"UseCoupon": change(answers(S.UseCoupon)(using()), "/use", `,"use_time":"2025-07-24T12:00:00+08:00","out_request_no":"34657_20250101_123456",
			"store_id":"100000001","associated_order_info":`+orderText+`,"saved_amount":100`),
		"UseCoupon for a pay score order": change(answers(S.UseCoupon)(scored), "/use", `,"use_time":"2025-07-24T12:00:00+08:00",
			"out_request_no":"34657_20250101_123456","store_id":"100000001","associated_pay_score_order_info":`+scoreText+`,"saved_amount":100`),
		"ReturnCoupon": change(answers(S.ReturnCoupon)(returning()), "/return", `,"out_request_no":"MCHRETURN202003101234"`),
		"DeactivateCoupon": change(answers(S.DeactivateCoupon)(deactivating()), "/deactivate", `,"out_request_no":"1002600620019090123143254436",
			"deactivate_reason":"商品已下线，使用户商品券失效"`),
		"SendCouponBundle": {
			Call: answers(S.SendCouponBundle)(productcoupon.SendCouponBundleParams{OpenID: openID, BrandID: brandID, ProductCouponID: couponID,
				StockBundleID: bundleID, AppID: appID, SendRequestNo: sent, Attach: "example_attach", CouponTagInfo: tags}),
			Request: "POST " + partner + user + "/coupon-bundles", Route: "POST " + partner + userRoute + "/coupon-bundles",
			Body:   `{` + all + `,"send_request_no":"MCHSEND202003101234","attach":"example_attach","coupon_tag_info":` + tagText + `}`,
			Answer: `{"user_coupon_bundle_id":"7123912547109241212489","user_product_coupon_list":[` + userCouponText + `]}`, Want: &userCoupons,
			Enums: states, Repeats: true,
		},
	}
}

// partnerCalls are those that brands do not have.
func partnerCalls() map[string]platformtest.Wire {
	const which = `"brand_id":"120344","product_coupon_id":"1000000013","stock_bundle_id":"712315129419284901","appid":"wx233544546545989"`
	return map[string]platformtest.Wire{
		"PreSendCouponBundle": {
			Call: answers(S.PreSendCouponBundle)(productcoupon.PreSendCouponBundleParams{OpenID: openID, BrandID: brandID, ProductCouponID: couponID,
				StockBundleID: bundleID, AppID: appID, SendRequestNo: sent, Attach: "example_attach"}),
			Request: "POST " + partner + user + "/pre-send-coupon-bundle", Route: "POST " + partner + userRoute + "/pre-send-coupon-bundle",
			Body:   `{` + which + `,"send_request_no":"MCHSEND202003101234","attach":"example_attach"}`,
			Answer: `{"token":"ABBpZjCfAAABAAAAAACmTrRvExc7XKea-"}`, Want: &productcoupon.SendToken{Token: "ABBpZjCfAAABAAAAAACmTrRvExc7XKea-"}, Repeats: true,
		},
		"DeactivateCouponBundle": {
			Call:    answers(S.DeactivateCouponBundle)(deactivatingBundle()),
			Request: "POST " + partner + user + "/coupon-bundles/7123912547109241212489/deactivate",
			Route:   "POST " + partner + userRoute + "/coupon-bundles/{user_coupon_bundle_id}/deactivate",
			Body:    `{` + which + `,"out_request_no":"1002600620019090123143254436","deactivate_reason":"商品已下线，使用户商品券失效"}`,
			Answer:  `{"user_coupon_bundle_id":"7123912547109241212489","user_product_coupon_list":[` + userCouponText + `]}`, Want: &userCoupons,
			Enums: []string{"EFFECTIVE", "API", "MEMBER"}, Repeats: true,
		},
	}
}

func TestUserCalls(t *testing.T) {
	t.Parallel()
	for name, w := range userCalls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothDoors(t, w)
		})
	}
	for name, w := range partnerCalls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.Run(t)
			_, err := w.Call(t.Context(), platformtest.BrandClient(t, platformtest.Trip(signed(200, w.Answer))))
			assert.ErrorContains(t, err, "is not open to brands")
		})
	}
}

// A genuine answer about the same coupon that shows nothing of a change, such as that to a query before it, is not taken
// for its success. The request number shows it, also in a state not known here; a state alone shows nothing.
func TestChangesThatAnswersDoNotShow(t *testing.T) {
	t.Parallel()
	const bundled = "/users/{openid}/coupon-bundles/{user_coupon_bundle_id}"
	for _, test := range []struct {
		call   string
		answer string // in place of everything but the names of the coupon
		shown  bool
	}{
		{"ConfirmCoupon", `"coupon_state":"CONFIRMING"`, false},
		{"ConfirmCoupon", `"coupon_state":"PENDING"`, false},
		{"ConfirmCoupon", `"coupon_state":"EFFECTIVE"`, false},
		{"ConfirmCoupon", `"coupon_state":"EXPIRED"`, false},
		{"ConfirmCoupon", `"coupon_state":"TOMORROW"`, false},
		{"ConfirmCoupon", ``, false},
		{"ConfirmCoupon", `"coupon_state":"EFFECTIVE","confirm_request_no":"other1"`, false},
		{"ConfirmCoupon", `"coupon_state":"TOMORROW","confirm_request_no":"MCHCONFIRM202003101234"`, true},
		{"UseCoupon", `"coupon_state":"EFFECTIVE"`, false},
		{"UseCoupon", `"coupon_state":"USED"`, false},
		{"UseCoupon", `"coupon_state":"DELETED"`, false},
		{"UseCoupon", `"coupon_state":"USED","single_usage_detail":{"use_request_no":"other1"}`, false},
		{"UseCoupon", `"coupon_state":"USED","progressive_bundle_usage_detail":{"use_request_no":"other1"}`, false},
		{"UseCoupon", `"coupon_state":"TOMORROW","single_usage_detail":{"use_request_no":"34657_20250101_123456"}`, true},
		{"UseCoupon", `"coupon_state":"TOMORROW","progressive_bundle_usage_detail":{"use_request_no":"34657_20250101_123456"}`, true},
		{"ReturnCoupon", `"coupon_state":"USED","single_usage_detail":{"use_request_no":"34657_20250101_123456"}`, false},
		{"ReturnCoupon", `"coupon_state":"EFFECTIVE"`, false},
		{"ReturnCoupon", `"coupon_state":"EXPIRED"`, false},
		{"ReturnCoupon", `"coupon_state":"CONFIRMING"`, false},
		{"ReturnCoupon", `"coupon_state":"EFFECTIVE","single_usage_detail":{"use_request_no":"34657_20250101_123456"}`, false},
		{"ReturnCoupon", `"coupon_state":"EFFECTIVE","single_usage_detail":{"use_request_no":"34657_20250101_123456","return_time":"2025-07-25T14:29:35+08:00"}`, false},
		{"ReturnCoupon", `"coupon_state":"EFFECTIVE","single_usage_detail":{"return_request_no":"other1"}`, false},
		{"ReturnCoupon", `"coupon_state":"TOMORROW","progressive_bundle_usage_detail":{"return_request_no":"MCHRETURN202003101234"}`, true},
		{"DeactivateCoupon", `"coupon_state":"EFFECTIVE"`, false},
		{"DeactivateCoupon", `"coupon_state":"EXPIRED"`, false},
		{"DeactivateCoupon", `"coupon_state":"DEACTIVATED"`, false},
		{"DeactivateCoupon", `"coupon_state":"DEACTIVATED","deactivate_request_no":"other1"`, false},
		{"DeactivateCoupon", `"coupon_state":"TOMORROW","deactivate_request_no":"1002600620019090123143254436"`, true},
		{"PreSendCoupon", ``, false},
		{"PreSendCoupon", `"token":""`, false},
		{"PreSendCouponBundle", ``, false},
		{"SendCouponBundle", ``, false},
		{"SendCouponBundle", `"user_product_coupon_list":[]`, false},
		{"SendCoupon", `"send_request_no":"MCHSEND202003101234"`, true},
		{"SendCoupon", `"coupon_code":"","send_request_no":"MCHSEND202003101234"`, false},
		{"SendCoupon", `"coupon_code":"","coupon_state":"DEACTIVATED","send_request_no":"MCHSEND202003101234"`, false},
		{"SendCouponBundle", `"user_coupon_bundle_id":"7","user_product_coupon_list":[{"coupon_code":"c","send_request_no":"MCHSEND202003101234"}]`, true},
		{"SendCouponBundle", `"user_product_coupon_list":[{"coupon_code":"c","send_request_no":"MCHSEND202003101234"}]`, false},
		{"SendCouponBundle", `"user_coupon_bundle_id":"7","user_product_coupon_list":[{"send_request_no":"MCHSEND202003101234"}]`, false},
		{"SendCouponBundle", `"user_coupon_bundle_id":"7","user_product_coupon_list":[{"coupon_code":"c","send_request_no":"MCHSEND202003101234"},{}]`, false},
		{"SendCouponBundle", `"user_coupon_bundle_id":"7","user_product_coupon_list":[{"coupon_code":"c","send_request_no":"MCHSEND202003101234","stock":{"stock_bundle_info":{"stock_bundle_id":"other1"}}}]`, false},
		{"DeactivateCouponBundle", ``, false},
		{"DeactivateCouponBundle", `"user_product_coupon_list":[{"coupon_state":"DEACTIVATED"},{"coupon_state":"USED"},{"coupon_state":"EXPIRED"}]`, false},
		{"DeactivateCouponBundle", `"user_product_coupon_list":[{"coupon_state":"DEACTIVATED"},{"coupon_state":"EFFECTIVE"}]`, false},
		{"DeactivateCouponBundle", `"user_product_coupon_list":[{"coupon_state":"DEACTIVATED"},{"coupon_state":"TOMORROW"}]`, false},
		{"DeactivateCouponBundle", `"user_product_coupon_list":[{"coupon_state":"DEACTIVATED"},{"coupon_state":"CONFIRMING"}]`, false},
		{"DeactivateCouponBundle", `"user_product_coupon_list":[{"coupon_state":"DEACTIVATED","deactivate_request_no":"other1"},{"coupon_state":"USED"},
			{"coupon_state":"EXPIRED"},{"coupon_state":"DELETED"},{"coupon_state":"TOMORROW","deactivate_request_no":"1002600620019090123143254436"}]`, true},
	} {
		w, both := userCalls()[test.call]
		if !both {
			w = partnerCalls()[test.call]
		}
		answer := `"born":1,` + test.answer
		switch {
		case strings.HasPrefix(test.call, "PreSend"), test.call == "SendCouponBundle", strings.Contains(test.answer, `"coupon_code":""`):
		case strings.Contains(w.Route, bundled):
			answer = `"user_coupon_bundle_id":"7123912547109241212489",` + test.answer
		default:
			answer = `"coupon_code":"123446565767",` + test.answer
		}
		answer = "{" + strings.TrimSuffix(answer, ",") + "}"
		for who, client := range map[string]func(testing.TB, http.RoundTripper) *wxpay.Client{"partner": platformtest.Client, "brand": platformtest.BrandClient} {
			if who == "brand" && !both {
				continue
			}
			got, err := w.Call(t.Context(), client(t, platformtest.Trip(signed(200, answer))))
			if test.shown {
				assert.NoError(t, err, "%s %s", test.call, test.answer)
				continue
			}
			unknown, ok := errors.AsType[*wxpay.UnknownError](err)
			if assert.True(t, ok, "%s %s: %v", test.call, test.answer, err) {
				assert.Equal(t, who == "brand", strings.Contains(unknown.Route, "/brand/"), unknown.Route)
				assert.True(t, wxpay.OutcomeUnknown(err))
				assert.NotContains(t, err.Error(), "other1")
			}
			assert.Nil(t, got)
		}
	}
}

// What became of a send after a lost answer is found out by the same bytes once more, and never by another number.
func TestSendCouponAfterALostAnswer(t *testing.T) {
	t.Parallel()
	lost := func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }
	s, bodies := answering(t, lost, signed(200, userCouponText))
	_, err := s.SendCoupon(t.Context(), sending())
	require.True(t, wxpay.OutcomeUnknown(err), "%v", err)
	got, err := s.SendCoupon(t.Context(), sending())
	require.NoError(t, err)
	assert.Equal(t, code, got.CouponCode)
	require.Len(t, *bodies, 2)
	assert.Equal(t, (*bodies)[0], (*bodies)[1])

	s, _ = answering(t, lost, signed(400, `{"code":"ALREADY_EXISTS","message":"x"}`), pagesOf(t, 45, "user_coupon_list", userCouponOf))
	_, err = s.SendCoupon(t.Context(), sending())
	require.True(t, wxpay.OutcomeUnknown(err), "%v", err)
	_, err = s.SendCoupon(t.Context(), sending())
	require.ErrorIs(t, err, wxpay.CodeAlreadyExists)
	found := ""
	for c, err := range s.AllUserCoupons(t.Context(), productcoupon.ListUserCouponsParams{OpenID: openID, BrandID: brandID, AppID: appID, StockID: stockID}) {
		require.NoError(t, err)
		if c.SendRequestNo == "send-44" {
			found = c.CouponCode
		}
	}
	assert.Equal(t, "s44", found)
}

func userCouponOf(i int) string {
	return fmt.Sprintf(`{"coupon_code":"s%d","coupon_state":"USED","send_request_no":"send-%d","stock":{"stock_id":"1000000013001"},"brand_id":"120344"}`, i, i)
}

func TestAllUserCoupons(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		total, size, from int
		want, requests    int
	}{{0, 0, 0, 0, 1}, {20, 0, 0, 20, 1}, {21, 0, 0, 21, 2}, {120, 50, 0, 120, 3}, {45, 20, 40, 5, 1}} {
		token := ""
		if test.from > 0 {
			token = fmt.Sprintf("from-%d", test.from)
		}
		s, bodies := answering(t, pagesOf(t, test.total, "user_coupon_list", userCouponOf))
		list := s.AllUserCoupons(t.Context(), productcoupon.ListUserCouponsParams{OpenID: openID, BrandID: brandID, AppID: appID, PageSize: int64(test.size), PageToken: token})
		assert.Equal(t, test.want, walked(t, list, func(c productcoupon.UserCoupon) string { return c.CouponCode }, test.from))
		assert.Len(t, *bodies, test.requests, "%+v", test)
		assert.Equal(t, test.want, walked(t, list, func(c productcoupon.UserCoupon) string { return c.CouponCode }, test.from), "again")
	}
}

// Coupons of several stocks may have the same code: both are seen.
func TestAllUserCouponsOfTheSameCode(t *testing.T) {
	t.Parallel()
	page := func(stock, next string) func(*http.Request) (*http.Response, error) {
		return signed(200, `{"user_coupon_list":[{"coupon_code":"c1","stock":{"stock_id":"`+stock+`"}}],"next_page_token":"`+next+`"}`)
	}
	s, _ := answering(t, page("1", "a"), page("2", ""))
	var stocks []string
	for c, err := range s.AllUserCoupons(t.Context(), productcoupon.ListUserCouponsParams{OpenID: openID, BrandID: brandID, AppID: appID}) {
		require.NoError(t, err)
		stocks = append(stocks, c.Stock.StockID)
	}
	assert.Equal(t, []string{"1", "2"}, stocks)
}

// PC-8: a use has one order, of one of two kinds, that can be found.
func TestUseCouponTogether(t *testing.T) {
	t.Parallel()
	type P = productcoupon.UseCouponParams
	type O = productcoupon.OrderInfo
	type D = productcoupon.PayScoreOrderInfo
	with := func(o O, d D) func(*P) {
		return func(p *P) { p.AssociatedOrderInfo, p.AssociatedPayScoreOrderInfo = o, d }
	}
	try(t, S.UseCoupon, using,
		trial[P]{"as it is", func(*P) {}, ""},
		trial[P]{"a pay score order", with(O{}, score), ""},
		trial[P]{"none", with(O{}, D{}), "associated_order_info"},
		trial[P]{"both", with(order, score), "associated_pay_score_order_info"},
		trial[P]{"both, in part", with(O{MchID: "1"}, score), "associated_pay_score_order_info"},
		trial[P]{"number of the platform", with(O{TransactionID: "42"}, D{}), ""},
		trial[P]{"number of the merchant", with(O{OutTradeNo: "42", MchID: "1"}, D{}), ""},
		trial[P]{"whose number", with(O{OutTradeNo: "42"}, D{}), "associated_order_info"},
		trial[P]{"of a sub-merchant alone", with(O{OutTradeNo: "42", SubMchID: "1"}, D{}), "associated_order_info"},
		trial[P]{"no number", with(O{MchID: "1"}, D{}), "associated_order_info"},
		trial[P]{"score: number of the platform", with(O{}, D{OrderID: "42"}), ""},
		trial[P]{"score: number of the merchant", with(O{}, D{OutOrderNo: "42", MchID: "1"}), ""},
		trial[P]{"score: whose number", with(O{}, D{OutOrderNo: "42"}), "associated_pay_score_order_info"},
		trial[P]{"score: no number", with(O{}, D{SubMchID: "1"}), "associated_pay_score_order_info"},
		trial[P]{"a long number", with(O{TransactionID: strings.Repeat("4", 33)}, D{}), "associated_order_info.transaction_id"},
		trial[P]{"no time", func(p *P) { p.UseTime = wxpay.Time{} }, "use_time"},
		trial[P]{"less than nothing saved", func(p *P) { p.SavedAmount = -1 }, "saved_amount"},
	)
}

func TestUserCouponLimits(t *testing.T) {
	t.Parallel()
	type P = productcoupon.SendCouponParams
	trials := []trial[P]{
		{"as it is", func(*P) {}, ""},
		{"without a code", func(p *P) { p.CouponCode = "" }, ""},
		{"a long code", func(p *P) { p.CouponCode = strings.Repeat("7", 41) }, "coupon_code"},
		{"a code with a mark", func(p *P) { p.CouponCode = "7/7" }, "coupon_code"},
		{"a short number", func(p *P) { p.SendRequestNo = "12345" }, "send_request_no"},
		{"a long number", func(p *P) { p.SendRequestNo = strings.Repeat("7", 129) }, "send_request_no"},
		{"of 128", func(p *P) { p.SendRequestNo = strings.Repeat("7", 126) + "-_" }, ""},
		{"no number", func(p *P) { p.SendRequestNo = "" }, "send_request_no"},
		{"a number with a line end", func(p *P) { p.SendRequestNo += "\r" }, "send_request_no"},
		{"much attached", func(p *P) { p.Attach = strings.Repeat("附", 151) }, "attach"},
		{"as much as may be", func(p *P) { p.Attach = strings.Repeat("附", 150) }, ""},
		{"another brand", func(p *P) { p.BrandID = "1/2" }, "brand_id"},
	}
	for _, v := range []string{"", "7/7", "7\r", " 7", "7 7", "..", "7\u200b"} {
		trials = append(trials, trial[P]{"user " + v, func(p *P) { p.OpenID = v }, "openid"}, trial[P]{"stock " + v, func(p *P) { p.StockID = v }, "stock_id"},
			trial[P]{"app " + v, func(p *P) { p.AppID = v }, "appid"}, trial[P]{"coupon " + v, func(p *P) { p.ProductCouponID = v }, "product_coupon_id"})
	}
	try(t, S.SendCoupon, sending, trials...)

	for _, v := range []string{"7/7", "7\r", " 7", "7 7", "..", "7\u200b"} {
		try(t, S.GetUserCoupon, func() productcoupon.GetUserCouponParams {
			return productcoupon.GetUserCouponParams{OpenID: openID, CouponCode: v, BrandID: brandID, ProductCouponID: couponID, StockID: stockID, AppID: appID}
		}, trial[productcoupon.GetUserCouponParams]{"code " + v, func(*productcoupon.GetUserCouponParams) {}, "coupon_code"})
		try(t, S.ConfirmCoupon, confirming, trial[productcoupon.ConfirmCouponParams]{"code " + v, func(p *productcoupon.ConfirmCouponParams) { p.CouponCode = v }, "coupon_code"})
		try(t, S.UseCoupon, using, trial[productcoupon.UseCouponParams]{"code " + v, func(p *productcoupon.UseCouponParams) { p.CouponCode = v }, "coupon_code"})
		try(t, S.ReturnCoupon, returning, trial[productcoupon.ReturnCouponParams]{"code " + v, func(p *productcoupon.ReturnCouponParams) { p.CouponCode = v }, "coupon_code"})
		try(t, S.DeactivateCoupon, deactivating, trial[productcoupon.DeactivateCouponParams]{"code " + v, func(p *productcoupon.DeactivateCouponParams) { p.CouponCode = v }, "coupon_code"})
	}

	type D = productcoupon.DeactivateCouponParams
	try(t, S.DeactivateCoupon, deactivating,
		trial[D]{"as it is", func(*D) {}, ""},
		trial[D]{"no code", func(p *D) { p.CouponCode = "" }, "coupon_code"},
		trial[D]{"a long code", func(p *D) { p.CouponCode = strings.Repeat("7", 41) }, "coupon_code"},
		trial[D]{"no reason", func(p *D) { p.DeactivateReason = "" }, "deactivate_reason"},
		trial[D]{"a long reason", func(p *D) { p.DeactivateReason = strings.Repeat("因", 151) }, "deactivate_reason"},
		trial[D]{"a short number", func(p *D) { p.OutRequestNo = "12345" }, "out_request_no"},
	)
	for size, good := range map[int64]bool{-1: false, 0: true, 1: true, 50: true, 51: false} {
		s, bodies := answering(t, pagesOf(t, 0, "user_coupon_list", userCouponOf))
		_, err := s.ListUserCoupons(t.Context(), productcoupon.ListUserCouponsParams{OpenID: openID, BrandID: brandID, AppID: appID, PageSize: size})
		assert.Equal(t, good, err == nil && len(*bodies) == 1, "%d: %v", size, err)
	}
}

// A used coupon can be given back, and what is not known is never final.
func TestUserCouponStates(t *testing.T) {
	t.Parallel()
	for state, final := range map[productcoupon.UserCouponState]bool{
		"": false, "TOMORROW": false, "CONFIRMING": false, "PENDING": false, "EFFECTIVE": false, "USED": false, "EXPIRED": true, "DELETED": true, "DEACTIVATED": true,
	} {
		assert.Equal(t, final, state.Final(), state)
	}
	for _, c := range []productcoupon.UserCoupon{{SingleUsageDetail: detail}, {ProgressiveBundleUsageDetail: detail}} {
		assert.Equal(t, detail, c.Usage())
	}
	assert.Zero(t, new(productcoupon.UserCoupon).Usage())
}
