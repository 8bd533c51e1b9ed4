package pushpackage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/value"
)

const routePush = "POST /v3/push/app"

// maxMessage is the limit of a message in bytes of JSON. That a KB is 1024 is our reading.
const maxMessage = 4 << 10

// An AudienceType says what kind of list a push goes to.
type AudienceType string

// The audiences that are lists. All other audiences of TPNS, such as all devices, are none of this package.
const (
	AccountPackage AudienceType = "package_account_push"
	TokenPackage   AudienceType = "package_token_push"
)

// A MessageType says how a message arrives.
type MessageType string

const (
	Notify MessageType = "notify"  // shown as a notification
	InApp  MessageType = "message" // handed to the app: own channel only on Android, silent push on iOS
)

// An Environment says which certificate an iOS app is signed with.
type Environment string

const (
	Production  Environment = "product"
	Development Environment = "dev"
)

// PushParams are the parameters of [Client.Push].
type PushParams struct {
	AudienceType AudienceType `json:"audience_type"`
	UploadID     int64        `json:"upload_id"` // of [Upload]
	MessageType  MessageType  `json:"message_type"`
	Message      Message      `json:"message"`

	Environment Environment `json:"environment,omitzero"` // required for iOS applications, ignored for others

	// AccountType is the kind under which the accounts were bound to devices, one for the whole list:
	// 0 default, 1 to 16 the application's own, 999 WeChat Union ID, 1002 phone number, 1003 WeChat Open
	// ID, …
	AccountType     int `json:"account_type,omitzero"`
	AccountPushType int `json:"account_push_type,omitzero"` // 0 the device bound last, 1 all devices of an account

	ExpireTime *int `json:"expire_time,omitzero"` // seconds for which it is kept for devices that are offline; 0 now or never, 1 to 799 count as 800, above 259200 it fails; nil: 86400

	// SendTime is when to start, at most 90 days ahead; zero: at once. It goes out in Beijing time, in
	// which all access points lie; TPNS does not say whose clock it means. For token packages it is not
	// documented.
	SendTime  time.Time  `json:"-"`
	LoopParam *LoopParam `json:"loop_param,omitzero"` // repeats the push, nil: once; for token packages not documented

	MultiPkg           bool          `json:"multi_pkg,omitzero"`             // Android: also to the app under its other package names
	PlanID             string        `json:"plan_id,omitzero"`               // of [Client.CreatePushPlan], for numbers per plan
	PushSpeed          int           `json:"push_speed,omitzero"`            // messages per second, 1000 to 50000; default: no limit
	CollapseID         int64         `json:"collapse_id,omitzero"`           // replaces an earlier push: its PushRecord.CollapseID, no other value
	ForceCollapse      bool          `json:"force_collapse,omitzero"`        // with CollapseID: also to OPPO and vivo, which cannot replace
	TpnsOnlinePushType int           `json:"tpns_online_push_type,omitzero"` // 0 own channel first for devices online, 1 not
	ChannelRules       []ChannelRule `json:"channel_rules,omitzero"`         // switches channels off; default: all on
	Seq                int64         `json:"seq,omitzero"`                   // comes back in the answer

	// Extra are members that this package does not know. A name that it knows is refused.
	Extra map[string]any `json:"-"`
}

// A ChannelRule switches one channel on or off for one push.
type ChannelRule struct {
	Channel Channel `json:"channel"`
	Disable bool    `json:"disable"`
}

// A Channel is a way to a device. Values not listed here are passed on.
type Channel string

const (
	ChannelOwn    Channel = "xg" // TPNS's own
	ChannelHuawei Channel = "hw"
	ChannelXiaomi Channel = "xm"
	ChannelMeizu  Channel = "mz"
	ChannelVivo   Channel = "vivo"
	ChannelOPPO   Channel = "oppo"
	ChannelHonor  Channel = "honor"
	ChannelFCM    Channel = "fcm"
	ChannelAPNs   Channel = "apns"
)

