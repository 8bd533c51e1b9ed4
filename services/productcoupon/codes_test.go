package productcoupon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// A shelf is a stock that codes are uploaded to, as the documents describe it.
type shelf struct {
	t      *testing.T
	has    map[string]bool
	pieces []piece
	faults map[int]func(*http.Request) (*http.Response, error) // by request, from 0; in place of the answer
}

// A piece is one request.
type piece struct {
	Number string   `json:"out_request_no"`
	Codes  []string `json:"code_list"`
}

func (s *shelf) RoundTrip(req *http.Request) (*http.Response, error) {
	assert.Equal(s.t, "/v3/marketing/partner/product-coupon/product-coupons/1000000013/stocks/1000000013001/upload-coupon-codes", req.URL.RequestURI())
	var p piece
	require.NoError(s.t, json.Unmarshal([]byte(text(s.t, req)), &p))
	s.pieces = append(s.pieces, p)
	answer, seen := map[string][]any{}, map[string]bool{}
	for _, code := range p.Codes {
		list := "success_code_list"
		switch {
		case seen[code]:
			list = "duplicate_code_list"
		case strings.HasPrefix(code, "bad"):
			answer["failed_code_list"] = append(answer["failed_code_list"], map[string]string{"coupon_code": code, "code": "INVALID_REQUEST", "message": "x"})
			continue
		case s.has[code]:
			list = "already_exist_code_list"
		}
		seen[code], s.has[code] = true, true
		answer[list] = append(answer[list], code)
	}
	if fault := s.faults[len(s.pieces)-1]; fault != nil {
		return fault(req)
	}
	body, err := json.Marshal(answer)
	require.NoError(s.t, err)
	return signed(200, string(body))(req)
}

// upload uploads codes to the shelf, with as many attempts a piece.
func (s *shelf) upload(attempts int, p productcoupon.UploadCodesParams) (*productcoupon.UploadCodesResult, error) {
	config := platformtest.Config(nil)
	config.MaxAttempts, config.HTTPClient = attempts, &http.Client{Transport: s}
	client, err := wxpay.New(config)
	require.NoError(s.t, err)
	p.ProductCouponID, p.StockID, p.BrandID = couponID, stockID, brandID
	return productcoupon.New(client).UploadCodes(s.t.Context(), p)
}

func numbered(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("code_%07d", i)) {
				return
			}
		}
	}
}

func TestUploadCodes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]int{1: {1}, 199: {199}, 200: {200}, 201: {200, 1}, 1000: {200, 200, 200, 200, 200}} {
		s := &shelf{t: t, has: map[string]bool{}}
		result, err := s.upload(1, productcoupon.UploadCodesParams{OutRequestNo: "autumn", Codes: numbered(n)})
		require.NoError(t, err)
		assert.Equal(t, &productcoupon.UploadCodesResult{Next: int64(n), Stored: int64(n)}, result)
		assert.Len(t, s.has, n)
		var sizes []int
		numbers := map[string]bool{}
		for _, p := range s.pieces {
			sizes, numbers[p.Number] = append(sizes, len(p.Codes)), true
			assert.Regexp(t, `^autumn-[0-9a-f]{16}$`, p.Number)
		}
		assert.Equal(t, want, sizes)
		assert.Len(t, numbers, len(want), "each piece has its number")
	}
}

// What is refused, was there, or stands twice is told; the rest is stored.
func TestUploadCodesPartly(t *testing.T) {
	t.Parallel()
	s := &shelf{t: t, has: map[string]bool{"b": true}}
	codes := slices.Values([]string{"a", "b", "bad1", "a", "c"})
	result, err := s.upload(1, productcoupon.UploadCodesParams{OutRequestNo: "autumn", Codes: codes})
	require.NoError(t, err)
	assert.Equal(t, &productcoupon.UploadCodesResult{Next: 5, Stored: 2, Existing: 1, Duplicates: 1,
		Failed: []productcoupon.FailedCode{{CouponCode: "bad1", Code: "INVALID_REQUEST", Message: "x"}}}, result)
}

