// Command notifications receives the notifications of WeChat Pay and prints what they are about, as JSON
// lines on standard output:
//
//	go run ./examples/notifications -listen 127.0.0.1:8080 -path /wxpay/notify
//
// The platform posts to a public https address, so put a reverse proxy in front that passes the body and
// the Wechatpay-… headers as they come. Who receives is set by the environment; see wxpay.ConfigFromEnv.
// WXPAY_APIV3_KEY is needed, since it opens what is encrypted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/examples/internal/program"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/security"
)

var (
	listen = flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	path   = flag.String("path", "/wxpay/notify", "`path` that notifications are posted to")
)

func main() {
	program.Need("listen", "path")
	if (*path)[0] != '/' || strings.ContainsAny(*path, " {}?#") {
		program.Misused("-path must start with / and have no blanks, braces, ? and #")
	}
	program.Run(serve)
}

func serve(ctx context.Context) error {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	if config.APIv3Key == "" {
		return errors.New("WXPAY_APIV3_KEY is missing; it opens notifications")
	}
	client, err := wxpay.New(config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(*path, handler(client))
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 2 * time.Second, // the platform waits 5 seconds for the answer
		ReadTimeout:       4 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	fmt.Fprintf(os.Stderr, "notifications: listening on http://%s%s\n", listener.Addr(), *path)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done(): // what is being handled is finished, nothing new is taken
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return server.Shutdown(ctx)
	}
}

// handler has a function for every event of the products. A real one notes the event in a database, under
// the lock of its order or member, if the state there allows it, and leaves slow work for later.
func handler(client *wxpay.Client) *notify.Handler {
	h := notify.New(client, notify.Config{Observe: observe})
	out := printer{json: json.NewEncoder(os.Stdout)}

	notify.On(h, edupapay.EventContractSigned, func(_ context.Context, e *notify.Event, c *edupapay.ContractEvent) error {
		return out.print(e, c.ContractInformation.ContractID)
	})
	notify.On(h, edupapay.EventContractReleased, func(_ context.Context, e *notify.Event, c *edupapay.ContractEvent) error {
		return out.print(e, c.ContractInformation.ContractID)
	})
	notify.On(h, edupapay.EventTransactionSucceeded, func(_ context.Context, e *notify.Event, t *edupapay.TransactionEvent) error {
		return out.print(e, t.OutTradeNo)
	})
	notify.On(h, edupapay.EventTransactionFailed, func(_ context.Context, e *notify.Event, t *edupapay.TransactionEvent) error {
		return out.print(e, t.OutTradeNo)
	})
	notify.On(h, membercard.EventAcceptCard, func(_ context.Context, e *notify.Event, c *membercard.AcceptCardEvent) error {
		return out.print(e, c.CardID)
	})
	notify.On(h, membercard.EventActivateCard, func(_ context.Context, e *notify.Event, c *membercard.ActivateCardEvent) error {
		return out.print(e, c.CardID)
	})
	notify.On(h, membercard.EventManageCard, func(_ context.Context, e *notify.Event, c *membercard.ManageCardEvent) error {
		return out.print(e, c.CardID)
	})
	notify.On(h, security.EventEcho, func(_ context.Context, e *notify.Event, _ *security.EchoEvent) error {
		return out.print(e, "self-test")
	})
	return h
}

// A printer writes one line an event. Notifications come in parallel.
type printer struct {
	mu   sync.Mutex
	json *json.Encoder
}

// print leaves out who the user is.
func (p *printer) print(e *notify.Event, about string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.json.Encode(struct {
		ID        string `json:"id"`
		EventType string `json:"event_type"`
		About     string `json:"about"`
	}{e.ID, e.EventType, about})
}

// observe says why a request was not taken.
func observe(_ context.Context, d notify.Delivery) {
	switch {
	case errors.Is(d.Err, wxpay.ErrSignatureProbe): // the platform looks whether signatures are checked
	case d.Err != nil:
		fmt.Fprintf(os.Stderr, "notifications: answered %d: %s\n", d.Status, d.Err)
	case d.Repeated:
		fmt.Fprintf(os.Stderr, "notifications: %s was handled before\n", d.ID)
	}
}
