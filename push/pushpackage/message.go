package pushpackage

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A Message is what a push delivers; 4 KB of JSON at most. An application is one platform: fill Android or
// IOS, or neither.
//
// The limits of phone makers on Title and Content differ (20 to 50 and 80 to 200 characters) and may change;
// beyond them that maker's channel fails and TPNS's own takes over.
type Message struct {
	Title   string `json:"title,omitzero"`   // not for a silent push on iOS, where it overrides Alert.Title
	Content string `json:"content,omitzero"` // not for a silent push on iOS, where it overrides Alert.Body

	AcceptTime            []AcceptTime `json:"accept_time,omitzero"`              // parts of the day in which it may be shown; own channel
	ThreadID              string       `json:"thread_id,omitzero"`                // group under which notifications fold; on Android own channel
	ThreadSumtext         string       `json:"thread_sumtext,omitzero"`           // summary of that group; Android own channel
	XgMediaResources      string       `json:"xg_media_resources,omitzero"`       // URL of a picture; on iOS also of sound or video
	XgMediaAudioResources string       `json:"xg_media_audio_resources,omitzero"` // URL of an MP3; Android own channel
	ShowType              int          `json:"show_type,omitzero"`                // iOS in the foreground: 1 hides, 2 shows; default 2

	Android *Android `json:"android,omitzero"`
	IOS     *IOS     `json:"ios,omitzero"`

	// Extra are members that this package does not know; HarmonyOS may have one. A name that it knows
	// is refused.
	Extra map[string]any `json:"-"`
}

// MarshalJSON adds Extra.
func (m Message) MarshalJSON() ([]byte, error) {
	type plain Message
	return withExtra("message.", plain(m), m.Extra)
}

// An AcceptTime is a part of the day. Whose clock counts is not documented.
type AcceptTime struct {
	Start ClockTime `json:"start"`
	End   ClockTime `json:"end"`
}

// A ClockTime is a time of day in digits, two each.
type ClockTime struct {
	Hour string `json:"hour"` // 00 to 23
	Min  string `json:"min"`  // 00 to 59
}

// Android says how a message appears on Android. All members are optional.
type Android struct {
	NChID        string `json:"n_ch_id,omitzero"`       // notification channel of the own channel
	NChName      string `json:"n_ch_name,omitzero"`     // its name
	XmChID       string `json:"xm_ch_id,omitzero"`      // of Xiaomi
	FcmChID      string `json:"fcm_ch_id,omitzero"`     // of FCM
	HwChID       string `json:"hw_ch_id,omitzero"`      // of Huawei
	HwBizType    int    `json:"hw_biz_type,omitzero"`   // 1: Huawei quick notification, which Huawei has to enable
	HwCategory   string `json:"hw_category,omitzero"`   // of Huawei: IM, VOIP, SUBSCRIPTION, …
	HwImportance int    `json:"hw_importance,omitzero"` // of Huawei: 1 silent, 2 sound and vibration
	OppoChID     string `json:"oppo_ch_id,omitzero"`
	VivoChID     string `json:"vivo_ch_id,omitzero"` // "0" marketing, "1" system; default "0"

	NID       int  `json:"n_id,omitzero"` // superseded by PushParams.CollapseID
	BuilderID int  `json:"builder_id,omitzero"`
	BadgeType *int `json:"badge_type,omitzero"` // -2 adds one (Huawei), -1 keeps, 0 to 99 sets (Huawei, vivo); nil: -1

	Ring      *int   `json:"ring,omitzero"`      // 0 off, 1 on; nil: 1
	RingRaw   string `json:"ring_raw,omitzero"`  // sound in raw/, without ending; needs NChID
	Vibrate   *int   `json:"vibrate,omitzero"`   // 0 off, 1 on; nil: 1
	Lights    *int   `json:"lights,omitzero"`    // 0 off, 1 on; nil: 1
	Clearable *int   `json:"clearable,omitzero"` // 0 stays, 1 can be wiped away; nil: 1

	IconType  int    `json:"icon_type,omitzero"` // of IconRes: 0 name of a resource (own channel), 1 URL (own channel, FCM, Huawei, Honor)
	IconRes   string `json:"icon_res,omitzero"`
	StyleID   *int   `json:"style_id,omitzero"`   // nil: 1
	SmallIcon string `json:"small_icon,omitzero"` // of the status bar
	IconColor int    `json:"icon_color,omitzero"` // RGB, 0x01e240; own channel

	Action        *Action `json:"action,omitzero"`         // what a tap does; nil: open the app
	CustomContent string  `json:"custom_content,omitzero"` // JSON in text; Huawei's channel drops it, use an intent there
	ShowType      int     `json:"show_type,omitzero"`      // in the foreground: 1 hides, 2 shows; default 2; own channel and FCM

	Extra map[string]any `json:"-"` // members that this package does not know
}