// After an answer that leaves the outcome open the same piece goes out again, with the same number and the same codes, by
// the SDK itself or by another upload, from where it stopped or from the start. Nothing is lost and nothing is counted as
// refused.
func TestUploadCodesAfterAnUnclearAnswer(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*http.Request) (*http.Response, error){
		"lost":              func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
		"forged":            func(*http.Request) (*http.Response, error) { return forged(`{"success_code_list":["code_0000200"]}`) },
		"broken":            signed(500, `{"code":"SYSTEM_ERROR","message":"x"}`),
		"about other codes": signed(200, `{"total_count":1,"success_code_list":["code_0000001"]}`),
	} {
		for _, from := range []int64{0, 200} {
			s := &shelf{t: t, has: map[string]bool{}, faults: map[int]func(*http.Request) (*http.Response, error){1: fault}}
			p := productcoupon.UploadCodesParams{OutRequestNo: "autumn", Codes: numbered(500)}
			result, err := s.upload(1, p)
			require.True(t, wxpay.OutcomeUnknown(err), "%s: %v", name, err)
			assert.Equal(t, &productcoupon.UploadCodesResult{Next: 200, Stored: 200}, result, name)
			p.From = from
			result, err = s.upload(1, p)
			require.NoError(t, err, name)
			assert.Equal(t, &productcoupon.UploadCodesResult{Next: 500, Stored: 100, Existing: 400 - from}, result, name)
			assert.Len(t, s.has, 500)
			again := slices.IndexFunc(s.pieces[2:], func(p piece) bool { return p.Codes[0] == "code_0000200" })
			assert.Equal(t, s.pieces[1], s.pieces[2+again], "the same request")
		}
		if name == "about other codes" { // is told to the caller at once
			continue
		}
		s := &shelf{t: t, has: map[string]bool{}, faults: map[int]func(*http.Request) (*http.Response, error){0: fault}}
		result, err := s.upload(2, productcoupon.UploadCodesParams{OutRequestNo: "autumn", Codes: numbered(1)})
		require.NoError(t, err, name)
		assert.Equal(t, &productcoupon.UploadCodesResult{Next: 1, Existing: 1}, result, name)
		assert.Equal(t, s.pieces[0], s.pieces[1])
	}
}

// Other codes, another stock, another coupon or another name are another request.
func TestUploadCodesNumbers(t *testing.T) {
	t.Parallel()
	numbers := map[string]bool{}
	for _, name := range []string{"autumn", "winter"} {
		for _, codes := range [][]string{{"a", "b"}, {"ab"}, {"b", "a"}, {"a"}} {
			s := &shelf{t: t, has: map[string]bool{}}
			_, err := s.upload(1, productcoupon.UploadCodesParams{OutRequestNo: name, Codes: slices.Values(codes)})
			require.NoError(t, err)
			numbers[s.pieces[0].Number] = true
		}
	}
	assert.Len(t, numbers, 8)
	for _, at := range [][2]string{{couponID, "1"}, {couponID, "2"}, {"1000000014", "1"}} {
		service, bodies := answering(t, signed(200, `{"success_code_list":["a"]}`))
		_, err := service.UploadCodes(t.Context(), productcoupon.UploadCodesParams{ProductCouponID: at[0], StockID: at[1], BrandID: brandID,
			OutRequestNo: "autumn", Codes: slices.Values([]string{"a"})})
		require.NoError(t, err)
		numbers[(*bodies)[0]] = true
	}
	assert.Len(t, numbers, 11)
}

// An answer that leaves out a code does not settle it.
func TestUploadCodesOfWhichOneIsNotTold(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{`{"total_count":2,"success_code_list":["code_0000000"]}`, `{}`, `{"failed_code_list":[{"code":"X"}]}`} {
		s := &shelf{t: t, has: map[string]bool{}, faults: map[int]func(*http.Request) (*http.Response, error){0: signed(200, answer)}}
		result, err := s.upload(1, productcoupon.UploadCodesParams{OutRequestNo: "autumn", Codes: numbered(2)})
		assert.True(t, wxpay.OutcomeUnknown(err), "%s: %v", answer, err)
		assert.Equal(t, &productcoupon.UploadCodesResult{}, result)
	}
}

// PC-10: codes that failed may come without their reasons.
func TestUploadCodesWithoutReasons(t *testing.T) {
	t.Parallel()
	answer := signed(200, `{"total_count":2,"success_code_list":["code_0000000"],"failed_code_list":["code_0000001"]}`)
	s := &shelf{t: t, has: map[string]bool{}, faults: map[int]func(*http.Request) (*http.Response, error){0: answer}}
	result, err := s.upload(1, productcoupon.UploadCodesParams{OutRequestNo: "autumn", Codes: numbered(2)})
	require.NoError(t, err)
	assert.Equal(t, &productcoupon.UploadCodesResult{Next: 2, Stored: 1, Failed: []productcoupon.FailedCode{{CouponCode: "code_0000001"}}}, result)
}

