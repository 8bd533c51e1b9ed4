package productcoupon

import "github.com/wxpay-go/wxpay"

// Types of the notifications of product coupons, for notify.On. They go to the address of [Service.SetNotifyConfig],
// for all brands of a service provider; BrandID in the plaintext tells the brands apart. How often one is sent again is
// not certain (PC-21): handle each so that a repeat does no harm, and query what has not come.
//
// PhoneNumber of a [CouponSentEvent] is plain text (PC-12), so such an event is not for logs.
//
// A brand that calls in its own name gets EventBrandCouponSent in place of EventCouponSent, maybe without BrandID
// (PC-26). PRODUCT_COUPON.USE and PRODUCT_COUPON.RETURN are named for both without their members (PC-11): take them with
// a type of your own.
const (
	EventCouponSent      wxpay.EventType[CouponSentEvent] = "PRODUCT_COUPON_SP.SEND"             // 商品券领券
	EventBrandCouponSent wxpay.EventType[CouponSentEvent] = "PRODUCT_COUPON.SEND"                // the same, to the brand itself
	EventImageGenerated  wxpay.EventType[ImageTask]       = "PRODUCT_COUPON_SP.IMAGE_GENERATION" // 商品券图片生成结果
)
