package wxpaytest

import "strconv"

// ConfirmTransfer lets the user take the money of a bill in WAIT_USER_CONFIRM: it is paid, after Options.TaskDuration
// in TRANSFERING, and makes the event MCHTRANSFER.BILL.FINISHED if the bill has a notify_url. A bill in CANCELING may
// be confirmed too: the user was faster.
func (s *Server) ConfirmTransfer(outBillNo string) error {
	_, err := s.act("confirm-transfer", map[string]string{"out_bill_no": outBillNo})
	return err
}

// FailTransfer makes a bill fail for a reason such as PAYEE_ACCOUNT_ABNORMAL, whatever state it is in but a final one;
// it may be a bill that is still to be created.
func (s *Server) FailTransfer(outBillNo, reason string) error {
	_, err := s.act("fail-transfer", map[string]string{"out_bill_no": outBillNo, "reason": reason})
	return err
}

// SetTransferBalance says how much money there is to transfer, which is without end at first. A bill for which there
// is too little waits in PROCESSING for more, up to 24 hours; refuse makes its creation answer NOT_ENOUGH instead.
func (s *Server) SetTransferBalance(fen int64, refuse bool) error {
	short := map[bool]string{true: "NOT_ENOUGH", false: "PROCESSING"}[refuse]
	_, err := s.act("set-transfer-balance", map[string]string{"balance": strconv.FormatInt(fen, 10), "short": short})
	return err
}

// AgreeToAuthorization lets the user agree to receive without confirming, and returns the authorization_id. If it was
// asked for along with a bill, the user takes the money of that bill too.
func (s *Server) AgreeToAuthorization(outAuthorizationNo string) (authorizationID string, err error) {
	return s.act("agree-authorization", map[string]string{"out_authorization_no": outAuthorizationNo})
}

// EndAuthorization lets the user end an authorization.
func (s *Server) EndAuthorization(outAuthorizationNo string) error {
	_, err := s.act("end-authorization", map[string]string{"out_authorization_no": outAuthorizationNo})
	return err
}
