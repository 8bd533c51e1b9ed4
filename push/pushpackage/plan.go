package pushpackage

import (
	"context"
	"errors"
	"unicode/utf8"
)

const routePlan = "POST /v3/push/plan/add_plan_push"

// CreatePushPlanParams are the parameters of [Client.CreatePushPlan].
type CreatePushPlanParams struct {
	PlanName     string `json:"planName"`     // at most 60 Latin characters
	PlanDescribe string `json:"planDescribe"` // at most 300 characters
}

// A PushPlan groups pushes so that they are counted together.
type PushPlan struct {
	PlanID         string `json:"planId"` // belongs into [PushParams]
	PlanName       string `json:"planName,omitzero"`
	PlanDescribe   string `json:"planDescribe,omitzero"`
	PlanPushSource string `json:"planPushSource,omitzero"` // such as api
	CreatedAt      int64  `json:"createdAt,omitzero"`      // seconds since 1970
	UpdateAt       int64  `json:"updateAt,omitzero"`       // seconds since 1970
}

// CreatePushPlan creates a plan that pushes can name (创建推送计划接口).
//
// Limits: 200 calls a day for the application.
//
// Repeating: not safe, a second call makes a second plan, so it is done after 1008028 only. That does no
// harm beyond the console's list.
//
//	POST /v3/push/plan/add_plan_push
//
// https://cloud.tencent.com/document/product/548/50879
func (c *Client) CreatePushPlan(ctx context.Context, p CreatePushPlanParams) (*PushPlan, error) {
	wrong := func(param, reason string) error { return &ParamError{routePlan, param, reason} }
	switch {
	case p.PlanName == "":
		return nil, wrong("planName", "is missing")
	case utf8.RuneCountInString(p.PlanName) > 60:
		return nil, wrong("planName", "has more than 60 characters")
	case p.PlanDescribe == "":
		return nil, wrong("planDescribe", "is missing")
	case utf8.RuneCountInString(p.PlanDescribe) > 300:
		return nil, wrong("planDescribe", "has more than 300 characters")
	}
	answer, err := do[struct {
		Result PushPlan `json:"result"`
	}](ctx, c, call{route: routePlan, body: p})
	if err != nil {
		return nil, err
	}
	if answer.Result.PlanID == "" {
		return nil, &UnknownError{routePlan, errors.New("success, but without a planId")}
	}
	return &answer.Result, nil
}
