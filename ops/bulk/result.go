package bulk

import (
	"context"
	"errors"
	"net/http"

	"github.com/wxpay-go/wxpay"
)

// Failed is what an error of the SDK says of a step:
//
//   - refused here, or by the platform for a reason that lies in the row: Rejected
//   - it may have happened: Unknown
//   - refused for everybody (keys, clock, permission), too fast, or it never left: Staged, to be taken again
//
// It does not look into errors that only an operation understands, such as ALREADY_EXISTS.
func Failed(err error) Result {
	wrong, refusedHere := errors.AsType[*wxpay.ParamError](err)
	refused, refusedThere := errors.AsType[*wxpay.Error](err)
	r := Result{Err: err}
	if refusedThere {
		r.Code, r.RequestID = string(refused.Code), refused.RequestID
		r.Reason = Behind(Masked(refused.Message), refused.Hint())
	}
	switch {
	case refusedHere:
		r.State, r.Code = Rejected, string(wxpay.CodeParamError)
		r.Reason = wxpay.Hint{English: wrong.Param + " " + wrong.Reason, Chinese: wrong.Param + " " + chinese(wrong.Reason)}
	case wxpay.OutcomeUnknown(err):
		r.State = Unknown
		if lost, ok := errors.AsType[*wxpay.UnknownError](err); ok {
			r.Reason, r.RequestID = lost.Hint(), lost.RequestID
		}
	case refusedThere && !everybodys(refused):
		r.State = Rejected
	}
	return r
}

// everybodys reports whether a refusal says nothing of the row.
func everybodys(e *wxpay.Error) bool {
	return e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusTooManyRequests || e.Code == wxpay.CodeNoAuth ||
		e.Code == "" || saysTooFast(e.Message) // the page of a proxy; or too fast in other words
}

// Behind puts what to do behind what the platform said, which may be nothing.
func Behind(said string, todo wxpay.Hint) wxpay.Hint {
	switch {
	case said == "":
		return todo
	case todo == wxpay.Hint{}:
		return wxpay.Hint{English: said, Chinese: said}
	}
	return wxpay.Hint{English: said + "; " + todo.English, Chinese: said + "；" + todo.Chinese}
}

// Again sends a call that was kept: the same bytes, with a signature of today. T is what the method of its service
// returns; struct{} for one that returns nothing.
func Again[T any](ctx context.Context, client *wxpay.Client, kept wxpay.Prepared) (*T, error) {
	return wxpay.Do[T](ctx, client, kept.Call())
}
