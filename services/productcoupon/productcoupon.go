// Package productcoupon makes product coupons (商品券) of brands and brings them to their users.
//
// The order of work:
//
//	SetNotifyConfig, once: without an address no coupon can be made
//	UploadImage, or CreateImageTask and WaitImage, for the pictures
//	CreateProductCoupon with its first stock (批次), or stock bundle (批次组) for a coupon that is used several times
//	UploadCodes, if the codes of the stock are your own (CouponCodeModeUpload)
//	SendCoupon, or a delivery plan or the brand's own platform distributes it → EventCouponSent
//	ConfirmCoupon, for each coupon, whoever sent it: before that it is of no use
//	UseCoupon, ReturnCoupon, DeactivateCoupon: what became of it
//
// There are two doors. A service provider calls for brands that have granted it the product, and names the brand in
// BrandID. A client whose [wxpay.Config] has a BrandID calls in the brand's own name by the same methods, and leaves
// BrandID out of the params. CreateImageTask, PreSendCouponBundle and DeactivateCouponBundle are open to service
// providers alone: nobody has seen them at the brand's door (PC-25), and a brand gets a [wxpay.ParamError].
//
// What changes something has a request number, unique per brand. After an error for which [wxpay.OutcomeUnknown] is true,
// call again with the same number and the same params; the SDK itself does so up to [wxpay.Config].MaxAttempts times.
// Other params under a number that was used are refused. What a repeat answers after a success is not printed
// (PC-17): take [wxpay.CodeAlreadyExists] as done only after a query.
//
// The tables of errors could be read for one call alone (PC-18), and the limits of calls are per service provider, shared
// by all its brands, or per brand at the brand's own door (PC-14): 20 a second, 500 for coupons of users, 10 for
// CreateImageTask.
//
// Coupons that are used several times have the mode PROGRESSIVE_BUNDLE. Those made before November 2025 have SEQUENTIAL,
// and members that are not read here (PC-1).
//
// Brands, coupons, stocks and whatever else is asked for by its name must be able to stand in a path: names with
// slashes, blanks, line ends or other invisible characters are refused before anything is sent. An answer about
// something else than was asked for is a [wxpay.UnknownError].
//
// A number such as PC-17 names a doubt: a point on which the public pages differ or are silent. They stand
// with what was seen and decided in https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md
package productcoupon

import "github.com/wxpay-go/wxpay"

// A Service calls product coupons for one caller. It is safe for concurrent use.
type Service struct{ client *wxpay.Client }

// New returns the service of client.
func New(client *wxpay.Client) *Service { return &Service{client} }
