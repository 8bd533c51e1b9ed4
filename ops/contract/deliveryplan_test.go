package contract

import (
	"github.com/wxpay-go/wxpay/services/deliveryplan"
)

func deliveryplanCalls(x *exchange) map[string]call {
	s := deliveryplan.New(client(x))
	return map[string]call{
		"createPlan":    answers(s.CreatePlan),
		"listPlans":     lists(s.ListPlans),
		"updatePlan":    answers(s.UpdatePlan),
		"terminatePlan": succeeds(s.TerminatePlan),
		"setNotifyUrl":  answers(s.SetNotifyURL),
		"resumePlan":    answers(s.ResumePlan),
	}
}