func TestUploadCodesRefused(t *testing.T) {
	t.Parallel()
	list := func(codes ...string) iter.Seq[string] { return slices.Values(codes) }
	for name, test := range map[string]struct {
		p      productcoupon.UploadCodesParams
		param  string
		pieces int
	}{
		"no list":           {productcoupon.UploadCodesParams{OutRequestNo: "a"}, "codes", 0},
		"an empty list":     {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: list()}, "codes", 0},
		"no number":         {productcoupon.UploadCodesParams{Codes: numbered(1)}, "out_request_no", 0},
		"a long number":     {productcoupon.UploadCodesParams{OutRequestNo: strings.Repeat("a", 24), Codes: numbered(1)}, "out_request_no", 0},
		"a number of 23":    {productcoupon.UploadCodesParams{OutRequestNo: strings.Repeat("a", 23), Codes: numbered(1)}, "", 1},
		"a mark in it":      {productcoupon.UploadCodesParams{OutRequestNo: "a|b", Codes: numbered(1)}, "out_request_no", 0},
		"from before":       {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: numbered(1), From: -1}, "from", 0},
		"from the end":      {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: numbered(2), From: 2}, "", 0},
		"from beyond":       {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: numbered(2), From: 3}, "codes", 0},
		"no code":           {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: list("a", "b", "")}, "codes[2]", 0},
		"a blank":           {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: list("a", "b c")}, "codes[1]", 0},
		"a line end":        {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: list("a", "b\r")}, "codes[1]", 0},
		"a long code":       {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: list("a", strings.Repeat("b", 41))}, "codes[1]", 0},
		"one of 40":         {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: list(strings.Repeat("b", 40))}, "", 1},
		"in a later piece":  {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: followed(numbered(201), "?")}, "codes[201]", 1},
		"in a piece passed": {productcoupon.UploadCodesParams{OutRequestNo: "a", Codes: followed(numbered(201), "?"), From: 200}, "codes[201]", 0},
	} {
		s := &shelf{t: t, has: map[string]bool{}}
		result, err := s.upload(1, test.p)
		refused, ok := errors.AsType[*wxpay.ParamError](err)
		assert.Len(t, s.pieces, test.pieces, name)
		if test.param == "" {
			assert.NoError(t, err, name)
			continue
		}
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, test.param, refused.Param, name)
		assert.NotContains(t, refused.Reason, "bbb")
		if name == "a long number" {
			assert.Equal(t, "has 24 characters, more than 23", refused.Reason)
		}
		assert.Equal(t, int64(test.pieces*200), result.Next-test.p.From, name)
	}
}

// followed is a list with one code more.
func followed(codes iter.Seq[string], last string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for code := range codes {
			if !yield(code) {
				return
			}
		}
		yield(last)
	}
}

// The end of the context ends the upload, and no more of the list is read.
func TestUploadCodesEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &shelf{t: t, has: map[string]bool{}}
	read := 0
	endless := func(yield func(string) bool) {
		for yield(fmt.Sprintf("code_%07d", read)) {
			if read++; read == 300 {
				cancel()
			}
		}
	}
	client := once(t, s.RoundTrip)
	result, err := productcoupon.New(client).UploadCodes(ctx, productcoupon.UploadCodesParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID,
		OutRequestNo: "autumn", Codes: endless})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, &productcoupon.UploadCodesResult{Next: 200, Stored: 200}, result)
	assert.Len(t, s.pieces, 1)
	assert.Equal(t, 399, read)
}

// A brand uploads at its own door.
func TestUploadCodesOfABrand(t *testing.T) {
	t.Parallel()
	var sent string
	client := platformtest.BrandClient(t, platformtest.Trip(func(req *http.Request) (*http.Response, error) {
		sent = req.URL.RequestURI() + " " + text(t, req)
		return signed(200, `{"total_count":1,"success_code_list":["a"]}`)(req)
	}))
	_, err := productcoupon.New(client).UploadCodes(t.Context(), productcoupon.UploadCodesParams{ProductCouponID: couponID, StockID: stockID,
		OutRequestNo: "autumn", Codes: slices.Values([]string{"a"})})
	require.NoError(t, err)
	assert.Regexp(t, `^/brand/marketing/product-coupon/product-coupons/1000000013/stocks/1000000013001/upload-coupon-codes \{"out_request_no":"autumn-[0-9a-f]{16}","code_list":\["a"\]\}$`, sent)
}
