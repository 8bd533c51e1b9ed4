package membercard_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const host = "https://api.mch.weixin.qq.com"

// newService returns a service in front of a mock whose answers are signed as the platform signs.
func newService(mock *httpmock.MockTransport) *membercard.Service {
	client, err := wxpay.New(platformtest.Config(mock))
	if err != nil {
		panic(err)
	}
	return membercard.New(client)
}

// all makes a mock that answers everything by r.
func all(r httpmock.Responder) *httpmock.MockTransport {
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(r)
	return mock
}

// at reads a time as it stands in a document.
func at(s string) wxpay.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return wxpay.TimeOf(t)
}

// A wire is one call as the documents have it. Everything in it is written by hand.
type wire struct {
	call    func(context.Context, *membercard.Service) (any, error)
	request string // "POST /v3/…", with what the names in the route are
	route   string // the same with the names themselves
	query   string // not escaped; encrypted_phone_number as plain text
	body    string // JSON; encrypted_phone_number as plain text; empty: none
	answer  string // JSON; empty: 204
	want    any
	enums   []string // values in the answer that may be others tomorrow
	repeats bool     // sent again after an answer that leaves the outcome open
}

// done is for calls that answer nothing.
func done(err error) (any, error) { return nil, err }

const refusal = `{"code":"INVALID_REQUEST","message":"card_id不合法","detail":{"field":"card_id","value":"x","issue":"不合法","location":"url"}}`

// run plays a call through everything that may come back.
func (w wire) run(t *testing.T) {
	success := func() (int, string) {
		if w.answer == "" {
			return http.StatusNoContent, ""
		}
		return http.StatusOK, w.answer
	}
	t.Run("answer", func(t *testing.T) {
		status, body := success()
		got, err := w.send(t, httpmock.NewStringResponder(status, body))
		require.NoError(t, err)
		assert.Equal(t, w.want, got)
	})
	t.Run("answer of tomorrow", func(t *testing.T) {
		answer := `{"born_tomorrow":{"a":[1]},` + strings.TrimPrefix(cmp.Or(w.answer, "{}"), "{")
		answer = strings.Replace(answer, ",}", "}", 1)
		for _, v := range w.enums {
			require.Contains(t, answer, `"`+v+`"`)
			answer = strings.ReplaceAll(answer, `"`+v+`"`, `"TOMORROW"`)
		}
		got, err := w.send(t, httpmock.NewStringResponder(http.StatusOK, answer))
		require.NoError(t, err)
		if w.answer != "" {
			text, err := json.Marshal(got)
			require.NoError(t, err)
			assert.Equal(t, strings.Count(answer, "TOMORROW"), strings.Count(string(text), "TOMORROW"), "unknown values pass through")
		}
		if len(w.enums) == 0 {
			assert.Equal(t, w.want, got)
		}
	})
	t.Run("refusal", func(t *testing.T) {
		_, err := w.send(t, httpmock.NewStringResponder(http.StatusBadRequest, refusal))
		require.ErrorIs(t, err, wxpay.CodeInvalidRequest)
		e, ok := errors.AsType[*wxpay.Error](err)
		require.True(t, ok)
		assert.Equal(t, w.route, e.Route)
		assert.True(t, e.Verified)
		assert.False(t, wxpay.OutcomeUnknown(err))
	})
	t.Run("lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			status, body := success()
			responder := httpmock.NewErrorResponder(io.ErrUnexpectedEOF).Then(httpmock.NewStringResponder(status, body))
			got, err := w.send(t, responder)
			if !w.repeats {
				assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, w.want, got)
		})
	})
}

// send makes the call, compares what is sent and lets responder answer.
func (w wire) send(t *testing.T, responder httpmock.Responder) (any, error) {
	method, path, _ := strings.Cut(w.request, " ")
	mock := httpmock.NewMockTransport()
	var first []byte
	mock.RegisterResponder(method, host+path, func(req *http.Request) (*http.Response, error) {
		body := w.compare(t, req)
		if first == nil {
			first = body
		}
		assert.Equal(t, first, body, "every attempt sends the same bytes")
		return responder(req)
	})
	return w.call(t.Context(), newService(mock))
}

