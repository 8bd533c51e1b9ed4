package otelwxpay_test

import (
	"context"
	"fmt"
	"log"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/otel/otelwxpay"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Each attempt is a span of its own, named by its route; the user in its address does not show.
func Example() {
	spans := tracetest.NewInMemoryExporter() // instead of an exporter to a collector
	telemetry, err := otelwxpay.New(otelwxpay.Config{TracerProvider: trace.NewTracerProvider(trace.WithSyncer(spans))})
	if err != nil {
		log.Fatal(err)
	}
	server, err := wxpaytest.NewServer(wxpaytest.Options{}) // instead of WeChat Pay
	if err != nil {
		log.Fatal(err)
	}
	config := server.Config()
	config.Observe = telemetry.Call
	client, err := wxpay.New(config)
	if err != nil {
		log.Fatal(err)
	}
	server.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 3)
	if err := server.Inject("", "503", 1); err != nil {
		log.Fatal(err)
	}
	page, err := edupapay.New(client).ListUserContracts(context.Background(), edupapay.ListUserContractsParams{
		OpenID: "oUpF8uMuAJOM2pxb1Q", AppID: "wx8888888888888888", PlanID: "101164396123311331",
	})
	fmt.Println(page.Total, "contracts", err)
	for _, span := range spans.GetSpans() {
		fmt.Println(span.SpanKind, span.Name, span.Status.Code)
	}
	// Output:
	// 3 contracts <nil>
	// client GET /v3/edu-papay/user/{openid}/contracts Error
	// client GET /v3/edu-papay/user/{openid}/contracts Unset
}
