package membercard

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// CreateActivity creates a gift activity for new members or members, after payment or in a mini program
// (创建活动).
//
// Limits: it starts within a year and lasts 90 days at most. Which members of the settings are needed is left
// to the platform (MC-28).
//
// Repeating: with the same OutRequestNo; an unclear answer is repeated by itself. The pages do not say what a
// repeat answers (MC-26): take a refusal after an unclear answer as done before only if
// [Service.AllActivities] shows the number.
//
// Errors: [wxpay.CodeInvalidRequest] if the merchant may not hand out a stock, it or one of MchIDList is not
// bound to the brand of the card, or the card is in [CodeModeRealTime].
//
//	POST /v3/marketing/membercard-activity/activities
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012553030
// https://pay.weixin.qq.com/doc/v3/partner/4012714463
func (s *Service) CreateActivity(ctx context.Context, p CreateActivityParams) (*Activity, error) {
	if err := cmp.Or(p.check(), params.Check(routeCreateActivity, stocks(p.StockList), timesOfDay(p.AwardSendPeriod.AwardSendDayTime))); err != nil {
		return nil, err
	}
	return wxpay.Do[Activity](ctx, s.client, wxpay.Call{
		Route:      routeCreateActivity,
		Body:       p,
		Echo:       wxpay.Vars{"out_request_no?": p.OutRequestNo, "card_id?": p.CardID},
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012714463
	})
}

// stocks refuses what names no stock. What is missing is left to the platform (MC-28).
func stocks(list []CouponStock) *wxpay.ParamError {
	for i, stock := range list {
		name := fmt.Sprintf("stock_list[%d].", i)
		if fault := params.OptionalID(name+"stock_creator_mchid", stock.StockCreatorMchID, 0); fault != nil {
			return fault
		}
		if fault := params.OptionalID(name+"stock_id", stock.StockID, 0); fault != nil {
			return fault
		}
	}
	return nil
}

// timesOfDay refuses what no clock shows.
func timesOfDay(list []DayTimeRange) *wxpay.ParamError {
	for i, r := range list {
		name := fmt.Sprintf("award_send_period.award_send_day_time[%d].", i)
		if fault := cmp.Or(r.BeginDayTime.check(name+"begin_day_time."), r.EndDayTime.check(name+"end_day_time.")); fault != nil {
			return fault
		}
	}
	return nil
}

func (t DayTime) check(at string) *wxpay.ParamError {
	return cmp.Or(params.Must(t.Hours >= 0 && t.Hours < 24, at+"hours", "is not 0 to 23"),
		params.Must(t.Minutes >= 0 && t.Minutes < 60, at+"minutes", "is not 0 to 59"),
		params.Must(t.Seconds >= 0 && t.Seconds < 60, at+"seconds", "is not 0 to 59"))
}

// ListActivities returns one page of the activities of one type (查询活动列表).
//
// Repeating: safe.
//
//	GET /v3/marketing/membercard-activity/activities
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012553261
// https://pay.weixin.qq.com/doc/v3/partner/4012714468
func (s *Service) ListActivities(ctx context.Context, p ListActivitiesParams) (*wxpay.Page[Activity], error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	q := params.Query("activity_type", string(p.ActivityType), "activity_status", string(p.ActivityStatus),
		"card_id", p.CardID, "offset", params.Decimal(p.Offset))
	if p.Limit > 0 {
		q.Set("limit", params.Decimal(p.Limit))
	}
	activities, err := wxpay.Do[params.List[Activity]](ctx, s.client, wxpay.Call{
		Route: routeListActivities,
		Query: q,
		Echo:  wxpay.Vars{"data[].card_id?": p.CardID},
	})
	if err != nil {
		return nil, err
	}
	return activities.Page().ByRecord(p.Offset), nil
}

// AllActivities walks all activities that match, page by page. An error comes once and last; one that is
// [wxpay.ErrPages] says that not all were seen.
func (s *Service) AllActivities(ctx context.Context, p ListActivitiesParams) iter.Seq2[Activity, error] {
	id := func(a Activity) string { return a.ActivityID }
	return wxpay.Walk(wxpay.Cursor{Offset: p.Offset}, id, func(at wxpay.Cursor) (*wxpay.Page[Activity], error) {
		page := p
		page.Offset = at.Offset
		return s.ListActivities(ctx, page)
	})
}

// GetActivity returns an activity (查询活动详情).
//
// Repeating: safe.
//
//	GET /v3/marketing/membercard-activity/activities/{activity_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012553365
// https://pay.weixin.qq.com/doc/v3/partner/4012714471
func (s *Service) GetActivity(ctx context.Context, p GetActivityParams) (*Activity, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Activity](ctx, s.client, wxpay.Call{
		Route: routeGetActivity,
		Vars:  wxpay.Vars{"activity_id": p.ActivityID},
		Echo:  wxpay.Vars{"activity_id": p.ActivityID},
	})
}

// TerminateActivity ends an activity; it is no longer shown (终止活动).
//
// Repeating: what a second call answers is not documented; [Service.GetActivity] tells whether the first worked
// ([ActivityTerminated]).
//
//	POST /v3/marketing/membercard-activity/activities/{activity_id}/terminate
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012553381
// https://pay.weixin.qq.com/doc/v3/partner/4012714466
func (s *Service) TerminateActivity(ctx context.Context, p TerminateActivityParams) (*TerminatedActivity, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	answer, err := wxpay.Do[struct {
		TerminatedActivity
		Misprint wxpay.Time `json:"creterminate_timeate_time"` // its name in some pages (MC-11)
	}](ctx, s.client, wxpay.Call{
		Route: routeTerminateActivity,
		Vars:  wxpay.Vars{"activity_id": p.ActivityID}, // and no body (MC-30)
		Echo:  wxpay.Vars{"activity_id": p.ActivityID},
	})
	if err != nil {
		return nil, err
	}
	answer.TerminateTime = cmp.Or(answer.TerminateTime, answer.Misprint)
	return &answer.TerminatedActivity, nil
}
