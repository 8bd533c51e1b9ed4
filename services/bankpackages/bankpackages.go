// Package bankpackages fills number packages (营销·号码包): a bank uploads files of quick-pay agreement numbers
// (快捷交易协议号), WeChat Pay finds the users they belong to, in the background, and a campaign then
// reaches those users.
//
// The package itself is made on the merchant platform. From there the way is
//
//	numbers → encrypted files → upload → task PROCESSING → task FINISHED with counts
//
// and [Service.Import] goes it in one call, for a list of any length. Its parts can be used alone:
// [Service.Encrypt] makes files, [Service.CreateTask] uploads one, [Service.WaitTask] waits for it.
//
// A full file takes about 40 minutes when nobody queues before it, about 1.3 million numbers an hour, so
// upload a day or two before the campaign: numbers added after it was activated do not join it. An
// upload can neither be stopped nor taken back; only the whole package can be deleted, on the
// merchant platform. A merchant may upload 6,000 files a day.
//
// A number such as BP-7 names a doubt: a point on which the public pages differ or are silent. They stand
// with what was seen and decided in https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md
package bankpackages

import "github.com/wxpay-go/wxpay"

// Limits of one file.
const (
	MaxFileSize = 2_000_000 // bytes
	MaxLines    = 5_500     // agreement numbers (BP-13: advice in some pages, a limit in others)
)

// A Service calls the bank packages of one merchant. It is safe for concurrent use.
type Service struct{ client *wxpay.Client }

// New returns the service of client.
func New(client *wxpay.Client) *Service { return &Service{client} }
