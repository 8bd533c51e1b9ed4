package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/deliveryplan"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/productcoupon"
	"github.com/wxpay-go/wxpay/services/security"
)

// A delivered notification is what a function of a handler gets.
type delivered struct {
	event *notify.Event
	value any
}

// On registers the function of one type of notification.
func on[T any](event wxpay.EventType[T]) func(*notify.Handler, *delivered) {
	return func(h *notify.Handler, got *delivered) {
		notify.On(h, event, func(_ context.Context, e *notify.Event, v *T) error {
			*got = delivered{e, v}
			return nil
		})
	}
}

// notifications are the rows of the table, by operationId.
var notifications = map[string]func(*notify.Handler, *delivered){
	"onContractSigned":       on(edupapay.EventContractSigned),
	"onContractReleased":     on(edupapay.EventContractReleased),
	"onTransactionSucceeded": on(edupapay.EventTransactionSucceeded),
	"onTransactionFailed":    on(edupapay.EventTransactionFailed),
	"onMemberCardAccepted":   on(membercard.EventAcceptCard),
	"onMemberCardActivated":  on(membercard.EventActivateCard),
	"onMemberCardManaged":    on(membercard.EventManageCard),
	"onPlanChanged":          on(deliveryplan.EventPlanChanged),
	"onSecurityEcho":         on(security.EventEcho),
	"onCouponSent":           on(productcoupon.EventCouponSent),
	"onImageGenerated":       on(productcoupon.EventImageGenerated),

	"onBillFinished":           on(mchtransfer.EventBillFinished),
	"onAuthorizationConfirmed": on(mchtransfer.EventAuthorizationConfirmed),
	"onAuthorizationClosed":    on(mchtransfer.EventAuthorizationClosed),
}

// respelled are members that reach the function in another spelling than they come in, on purpose.
var respelled = map[string]map[string]any{
	"onPlanChanged": {"plan_state": "PLAN_CREATED", "audit_state": "AUDIT_PASSED"}, // DP-5
}

// TestNotifications posts every notification of the documents to a handler. Every member of the envelope and
// of the plaintext must reach the function.
func TestNotifications(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "document\tnotification\tenvelope kept\tmembers kept\t")
	total := 0
	for _, doc := range documents(t) {
		for _, n := range doc.Notifications {
			total++
			t.Run(n.OperationID, func(t *testing.T) {
				var envelope, plaintext tally
				defer func() { fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", doc.Name, n.Event, envelope, plaintext, verdict(t)) }()
				register := notifications[n.OperationID]
				require.NotNil(t, register, "has no row")
				deliver(t, n, register, &envelope, &plaintext)
			})
		}
	}
	require.Equal(t, len(notifications), total, "rows and notifications")
	w.Flush()
	t.Logf("%d notifications\n%s", total, &table)
}

func deliver(t *testing.T, n *Notification, register func(*notify.Handler, *delivered), envelope, plaintext *tally) {
	sent, err := JSON(Example(n.Envelope))
	require.NoError(t, err)
	secret, err := JSON(Example(n.Plaintext))
	require.NoError(t, err)
	plain, err := json.Marshal(secret)
	require.NoError(t, err)
	resource := sent.(map[string]any)["resource"].(map[string]any)
	resource["ciphertext"] = sealResource(resource["nonce"].(string), resource["associated_data"].(string), plain)
	body, err := json.Marshal(sent)
	require.NoError(t, err)
	require.NoError(t, n.Envelope.VisitJSON(sent, openapi3.EnableJSONSchema2020()), "envelope")
	require.NoError(t, n.Plaintext.VisitJSON(secret, openapi3.EnableJSONSchema2020()), "plaintext")

	var got delivered
	h := notify.New(client(nil), notify.Config{})
	register(h, &got)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com/notify", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	signHeader(req.Header, platformID, body)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	require.Equal(t, http.StatusNoContent, w.Code, "answer")
	require.NotNil(t, n.Responses.Value("204"), "204 is not an answer of the document")
	require.NotNil(t, got.event, "the function did not run")

	for _, name := range []string{"algorithm", "nonce", "associated_data", "ciphertext"} {
		delete(resource, name) // without each of them it would not have opened
	}
	compare(t, "envelope", envelope, sent, map[string]any{
		"id":            got.event.ID,
		"create_time":   got.event.CreateTime,
		"event_type":    got.event.EventType,
		"resource_type": got.event.ResourceType,
		"summary":       got.event.Summary,
		"resource":      map[string]any{"original_type": got.event.OriginalType},
	})
	maps.Copy(secret.(map[string]any), respelled[n.OperationID])
	compare(t, "plaintext", plaintext, secret, got.value)
}

func compare(t *testing.T, what string, c *tally, want, got any) {
	t.Helper()
	again, err := JSON(got)
	require.NoError(t, err)
	lost := Lost(want, again)
	for _, path := range lost {
		t.Errorf("member %s of the %s was lost", path, what)
	}
	c.count(want, lost, nil)
}
