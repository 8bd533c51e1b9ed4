package pushpackage

import "context"

const (
	routeCancel = "POST /v3/push/cancel_timing_task"
	routeStop   = "POST /v3/push/stop_push_msg"
)

// CancelScheduledPushParams are the parameters of [Client.CancelScheduledPush].
type CancelScheduledPushParams struct {
	PushID string `json:"pushId"` // one of Push.PushID
}

// CancelScheduledPush cancels a push with a SendTime that has not been reached (取消定时任务). Its status
// becomes [PushCanceled].
//
// It is offered for account packages, on Android and iOS; token packages are not named.
//
// Repeating: what a second call answers is not documented, so it is done after 1008028 only. After an
// unclear outcome read the record.
//
//	POST /v3/push/cancel_timing_task
//
// https://cloud.tencent.com/document/product/548/50784
func (c *Client) CancelScheduledPush(ctx context.Context, p CancelScheduledPushParams) error {
	if p.PushID == "" {
		return &ParamError{routeCancel, "pushId", "is missing"}
	}
	_, err := do[struct{}](ctx, c, call{route: routeCancel, body: p})
	return err
}

// StopPushParams are the parameters of [Client.StopPush].
type StopPushParams struct {
	PushID string `json:"pushId"` // one of Push.PushID
}

// StopPush keeps a running push from devices that do not have it yet (终止推送); nobody loses what they
// have. Its status becomes [PushStopped].
//
// It works on Android only, and is offered for pushes to many accounts; packages are not named.
//
// Repeating: as with [Client.CancelScheduledPush].
//
//	POST /v3/push/stop_push_msg
//
// https://cloud.tencent.com/document/product/548/50784
func (c *Client) StopPush(ctx context.Context, p StopPushParams) error {
	if p.PushID == "" {
		return &ParamError{routeStop, "pushId", "is missing"}
	}
	_, err := do[struct{}](ctx, c, call{route: routeStop, body: p})
	return err
}
