package pushpackage_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func minimal() pushpackage.PushParams {
	return pushpackage.PushParams{AudienceType: pushpackage.AccountPackage, UploadID: 11231, MessageType: pushpackage.Notify, Message: pushpackage.Message{Title: "T", Content: "C"}}
}

func TestPushOnTheWire(t *testing.T) {
	t.Parallel()
	start := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, tt := range map[string]struct {
		params pushpackage.PushParams
		body   string
	}{
		"account package": {
			pushpackage.PushParams{AudienceType: pushpackage.AccountPackage, UploadID: 11231, AccountType: 1, MessageType: pushpackage.Notify,
				Message: pushpackage.Message{Title: "Prize draw", Content: "Open <the> app & win 🎉"}},
			`{"audience_type":"package_account_push","upload_id":11231,"account_type":1,"message_type":"notify",
			  "message":{"title":"Prize draw","content":"Open <the> app & win 🎉"}}`,
		},
		"token package": {
			pushpackage.PushParams{AudienceType: pushpackage.TokenPackage, UploadID: 11232, MessageType: pushpackage.Notify, Message: pushpackage.Message{Title: "Update", Content: "A new version"}},
			`{"audience_type":"package_token_push","upload_id":11232,"message_type":"notify","message":{"title":"Update","content":"A new version"}}`,
		},
		"in-app message": {
			pushpackage.PushParams{AudienceType: pushpackage.AccountPackage, UploadID: 1, MessageType: pushpackage.InApp, Message: pushpackage.Message{Content: "C"}},
			`{"audience_type":"package_account_push","upload_id":1,"message_type":"message","message":{"content":"C"}}`,
		},
		"silent push": {
			pushpackage.PushParams{AudienceType: pushpackage.AccountPackage, UploadID: 1, MessageType: pushpackage.InApp, Environment: pushpackage.Development,
				Message: pushpackage.Message{IOS: &pushpackage.IOS{Aps: pushpackage.Aps{ContentAvailable: 1}}}},
			`{"audience_type":"package_account_push","upload_id":1,"message_type":"message","environment":"dev",
			  "message":{"ios":{"aps":{"content-available":1}}}}`,
		},
		"zeros that mean something": {
			pushpackage.PushParams{AudienceType: pushpackage.AccountPackage, UploadID: 1, MessageType: pushpackage.Notify, ExpireTime: new(0), Environment: pushpackage.Production,
				Message: pushpackage.Message{Title: "T", Content: "C",
					Android: &pushpackage.Android{BadgeType: new(0), Ring: new(0), Vibrate: new(0), Lights: new(0), Clearable: new(0), StyleID: new(0)},
					IOS:     &pushpackage.IOS{Aps: pushpackage.Aps{BadgeType: new(0), MutableContent: new(0)}}}},
			`{"audience_type":"package_account_push","upload_id":1,"message_type":"notify","expire_time":0,"environment":"product",
			  "message":{"title":"T","content":"C","android":{"badge_type":0,"ring":0,"vibrate":0,"lights":0,"clearable":0,"style_id":0},
			  "ios":{"aps":{"badge_type":0,"mutable-content":0}}}}`,
		},
		"every member": {
			pushpackage.PushParams{
				AudienceType: pushpackage.AccountPackage, UploadID: 11231, Environment: pushpackage.Production, AccountType: 1, AccountPushType: 1,
				ExpireTime: new(3600), SendTime: start, MultiPkg: true, PlanID: "48", PushSpeed: 5000, CollapseID: 62031,
				ForceCollapse: true, TpnsOnlinePushType: 1, ChannelRules: []pushpackage.ChannelRule{{Channel: "hw", Disable: true}}, Seq: 7,
				LoopParam: &pushpackage.LoopParam{StartDate: day(2026, 3, 2), EndDate: day(2026, 3, 9), LoopType: 2, LoopDayIndexs: []int{1, 3}, DayTimes: []string{"19:00:00", "20:00:00"}},
				Extra:     map[string]any{"harmony_rule": []int{1}, "zz": nil}, MessageType: pushpackage.Notify,
				Message: pushpackage.Message{
					Title: "Prize draw", Content: "You have won.", ThreadID: "draws", ThreadSumtext: "More draws", ShowType: 1,
					AcceptTime:       []pushpackage.AcceptTime{{Start: pushpackage.ClockTime{Hour: "13", Min: "05"}, End: pushpackage.ClockTime{Hour: "14", Min: "10"}}},
					XgMediaResources: "https://example.com/p.png", XgMediaAudioResources: "https://example.com/s.mp3",
					Android: &pushpackage.Android{
						NChID: "channel1", NChName: "News", XmChID: "xm1", FcmChID: "fcm1", HwChID: "hw1", HwBizType: 1, HwCategory: "IM",
						HwImportance: 2, OppoChID: "oppo1", VivoChID: "1", NID: 5, BuilderID: 6, BadgeType: new(3), Ring: new(1), RingRaw: "bell",
						Vibrate: new(1), Lights: new(1), Clearable: new(1), IconType: 1, IconRes: "https://example.com/i.png", StyleID: new(2),
						SmallIcon: "small", IconColor: 123456, CustomContent: `{"draw":"2026-03"}`, ShowType: 1,
						Action: &pushpackage.Action{ActionType: 3, Activity: "com.example.Main", AtyAttr: pushpackage.AtyAttr{If: 4, Pf: 8},
							Browser: &pushpackage.Browser{URL: "https://example.com/draw", Confirm: 1}, Intent: "xgscheme://com.tpns.push/notify_detail"},
						Extra: map[string]any{"honor_ch_id": "h1"},
					},
					IOS: &pushpackage.IOS{CustomContent: `{"draw":"2026-04"}`, Aps: pushpackage.Aps{Alert: pushpackage.Alert{Title: "T", Subtitle: "S", Body: "B"}, BadgeType: new(-2),
						Category: "INVITE", Sound: "default", MutableContent: new(1), ContentAvailable: 1, InterruptionLevel: "time-sensitive",
						Extra: map[string]any{"relevance-score": 0.5}}},
					Extra: map[string]any{"harmony": map[string]any{"category": "a<b"}},
				},
			},
			`{"audience_type":"package_account_push","upload_id":11231,"environment":"product","account_type":1,"account_push_type":1,
			  "expire_time":3600,"send_time":"` + start.In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04:05") + `","multi_pkg":true,"plan_id":"48",
			  "push_speed":5000,"collapse_id":62031,"force_collapse":true,"tpns_online_push_type":1,
			  "channel_rules":[{"channel":"hw","disable":true}],"seq":7,"harmony_rule":[1],"zz":null,
			  "loop_param":{"startDate":"2026-03-02","endDate":"2026-03-09","loopType":2,"loopDayIndexs":[1,3],"dayTimes":["19:00:00","20:00:00"]},
			  "message_type":"notify","message":{"title":"Prize draw","content":"You have won.",
			   "accept_time":[{"start":{"hour":"13","min":"05"},"end":{"hour":"14","min":"10"}}],"thread_id":"draws","thread_sumtext":"More draws",
			   "xg_media_resources":"https://example.com/p.png","xg_media_audio_resources":"https://example.com/s.mp3","show_type":1,
			   "harmony":{"category":"a<b"},
			   "android":{"n_ch_id":"channel1","n_ch_name":"News","xm_ch_id":"xm1","fcm_ch_id":"fcm1","hw_ch_id":"hw1","hw_biz_type":1,
			    "hw_category":"IM","hw_importance":2,"oppo_ch_id":"oppo1","vivo_ch_id":"1","n_id":5,"builder_id":6,"badge_type":3,"ring":1,
			    "ring_raw":"bell","vibrate":1,"lights":1,"clearable":1,"icon_type":1,"icon_res":"https://example.com/i.png","style_id":2,
			    "small_icon":"small","icon_color":123456,"honor_ch_id":"h1",
			    "action":{"action_type":3,"activity":"com.example.Main","aty_attr":{"if":4,"pf":8},
			     "browser":{"url":"https://example.com/draw","confirm":1},"intent":"xgscheme://com.tpns.push/notify_detail"},
			    "custom_content":"{\"draw\":\"2026-03\"}","show_type":1},
			   "ios":{"aps":{"alert":{"title":"T","subtitle":"S","body":"B"},"badge_type":-2,"category":"INVITE","sound":"default",
			     "mutable-content":1,"content-available":1,"interruption-level":"time-sensitive","relevance-score":0.5},
			    "custom_content":"{\"draw\":\"2026-04\"}"}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := tpns(t, expect(t, "/v3/push/app", tt.body, `{"seq":0,"push_id":"1328245138690125824","ret_code":0,"environment":"","err_msg":"NO_ERROR","err_msg_zh":"","result":"{}"}`))
			push, err := client.Push(t.Context(), tt.params)
			require.NoError(t, err)
			assert.Equal(t, &pushpackage.Push{PushID: pushpackage.IDs{"1328245138690125824"}, Result: "{}"}, push)
		})
	}
}

