package wxpaytest

import (
	"fmt"
	"strings"
)

// AddProductCoupon seeds a product coupon in force with one stock that is SENDING, in one of the code modes WECHATPAY,
// UPLOAD and API_ASSIGN. It takes 1 yuan off from 100 yuan, may be sent 100,000,000 times and to a user 100 times, in every store,
// and belongs to the brand [BrandID]. The changes are arguments of the action add-product-coupon, name=value
// each, such as "max_count=10", "max_count_per_user=1", "available_days=30", "brand_id=120344" or "notify_appid=wx1". With
// what the action does not take the test fails, nothing is made and the IDs are empty.
func (s *Server) AddProductCoupon(mode string, changes ...string) (productCouponID, stockID string) {
	made := s.seedCoupon(mode, changes)
	return made["product_coupon_id"], made["stock_id"]
}

// AddProductCouponBundle is [Server.AddProductCoupon] of a coupon that is used three times, each with a stock of its
// own; API_ASSIGN is not for it.
func (s *Server) AddProductCouponBundle(mode string, changes ...string) (productCouponID, stockBundleID string) {
	made := s.seedCoupon(mode, append(changes[:len(changes):len(changes)], "usage_mode=PROGRESSIVE_BUNDLE"))
	return made["product_coupon_id"], made["stock_bundle_id"]
}

func (s *Server) seedCoupon(mode string, changes []string) map[string]string {
	args := map[string]string{"coupon_code_mode": mode}
	for _, change := range changes {
		name, v, ok := strings.Cut(change, "=")
		if _, taken := args[name]; !ok || taken {
			_ = s.cannot(fmt.Errorf("%q is not name=value, or comes twice", change))
			return nil
		}
		args[name] = v
	}
	made, err := s.engine.Do("add-product-coupon", args)
	_ = s.cannot(err)
	ids, _ := made.(map[string]string)
	return ids
}

// SetStockState makes a stock AUDITING, SENDING or PAUSED.
func (s *Server) SetStockState(stockID, state string) error {
	_, err := s.act("set-stock-state", map[string]string{"stock_id": stockID, "state": state})
	return err
}

// ClaimCoupon lets a user claim what PreSendCoupon or PreSendCouponBundle prepared, within 5 minutes. It makes the event
// PRODUCT_COUPON_SP.SEND for each coupon and returns their codes.
func (s *Server) ClaimCoupon(token string) (couponCodes []string, err error) {
	made, err := s.engine.Do("claim-coupon", map[string]string{"token": token})
	couponCodes, _ = made.([]string)
	return couponCodes, err
}

// TakeCoupon lets a user get a coupon that the platform distributes, as by a delivery plan; the openid is one under the
// appid of the stock's notifications. It makes the event PRODUCT_COUPON_SP.SEND and returns the code.
func (s *Server) TakeCoupon(stockID, openid string) (couponCode string, err error) {
	return s.act("take-coupon", map[string]string{"stock_id": stockID, "openid": openid})
}

// DeleteCoupon lets a user delete a coupon, of which nobody is told.
func (s *Server) DeleteCoupon(openid, couponCode string) error {
	_, err := s.act("delete-coupon", map[string]string{"openid": openid, "coupon_code": couponCode})
	return err
}

// ExpireCoupon ends the validity of a user's coupon now; [Server.Advance] lets it end by itself.
func (s *Server) ExpireCoupon(openid, couponCode string) error {
	_, err := s.act("expire-coupon", map[string]string{"openid": openid, "coupon_code": couponCode})
	return err
}

// FailImageTask makes a picture task fail that is still to be asked for by that number.
func (s *Server) FailImageTask(taskID string) error {
	_, err := s.act("fail-image-task", map[string]string{"task_id": taskID})
	return err
}

// ReviewPlan lets people pass a delivery plan, or refuse it: result is PASSED or REJECTED. It makes the event
// DELIVERY_PLAN.CHANGE.
func (s *Server) ReviewPlan(planID, result string) error {
	_, err := s.act("review-plan", map[string]string{"plan_id": planID, "result": result})
	return err
}

// PausePlan pauses a delivery plan that is under way. It makes the event DELIVERY_PLAN.CHANGE.
func (s *Server) PausePlan(planID string) error {
	_, err := s.act("pause-plan", map[string]string{"plan_id": planID})
	return err
}
