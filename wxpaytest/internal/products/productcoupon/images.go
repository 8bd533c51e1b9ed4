package productcoupon

import (
	"fmt"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// pictures is where all of them are.
const pictures = "https://wxpaylogo.qpic.cn/wxpaylogo/"

func (s *Coupons) uploadImage(*engine.Tx) (engine.Object, error) { return s.picture(), nil }

func (s *Coupons) picture() engine.Object {
	return engine.Object{"image_url": fmt.Sprintf("%s%020d/0", pictures, s.e.Number())}
}

// checkPictures refuses addresses that no upload has answered.
func checkPictures(v any, member string) error {
	switch v := v.(type) {
	case engine.Object:
		for name, one := range v {
			if err := checkPictures(one, name); err != nil {
				return err
			}
		}
	case []any:
		for _, one := range v {
			if err := checkPictures(one, member); err != nil {
				return err
			}
		}
	case string:
		if (strings.HasSuffix(member, "image_url") || strings.HasSuffix(member, "image_url_list") || member == "background_url") && !strings.HasPrefix(v, pictures) {
			return breaks(member, "is not the address of a picture that uploadImage answered")
		}
	}
	return nil
}

// A task makes a picture.
type task struct {
	data    engine.Object // as it was asked for
	result  engine.Object // nil: it fails
	created time.Time
}

func (s *Coupons) createImageTask(tx *engine.Tx) (engine.Object, error) {
	if err := checkTask(tx.Body); err != nil {
		return nil, err
	}
	t := &task{data: tx.Body, created: s.e.Now()}
	if !s.failing[tx.Body.Text("task_id")] {
		t.result = s.picture()
	}
	s.tasks.Add(brandOf(tx)+" "+tx.Body.Text("task_id"), t)
	s.happen("PRODUCT_COUPON_SP.IMAGE_GENERATION", tx.Caller, s.showTask(t, true), t.created.Add(s.options.Duration))
	return tx.Body.Pick("task_id", "brand_id"), nil
}

func checkTask(b engine.Object) error {
	about := b.Child("combine_image")
	switch {
	case about != nil && about.Text("usage_mode") != "SINGLE":
		return breaks("usage_mode", "is not SINGLE, the only one that is taken so far")
	case about != nil && about.Child(discounts[about.Text("type")]) == nil:
		return breaks(discounts[about.Text("type")], "is missing")
	}
	return checkPictures(b, "")
}

func (s *Coupons) getImageTask(tx *engine.Tx) (engine.Object, error) {
	t, ok := s.tasks.Get(brandOf(tx) + " " + tx.Var("task_id"))
	if !ok || !tx.Asks(t.data, "image_generation_type") {
		return nil, missing(tx, "picture task")
	}
	return s.showTask(t, false), nil
}

// showTask is a task as it is now, or as it will have ended.
func (s *Coupons) showTask(t *task, ended bool) engine.Object {
	o := t.data.Pick("brand_id", "task_id", "image_generation_type")
	switch ended = ended || !s.e.Now().Before(t.created.Add(s.options.Duration)); {
	case !ended:
		o["task_state"] = "PROCESSING"
	case t.result == nil:
		o["task_state"] = "FAIL"
	default:
		o["task_state"], o[strings.ToLower(t.data.Text("image_generation_type"))+"_result"] = "SUCCESS", t.result
	}
	return o
}
