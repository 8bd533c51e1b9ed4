package productcoupon

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// UploadImage stores a picture and answers the address by which other calls take it (图片上传).
//
// Limits: file is a picture of 2,000,000 bytes at most, whose name ends in .jpg, .jpeg, .bmp or .png and has at most
// 150 characters (PC-15: the guide names JPG and PNG alone). Name and size are checked before anything is sent.
//
// Repeating: a picture has no number, and one that is uploaded twice has two addresses; that costs nothing, but a lost
// answer is left to the caller. Each attempt reads the file again.
//
// Errors: [wxpay.CodeNoAuth] if the product is not open for the caller.
//
//	POST /v3/marketing/partner/product-coupon/media/upload-image
//	POST /brand/marketing/product-coupon/media/upload-image
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781275
func (s *Service) UploadImage(ctx context.Context, file *media.Source) (*Image, error) {
	if err := params.CheckAt(s.client, routeUploadImage, brandUploadImage, checkImage(file)); err != nil {
		return nil, err
	}
	digest, err := file.Digest()
	if err != nil {
		return nil, fmt.Errorf("wxpay: %s: not sent: %w", routeUploadImage, err)
	}
	return wxpay.Do[Image](ctx, s.client, wxpay.Call{
		Route:      routeUploadImage,
		BrandRoute: brandUploadImage,
		Body:       imageMeta{file.Name(), digest.Hex()},
		File:       file,
		Digest:     &digest,
	})
}

// imageMeta is the signed part of an upload.
type imageMeta struct {
	Filename string `json:"filename"`
	SHA256   string `json:"sha256"`
}

// MaxImageSize is how many bytes a picture may have.
const MaxImageSize = 2_000_000

var imageName = regexp.MustCompile(`(?i)\.(jpe?g|bmp|png)$`)

func checkImage(file *media.Source) *wxpay.ParamError {
	switch {
	case file == nil:
		return params.Must(false, "file", "is missing")
	case !imageName.MatchString(file.Name()):
		return params.Must(false, "filename", "must end in .jpg, .bmp or .png")
	case file.Size() <= 0:
		return params.Must(false, "file", "is empty")
	}
	return params.First(
		params.Clean("filename", file.Name(), 150),
		params.Must(file.Size() <= MaxImageSize, "file", fmt.Sprintf("has %d bytes, more than %d", file.Size(), MaxImageSize)),
	)
}

// CreateImageTask orders a picture (提交图片生成任务): a header picture put together from brand and discount, or goods cut
// out of a picture that was uploaded.
//
// The making is asynchronous: no error means that the task was accepted. EventImageGenerated tells the result;
// [Service.WaitImage] asks for it.
//
// Limits: 10 a second (PC-14). COMBINE_IMAGE needs CombineImage, CUT_OUT needs CutOut. A brand that calls in its own name
// cannot order (PC-25), but can ask [Service.GetImageTask].
//
// Repeating: safe with the same TaskID and otherwise the same params, and done after a lost answer (PC-17).
//
// Errors: [wxpay.CodeAlreadyExists] if the number is taken, which after a lost answer can be this very task: ask
// GetImageTask.
//
//	POST /v3/marketing/partner/product-coupon/image-generation-tasks
//
// https://pay.weixin.qq.com/doc/v3/partner/4017327735
// https://pay.weixin.qq.com/doc/v3/partner/4017327752
func (s *Service) CreateImageTask(ctx context.Context, p CreateImageTaskParams) (*ImageTaskAccepted, error) {
	if err := cmp.Or(p.check(s.client), params.Check(routeCreateImageTask, p.together())); err != nil {
		return nil, err
	}
	return wxpay.Do[ImageTaskAccepted](ctx, s.client, wxpay.Call{
		Route: routeCreateImageTask,
		Body:  p,
		Echo:  wxpay.Vars{"task_id": p.TaskID, "brand_id?": p.BrandID},
		// By task_id, which names the task for good (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4017327735
		Idempotent: true,
	})
}

// GetImageTask returns a picture task as it stands (查询图片生成任务执行结果). The address of the picture is in the result for
// what was ordered, once the task is [ImageTaskSuccess].
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if there is no such task.
//
//	GET /v3/marketing/partner/product-coupon/image-generation-tasks/{task_id}
//	GET /brand/marketing/product-coupon/image-generation-tasks/{task_id}
//
// https://pay.weixin.qq.com/doc/v3/partner/4017327739
// https://pay.weixin.qq.com/doc/v3/partner/4017327753
func (s *Service) GetImageTask(ctx context.Context, p GetImageTaskParams) (*ImageTask, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return wxpay.Do[ImageTask](ctx, s.client, wxpay.Call{
		Route:      routeGetImageTask,
		BrandRoute: brandGetImageTask,
		Vars:       wxpay.Vars{"task_id": p.TaskID},
		Query:      params.Query("brand_id", p.BrandID, "image_generation_type", string(p.ImageGenerationType)),
		Echo:       wxpay.Vars{"task_id": p.TaskID, "brand_id?": p.BrandID, "image_generation_type?": string(p.ImageGenerationType)},
	})
}

// Final reports whether the task has ended.
func (s ImageTaskState) Final() bool { return s == ImageTaskSuccess || s == ImageTaskFail }

// WaitImageParams names the picture task for [Service.WaitImage].
type WaitImageParams struct {
	TaskID              string
	BrandID             string // a brand leaves it out
	ImageGenerationType ImageGenerationType
	Every               time.Duration // between two looks; 0: 5 s
}

// WaitImage looks at a picture task again and again until it has ended, and returns it: made or failed, so look at its
// TaskState. A state not known here counts as not ended.
//
// Only ctx bounds the wait; cancelling it ends the wait at once. With an error comes the last state seen, if any. The wait
// goes on after errors that are [wxpay.Transient]; a refusal ends it, such as [wxpay.CodeNotFound] for a task that was
// never accepted.
func (s *Service) WaitImage(ctx context.Context, p WaitImageParams) (*ImageTask, error) {
	return wxpay.Wait(ctx, p.Every, func(ctx context.Context) (*ImageTask, bool, error) {
		task, err := s.GetImageTask(ctx, GetImageTaskParams{TaskID: p.TaskID, BrandID: p.BrandID, ImageGenerationType: p.ImageGenerationType})
		return task, err == nil && task.TaskState.Final(), err
	})
}
