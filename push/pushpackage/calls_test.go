package pushpackage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func TestGetPushTaskStatistics(t *testing.T) {
	t.Parallel()
	client := tpns(t, expect(t, "/v3/statistics/get_push_task_stat_channel", `{"pushId":"43214535"}`,
		`{"retCode":0,"errMsg":"NO_ERROR","pushStatDataAll":[
		 {"channel":"hw","pushState":{"pushActiveUv":901,"pushOnlineUv":802,"arrivalUv":703,"verifySvcUv":604,"callbackVerifySvcUv":505,
		  "pushRetryUv":46,"verifyUv":407,"clickUv":308,"cleanupUv":209}},{"channel":"all","pushState":{"pushActiveUv":6000}}]}`))
	got, err := client.GetPushTaskStatistics(t.Context(), pushpackage.GetPushTaskStatisticsParams{PushID: "43214535"})
	require.NoError(t, err)
	assert.Equal(t, &pushpackage.Statistics{PushStatDataAll: []pushpackage.ChannelStatistics{
		{Channel: "hw", PushState: pushpackage.PushState{PushActiveUv: 901, PushOnlineUv: 802, ArrivalUv: 703, VerifySvcUv: 604, CallbackVerifySvcUv: 505,
			PushRetryUv: 46, VerifyUv: 407, ClickUv: 308, CleanupUv: 209}},
		{Channel: "all", PushState: pushpackage.PushState{PushActiveUv: 6000}},
	}}, got)
	assert.Equal(t, pushpackage.PushState{PushActiveUv: 6000}, got.Total())
	assert.Zero(t, new(pushpackage.Statistics).Total())
}

func TestGetPlanStatistics(t *testing.T) {
	t.Parallel()
	client := tpns(t, expect(t, "/v3/statistics/get_push_group_stat_channel", `{"planId":"48","startDate":"20260203","endDate":"20260209"}`,
		`{"retCode":0,"errMsg":"NO_ERROR","pushStatDataAll":[{"channel":"all","pushState":{"clickUv":308}}]}`))
	got, err := client.GetPlanStatistics(t.Context(), pushpackage.GetPlanStatisticsParams{PlanID: "48", StartDate: day(2026, 2, 3), EndDate: day(2026, 2, 9)})
	require.NoError(t, err)
	assert.Equal(t, pushpackage.PushState{ClickUv: 308}, got.Total())
}

func TestCancelScheduledPush(t *testing.T) {
	t.Parallel()
	client := tpns(t, expect(t, "/v3/push/cancel_timing_task", `{"pushId":"43214535"}`, `{"retCode":0,"errMsg":"NO_ERROR"}`))
	assert.NoError(t, client.CancelScheduledPush(t.Context(), pushpackage.CancelScheduledPushParams{PushID: "43214535"}))
	client = tpns(t, ok(`{"ret_code":1008003,"err_msg":"auth failure"}`))
	assert.ErrorIs(t, client.CancelScheduledPush(t.Context(), pushpackage.CancelScheduledPushParams{PushID: "1"}), pushpackage.CodeAuthFailed)
}

func TestStopPush(t *testing.T) {
	t.Parallel()
	client := tpns(t, expect(t, "/v3/push/stop_push_msg", `{"pushId":"43214535"}`, `{"ret_code":0}`))
	assert.NoError(t, client.StopPush(t.Context(), pushpackage.StopPushParams{PushID: "43214535"}))
}

func TestCreatePushPlan(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		`{"retCode":0,"ErrMsg":"save success","result":{"planId":"48","planName":"TPNS_TEST123","planDescribe":"plan_test","planPushSource":"api","createdAt":1593314408,"updateAt":1593315509}}`,
		`{"retCode":"0","errMsg":"save success","result":{"planId":48,"planName":"TPNS_TEST123","planDescribe":"plan_test","planPushSource":"api","createdAt":1593314408,"updateAt":1593315509}}`,
	} {
		client := tpns(t, expect(t, "/v3/push/plan/add_plan_push", `{"planName":"TPNS_TEST123","planDescribe":"plan_test"}`, answer))
		plan, err := client.CreatePushPlan(t.Context(), pushpackage.CreatePushPlanParams{PlanName: "TPNS_TEST123", PlanDescribe: "plan_test"})
		require.NoError(t, err)
		assert.Equal(t, &pushpackage.PushPlan{PlanID: "48", PlanName: "TPNS_TEST123", PlanDescribe: "plan_test", PlanPushSource: "api", CreatedAt: 1593314408, UpdateAt: 1593315509}, plan)
	}
	_, err := tpns(t, ok(`{"retCode":0,"result":{}}`)).CreatePushPlan(t.Context(), pushpackage.CreatePushPlanParams{PlanName: "n", PlanDescribe: "d"})
	assert.True(t, pushpackage.OutcomeUnknown(err))
}

func TestMissingParams(t *testing.T) {
	t.Parallel()
	c, ctx := tpns(t, unreachable(t)), t.Context()
	second := func(_ any, err error) error { return err }
	long := func(n int) string { return string(make([]byte, n)) }
	day := day(2026, 2, 3)
	for name, tt := range map[string]struct {
		err   error
		param string
	}{
		"task":       {second(c.GetPushTaskStatistics(ctx, pushpackage.GetPushTaskStatisticsParams{})), "pushId"},
		"plan":       {second(c.GetPlanStatistics(ctx, pushpackage.GetPlanStatisticsParams{StartDate: day, EndDate: day})), "planId"},
		"plan start": {second(c.GetPlanStatistics(ctx, pushpackage.GetPlanStatisticsParams{PlanID: "1", EndDate: day})), "startDate"},
		"plan end":   {second(c.GetPlanStatistics(ctx, pushpackage.GetPlanStatisticsParams{PlanID: "1", StartDate: day})), "endDate"},
		"cancel":     {c.CancelScheduledPush(ctx, pushpackage.CancelScheduledPushParams{}), "pushId"},
		"stop":       {c.StopPush(ctx, pushpackage.StopPushParams{}), "pushId"},
		"name":       {second(c.CreatePushPlan(ctx, pushpackage.CreatePushPlanParams{PlanDescribe: "d"})), "planName"},
		"long name":  {second(c.CreatePushPlan(ctx, pushpackage.CreatePushPlanParams{PlanName: long(61), PlanDescribe: "d"})), "planName"},
		"describe":   {second(c.CreatePushPlan(ctx, pushpackage.CreatePushPlanParams{PlanName: "n"})), "planDescribe"},
		"long one":   {second(c.CreatePushPlan(ctx, pushpackage.CreatePushPlanParams{PlanName: "n", PlanDescribe: long(301)})), "planDescribe"},
	} {
		var p *pushpackage.ParamError
		if assert.ErrorAs(t, tt.err, &p, name) {
			assert.Equal(t, tt.param, p.Param, name)
		}
	}
}
