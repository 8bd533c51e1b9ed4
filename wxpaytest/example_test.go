package wxpaytest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A server and its client. In a test it is one line: server := wxpaytest.New(t).
func ExampleNewServer() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	server.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 3)

	// Every service takes the client; edupapay.New(server.Client()) wraps this call.
	page, err := wxpay.Do[struct {
		TotalCount int `json:"total_count"`
	}](context.Background(), server.Client(), wxpay.Call{
		Route: "GET /v3/edu-papay/user/{openid}/contracts",
		Vars:  wxpay.Vars{"openid": "oUpF8uMuAJOM2pxb1Q"},
		Query: url.Values{"appid": {"wx8888888888888888"}, "plan_id": {"101164396123311331"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page.TotalCount, "contracts")
	// Output: 3 contracts
}

// A lost answer is one line: the card is handed out, the caller does not hear of it, and repeating with the
// same number clears it up.
func ExampleServer_Inject() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	client, card := server.Client(), server.AddCard("SYSTEM_ALLOCATE")
	call := wxpay.Call{
		Route: "POST /v3/marketing/membercard-open/cards/{card_id}/users/import",
		Vars:  wxpay.Vars{"card_id": card},
		Body:  map[string]string{"openid": "oUpF8uMuAJOM2pxb1Q", "out_request_no": "import-1"},
	}
	if err := server.Inject(call.Route, "reset-after-effect", 1); err != nil {
		log.Fatal(err)
	}
	type member struct{ Code string }
	_, err = wxpay.Do[member](context.Background(), client, call)
	fmt.Println("outcome unknown:", wxpay.OutcomeUnknown(err))
	again, err := wxpay.Do[member](context.Background(), client, call)
	fmt.Println("code", again.Code, err)
	// Output:
	// outcome unknown: true
	// code 470000000002 <nil>
}

// A test may need an answer that the server would not give, or call what it does not know: Reply signs any
// answer.
func ExampleServer_Reply() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	const route = "GET /v3/pay/transactions/id/{transaction_id}"
	if err := server.Reply(route, http.StatusOK, `{"trade_state":"REFUND"}`); err != nil {
		log.Fatal(err)
	}
	answer, err := wxpay.Do[struct {
		State string `json:"trade_state"`
	}](context.Background(), server.Client(), wxpay.Call{Route: route, Vars: wxpay.Vars{"transaction_id": "1217752501201407033233368018"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.State)
	// Output: REFUND
}

// With httpmock the server is a responder like any other.
func ExampleServer_Respond() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", `=~^https://api\.mch\.weixin\.qq\.com/v3/security/`, server.Respond)

	config := server.Config()
	config.HTTPClient = &http.Client{Transport: mock}
	client, err := wxpay.New(config)
	if err != nil {
		log.Fatal(err)
	}
	answer, err := wxpay.Do[map[string]string](context.Background(), client, wxpay.Call{
		Route: "POST /v3/security/echo",
		Body:  map[string]string{"echo_message": "hello"},
	})
	fmt.Println((*answer)["echo_message"], err, mock.GetTotalCallCount())
	// Output: hello <nil> 1
}

// Notify posts a notification to a handler, signed and encrypted as the platform does it, and variants of
// it that a handler must refuse.
func ExampleServer_Notify() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	client := server.Client()

	// Package notify is this handler with all checks; here is what it comes down to.
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sig := auth.Signature{
			Serial: r.Header.Get("Wechatpay-Serial"), Timestamp: r.Header.Get("Wechatpay-Timestamp"), Nonce: r.Header.Get("Wechatpay-Nonce"),
			Signature: r.Header.Get("Wechatpay-Signature"), Type: r.Header.Get("Wechatpay-Signature-Type"),
		}
		if err := client.Verify(r.Context(), sig, body); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var n struct {
			EventType string `json:"event_type"`
			Resource  struct {
				Algorithm, Nonce, Ciphertext string
				AssociatedData               string `json:"associated_data"`
			}
		}
		if err := json.Unmarshal(body, &n); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		plain, err := client.OpenResource(n.Resource.Algorithm, n.Resource.Nonce, n.Resource.AssociatedData, n.Resource.Ciphertext)
		fmt.Println(n.EventType, string(plain), err)
		w.WriteHeader(http.StatusNoContent)
	})

	event := map[string]string{"appid": "wx8888888888888888"}
	for _, variants := range [][]wxpaytest.Variant{nil, {wxpaytest.Forged}, {wxpaytest.Probe}, {wxpaytest.Stale}, {wxpaytest.UnknownSerial}} {
		resp, err := server.Notify(context.Background(), handler, "ENTRUST.SIGNING", event, variants...)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(resp.StatusCode)
	}
	// Output:
	// ENTRUST.SIGNING {"appid":"wx8888888888888888"} <nil>
	// 204
	// 401
	// 401
	// 401
	// 401
}
