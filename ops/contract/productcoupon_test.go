package contract

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

func productcouponCalls(x *exchange) map[string]call {
	s := productcoupon.New(client(x))
	return map[string]call{
		"uploadImage": func(ctx context.Context, in input) (any, error) {
			return s.UploadImage(ctx, media.Bytes(in.text("meta", "filename"), []byte(in.text("file"))))
		},
		"createImageTask":          answers(s.CreateImageTask),
		"getImageTask":             answers(s.GetImageTask),
		"setNotifyConfig":          answers(s.SetNotifyConfig),
		"getNotifyConfig":          func(ctx context.Context, _ input) (any, error) { return s.GetNotifyConfig(ctx) },
		"createProductCoupon":      answers(s.CreateProductCoupon),
		"getProductCoupon":         answers(s.GetProductCoupon),
		"updateProductCoupon":      answers(s.UpdateProductCoupon),
		"deactivateProductCoupon":  answers(s.DeactivateProductCoupon),
		"createStock":              answers(s.CreateStock),
		"listStocks":               lists(s.ListStocks),
		"getStock":                 answers(s.GetStock),
		"updateStock":              answers(s.UpdateStock),
		"deactivateStock":          answers(s.DeactivateStock),
		"updateStockBudget":        answers(s.UpdateStockBudget),
		"associateStores":          answers(s.AssociateStores),
		"disassociateStores":       answers(s.DisassociateStores),
		"listAssociatedStores":     lists(s.ListAssociatedStores),
		"uploadCouponCodes":        answers(s.UploadCouponCodes),
		"createStockBundle":        answers(s.CreateStockBundle),
		"updateStockBundle":        answers(s.UpdateStockBundle),
		"updateStockBundleBudget":  answers(s.UpdateStockBundleBudget),
		"associateBundleStores":    answers(s.AssociateBundleStores),
		"disassociateBundleStores": answers(s.DisassociateBundleStores),
		"sendCoupon":               answers(s.SendCoupon),
		"listUserCoupons":          lists(s.ListUserCoupons),
		"preSendCoupon":            answers(s.PreSendCoupon),
		"getUserCoupon":            answers(s.GetUserCoupon),
		"confirmCoupon":            answers(s.ConfirmCoupon),
		"useCoupon":                answers(s.UseCoupon),
		"returnCoupon":             answers(s.ReturnCoupon),
		"deactivateCoupon":         answers(s.DeactivateCoupon),
		"sendCouponBundle":         answers(s.SendCouponBundle),
		"preSendCouponBundle":      answers(s.PreSendCouponBundle),
		"deactivateCouponBundle":   answers(s.DeactivateCouponBundle),
	}
}

// TestCallsThatBrandsDoNotHave makes every call of merchants that no document has met at the door of brands, with the
// client of a brand: it must say so by itself.
func TestCallsThatBrandsDoNotHave(t *testing.T) {
	t.Parallel()
	calls := 0
	for _, doc := range documents(t) {
		if doc.Name == "tpns.yaml" || doc.Name == "certificates.yaml" { // made by clients of their own
			continue
		}
		doors := map[string]bool{}
		for _, op := range doc.Operations {
			doors[op.OperationID] = doors[op.OperationID] || op.Brand
		}
		for _, op := range doc.Operations {
			if doors[op.OperationID] {
				continue
			}
			ofBrand := *op
			ofBrand.Brand = true
			x := &exchange{doc: doc, op: &ofBrand, want: inputs(t, op)[0]}
			_, err := x.send(t.Context())
			refused, ok := errors.AsType[*wxpay.ParamError](err)
			if assert.True(t, ok, "%s: %v", op.OperationID, err) {
				assert.Equal(t, wxpay.ParamError{Route: op.Route(), Param: "route", Reason: "is not open to brands"}, *refused)
			}
			assert.Zero(t, x.arrived, "%s was sent", op.OperationID)
			calls++
		}
	}
	assert.Greater(t, calls, 3)
	t.Logf("%d calls", calls)
}