// compare holds a request to the documents and returns its body.
func (w wire) compare(t *testing.T, req *http.Request) []byte {
	assert.Contains(t, req.Header.Get("Authorization"), `WECHATPAY2-SHA256-RSA2048 mchid="1900000100",`)
	assert.Equal(t, "PUB_KEY_ID_0119000001002024112500000000000001", req.Header.Get("Wechatpay-Serial"))

	query := req.URL.Query()
	if sealed := query.Get("encrypted_phone_number"); sealed != "" {
		assert.NotContains(t, req.URL.RawQuery, "+", "a bare + reads as a blank")
		query.Set("encrypted_phone_number", platformtest.Open(t, sealed))
	}
	want, err := url.ParseQuery(w.query)
	assert.NoError(t, err)
	assert.Equal(t, want, query)

	if w.body == "" {
		assert.Nil(t, req.Body)
		return nil
	}
	assert.Equal(t, "application/json", req.Header.Get("Content-Type"))
	body, err := io.ReadAll(req.Body)
	assert.NoError(t, err)
	var members map[string]any
	assert.NoError(t, json.Unmarshal(body, &members))
	if sealed, ok := members["encrypted_phone_number"].(string); ok {
		members["encrypted_phone_number"] = platformtest.Open(t, sealed)
	}
	text, err := json.Marshal(members)
	assert.NoError(t, err)
	assert.JSONEq(t, w.body, string(text))
	return body
}

// named answers with what stands in the path, under the names of the route.
func named(route string) httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		_, path, _ := strings.Cut(route, " ")
		names, values, members := strings.Split(path, "/"), strings.Split(req.URL.Path, "/"), map[string]string{}
		for i, name := range names {
			if name, ok := strings.CutPrefix(name, "{"); ok {
				members[strings.TrimSuffix(name, "}")] = values[i]
			}
		}
		return httpmock.NewJsonResponse(http.StatusOK, members)
	}
}

// A limit is what the documents say of one text of a request.
type limit struct {
	field  string // path in the params, such as Brand.BrandID
	param  string // name on the wire
	most   int    // characters; 0: not said
	needed bool
}

// limits holds a call to them: at most is taken, one more and nothing are refused, and nothing is sent.
func limits[P any](t *testing.T, route string, call func(context.Context, *membercard.Service, P) error, base P, rows ...limit) {
	for _, row := range rows {
		with := func(text string) (sent int, err error) {
			p := base
			field := reflect.ValueOf(&p).Elem()
			for name := range strings.SplitSeq(row.field, ".") {
				field = field.FieldByName(name)
			}
			field.SetString(text)
			mock := all(named(route))
			err = call(t.Context(), newService(mock), p)
			return mock.GetTotalCallCount(), err
		}
		refused := func(text string) {
			sent, err := with(text)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			if assert.True(t, ok, "%s %s: %v", route, row.param, err) {
				assert.Equal(t, wxpay.ParamError{Route: route, Param: row.param, Reason: e.Reason}, *e)
				assert.NotContains(t, e.Reason, "会会")
			}
			assert.Zero(t, sent, row.param)
		}
		char := "会"
		if row.param == "out_request_no" {
			char = "7"
		}
		if row.most > 0 {
			sent, err := with(strings.Repeat(char, row.most))
			assert.NoError(t, err, row.param)
			assert.Equal(t, 1, sent, row.param)
			refused(strings.Repeat(char, row.most+1))
		}
		if row.needed {
			refused("")
		} else {
			_, err := with("")
			assert.NoError(t, err, row.param)
		}
		if row.param == "out_request_no" {
			refused("no number")
			sent, err := with("aZ09|_*-")
			assert.NoError(t, err)
			assert.Equal(t, 1, sent)
		}
	}
}
