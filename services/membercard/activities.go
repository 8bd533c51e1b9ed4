package membercard

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeCreateActivity    = "POST /v3/marketing/membercard-activity/activities"
	routeListActivities    = "GET /v3/marketing/membercard-activity/activities"
	routeGetActivity       = "GET /v3/marketing/membercard-activity/activities/{activity_id}"
	routeTerminateActivity = "POST /v3/marketing/membercard-activity/activities/{activity_id}/terminate"
)

// An ActivityType is for whom and when an activity hands out gifts. The platform may add values.
type ActivityType string

// Kinds of activity.
const (
	ActivityNonMemberAfterpay    ActivityType = "NON_MEMBER_AFTERPAY"    // new members, after payment
	ActivityMemberAfterpay       ActivityType = "MEMBER_AFTERPAY"        // members, after payment
	ActivityNonMemberMiniprogram ActivityType = "NON_MEMBER_MINIPROGRAM" // new members, before payment, by scan or mini program
	ActivityMemberMiniprogram    ActivityType = "MEMBER_MINIPROGRAM"     // members, before payment, by scan or mini program
)

// An ActivityStatus is the state of an activity. The platform may add values.
type ActivityStatus string

// States of an activity.
const (
	ActivityCreated    ActivityStatus = "CREATED"    // not started
	ActivityOngoing    ActivityStatus = "ONGOING"    // running
	ActivityTerminated ActivityStatus = "TERMINATED" // ended by TerminateActivity
	ActivityOverTime   ActivityStatus = "OVER_TIME"  // past its end
)

// An AwardSendPeriod is when gifts are handed out.
type AwardSendPeriod struct {
	AwardSendTime    []TimeRange    `json:"award_send_time,omitzero"`
	AwardSendDayTime []DayTimeRange `json:"award_send_day_time,omitzero"` // on every day
}

// A TimeRange is a range of time.
type TimeRange struct {
	BeginTime wxpay.Time `json:"begin_time"`
	EndTime   wxpay.Time `json:"end_time"`
}

// A DayTimeRange is a range within a day.
type DayTimeRange struct {
	BeginDayTime DayTime `json:"begin_day_time"`
	EndDayTime   DayTime `json:"end_day_time"`
}

// A DayTime is a time of day.
type DayTime struct {
	Hours   int32 `json:"hours"`
	Minutes int32 `json:"minutes"`
	Seconds int32 `json:"seconds"`
}

// A CouponStock is a stock of coupons (代金券批次).
type CouponStock struct {
	StockCreatorMchID string `json:"stock_creator_mchid"` // merchant number that created it
	StockID           string `json:"stock_id"`
}

// A PayActivitySetting is for activities after payment.
type PayActivitySetting struct {
	LogoURL             string          `json:"logo_url"`              // an address from the image upload call
	ActivitySecondTitle string          `json:"activity_second_title"` // on the payment result page
	MchIDList           []string        `json:"mchid_list,omitzero"`   // merchant numbers that show the activity
	ActivateSetting     ActivateSetting `json:"activate_setting,omitzero"`
	PaymentSetting      PaymentSetting  `json:"payment_setting,omitzero"`
}

// An ActivateSetting is how the card of an activity comes into force.
type ActivateSetting struct {
	ActivateType        ActivateType        `json:"activate_type"`
	ActivateURL         string              `json:"activate_url,omitzero"` // web page to jump to
	ActivateMiniprogram ActivateMiniprogram `json:"activate_miniprogram,omitzero"`
}

// An ActivateMiniprogram is the mini program to jump to for activation.
type ActivateMiniprogram struct {
	ActivateAppID string `json:"activate_appid"`
	ActivatePath  string `json:"activate_path"`
}

// A PaymentSetting says which payments count. GoodsTags and the scenes are arrays, though one source shows
// plain text in answers (MC-23).
type PaymentSetting struct {
	PaymentMode PaymentMode `json:"payment_mode,omitzero"`
	LimitBank   string      `json:"limit_bank,omitzero"` // short name of a bank
	GoodsTags   []string    `json:"goods_tags,omitzero"` // discount tags (订单优惠标记) of the order
}

// A PaymentMode is in which scenes a payment counts.
type PaymentMode struct {
	PaymentSceneList []string `json:"payment_scene_list,omitzero"` // such as APP
}

// A MiniprogramActivitySetting is for activities before payment.
type MiniprogramActivitySetting struct {
	OuterStr        []string        `json:"outer_str,omitzero"` // marks of the merchant that count
	AwardJumpDeploy AwardJumpDeploy `json:"award_jump_deploy,omitzero"`
}

// An AwardJumpDeploy is where the page of the gift leads.
type AwardJumpDeploy struct {
	MiniProgramAppID string `json:"mini_program_appid,omitzero"`
	MiniProgramPath  string `json:"mini_program_path,omitzero"`
	ButtonText       string `json:"button_text,omitzero"`
}

