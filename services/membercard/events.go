package membercard

import "github.com/wxpay-go/wxpay"

// Types of the notifications of member cards, for notify.On. They go to the address of [Service.SetCallback]. How
// often one is repeated is not certain (MC-1), so handle each so that a repeat does no harm.
const (
	EventAcceptCard   wxpay.EventType[AcceptCardEvent]   = "MEMBERCARD.ACCEPT_CARD"
	EventActivateCard wxpay.EventType[ActivateCardEvent] = "MEMBERCARD.ACTIVATE_CARD"
	EventManageCard   wxpay.EventType[ManageCardEvent]   = "MEMBERCARD.USERCARD_MANAGE"
)

// An AcceptEventType is how a card was taken. The platform may add values.
type AcceptEventType string

// Ways to take a card (MC-14).
const (
	AcceptNewActivate   AcceptEventType = "NEW_ACTIVATE"                       // new member
	AcceptRecover       AcceptEventType = "RECOVER"                            // deleted card restored
	AcceptByPhoneNumber AcceptEventType = "MEMBER_CARD_ACCEPT_BY_PHONE_NUMBER" // after ImportPhoneNumber
	AcceptActivate      AcceptEventType = "MEMBER_CARD_ACTIVATE"               // seen in an older sample
)

// An AcceptCardEvent says that a user took a card (领卡).
//
// https://pay.weixin.qq.com/doc/v3/merchant/4017166745
// https://pay.weixin.qq.com/doc/v3/partner/4017175975
type AcceptCardEvent struct {
	EventType   AcceptEventType `json:"event_type"`
	CardID      string          `json:"card_id"`
	Code        string          `json:"code,omitzero"`
	EventTime   wxpay.Time      `json:"event_time"`
	OpenID      string          `json:"openid"` // under the AppID of the card
	UnionID     string          `json:"unionid,omitzero"`
	PhoneNumber string          `json:"phone_number,omitzero"` // ciphertext; open with Client.Decrypt. One page only has it (MC-25)
	OuterStr    string          `json:"outer_str,omitzero"`    // mark of the merchant
}

// An ActivateEventType is what an [ActivateCardEvent] tells. The platform may add values.
type ActivateEventType string

// ActivateMemberCard says that the card is in force.
const ActivateMemberCard ActivateEventType = "MEMBER_CARD_ACTIVATE"

// An ActivateScene is how an activation came about. The platform may add values.
type ActivateScene string

// Scenes of an activation.
const (
	SceneNewActivate ActivateScene = "NEW_ACTIVATE" // new member
	SceneRecover     ActivateScene = "RECOVER"      // deleted card restored
)

// An ActivateCardEvent says that the card of a user came into force (激活).
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012288215
// https://pay.weixin.qq.com/doc/v3/partner/4012163936
type ActivateCardEvent struct {
	EventType     ActivateEventType `json:"event_type"`
	CardID        string            `json:"card_id"`
	Code          string            `json:"code,omitzero"`
	EventTime     wxpay.Time        `json:"event_time"`
	OpenID        string            `json:"openid"` // under the AppID of the card
	UnionID       string            `json:"unionid,omitzero"`
	ActivateScene ActivateScene     `json:"activate_scene,omitzero"` // samples lack it (MC-15)
	OuterStr      string            `json:"outer_str,omitzero"`      // mark of the merchant
}

// A ManageEventType is what a user did with a card. The platform may add values.
type ManageEventType string

// What users do with a card.
const (
	ManageView   ManageEventType = "USER_VIEW_MEMBERCARD"    // looked at it
	ManageDelete ManageEventType = "USER_DELETE_MEMBERCARD"  // deleted it
	ManageModify ManageEventType = "USER_MODIFY_INFORMATION" // changed what was filled in
)

// A ManageCardEvent says that a user looked at, changed or deleted a card (用户管理会员卡).
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012288215
// https://pay.weixin.qq.com/doc/v3/partner/4012163936
type ManageCardEvent struct {
	EventType ManageEventType `json:"event_type"`
	CardID    string          `json:"card_id"`
	Code      string          `json:"code,omitzero"`
	EventTime wxpay.Time      `json:"event_time"`
	OpenID    string          `json:"openid"` // under the AppID of the card
	UnionID   string          `json:"unionid,omitzero"`
}
