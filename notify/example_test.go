package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// One handler serves all events of a merchant, on any router.
func Example() {
	client, err := wxpay.New(wxpay.Config{
		MchID:       "1230000109",
		SerialNo:    "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
		PrivateKey:  merchantKey(),
		APIv3Key:    apiV3Key, // opens what the notification holds
		PublicKeyID: keyID,
		PublicKey:   &platformKey().PublicKey,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := notify.New(client, notify.Config{
		Observe: func(_ context.Context, d notify.Delivery) {
			switch {
			case errors.Is(d.Err, wxpay.ErrSignatureProbe): // the platform looks whether we verify
			case d.Err != nil:
				fmt.Println("refused:", d.Status, d.Err)
			case d.Repeated:
				fmt.Println("repeated:", d.ID)
			}
		},
	})
	notify.On(h, edupapay.EventTransactionSucceeded, func(ctx context.Context, e *notify.Event, t *edupapay.TransactionEvent) error {
		fmt.Println("paid:", t.OutTradeNo, t.Amount.Total, "yuan") // note it, under the order's lock, if its state allows
		return nil
	})
	mux := http.NewServeMux()
	mux.Handle("/wxpay/notify", h)

	// What the platform sends, twice:
	body := message{event: "TRANSACTION.SUCCESS", plain: `{"appid":"wx8888888888888888","out_trade_no":"2026-09-0001","trade_state":"SUCCESS","amount":{"total":88800}}`}.String()
	fmt.Println(serve(mux, signed(body)).Code)
	fmt.Println(serve(mux, signed(body)).Code)
	// Output:
	// paid: 2026-09-0001 888.00 yuan
	// 204
	// repeated: EV-2018022511223320873
	// 204
}

// Parse is for those who have a handler of their own.
func ExampleParse() {
	client := publicKeyClient(httpmock.NewMockTransport())
	handle := func(w http.ResponseWriter, r *http.Request) {
		event, err := notify.Parse(client, r)
		if err == nil {
			fmt.Println(event)
			// … handle event.Plaintext, unless event.ID has been handled …
		}
		notify.Answer(w, err)
	}
	fmt.Println(serve(http.HandlerFunc(handle), signed(message{}.String())).Code)
	// Output:
	// notify.Event{ID:EV-2018022511223320873 EventType:ENTRUST.SIGNING ***}
	// 204
}

// Receive is for those who have no *http.Request, such as a function as a service: it takes the headers, in whatever
// case they come, and the body as it was sent.
func ExampleReceive() {
	client := publicKeyClient(httpmock.NewMockTransport())
	body := message{}.String()
	header := http.Header{}
	for name, values := range signed(body).Header {
		header[strings.ToLower(name)] = values
	}
	event, err := notify.Receive(context.Background(), client, header, []byte(body))
	fmt.Println(event, err)

	_, err = notify.Receive(context.Background(), client, header, []byte(body+" "))
	if refused, ok := errors.AsType[*notify.RefusedError](err); ok {
		fmt.Println(refused.Status, refused.Reason) // to answer with
	}
	// Output:
	// notify.Event{ID:EV-2018022511223320873 EventType:ENTRUST.SIGNING ***} <nil>
	// 401 not genuine
}

// A Mux is one address for many merchants and brands, which come and go while it serves.
func ExampleMux() {
	seen := notify.NewMemory(100_000) // of all of them; on several instances one of ops/seen
	mux := &notify.Mux{Observe: func(_ context.Context, d notify.Delivery) {
		fmt.Println("nobody's:", d.Status, errors.Is(d.Err, wxpay.ErrUnverified))
	}}
	http.Handle("POST /wxpay/notify", mux)
	enter := func(client *wxpay.Client) *notify.Handler {
		h := notify.New(client, notify.Config{Seen: seen})
		notify.On(h, edupapay.EventTransactionSucceeded, func(_ context.Context, e *notify.Event, t *edupapay.TransactionEvent) error {
			fmt.Println("paid to", client.Sender()+":", t.OutTradeNo)
			return nil
		})
		if err := mux.Add(h); err != nil {
			fmt.Println(err)
		}
		return h
	}

	// Instead of WeChat Pay, as a merchant and as a brand know it:
	merchants, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	brands, err := wxpaytest.NewServer(wxpaytest.Options{Brand: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	deliver := func(from *wxpaytest.Server, outTradeNo string) {
		resp, err := from.Notify(context.Background(), mux, "TRANSACTION.SUCCESS", map[string]any{"out_trade_no": outTradeNo})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(resp.StatusCode)
	}
	merchant := enter(merchants.Client())
	enter(brands.Client())
	deliver(merchants, "2026-11-0001")
	deliver(brands, "2026-11-0002")
	mux.Remove(merchant)
	deliver(merchants, "2026-11-0003")
	// Output:
	// paid to 1900000109: 2026-11-0001
	// 204
	// paid to 40001: 2026-11-0002
	// 204
	// nobody's: 401 true
	// 401
}
