package pushpackage

import (
	"context"
	"strings"
)

const (
	routeTaskStatistics = "POST /v3/statistics/get_push_task_stat_channel"
	routePlanStatistics = "POST /v3/statistics/get_push_group_stat_channel"
)

// Statistics are the numbers of a push or a plan, by channel.
type Statistics struct {
	PushStatDataAll []ChannelStatistics `json:"pushStatDataAll"`
}

// Total is the entry of the channel "all"; zero if there is none.
func (s *Statistics) Total() PushState {
	for _, c := range s.PushStatDataAll {
		if c.Channel == "all" {
			return c.PushState
		}
	}
	return PushState{}
}

// ChannelStatistics are the numbers of one channel.
type ChannelStatistics struct {
	Channel   Channel   `json:"channel"` // also rog, iospk, harmony, …, and all for the sum
	PushState PushState `json:"pushState"`
}

// A PushState counts devices, each once. iOS and macOS give PushActiveUv, PushOnlineUv, VerifySvcUv and
// ClickUv only.
type PushState struct {
	PushActiveUv        int64 `json:"pushActiveUv"`        // planned: valid, notifications on, connected within 90 days
	PushOnlineUv        int64 `json:"pushOnlineUv"`        // handed to a maker's channel, or delivered over the own one
	ArrivalUv           int64 `json:"arrivalUv"`           // arrived; some makers need receipts set up first
	VerifySvcUv         int64 `json:"verifySvcUv"`         // arrived by the older count, the only one on iOS
	CallbackVerifySvcUv int64 `json:"callbackVerifySvcUv"` // receipts of makers' channels, by the older count
	PushRetryUv         int64 `json:"pushRetryUv"`         // sent again after a failure
	VerifyUv            int64 `json:"verifyUv"`            // shown; given up by TPNS
	ClickUv             int64 `json:"clickUv"`             // tapped
	CleanupUv           int64 `json:"cleanupUv"`           // wiped away
}

// GetPushTaskStatisticsParams are the parameters of [Client.GetPushTaskStatistics].
type GetPushTaskStatisticsParams struct {
	PushID string `json:"pushId"` // one of Push.PushID
}

// GetPushTaskStatistics reads how many devices a push reached (单条任务推送统计信息查询).
//
// Limits: pushes of the last month; 200 reads an hour for the application.
//
// Repeating: safe, as with [Client.GetPushRecord].
//
// Errors: [CodePushNotFound], [CodeTooFast].
//
//	POST /v3/statistics/get_push_task_stat_channel
//
// https://cloud.tencent.com/document/product/548/39077
func (c *Client) GetPushTaskStatistics(ctx context.Context, p GetPushTaskStatisticsParams) (*Statistics, error) {
	if p.PushID == "" {
		return nil, &ParamError{routeTaskStatistics, "pushId", "is missing"}
	}
	return do[Statistics](ctx, c, call{route: routeTaskStatistics, repeat: ifHarmless, body: p})
}

// GetPlanStatisticsParams are the parameters of [Client.GetPlanStatistics].
type GetPlanStatisticsParams struct {
	PlanID    string `json:"planId"` // of PushPlan
	StartDate Date   `json:"-"`
	EndDate   Date   `json:"-"`
}

// GetPlanStatistics reads how many devices all pushes of a plan reached together (多条任务统计数据聚合查询).
//
// Limits: pushes of the last 7 days; 200 reads an hour for the application.
//
// Repeating: safe, as with [Client.GetPushRecord].
//
// Errors: [CodeBadDate], [CodeTooFast].
//
//	POST /v3/statistics/get_push_group_stat_channel
//
// https://cloud.tencent.com/document/product/548/39078
func (c *Client) GetPlanStatistics(ctx context.Context, p GetPlanStatisticsParams) (*Statistics, error) {
	switch {
	case p.PlanID == "":
		return nil, &ParamError{routePlanStatistics, "planId", "is missing"}
	case !exists(p.StartDate):
		return nil, &ParamError{routePlanStatistics, "startDate", "is missing or no day"}
	case !exists(p.EndDate):
		return nil, &ParamError{routePlanStatistics, "endDate", "is missing or no day"}
	}
	return do[Statistics](ctx, c, call{route: routePlanStatistics, repeat: ifHarmless, body: struct {
		GetPlanStatisticsParams
		StartDate string `json:"startDate"` // without hyphens here
		EndDate   string `json:"endDate"`
	}{p, compact(p.StartDate), compact(p.EndDate)}})
}

func compact(d Date) string { return strings.ReplaceAll(d.String(), "-", "") }
