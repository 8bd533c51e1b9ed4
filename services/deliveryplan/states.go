package deliveryplan

import "strings"

const (
	planPrefix  = "PLAN_"
	auditPrefix = "AUDIT_"
)

// UnmarshalText reads a state in either spelling, CREATED as [PlanCreated] (DP-5, DP-15). What is not known stays as it
// came.
func (s *PlanState) UnmarshalText(text []byte) error {
	*s = PlanState(text)
	switch full := planPrefix + *s; full {
	case PlanCreating, PlanCreated, PlanDelivering, PlanPaused, PlanTerminating, PlanTerminated, PlanExpired:
		*s = full
	}
	return nil
}

// UnmarshalText reads a state in either spelling, PASSED as [AuditPassed] (DP-5). What is not known stays as it came.
func (s *AuditState) UnmarshalText(text []byte) error {
	*s = AuditState(text)
	switch full := auditPrefix + *s; full {
	case AuditInitial, AuditProcessing, AuditPassed, AuditRejected:
		*s = full
	}
	return nil
}

// Final reports whether the plan has ended. A state not known here counts as not ended.
func (s PlanState) Final() bool { return s == PlanTerminated || s == PlanExpired }

// atDoor is the state as the door of brands, or of service providers, spells it (DP-15). Only that of plans differs.
func (s PlanState) atDoor(ofBrands bool) string {
	if ofBrands {
		return strings.TrimPrefix(string(s), planPrefix)
	}
	return string(s)
}
