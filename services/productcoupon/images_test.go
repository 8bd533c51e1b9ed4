package productcoupon_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

func TestUploadImage(t *testing.T) {
	t.Parallel()
	const picture = "picture bytes"
	sum := sha256.Sum256([]byte(picture))
	for path, client := range map[string]func(testing.TB, http.RoundTripper) *wxpay.Client{partner: platformtest.Client, brand: platformtest.BrandClient} {
		mock := platformtest.Trip(func(req *http.Request) (*http.Response, error) {
			assert.Equal(t, "POST "+path+"/media/upload-image", req.Method+" "+req.URL.RequestURI())
			_, form, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
			require.NoError(t, err)
			parts := multipart.NewReader(req.Body, form["boundary"])
			for _, want := range []string{`{"filename":"header.jpg","sha256":"` + hex.EncodeToString(sum[:]) + `"}`, picture} {
				part, err := parts.NextPart()
				require.NoError(t, err)
				got, err := io.ReadAll(part)
				require.NoError(t, err)
				assert.Equal(t, want, string(got))
			}
			return signed(200, `{"image_url":"https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx"}`)(req)
		})
		image, err := productcoupon.New(client(t, mock)).UploadImage(t.Context(), media.Bytes("header.jpg", []byte(picture)))
		require.NoError(t, err)
		assert.Equal(t, &productcoupon.Image{ImageURL: "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx"}, image)
	}
}

func TestUploadImageRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("字", 146)
	for name, test := range map[string]struct {
		file  *media.Source
		param string // empty: is sent
	}{
		"none":             {nil, "file"},
		"empty":            {media.Bytes("a.jpg", nil), "file"},
		"another kind":     {media.Bytes("a.gif", []byte("x")), "filename"},
		"no kind":          {media.Bytes("jpg", []byte("x")), "filename"},
		"capitals":         {media.Bytes("A.JPEG", []byte("x")), ""},
		"of 150":           {media.Bytes(long+".bmp", []byte("x")), ""},
		"of 151":           {media.Bytes(long+"字.bmp", []byte("x")), "filename"},
		"of 2,000,000":     {media.Bytes("a.png", make([]byte, 2_000_000)), ""},
		"of a byte more":   {media.Bytes("a.png", make([]byte, 2_000_001)), "file"},
		"a line in a name": {media.Bytes("a\n.png", []byte("x")), "filename"},
	} {
		s, bodies := answering(t, signed(200, `{"image_url":"https://wxpaylogo.qpic.cn/x"}`))
		_, err := s.UploadImage(t.Context(), test.file)
		refused, ok := errors.AsType[*wxpay.ParamError](err)
		if test.param == "" {
			assert.NoError(t, err, name)
			continue
		}
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, test.param, refused.Param, name)
		assert.Empty(t, *bodies, name)
	}
}

func combined() productcoupon.CreateImageTaskParams {
	return productcoupon.CreateImageTaskParams{BrandID: brandID, TaskID: taskID, ImageGenerationType: productcoupon.ImageGenerationCombineImage,
		CombineImage: productcoupon.CombineImage{Scope: productcoupon.ScopeAll, Type: productcoupon.CouponExchange, UsageMode: productcoupon.UsageModeSingle,
			ExchangeCoupon: &productcoupon.ExchangeCoupon{}, BackgroundColor: "#ff5733"}}
}

func TestCreateImageTask(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    answers(S.CreateImageTask)(combined()),
		Request: "POST " + partner + "/image-generation-tasks",
		Route:   "POST " + partner + "/image-generation-tasks",
		Body: `{"brand_id":"120344","task_id":"image_generation_task_1","image_generation_type":"COMBINE_IMAGE","combine_image":{"scope":"ALL",
			"type":"EXCHANGE","usage_mode":"SINGLE","exchange_coupon":{"threshold":0,"exchange_price":0},"background_color":"#ff5733"}}`,
		Answer:  `{"task_id":"image_generation_task_1","brand_id":"120344"}`,
		Want:    &productcoupon.ImageTaskAccepted{TaskID: taskID, BrandID: brandID},
		Repeats: true,
	}.Run(t)
	platformtest.Wire{
		Call: answers(S.CreateImageTask)(productcoupon.CreateImageTaskParams{BrandID: brandID, TaskID: taskID,
			ImageGenerationType: productcoupon.ImageGenerationCutOut, CutOut: productcoupon.CutOut{ImageURL: "https://wxpaylogo.qpic.cn/wxpaylogo/example.jpg"}}),
		Request: "POST " + partner + "/image-generation-tasks",
		Route:   "POST " + partner + "/image-generation-tasks",
		Body: `{"brand_id":"120344","task_id":"image_generation_task_1","image_generation_type":"CUT_OUT","cut_out":{
			"image_url":"https://wxpaylogo.qpic.cn/wxpaylogo/example.jpg"}}`,
		Answer:  `{"task_id":"image_generation_task_1","brand_id":"120344"}`,
		Want:    &productcoupon.ImageTaskAccepted{TaskID: taskID, BrandID: brandID},
		Repeats: true,
	}.Run(t)
}