// A LoopParam repeats a push; each time is a task of its own.
type LoopParam struct {
	StartDate     Date     `json:"startDate"`     // within 90 days
	EndDate       Date     `json:"endDate"`       // within 90 days
	LoopType      int      `json:"loopType"`      // 1 daily, 2 weekly, 3 monthly
	LoopDayIndexs []int    `json:"loopDayIndexs"` // 0 for daily; 0 to 6 for weekly, Sunday first by the newer page, Monday by older ones; days of the month
	DayTimes      []string `json:"dayTimes"`      // 19:00:00
}

// MarshalJSON adds SendTime as the wire has it, and Extra.
func (p PushParams) MarshalJSON() ([]byte, error) {
	type plain PushParams
	wire := struct {
		plain
		SendTime string `json:"send_time,omitzero"`
	}{plain: plain(p)}
	if !p.SendTime.IsZero() {
		wire.SendTime = p.SendTime.In(value.Beijing).Format(time.DateTime)
	}
	return withExtra("", wire, p.Extra)
}

// A Push is a task that TPNS has taken on; nobody need have it yet.
type Push struct {
	PushID           IDs      `json:"push_id"` // never empty; a loop push has several
	Seq              int64    `json:"seq,omitzero"`
	Environment      string   `json:"environment,omitzero"`
	ErrMsgZh         string   `json:"err_msg_zh,omitzero"`
	Result           string   `json:"result,omitzero"`             // JSON in text, such as "[0]" or "{}"; meaning not documented; may be empty
	InvalidTargeList []string `json:"invalid_targe_list,omitzero"` // spelled so; not documented for packages
}

// Push creates a push to everybody on an uploaded list (号码包推送, Token 文件包推送). A token package must be
// pushed as one, an account package as one; TPNS does not compare.
//
// The push is asynchronous: a nil error means that the task exists. [Client.WaitPush] follows it,
// [Client.GetPushTaskStatistics] counts it, [Client.CancelScheduledPush] and [Client.StopPush] end it.
//
// Limits: the message 4 KB; one push a second for the whole application, the console's included; the
// start at most 90 days ahead.
//
// Repeating: not safe. There is no number that would make two pushes one, so this package repeats a push
// only after 1008028, which refused it before it began, and never after a lost answer. If
// [OutcomeUnknown] reports true of the error, look for the push with [Client.AllPushRecords] or in the
// console before sending again, or accept that people get it twice. The console has a guard against the
// same text to the same target within an hour, which is off by default.
//
// Errors: [ParamError] if Title or Content is missing for [Notify], Environment for iOS, if own and
// makers' channels are all off, if SendTime is more than 10 minutes past; [CodeTooFast], [CodeContentRefused], [CodeNoTarget],
// [CodeRepeatedPush].
//
//	POST /v3/push/app
//
// 推送接口: https://cloud.tencent.com/document/product/548/39064
func (c *Client) Push(ctx context.Context, p PushParams) (*Push, error) {
	if err := p.check(time.Now()); err != nil {
		return nil, err
	}
	push, err := do[Push](ctx, c, call{route: routePush, body: p})
	if err != nil {
		return nil, err
	}
	if len(push.PushID) == 0 {
		return nil, &UnknownError{routePush, errors.New("success, but without a push_id")}
	}
	return push, nil
}

// check returns the first thing that is wrong with p.
func (p *PushParams) check(now time.Time) error {
	switch {
	case p.AudienceType != AccountPackage && p.AudienceType != TokenPackage:
		return badPush("audience_type", "must be package_account_push or package_token_push")
	case p.UploadID <= 0:
		return badPush("upload_id", "is missing; it comes from Upload")
	case p.MessageType != Notify && p.MessageType != InApp:
		return badPush("message_type", "must be notify or message")
	case p.Message.IOS != nil && p.Environment == "":
		return badPush("environment", "is missing, which iOS needs: product or dev")
	case p.Environment != "" && p.Environment != Production && p.Environment != Development:
		return badPush("environment", "must be product or dev")
	case p.AccountPushType != 0 && p.AccountPushType != 1:
		return badPush("account_push_type", "must be 0 or 1")
	case p.TpnsOnlinePushType != 0 && p.TpnsOnlinePushType != 1:
		return badPush("tpns_online_push_type", "must be 0 or 1")
	case p.PushSpeed != 0 && (p.PushSpeed < 1000 || p.PushSpeed > 50000):
		return badPush("push_speed", "must be between 1000 and 50000")
	}
	return cmp.Or(p.checkTimes(now), p.checkChannels(), p.Message.check(p.MessageType))
}

