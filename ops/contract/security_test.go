package contract

import (
	"github.com/wxpay-go/wxpay/services/security"
)

func securityCalls(x *exchange) map[string]call {
	return map[string]call{"echo": answers(security.New(client(x)).Echo)}
}