// What is sent is not escaped for HTML, which would cost room in the 4 KB.
func TestPushIsNotEscaped(t *testing.T) {
	t.Parallel()
	p := minimal()
	p.Message.Content, p.Message.Extra = "<&>", map[string]any{"x": "<&>"}
	assert.Equal(t, `{"audience_type":"package_account_push","upload_id":11231,"message_type":"notify","message":{"title":"T","content":"<&>","x":"<&>"}}`, pushed(t, p))
}

// pushed is what leaves for a push.
func pushed(t *testing.T, p pushpackage.PushParams) (body string) {
	_, err := tpns(t, func(req *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(req.Body)
		body = string(b)
		assert.NoError(t, err)
		return ok(success)(req)
	}).Push(t.Context(), p)
	require.NoError(t, err)
	return body
}

func TestExtraAlone(t *testing.T) {
	t.Parallel()
	p := minimal()
	p.Message.Android = &pushpackage.Android{Extra: map[string]any{"b": 1, "a": "<"}}
	assert.Contains(t, pushed(t, p), `"android":{"a":"<","b":1}}`)
}

func TestPushAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		want   pushpackage.Push
	}{
		"text":   {`{"ret_code":0,"push_id":"1328245138690125824"}`, pushpackage.Push{PushID: pushpackage.IDs{"1328245138690125824"}}},
		"number": {`{"ret_code":0,"push_id":1328245138690125824}`, pushpackage.Push{PushID: pushpackage.IDs{"1328245138690125824"}}},
		"loop":   {`{"seq":0,"push_id":["3895624686",3895624687],"ret_code":0,"err_msg":"NO_ERROR"}`, pushpackage.Push{PushID: pushpackage.IDs{"3895624686", "3895624687"}}},
		"every member": {`{"seq":7,"push_id":"1","ret_code":0,"environment":"product","err_msg":"NO_ERROR","err_msg_zh":"成功","result":"[0]","invalid_targe_list":["04f9"]}`,
			pushpackage.Push{PushID: pushpackage.IDs{"1"}, Seq: 7, Environment: "product", ErrMsgZh: "成功", Result: "[0]", InvalidTargeList: []string{"04f9"}}},
		"other types": {`{"seq":"7","push_id":"1","ret_code":"0","environment":null,"result":{"a":[0]},"err_msg_zh":1,"new":{}}`,
			pushpackage.Push{PushID: pushpackage.IDs{"1"}, Seq: 7, ErrMsgZh: "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			push, err := tpns(t, ok(tt.answer)).Push(t.Context(), minimal())
			require.NoError(t, err)
			assert.Equal(t, &tt.want, push)
		})
	}
}