func badPush(param, reason string) error { return &ParamError{routePush, param, reason} }

func (p *PushParams) checkTimes(now time.Time) error {
	l := p.LoopParam
	switch {
	case p.ExpireTime != nil && *p.ExpireTime < 0:
		return badPush("expire_time", "must not be negative")
	case !p.SendTime.IsZero() && p.SendTime.Before(now.Add(-10*time.Minute)): // as TPNS has it
		return badPush("send_time", "is more than 10 minutes past")
	case p.SendTime.After(now.Add(90 * 24 * time.Hour)):
		return badPush("send_time", "is more than 90 days ahead")
	case l != nil && (!exists(l.StartDate) || !exists(l.EndDate)):
		return badPush("loop_param", "needs startDate and endDate")
	case l != nil && (l.LoopType < 1 || l.LoopType > 3):
		return badPush("loop_param", "needs a loopType from 1 to 3")
	case l != nil && (len(l.LoopDayIndexs) == 0 || len(l.DayTimes) == 0):
		return badPush("loop_param", "needs loopDayIndexs and dayTimes")
	}
	return nil
}

// checkChannels refuses rules that leave no channel of the platform. A push without environment cannot be
// for iOS.
func (p *PushParams) checkChannels() error {
	off := make(map[Channel]bool)
	for _, r := range p.ChannelRules {
		off[r.Channel] = r.Disable
	}
	android := off[ChannelHuawei] && off[ChannelXiaomi] && off[ChannelMeizu] && off[ChannelVivo] && off[ChannelOPPO] && off[ChannelHonor] && off[ChannelFCM]
	ios := off[ChannelAPNs]
	switch {
	case p.Environment == "":
		ios = true
	case p.Message.IOS != nil && p.Message.Android == nil:
		android = true
	}
	if off[ChannelOwn] && android && ios {
		return badPush("channel_rules", "switch off TPNS's own channel and all of the makers, so that none is left")
	}
	return nil
}

// check returns the first thing that is wrong with a message of type t. What does not encode at all is
// refused when the whole call is encoded.
func (m *Message) check(t MessageType) error {
	b, err := encode(m)
	a, i := cmp.Or(m.Android, &Android{}), cmp.Or(m.IOS, &IOS{})
	silent := i.Aps.ContentAvailable == 1 && i.Aps.Alert == Alert{} && i.Aps.Sound == "" && i.Aps.BadgeType == nil
	switch {
	case m.Title == "" && t == Notify:
		return badPush("message.title", "is missing, which a notification needs")
	case m.Content == "" && t == Notify:
		return badPush("message.content", "is missing, which a notification needs")
	case !utf8.ValidString(m.Title) || !utf8.ValidString(m.Content):
		return badPush("message", "has a title or content that is not UTF-8")
	case a.CustomContent != "" && !json.Valid([]byte(a.CustomContent)):
		return badPush("message.android.custom_content", "is not JSON")
	case i.CustomContent != "" && !json.Valid([]byte(i.CustomContent)):
		return badPush("message.ios.custom_content", "is not JSON")
	case m.IOS != nil && t == InApp && !silent:
		return badPush("message.ios.aps", "of a silent push needs content-available 1 and no alert, sound and badge_type")
	case err == nil && len(b) > maxMessage:
		return badPush("message", "has more than 4 KB as JSON")
	}
	return nil
}
