package contract

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func tpnsCalls(x *exchange) map[string]call {
	c, err := pushpackage.New(pushpackage.Config{
		AccessID:    accessID,
		SecretKey:   secretKey,
		Signed:      true,
		HTTPClient:  &http.Client{Transport: x},
		MaxAttempts: 1,
	})
	if err != nil {
		panic(err)
	}
	return map[string]call{
		"uploadPackage": func(ctx context.Context, in input) (any, error) {
			return c.Upload(ctx, pushpackage.UploadParams{File: media.Bytes("accounts.txt", []byte(in.text("file")))})
		},
		"pushApp": func(ctx context.Context, in input) (any, error) {
			p, err := params[pushpackage.PushParams](in)
			if err != nil {
				return nil, err
			}
			p.SendTime, _ = time.ParseInLocation(time.DateTime, in.text("send_time"), beijing)
			p.Extra = otherAudiences(in)
			return c.Push(ctx, p)
		},
		"cancelScheduledPush": succeeds(c.CancelScheduledPush),
		"stopPush":            succeeds(c.StopPush),
		"getPushRecord": func(ctx context.Context, in input) (any, error) {
			if body := in.body.(map[string]any); body["startDate"] != nil || body["endDate"] != nil {
				return answers(c.ListPushRecords)(ctx, in)
			}
			record, err := answers(c.GetPushRecord)(ctx, in)
			return map[string]any{"pushRecordData": []any{record}}, err
		},
		"getPushTaskStatistics": answers(c.GetPushTaskStatistics),
		"getPlanStatistics": func(ctx context.Context, in input) (any, error) {
			p := pushpackage.GetPlanStatisticsParams{PlanID: in.text("planId")}
			for name, date := range map[string]*pushpackage.Date{"startDate": &p.StartDate, "endDate": &p.EndDate} {
				if day, err := time.Parse("20060102", in.text(name)); err == nil { // else there is no such day
					*date = pushpackage.Date{Year: day.Year(), Month: day.Month(), Day: day.Day()}
				}
			}
			return c.GetPlanStatistics(ctx, p)
		},
		"createPushPlan": func(ctx context.Context, in input) (any, error) {
			plan, err := answers(c.CreatePushPlan)(ctx, in)
			return map[string]any{"result": plan}, err
		},
	}
}

var beijing = time.FixedZone("UTC+8", 8*60*60)

// otherAudiences are the members for pushes that go to no package. The SDK leaves them to Extra.
func otherAudiences(in input) map[string]any {
	extra := map[string]any{}
	for _, name := range []string{"account_list", "token_list", "tag_rules", "tag_list", "group_id", "ignore_invalid_token"} {
		if v, ok := in.body.(map[string]any)[name]; ok {
			extra[name] = v
		}
	}
	return extra
}

// tpnsVerdict are the members of an answer that become the error.
var tpnsVerdict = map[string]func(*pushpackage.Error) any{
	"retCode":  func(e *pushpackage.Error) any { return int64(e.RetCode) },
	"ret_code": func(e *pushpackage.Error) any { return int64(e.RetCode) },
	"errMsg":   func(e *pushpackage.Error) any { return e.Message },
	"ErrMsg":   func(e *pushpackage.Error) any { return e.Message },
	"err_msg":  func(e *pushpackage.Error) any { return e.Message },
}

// refused reports whether an answer of TPNS is no success.
func refused(answer any) bool {
	object, _ := answer.(map[string]any)
	for _, name := range []string{"retCode", "ret_code"} {
		if code, ok := object[name]; ok && fmt.Sprint(code) != "0" {
			return true
		}
	}
	return false
}

// tpnsOutcome returns what an answer holds for the caller, and what the caller got of it: the error of a
// refusal, the result of a success.
func tpnsOutcome(answer, got any, err error) (want, have any, _ error) {
	verdict, result := map[string]any{}, map[string]any{}
	for name, v := range answer.(map[string]any) {
		if tpnsVerdict[name] != nil {
			verdict[name] = v
		} else {
			result[name] = v
		}
	}
	switch e, ok := errors.AsType[*pushpackage.Error](err); {
	case !refused(answer) && len(result) == 0: // nothing but success
		return result, result, err
	case !refused(answer):
		return result, everyMember(reflect.ValueOf(got)), err
	case !ok:
		return nil, nil, fmt.Errorf("a refusal ended with %v", err)
	default:
		said := map[string]any{}
		for name := range verdict {
			said[name] = tpnsVerdict[name](e)
		}
		return verdict, said, nil
	}
}

// everyMember is what v holds, with the members that are zero: encoding/json leaves them out where they say omitzero.
func everyMember(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return everyMember(v.Elem())
	case reflect.Map:
		members := map[string]any{}
		for name, value := range v.Seq2() {
			members[name.String()] = everyMember(value)
		}
		return members
	case reflect.Struct:
		members := map[string]any{}
		for field, value := range v.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			members[name] = everyMember(value)
		}
		return members
	case reflect.Slice:
		if t := v.Type().Elem(); t.Kind() != reflect.Struct && t.Kind() != reflect.Interface {
			break
		}
		list := []any{}
		for _, value := range v.Seq2() {
			list = append(list, everyMember(value))
		}
		return list
	case reflect.Invalid:
		return nil
	}
	return v.Interface()
}

// tpnsRefusal is an answer turned into a refusal, in its own spelling.
func tpnsRefusal(answer any) any {
	refusal := maps.Clone(answer.(map[string]any))
	for name := range refusal {
		switch name {
		case "retCode", "ret_code":
			refusal[name] = json.Number("1008003")
		case "errMsg", "err_msg", "ErrMsg":
			refusal[name] = "auth failure"
		}
	}
	return refusal
}

// tpnsLogin accepts Basic for uploads and a signature for the rest.
func tpnsLogin(req *http.Request, signed []byte) error {
	if user, password, ok := req.BasicAuth(); ok && req.URL.Path == "/v3/push/package/upload" {
		if user != accessID || password != secretKey {
			return errors.New("Authorization is not that of the application")
		}
		return nil
	}
	header := map[string][]string(req.Header) // these names keep their spelling
	at := header["TimeStamp"]
	if len(at) != 1 || !slices.Equal(header["AccessId"], []string{accessID}) {
		return errors.New("AccessId and TimeStamp are not those of the application")
	}
	mac := hmac.New(sha256.New, []byte(secretKey))
	fmt.Fprintf(mac, "%s%s%s", at[0], accessID, signed)
	want := base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(mac.Sum(nil))))
	if !slices.Equal(header["Sign"], []string{want}) {
		return errors.New("Sign does not belong to this body")
	}
	return nil
}