func TestPushRefuses(t *testing.T) {
	t.Parallel()
	off := func(channels ...pushpackage.Channel) []pushpackage.ChannelRule {
		var rules []pushpackage.ChannelRule
		for _, c := range channels {
			rules = append(rules, pushpackage.ChannelRule{Channel: c, Disable: true})
		}
		return rules
	}
	makers := []pushpackage.Channel{"xg", "hw", "xm", "mz", "vivo", "oppo", "honor", "fcm"}
	loop := pushpackage.LoopParam{StartDate: day(2026, 3, 2), EndDate: day(2026, 3, 9), LoopType: 1, LoopDayIndexs: []int{0}, DayTimes: []string{"19:00:00"}}
	for name, tt := range map[string]struct {
		change func(*pushpackage.PushParams)
		param  string // empty: not refused
	}{
		"minimal":             {func(*pushpackage.PushParams) {}, ""},
		"no audience":         {func(p *pushpackage.PushParams) { p.AudienceType = "" }, "audience_type"},
		"everybody":           {func(p *pushpackage.PushParams) { p.AudienceType = "all" }, "audience_type"},
		"no upload":           {func(p *pushpackage.PushParams) { p.UploadID = 0 }, "upload_id"},
		"no message type":     {func(p *pushpackage.PushParams) { p.MessageType = "" }, "message_type"},
		"no title":            {func(p *pushpackage.PushParams) { p.Message.Title = "" }, "message.title"},
		"no content":          {func(p *pushpackage.PushParams) { p.Message.Content = "" }, "message.content"},
		"not UTF-8":           {func(p *pushpackage.PushParams) { p.Message.Title = "\xff" }, "message"},
		"iOS, no environment": {func(p *pushpackage.PushParams) { p.Message.IOS = &pushpackage.IOS{} }, "environment"},
		"other environment":   {func(p *pushpackage.PushParams) { p.Environment = "test" }, "environment"},
		"negative expiry":     {func(p *pushpackage.PushParams) { p.ExpireTime = new(-1) }, "expire_time"},
		"a minute past":       {func(p *pushpackage.PushParams) { p.SendTime = time.Now().Add(-time.Minute) }, ""},
		"past":                {func(p *pushpackage.PushParams) { p.SendTime = time.Now().Add(-11 * time.Minute) }, "send_time"},
		"89 days":             {func(p *pushpackage.PushParams) { p.SendTime = time.Now().AddDate(0, 0, 89) }, ""},
		"91 days":             {func(p *pushpackage.PushParams) { p.SendTime = time.Now().AddDate(0, 0, 91) }, "send_time"},
		"all devices":         {func(p *pushpackage.PushParams) { p.AccountPushType = 2 }, "account_push_type"},
		"not preferred":       {func(p *pushpackage.PushParams) { p.TpnsOnlinePushType = -1 }, "tpns_online_push_type"},
		"slow":                {func(p *pushpackage.PushParams) { p.PushSpeed = 999 }, "push_speed"},
		"slowest":             {func(p *pushpackage.PushParams) { p.PushSpeed = 1000 }, ""},
		"fast":                {func(p *pushpackage.PushParams) { p.PushSpeed = 50001 }, "push_speed"},
		"4096 bytes": {func(p *pushpackage.PushParams) {
			p.Message.Content = strings.Repeat("x", 4096-len(`{"title":"T","content":""}`))
		}, ""},
		"4097 bytes": {func(p *pushpackage.PushParams) {
			p.Message.Content = strings.Repeat("x", 4097-len(`{"title":"T","content":""}`))
		}, "message"},
		"4 KB, Chinese": {func(p *pushpackage.PushParams) { p.Message.Content = strings.Repeat("号", 1365) }, "message"},
		"4 KB, Android": {func(p *pushpackage.PushParams) {
			p.Message.Android = &pushpackage.Android{NChName: strings.Repeat("x", 4096)}
		}, "message"},
		"android, content": {func(p *pushpackage.PushParams) { p.Message.Android = &pushpackage.Android{CustomContent: "{"} }, "message.android.custom_content"},
		"ios, content": {func(p *pushpackage.PushParams) {
			p.Environment, p.Message.IOS = pushpackage.Production, &pushpackage.IOS{CustomContent: "x"}
		}, "message.ios.custom_content"},
		"silent, no flag": {func(p *pushpackage.PushParams) {
			p.Environment, p.MessageType, p.Message.IOS = pushpackage.Production, pushpackage.InApp, &pushpackage.IOS{}
		}, "message.ios.aps"},
		"silent, with sound": {func(p *pushpackage.PushParams) {
			p.Environment, p.MessageType, p.Message.IOS = pushpackage.Production, pushpackage.InApp, &pushpackage.IOS{Aps: pushpackage.Aps{ContentAvailable: 1, Sound: "default"}}
		}, "message.ios.aps"},
		"silent, with badge": {func(p *pushpackage.PushParams) {
			p.Environment, p.MessageType, p.Message.IOS = pushpackage.Production, pushpackage.InApp, &pushpackage.IOS{Aps: pushpackage.Aps{ContentAvailable: 1, BadgeType: new(0)}}
		}, "message.ios.aps"},
		"own channel off": {func(p *pushpackage.PushParams) { p.ChannelRules = off("xg") }, ""},
		"makers off":      {func(p *pushpackage.PushParams) { p.ChannelRules = off(makers[1:]...) }, ""},
		"both off":        {func(p *pushpackage.PushParams) { p.ChannelRules = off(makers...) }, "channel_rules"},
		"both off, one on": {func(p *pushpackage.PushParams) {
			p.ChannelRules = append(off(makers...), pushpackage.ChannelRule{Channel: "hw"})
		}, ""},
		"both off, iOS": {func(p *pushpackage.PushParams) {
			p.Environment, p.Message.IOS, p.ChannelRules = pushpackage.Production, &pushpackage.IOS{}, off("xg", "apns")
		}, "channel_rules"},
		"makers off, maybe iOS": {func(p *pushpackage.PushParams) {
			p.Environment, p.ChannelRules = pushpackage.Production, off(makers...)
		}, ""},
		"all off, maybe iOS": {func(p *pushpackage.PushParams) {
			p.Environment, p.ChannelRules = pushpackage.Production, off(append(makers, "apns")...)
		}, "channel_rules"},
		"loop":                {func(p *pushpackage.PushParams) { p.LoopParam = &loop }, ""},
		"loop, no start":      {func(p *pushpackage.PushParams) { l := loop; l.StartDate = pushpackage.Date{}; p.LoopParam = &l }, "loop_param"},
		"loop, no such day":   {func(p *pushpackage.PushParams) { l := loop; l.EndDate = day(2026, 2, 30); p.LoopParam = &l }, "loop_param"},
		"loop, no type":       {func(p *pushpackage.PushParams) { l := loop; l.LoopType = 0; p.LoopParam = &l }, "loop_param"},
		"loop, no days":       {func(p *pushpackage.PushParams) { l := loop; l.LoopDayIndexs = nil; p.LoopParam = &l }, "loop_param"},
		"loop, no times":      {func(p *pushpackage.PushParams) { l := loop; l.DayTimes = nil; p.LoopParam = &l }, "loop_param"},
		"known in extra":      {func(p *pushpackage.PushParams) { p.Extra = map[string]any{"environment": "product"} }, "environment"},
		"send_time in extra":  {func(p *pushpackage.PushParams) { p.Extra = map[string]any{"send_time": "2026-03-01 09:30:00"} }, "send_time"},
		"other case in extra": {func(p *pushpackage.PushParams) { p.Extra = map[string]any{"Upload_ID": 1} }, "Upload_ID"},
		"no name in extra":    {func(p *pushpackage.PushParams) { p.Extra = map[string]any{"": 1} }, ""},
		"in message":          {func(p *pushpackage.PushParams) { p.Message.Extra = map[string]any{"android": 1} }, "message.android"},
		"in android": {func(p *pushpackage.PushParams) {
			p.Message.Android = &pushpackage.Android{Extra: map[string]any{"ring": 0}}
		}, "message.android.ring"},
		"in aps": {func(p *pushpackage.PushParams) {
			p.Environment, p.Message.IOS = pushpackage.Production, &pushpackage.IOS{Aps: pushpackage.Aps{Extra: map[string]any{"sound": ""}}}
		}, "message.ios.aps.sound"},
		"not JSON": {func(p *pushpackage.PushParams) { p.Extra = map[string]any{"x": func() {}} }, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := minimal()
			tt.change(&p)
			if tt.param == "" && name != "no name in extra" {
				_, err := tpns(t, ok(success)).Push(t.Context(), p)
				assert.NoError(t, err)
				return
			}
			_, err := tpns(t, unreachable(t)).Push(t.Context(), p)
			var refused *pushpackage.ParamError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, "POST /v3/push/app", refused.Route)
			assert.Equal(t, tt.param, refused.Param)
		})
	}
}

func TestPushChangesNothing(t *testing.T) {
	t.Parallel()
	p := minimal()
	p.Extra = map[string]any{"a": 1}
	before, err := json.Marshal(p)
	require.NoError(t, err)
	_, err = tpns(t, ok(success)).Push(t.Context(), p)
	require.NoError(t, err)
	after, err := json.Marshal(p)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	assert.Len(t, p.Extra, 1)
}
