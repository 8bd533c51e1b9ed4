// Package mchtransfer transfers money from a merchant to users (商家转账, fund-app/mch-transfer), the product of 2025 that
// took the place of the older batch transfer.
//
// The order of work, after scene and caller address were opened on the merchant platform:
//
//	Transfer → PackageInfo → the user confirms in WeChat → MCHTRANSFER.BILL.FINISHED, or WaitBill
//	Receipt, for a paid bill that was created with UserName
//
// [Service.Transfer] is [Service.CreateTransferBill] and what follows an unclear answer.
//
// # Life of a bill
//
//	ACCEPTED → PROCESSING → WAIT_USER_CONFIRM → TRANSFERING → SUCCESS, FAIL
//	CANCELING → CANCELLED, by CancelTransferBill, as long as the bill has not ended
//
// The money is locked before the user is asked; with too little of it the bill stays in PROCESSING, and the platform
// tries for 24 hours. The user has 24 hours to confirm; after that the bill is closed as FAIL, and the money goes back,
// which may take longer. [TransferState.Final] tells which states stay; one not known here does not.
//
// # Never twice
//
// OutBillNo stands for one bill for ever: the same number with the same data is the same bill, with other data it is
// refused. An error answer says nothing about the bill, since it may have been made before. So repeat with the same
// number and the same data, or query, and never take a new number while the old bill may still pay: only
// [TransferFail] and [TransferCancelled] say that it will not.
//
// # Authorizations
//
// A user who authorized it receives without confirming: [Service.CreateTransferBillWithAuthorization] or
// [Service.CreateAuthorization] asks, MCHTRANSFER.AUTHORIZATION.CONFIRMED or [Service.GetAuthorization] tells, and
// [Service.CreateAuthorizedTransferBill] pays. Only merchants whom the platform admits have this (MT-15).
//
// # Names
//
// UserName of the params goes out encrypted (MT-1): give it as it is. With it the platform compares names. In answers it
// comes encrypted for the merchant, and [wxpay.Client.Decrypt] opens it (MT-11).
//
// Nothing here is open to brands. Service providers have other calls, which are not part of this package.
//
// A number such as MT-11 names a doubt: a point on which the public pages differ or are silent. They stand
// with what was seen and decided in https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md
package mchtransfer

import "github.com/wxpay-go/wxpay"

// A Service calls merchant transfer for one merchant. It is safe for concurrent use.
type Service struct{ client *wxpay.Client }

// New returns the service of client.
func New(client *wxpay.Client) *Service { return &Service{client} }
