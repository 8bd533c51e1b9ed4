package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	refused := func(status int, code wxpay.Code) error {
		return &wxpay.Error{Route: "POST /v3/x", StatusCode: status, Code: code, Message: "手机号 13800138000 不正确", RequestID: "R-1", Verified: true, Detail: wxpay.Detail{Field: "phone", Issue: "13800138000 is odd"}}
	}
	hint := wxpay.Hint{English: "english words", Chinese: "中文"}
	for name, tt := range map[string]struct {
		err  error
		code int
	}{
		"refused":                 {written(refused(400, "PARAM_ERROR")), exitRejected},
		"not enough":              {written(refused(403, "NOT_ENOUGH")), exitRejected},
		"no permission":           {written(refused(403, "NO_AUTH")), exitAuth},
		"another 403":             {written(refused(403, "RULE_LIMIT")), exitAuth},
		"signature":               {written(refused(401, "SIGN_ERROR")), exitAuth},
		"not there":               {read(refused(404, "NOT_FOUND")), exitRejected},
		"too fast":                {written(refused(429, "FREQUENCY_LIMITED")), exitStopped},
		"500 of a write":          {written(refused(500, "SYSTEM_ERROR")), exitUnknown},
		"500 of a read":           {read(refused(500, "SYSTEM_ERROR")), exitStopped},
		"lost":                    {written(&wxpay.UnknownError{Route: "POST /v3/x", Err: refused(502, "")}), exitUnknown},
		"lost read":               {read(&wxpay.UnknownError{Route: "GET /v3/x", Err: errors.New("EOF")}), exitStopped},
		"never left":              {written(errors.New("dial tcp: refused")), exitStopped},
		"param":                   {written(&wxpay.ParamError{Route: "POST /v3/x", Param: "a", Reason: "is missing"}), exitUsage},
		"no certificates":         {written(wxpay.ErrNoCertificates), exitAuth},
		"of this machine":         {errors.New("disk on fire"), exitInternal},
		"row":                     {&table.Fault{File: "a.csv", Line: 7, Column: "手机号", Reason: "is empty", Chinese: "为空"}, exitUsage},
		"job interrupted":         {&bulk.StopError{Why: bulk.WhyInterrupted, Reason: hint}, exitInterrupted},
		"job at its limit":        {&bulk.StopError{Why: bulk.WhyLimit, Reason: hint}, exitStopped},
		"job without network":     {&bulk.StopError{Why: bulk.WhyNetwork, Reason: hint, Err: errors.New("dial")}, exitStopped},
		"job with wrong keys":     {&bulk.StopError{Why: bulk.WhyAuth, Reason: hint, Err: refused(401, "SIGN_ERROR")}, exitAuth},
		"job against a wall":      {&bulk.StopError{Why: bulk.WhyPlatform, Reason: hint}, exitStopped},
		"job whose input changed": {&bulk.StopError{Why: bulk.WhyInput, Reason: hint, Err: media.ErrChanged}, exitUsage},
		"input that changed":      {fmt.Errorf("%w: x", media.ErrChanged), exitUsage},
		"job without a ledger":    {&bulk.StopError{Why: bulk.WhyLedger, Reason: hint}, exitInternal},
		"store away":              {fmt.Errorf("%w: 10.0.0.1:5432 (db): dial error", bulk.ErrAway), exitStopped},
		"job whose store is away": {&bulk.StopError{Why: bulk.WhyLedger, Reason: hint, Err: fmt.Errorf("x: %w", bulk.ErrAway)}, exitStopped},
		"store without tables":    {&postgres.VersionError{Is: 0, Known: 2}, exitUsage},
		"store that is older":     {&postgres.VersionError{Is: 1, Known: 2}, exitUsage},
		"store that is newer":     {&postgres.VersionError{Is: 3, Known: 2}, exitUsage},
		"held in a store":         {refusal(&ledger.HeldError{Path: "autumn-member-import"}), exitStopped},
		"held in a folder":        {refusal(&ledger.HeldError{Path: "/jobs/autumn.ledger"}), exitStopped},
		"TPNS refused":            {written(&pushpackage.Error{Route: "POST /v3/push/app", StatusCode: 200, RetCode: pushpackage.CodeInvalidParam, Message: "account 13800138000"}), exitRejected},
		"TPNS login":              {written(&pushpackage.Error{Route: "POST /v3/push/app", StatusCode: 200, RetCode: pushpackage.CodeAuthFailed}), exitAuth},
		"TPNS too fast":           {written(&pushpackage.Error{Route: "POST /v3/push/app", StatusCode: 200, RetCode: pushpackage.CodeTooFast}), exitStopped},
		"TPNS in trouble":         {written(&pushpackage.Error{Route: "POST /v3/push/app", StatusCode: 200, RetCode: pushpackage.CodeServiceFailed}), exitUnknown},
		"TPNS lost":               {written(&pushpackage.UnknownError{Route: "POST /v3/push/app", Err: errors.New("EOF")}), exitUnknown},
		"TPNS read lost":          {read(&pushpackage.UnknownError{Route: "POST /v3/statistics/get_push_record", Err: errors.New("EOF")}), exitStopped},
	} {
		r := reportOf(t.Context(), tt.err)
		assert.Equal(t, tt.code, r.exit, name)
		for _, text := range []string{r.text().English, r.text().Chinese} {
			assert.NotEmpty(t, text, name)
			assert.NotContains(t, oneLine(text), "\n", name)
			assert.Falsef(t, strings.Contains(text, "13800138000") && !strings.Contains(text, "SIGN_ERROR"), "%s: %s", name, text)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, exitInterrupted, reportOf(ctx, written(errors.New("dial"))).exit)
	assert.Equal(t, exitUnknown, reportOf(ctx, written(&wxpay.UnknownError{Route: "POST /v3/x", Err: context.Canceled})).exit, "what may have happened beats that it was interrupted")
}

// Numbers of people are in no output, wherever the platform puts them.
func TestNoNumbersOfPeople(t *testing.T) {
	t.Parallel()
	const phone = "13800138000"
	s := newStand(t)
	require.NoError(t, s.fake.Reply("POST /v3/security/echo", 400, map[string]any{"code": "PARAM_ERROR", "message": "number " + phone, "detail": map[string]any{"field": "a", "value": phone, "issue": "odd: " + phone}}))
	require.NoError(t, s.fake.Reply("POST /v3/statistics/get_push_record", 200, map[string]any{"retCode": 0, "count": 1, "pushRecordData": []any{map[string]any{"pushId": "7", "status": "PUSH_FINISHED", "targetList": []string{phone}}}}))
	for _, args := range [][]string{echoArgs(), echoArgs("-i"), {"push", "record", "7"}, {"push", "record"}} {
		for _, more := range [][]string{nil, {"--json"}, {"--lang", "zh"}} {
			o := s.run(append(args, more...)...)
			assert.Contains(t, []int{exitDone, exitRejected}, o.code, o.stderr)
			assert.NotContains(t, o.stdout+o.stderr, phone, "%v", args)
			assert.NotEmpty(t, o.stdout+o.stderr)
		}
	}
}
