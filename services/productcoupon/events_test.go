package productcoupon_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

func TestEventTypes(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, "PRODUCT_COUPON_SP.SEND", productcoupon.EventCouponSent)
	assert.EqualValues(t, "PRODUCT_COUPON.SEND", productcoupon.EventBrandCouponSent)
	assert.EqualValues(t, "PRODUCT_COUPON_SP.IMAGE_GENERATION", productcoupon.EventImageGenerated)
}

func TestCouponSentEvent(t *testing.T) {
	t.Parallel()
	var got productcoupon.CouponSentEvent
	require.NoError(t, json.Unmarshal([]byte(`{
		"brand_id": "120344", "coupon_code": "123446565767", "product_coupon_id": "1000000013", "stock_id": "1000000013001",
		"stock_bundle_id": "712315129419284901", "user_coupon_bundle_id": "7123912547109241212489", "appid": "wx4fd12345678",
		"openid": "oh-394z-6CGkNoJrsDLTTUKiAnp4", "unionid": "oT9GuAZkOVqVjJLp4zjcZHrsoIFo", "receive_time": "2025-07-24T00:00+08:00",
		"send_request_no": "MCHSEND202003101234", "send_channel": "TOMORROW", "valid_begin_time": "2025-07-24T00:00:00+08:00",
		"valid_end_time": "2025-08-24T00:00:00+08:00", "phone_number": "13900000000", "country_code": "86", "attach": "example_attach",
		"channel_custom_info": "example_channel_custom_info", "born_tomorrow": {"a": [1]}}`), &got))
	assert.Equal(t, productcoupon.CouponSentEvent{
		BrandID: brandID, CouponCode: "123446565767", ProductCouponID: couponID, StockID: stockID, StockBundleID: bundleID,
		UserCouponBundleID: "7123912547109241212489", AppID: "wx4fd12345678", OpenID: "oh-394z-6CGkNoJrsDLTTUKiAnp4",
		UnionID: "oT9GuAZkOVqVjJLp4zjcZHrsoIFo", ReceiveTime: at("2025-07-24T00:00:00+08:00"), SendRequestNo: "MCHSEND202003101234",
		SendChannel: "TOMORROW", ValidBeginTime: at("2025-07-24T00:00:00+08:00"), ValidEndTime: at("2025-08-24T00:00:00+08:00"),
		PhoneNumber: "13900000000", CountryCode: "86", Attach: "example_attach", ChannelCustomInfo: "example_channel_custom_info",
	}, got)
}