// An Activity hands out gifts to members. Only ActivityID is there always (MC-13).
type Activity struct {
	ActivityID                 string                     `json:"activity_id"`
	ActivityStatus             ActivityStatus             `json:"activity_status,omitzero"`
	CreateTime                 wxpay.Time                 `json:"create_time,omitzero"`
	UpdateTime                 wxpay.Time                 `json:"update_time,omitzero"`
	CardID                     string                     `json:"card_id,omitzero"`
	ActivityName               string                     `json:"activity_name,omitzero"`
	ActivityType               ActivityType               `json:"activity_type,omitzero"`
	BeginTime                  wxpay.Time                 `json:"begin_time,omitzero"`
	EndTime                    wxpay.Time                 `json:"end_time,omitzero"`
	AwardSendPeriod            AwardSendPeriod            `json:"award_send_period,omitzero"`
	StockList                  []CouponStock              `json:"stock_list,omitzero"`
	OutRequestNo               string                     `json:"out_request_no,omitzero"`
	PayActivitySetting         PayActivitySetting         `json:"pay_activity_setting,omitzero"`
	MiniprogramActivitySetting MiniprogramActivitySetting `json:"miniprogram_activity_setting,omitzero"`
}

// CreateActivityParams is for [Service.CreateActivity]: the activity to create.
type CreateActivityParams struct {
	CardID                     string                     `json:"card_id"`       // at most 32 characters
	ActivityName               string                     `json:"activity_name"` // for the merchant's own use, not shown; at most 10
	ActivityType               ActivityType               `json:"activity_type"`
	BeginTime                  wxpay.Time                 `json:"begin_time"` // within a year
	EndTime                    wxpay.Time                 `json:"end_time"`   // at most 90 days after BeginTime
	AwardSendPeriod            AwardSendPeriod            `json:"award_send_period,omitzero"`
	StockList                  []CouponStock              `json:"stock_list,omitzero"` // coupons to hand out
	OutRequestNo               string                     `json:"out_request_no"`      // unique, chosen by the merchant; letters, digits and | _ * - (MC-24: length not known)
	PayActivitySetting         PayActivitySetting         `json:"pay_activity_setting,omitzero"`
	MiniprogramActivitySetting MiniprogramActivitySetting `json:"miniprogram_activity_setting,omitzero"`
}

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
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Activity](ctx, s.client, wxpay.Call{
		Route:      routeCreateActivity,
		Body:       p,
		Echo:       wxpay.Vars{"out_request_no?": p.OutRequestNo, "card_id?": p.CardID},
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012714463
	})
}

func (p *CreateActivityParams) check() error {
	return params.Check(routeCreateActivity,
		params.ID("card_id", p.CardID, 32),
		params.Required("activity_name", p.ActivityName, 10),
		params.Required("activity_type", p.ActivityType, 32),
		params.Must(!p.BeginTime.IsZero(), "begin_time", "is missing"),
		params.Must(!p.EndTime.IsZero(), "end_time", "is missing"),
		stocks(p.StockList),
		outRequestNo(p.OutRequestNo, 0),
		params.IDs("pay_activity_setting.mchid_list", p.PayActivitySetting.MchIDList, 0),
	)
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

// ListActivitiesParams choose activities for [Service.ListActivities] and [Service.AllActivities].
type ListActivitiesParams struct {
	ActivityType   ActivityType   // needed; at most 32 characters
	ActivityStatus ActivityStatus // empty: any; at most 16
	CardID         string         // empty: any; at most 32
	Offset         int64          // position of the first record, from 0; AllActivities starts there
	Limit          int64          // activities on a page; 0: as the platform likes. The most is not documented
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
	if err := params.Check(routeListActivities,
		params.Required("activity_type", p.ActivityType, 32),
		params.Optional("activity_status", p.ActivityStatus, 16),
		params.OptionalID("card_id", p.CardID, 32),
		params.Must(p.Offset >= 0, "offset", "is negative"),
		params.Must(p.Limit >= 0, "limit", "is negative"),
	); err != nil {
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

// GetActivityParams is for [Service.GetActivity]: an activity.
type GetActivityParams struct {
	ActivityID string // at most 16 characters
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
	if err := params.Check(routeGetActivity, params.ID("activity_id", p.ActivityID, 16)); err != nil {
		return nil, err
	}
	return wxpay.Do[Activity](ctx, s.client, wxpay.Call{
		Route: routeGetActivity,
		Vars:  wxpay.Vars{"activity_id": p.ActivityID},
		Echo:  wxpay.Vars{"activity_id": p.ActivityID},
	})
}

// TerminateActivityParams is for [Service.TerminateActivity]: an activity.
type TerminateActivityParams struct {
	ActivityID string // at most 16 characters
}

// A TerminatedActivity is an activity that was ended.
type TerminatedActivity struct {
	ActivityID    string     `json:"activity_id"`
	TerminateTime wxpay.Time `json:"terminate_time,omitzero"`
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
	if err := params.Check(routeTerminateActivity, params.ID("activity_id", p.ActivityID, 16)); err != nil {
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