// MarshalJSON adds Extra.
func (a Android) MarshalJSON() ([]byte, error) {
	type plain Android
	return withExtra("message.android.", plain(a), a.Extra)
}

// An Action is what a tap on an Android notification does.
type Action struct {
	ActionType int      `json:"action_type,omitzero"` // 1 activity or app, 2 browser, 3 intent; default 1
	Activity   string   `json:"activity,omitzero"`    // full name, for 1
	AtyAttr    AtyAttr  `json:"aty_attr,omitzero"`    // for 1
	Browser    *Browser `json:"browser,omitzero"`     // for 2
	Intent     string   `json:"intent,omitzero"`      // for 3, such as xgscheme://com.tpns.push/notify_detail
}

// AtyAttr are flags for opening an activity.
type AtyAttr struct {
	If int `json:"if,omitzero"` // of the intent
	Pf int `json:"pf,omitzero"` // of the PendingIntent
}

// A Browser is an address that a tap opens.
type Browser struct {
	URL     string `json:"url,omitzero"` // http or https
	Confirm int    `json:"confirm,omitzero"`
}

// IOS says how a message appears on iOS.
type IOS struct {
	Aps           Aps    `json:"aps"`
	CustomContent string `json:"custom_content,omitzero"` // JSON in text
}

// Aps goes to Apple. For [Notify] leave ContentAvailable out; for a silent push ([InApp]) set it to 1 and
// leave out Alert, Sound and BadgeType.
type Aps struct {
	Alert             Alert             `json:"alert,omitzero"`
	BadgeType         *int              `json:"badge_type,omitzero"` // -2 adds one, -1 keeps, 0 and more sets; nil: not sent
	Category          string            `json:"category,omitzero"`
	Sound             string            `json:"sound,omitzero"`              // "default" or a file in the app; empty: silence
	MutableContent    *int              `json:"mutable-content,omitzero"`    // 1 lets the app's service extension run, without which arrivals are not counted; nil: 1
	ContentAvailable  int               `json:"content-available,omitzero"`  // 1: silent push
	InterruptionLevel InterruptionLevel `json:"interruption-level,omitzero"` // iOS 15 and later; default active

	Extra map[string]any `json:"-"` // members that this package does not know
}

// MarshalJSON adds Extra.
func (a Aps) MarshalJSON() ([]byte, error) {
	type plain Aps
	return withExtra("message.ios.aps.", plain(a), a.Extra)
}

// An InterruptionLevel says how much an iOS notification may disturb.
type InterruptionLevel string

const (
	InterruptionPassive       InterruptionLevel = "passive"
	InterruptionActive        InterruptionLevel = "active"
	InterruptionTimeSensitive InterruptionLevel = "time-sensitive"
	InterruptionCritical      InterruptionLevel = "critical"
)

// An Alert is the text of an iOS notification. Message.Title and Message.Content override two of its parts.
type Alert struct {
	Title    string `json:"title,omitzero"`
	Subtitle string `json:"subtitle,omitzero"`
	Body     string `json:"body,omitzero"`
}

// withExtra encodes a struct with the members of extra behind its own. A member of both would be in the
// JSON twice, and which one counts would be the server's choice; so it is refused.
func withExtra(at string, own any, extra map[string]any) ([]byte, error) {
	b, err := encode(own)
	if err != nil || len(extra) == 0 {
		return b, err
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if name == "" || slices.ContainsFunc(members(own), func(m string) bool { return strings.EqualFold(m, name) }) {
			return nil, &ParamError{"PushParams", at + name, "is in Extra, but is a member of its own"}
		}
	}
	more, err := encode(extra)
	if err != nil || len(b) == len("{}") {
		return more, err
	}
	b[len(b)-1] = ','
	return append(b, more[1:]...), nil
}

// members lists the names of a struct on the wire.
func members(v any) []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}