// A brand cannot order pictures, and is told so before anything else.
func TestCreateImageTaskOfABrand(t *testing.T) {
	t.Parallel()
	client := platformtest.BrandClient(t, platformtest.Trip(func(*http.Request) (*http.Response, error) { return nil, errors.New("was sent") }))
	_, err := productcoupon.New(client).CreateImageTask(t.Context(), productcoupon.CreateImageTaskParams{})
	assert.EqualError(t, err, "wxpay: POST "+partner+"/image-generation-tasks: route is not open to brands; nothing was sent")
}

func TestGetNotifyConfig(t *testing.T) {
	t.Parallel()
	bothDoors(t, platformtest.Wire{
		Call: func(ctx context.Context, c *wxpay.Client) (any, error) {
			address, err := productcoupon.New(c).GetNotifyConfig(ctx)
			return address, err
		},
		Request: "GET " + partner + "/notify-configs", Route: "GET " + partner + "/notify-configs",
		Answer:  `{"notify_url":"https://www.example.com/notify","update_time":"2015-05-20T13:29:35+08:00"}`,
		Want:    &productcoupon.NotifyAddress{NotifyURL: "https://www.example.com/notify", UpdateTime: at("2015-05-20T13:29:35+08:00")},
		Repeats: true,
	})
}

func imageState(state string) func(*http.Request) (*http.Response, error) {
	return signed(200, fmt.Sprintf(`{"brand_id":"120344","task_id":"image_generation_task_1","image_generation_type":"CUT_OUT","task_state":%q}`, state))
}

func TestWaitImage(t *testing.T) {
	t.Parallel()
	lost := func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	p := productcoupon.WaitImageParams{TaskID: taskID, BrandID: brandID, ImageGenerationType: productcoupon.ImageGenerationCutOut}
	platformtest.MerchantKey()
	platformtest.PlatformKey()
	for name, test := range map[string]struct {
		every   time.Duration
		answers []func(*http.Request) (*http.Response, error)
		want    productcoupon.ImageTaskState
		after   time.Duration
	}{
		"at once":          {0, []func(*http.Request) (*http.Response, error){imageState("SUCCESS")}, "SUCCESS", 0},
		"failed":           {0, []func(*http.Request) (*http.Response, error){imageState("PROCESSING"), imageState("FAIL")}, "FAIL", 5 * time.Second},
		"not heard of":     {time.Minute, []func(*http.Request) (*http.Response, error){imageState("QUEUED"), imageState(""), imageState("SUCCESS")}, "SUCCESS", 2 * time.Minute},
		"passing failures": {0, []func(*http.Request) (*http.Response, error){lost, signed(500, `{"code":"SYSTEM_ERROR","message":"x"}`), imageState("SUCCESS")}, "SUCCESS", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, bodies := answering(t, test.answers...)
				start := time.Now()
				p.Every = test.every
				task, err := s.WaitImage(t.Context(), p)
				require.NoError(t, err)
				assert.Equal(t, test.want, task.TaskState)
				assert.Equal(t, test.after, time.Since(start))
				assert.Len(t, *bodies, len(test.answers))
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p.Every = 0
		s, _ := answering(t, imageState("PROCESSING"), signed(404, `{"code":"NOT_FOUND","message":"x"}`))
		task, err := s.WaitImage(t.Context(), p)
		require.ErrorIs(t, err, wxpay.CodeNotFound)
		assert.Equal(t, productcoupon.ImageTaskProcessing, task.TaskState)
		s, _ = answering(t, imageState("PROCESSING"))
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		task, err = s.WaitImage(ctx, p)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, productcoupon.ImageTaskProcessing, task.TaskState)
	})
}
