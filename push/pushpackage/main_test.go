package pushpackage_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "canary-1452fcebae9f3115"

// basic is "1500001048:" + secret in Base64.
const basic = "Basic MTUwMDAwMTA0ODpjYW5hcnktMTQ1MmZjZWJhZTlmMzExNQ=="

// tpns is a client whose every request goes to answer.
func tpns(t testing.TB, answer httpmock.Responder, change ...func(*pushpackage.Config)) *pushpackage.Client {
	t.Helper()
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(answer)
	config := pushpackage.Config{AccessID: "1500001048", SecretKey: secret, HTTPClient: &http.Client{Transport: mock}}
	for _, c := range change {
		c(&config)
	}
	client, err := pushpackage.New(config)
	require.NoError(t, err)
	return client
}

// expect answers a JSON call that must look as given on the wire.
func expect(t testing.TB, path, body, answer string) httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		sent, err := io.ReadAll(req.Body)
		assert.NoError(t, err)
		assert.Equal(t, http.MethodPost, req.Method)
		assert.Equal(t, "https://api.tpns.tencent.com"+path, req.URL.String())
		assert.Equal(t, []string{"application/json"}, req.Header["Content-Type"])
		assert.Equal(t, []string{basic}, req.Header["Authorization"])
		assert.Equal(t, []string{"identity"}, req.Header["Accept-Encoding"])
		assert.EqualValues(t, len(sent), req.ContentLength)
		assert.JSONEq(t, body, string(sent))
		return httpmock.NewStringResponse(http.StatusOK, answer), nil
	}
}

// unreachable fails the test if anything is sent.
func unreachable(t testing.TB) httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		t.Errorf("sent %s", req.URL)
		return httpmock.NewStringResponse(http.StatusOK, `{"retCode":0}`), nil
	}
}

func ok(answer string) httpmock.Responder {
	return httpmock.NewStringResponder(http.StatusOK, answer)
}

func day(year int, month time.Month, day int) pushpackage.Date {
	return pushpackage.Date{Year: year, Month: month, Day: day}
}
