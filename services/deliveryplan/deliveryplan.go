// Package deliveryplan has the platform hand out product coupons by itself (投放计划): a plan names a stock or stock bundle of
// package productcoupon and when, how many and to whom at most.
//
//  1. [Service.SetNotifyURL] says where [EventPlanChanged] goes.
//  2. [Service.CreatePlan] hands a plan in; people review it, which takes about two working days.
//  3. The platform hands coupons out. Every one still has to be confirmed, see ConfirmCoupon of package productcoupon.
//  4. [Service.UpdatePlan] makes a plan larger or longer, [Service.TerminatePlan] ends it.
//
// [Service.ListPlans] with a PlanID reads one plan, and so tells what became of a call.
//
// # Service providers and brands
//
// A service provider names the brand with BrandID, a brand that calls in its own name leaves it out. [Service.ResumePlan]
// is open to brands alone, [Service.TerminatePlan] to service providers alone. At the door of brands, and in
// notifications, states have no prefix: CREATED is [PlanCreated], PASSED is [AuditPassed] (DP-5, DP-15). Both spellings
// are read as the constants here, and each door is asked in its own.
//
// # Errors, limits and doubts
//
// No error of a call was readable but those that all calls have (DP-11): [wxpay.CodeInvalidRequest] if a call breaks a rule,
// [wxpay.CodeNoAuth] if the brand has not granted the product to the service provider. Rates are printed for brands alone,
// per brand; stay below them as a service provider too (DP-7).
//
// A number such as DP-15 names a doubt: a point on which the public pages differ or are silent. They stand
// with what was seen and decided in https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md
package deliveryplan

import "github.com/wxpay-go/wxpay"

// A Service calls delivery plans for one service provider or brand. It is safe for concurrent use.
type Service struct{ client *wxpay.Client }

// New returns the service of client.
func New(client *wxpay.Client) *Service { return &Service{client} }

// EventPlanChanged is the type of the notification of a plan whose state or review changed, or that is over
// (投放计划状态变更), for notify.On. It goes to the address of [Service.SetNotifyURL]. One text says that PlanState is the
// state before the change (DP-5): ask [Service.ListPlans] for the one that holds.
const EventPlanChanged wxpay.EventType[PlanChangedEvent] = "DELIVERY_PLAN.CHANGE"
