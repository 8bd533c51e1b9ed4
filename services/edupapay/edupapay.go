// Package edupapay debits education fees period by period under a contract with the user (教育续费通).
//
// The order of work, once per period after the contract stands:
//
//	PresignContract → the user signs in WeChat → ENTRUST.SIGNING
//	SendDebitNotice, 1 to 3 days before the day of the debit
//	CreateTransaction → TRANSACTION.SUCCESS or TRANSACTION.FAIL
//
// Notifications can be late or lost, so whatever has not come is to be queried: [Service.GetContract],
// [Service.WaitTransaction]. Package notify receives them; the events are here.
//
// Service providers (partner mode) name the sub-merchant with SubMchID, SubAppID and SubOpenID;
// direct merchants leave the three empty.
//
// Contracts, users, orders and whatever else is asked for by its name later must be able to stand in a path:
// names with slashes, blanks, line ends or other invisible characters are refused before anything is sent.
// An answer about another contract, user or order than was asked for is a [wxpay.UnknownError].
//
// EP-11: the pages print the same table of errors at every call, so [wxpay.CodeNotEnough] stands also at
// calls that move no money.
//
// A number such as EP-11 names a doubt: a point on which the public pages differ or are silent. They stand
// with what was seen and decided in https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md
package edupapay

import "github.com/wxpay-go/wxpay"

// A Service calls education auto-renewal for one merchant. It is safe for concurrent use.
type Service struct{ client *wxpay.Client }

// New returns the service of client.
func New(client *wxpay.Client) *Service { return &Service{client} }
