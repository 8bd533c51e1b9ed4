package pushpackage

import (
	"context"
	"errors"
	"fmt"

	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/media"
)

const routeUpload = "POST /v3/push/package/upload"

// UploadParams are the parameters of [Client.Upload].
type UploadParams struct {
	File *media.Source `json:"-"`

	// SkipChecks sends the file without looking into it. Several rules of TPNS are vague, see [Check];
	// this is the way past ours.
	SkipChecks bool `json:"-"`
}

// An Upload is a list that TPNS has stored.
type Upload struct {
	UploadID int64 `json:"uploadId"` // above 0; belongs into [PushParams]
}

// Upload stores a list of accounts (号码包) or of device tokens (Token 包) and returns the id that a push
// names. Nobody is pushed to yet. TPNS is not told which of the two kinds it is: push a list of accounts
// with [AccountPackage] and a list of tokens with [TokenPackage].
//
// Before anything is sent the file is read once for a digest and once by [Check]; then it is sent with
// its exact length, in constant memory. If it changes after it was checked, the request is broken off with
// [media.ErrChanged].
//
// Limits: see [Check]. No limit of frequency is published, nor how long an id stays valid and whether it
// can be pushed twice. Login is always HTTP Basic, see [Config].
//
// Repeating: safe, and done after lost answers, 5xx and 1008028; at worst a stored list stays unused.
//
// Errors: [ParamError] for a file that breaks a rule, with the number of the line and never its content;
// [CodeUploadFailed], [CodeEmptyFile]. Whether TPNS itself refuses wrong content here or only when it
// is pushed is not documented.
//
//	POST /v3/push/package/upload
//
// 号码包上传接口: https://cloud.tencent.com/document/product/548/39065
//
// Token 包上传接口: https://cloud.tencent.com/document/product/548/50301
func (c *Client) Upload(ctx context.Context, p UploadParams) (*Upload, error) {
	form, err := c.form(ctx, p)
	if err != nil {
		return nil, err
	}
	upload, err := do[Upload](ctx, c, call{route: routeUpload, repeat: ifFailed, form: form})
	if err != nil {
		return nil, err
	}
	if upload.UploadID <= 0 {
		return nil, &UnknownError{routeUpload, errors.New("success, but without an uploadId")}
	}
	return upload, nil
}

// form frames the file of an upload. The digest is taken before the content is checked, so that what is
// checked and what is sent are both compared with the same bytes.
func (c *Client) form(ctx context.Context, p UploadParams) (*media.Form, error) {
	if p.File == nil {
		return nil, &ParamError{routeUpload, "file", "is missing"}
	}
	digest, err := digestOf(ctx, p)
	if refused, ok := errors.AsType[*ParamError](err); ok {
		return nil, refused
	}
	if err != nil {
		return nil, oneline.Error(fmt.Errorf("pushpackage: %s: not sent: %w", routeUpload, err))
	}
	form, err := media.NewForm(nil, p.File, &digest)
	if err != nil {
		return nil, &ParamError{routeUpload, "filename", err.Error()}
	}
	return form, nil
}

func digestOf(ctx context.Context, p UploadParams) (media.Digest, error) {
	if p.SkipChecks {
		return p.File.Digest(ending{ctx})
	}
	if err := checkFrame(p.File); err != nil {
		return media.Digest{}, err
	}
	digest, err := p.File.Digest(ending{ctx})
	if err == nil {
		err = checkContent(ctx, p.File)
	}
	return digest, err
}

// ending stops a pass over a file when its context ends.
type ending struct{ context.Context }

func (e ending) Write(p []byte) (int, error) {
	if e.Err() != nil {
		return 0, oneline.Ended(e.Context)
	}
	return len(p), nil
}
