package wxpay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jarcoal/httpmock"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// An endpoint that no package wraps is called with Do: its route, its values, and a struct for the answer.
func ExampleDo() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	type taskList struct {
		TotalCount int64 `json:"total_count"`
	}
	list, err := wxpay.Do[taskList](context.Background(), server.Client(), wxpay.Call{
		Route: "GET /v3/marketing/bank/packages/{package_id}/tasks",
		Vars:  wxpay.Vars{"package_id": "8473295"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(list.TotalCount, "tasks")
	// Output: 0 tasks
}

// A call is kept before its first byte leaves, and sent again as it was when its answer is lost: here by the same
// program, in earnest by the next one, for a Prepared goes into JSON and comes back.
func ExampleWithPrepared() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := server.Inject("", "reset-after-effect", 1); err != nil { // it is done, and the answer is lost
		fmt.Println(err)
		return
	}
	config := server.Config()
	config.MaxAttempts = 1
	client, err := wxpay.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}

	var kept []byte
	ctx := wxpay.WithPrepared(context.Background(), func(_ context.Context, call wxpay.Prepared) error {
		text, err := json.Marshal(call)
		kept = text
		return err // if it fails, nothing is sent
	})
	_, err = membercard.New(client).ImportUserByPhone(ctx, membercard.ImportUserByPhoneParams{
		CardID: server.AddCard("SYSTEM_ALLOCATE"), PhoneNumber: "13800138000", OutRequestNo: "join-1",
	})
	fmt.Println("unknown:", wxpay.OutcomeUnknown(err))

	var call wxpay.Prepared
	if err := json.Unmarshal(kept, &call); err != nil {
		fmt.Println(err)
		return
	}
	code, err := wxpay.Do[membercard.CardCode](context.Background(), client, call.Call())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a card with a code:", code.Code != "")
	// Output:
	// unknown: true
	// a card with a code: true
}

// A call that answers nothing and that no package wraps. What is secret in its body is encrypted on its way out.
func ExampleSend() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := server.Reply("POST /v3/profitsharing/receivers/add", http.StatusNoContent, nil); err != nil {
		fmt.Println(err)
		return
	}

	err = wxpay.Send(context.Background(), server.Client(), wxpay.Call{
		Route: "POST /v3/profitsharing/receivers/add",
		Body:  map[string]any{"type": "PERSONAL_OPENID", "account": "oUpF8uMuAJOM2pxb1Q", "name": wxpay.Secret("Zhang San")},
	})
	sent := server.Requests()[0].Body
	fmt.Println(err, strings.Contains(sent, "oUpF8uMuAJOM2pxb1Q"), strings.Contains(sent, "Zhang San"))
	// Output: <nil> true false
}

// What a caller may do next depends on the kind of the error.
func ExampleOutcomeUnknown() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := server.Inject("", "forged", 3); err != nil { // whatever is answered, somebody else signed it
		fmt.Println(err)
		return
	}

	_, err = bankpackages.New(server.Client()).ListTasks(context.Background(), bankpackages.ListTasksParams{PackageID: "8473295"})
	switch e, refused := errors.AsType[*wxpay.Error](err); {
	case err == nil:
		fmt.Println("done")
	case wxpay.OutcomeUnknown(err):
		fmt.Println("it may have happened: query, or repeat with the same number")
	case refused && e.Code == wxpay.CodeNoAuth:
		fmt.Println("apply for the permission")
	default:
		fmt.Println("it did not happen:", err)
	}
	// Output: it may have happened: query, or repeat with the same number
}

// What a call went through is there after it, also if it succeeded: for a log, or for a question to the platform's
// support.
func ExampleWithExchange() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := server.Inject("", "500", 1); err != nil { // a fault that passes
		fmt.Println(err)
		return
	}

	var ex wxpay.Exchange
	ctx := wxpay.WithExchange(context.Background(), &ex)
	_, err = bankpackages.New(server.Client()).ListTasks(ctx, bankpackages.ListTasksParams{PackageID: "8473295"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ex.Sender, "called", ex.Route)
	fmt.Println("attempt", ex.Attempt, "was answered with", ex.Status, "and a Request-ID:", ex.RequestID != "")
	for _, before := range ex.Earlier {
		fmt.Println("attempt", before.Attempt, "was answered with", before.Status)
	}
	// Output:
	// 1900000109 called GET /v3/marketing/bank/packages/{package_id}/tasks
	// attempt 2 was answered with 200 and a Request-ID: true
	// attempt 1 was answered with 500
}

// Requests reach the transport signed, so httpmock sees what WeChat Pay would see. Answers have to be
// signed too; the fake does that.
func ExampleConfig_httpmock() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", `=~^https://api\.mch\.weixin\.qq\.com/v3/marketing/bank/`, server.Respond)

	config := server.Config()
	config.HTTPClient = &http.Client{Transport: mock}
	client, err := wxpay.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := bankpackages.New(client).ListTasks(context.Background(), bankpackages.ListTasksParams{PackageID: "8473295"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Total, "tasks after", mock.GetTotalCallCount(), "request")
	// Output: 0 tasks after 1 request
}

// A list that no package wraps: list reads one page with [wxpay.Do] and says where the next one starts.
func ExampleWalk() {
	shops := []string{"north", "east", "south", "west", "centre"} // at WeChat Pay
	list := func(at wxpay.Cursor) (*wxpay.Page[string], error) {
		page := wxpay.Page[string]{Items: shops[at.Offset:min(at.Offset+2, 5)], Total: 5}
		return page.ByRecord(at.Offset), nil
	}
	for shop, err := range wxpay.Walk(wxpay.Cursor{Offset: 1}, func(shop string) string { return shop }, list) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(shop)
	}
	// Output:
	// east
	// south
	// west
	// centre
}

// Something that takes its time: look makes one call with [wxpay.Do] and says whether it is done.
func ExampleWait() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	looks := 0
	state, err := wxpay.Wait(ctx, time.Millisecond, func(context.Context) (string, bool, error) {
		looks++
		return fmt.Sprintf("%d %% done", 50*looks), looks == 2, nil
	})
	fmt.Println(state, err)
	// Output: 100 % done <nil>
}
