package transfers

import (
	"strings"
	"time"
	"unicode"

	"github.com/wxpay-go/wxpay/internal/value"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

// A Bill is what a ledger knows of the bill of a row.
type Bill struct {
	State          mchtransfer.TransferState // empty: none was created, or nobody knows
	TransferBillNo string
	PackageInfo    string // ticket for the page on which the user confirms; only in WAIT_USER_CONFIRM
	since          time.Time
}

// BillOf reads what the ledger of a job of transfers holds of a row.
func BillOf(item ledger.Item) Bill {
	switch item.State {
	case ledger.Done:
		return Bill{State: mchtransfer.TransferSuccess, TransferBillNo: item.Code}
	case ledger.Rejected:
		if state, _, _ := strings.Cut(item.Code, ":"); ended(item.Code) {
			return Bill{State: mchtransfer.TransferState(state)}
		}
		return Bill{}
	}
	return marked(item.Code)
}

// mark is what the ledger holds of a bill between two steps in place of a code.
func (b Bill) mark() string {
	s := string(word(string(b.State))) + " " + b.since.In(value.Beijing).Format(time.RFC3339) + " " + word(b.TransferBillNo)
	if b.PackageInfo != "" {
		s += " " + b.PackageInfo
	}
	return s
}

// word is a text that fits into a mark.
func word(s string) string {
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' }) {
		return "-"
	}
	return s
}

// marked reads a mark; of anything else it is zero.
func marked(code string) (b Bill) {
	parts := strings.SplitN(code, " ", 4)
	if len(parts) < 3 {
		return b
	}
	since, err := time.Parse(time.RFC3339, parts[1])
	if err != nil {
		return b
	}
	b = Bill{State: mchtransfer.TransferState(parts[0]), TransferBillNo: strings.TrimPrefix(parts[2], "-"), since: since}
	if len(parts) == 4 {
		b.PackageInfo = parts[3]
	}
	return b
}

// created reports whether the ledger knows that there is a bill for a row.
func created(item bulk.Item) bool { return marked(item.Code).State != "" }

// endedAs is the code of a row whose bill has ended without being paid.
func endedAs(state mchtransfer.TransferState, reason mchtransfer.FailReason) string {
	if r := word(string(reason)); r != "-" {
		return string(state) + ":" + r
	}
	return string(state)
}

// ended reports whether a row was rejected with such a code.
func ended(code string) bool {
	state, _, _ := strings.Cut(code, ":")
	return state == string(mchtransfer.TransferFail) || state == string(mchtransfer.TransferCancelled)
}
