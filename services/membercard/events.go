package membercard

import "github.com/wxpay-go/wxpay"

// Types of the notifications of member cards, for notify.On. They go to the address of [Service.SetCallback]. How
// often one is repeated is not certain (MC-1), so handle each so that a repeat does no harm.
const (
	EventAcceptCard   wxpay.EventType[AcceptCardEvent]   = "MEMBERCARD.ACCEPT_CARD"
	EventActivateCard wxpay.EventType[ActivateCardEvent] = "MEMBERCARD.ACTIVATE_CARD"
	EventManageCard   wxpay.EventType[ManageCardEvent]   = "MEMBERCARD.USERCARD_MANAGE"
)
