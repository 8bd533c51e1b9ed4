package callbacks_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A shop is a merchant that answers as it is told, 204 in the end.
type shop struct {
	*httptest.Server
	mu      sync.Mutex
	answers []int
	ids     []string
}

func newShop(t *testing.T, answers ...int) *shop {
	t.Helper()
	s := &shop{answers: answers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var envelope struct{ ID string }
	text, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(text, &envelope)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, envelope.ID)
	status := 204
	if len(s.answers) > 0 {
		status, s.answers = s.answers[0], s.answers[1:]
	}
	w.WriteHeader(status)
}

func (s *shop) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.ids...)
}

func newQueue(t *testing.T, o callbacks.Options) (*callbacks.Queue, *wxpaytest.Server) {
	t.Helper()
	var err error
	fake := wxpaytest.New(t)
	o.Fake = func() *wxpaytest.Server { return fake }
	o.Catalog, err = api.Load()
	require.NoError(t, err)
	q, err := callbacks.New(o)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { q.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return q, fake
}

// until waits for a state of a notice.
func until(t *testing.T, q *callbacks.Queue, id, state string) callbacks.Notice {
	t.Helper()
	var n callbacks.Notice
	require.Eventually(t, func() bool {
		n, _ = q.Get(id)
		return n.State == state
	}, 20*time.Second, time.Millisecond, "%s is not %s", id, state)
	return n
}

func trigger(t *testing.T, q *callbacks.Queue, event, address string) string {
	t.Helper()
	id, err := q.Trigger(t.Context(), event, nil, address)
	require.NoError(t, err)
	require.NotEmpty(t, id)
	return id
}

// happen lets an event happen that names an address, as a call does.
func happen(t *testing.T, fake *wxpaytest.Server, address string) string {
	t.Helper()
	for _, a := range fake.Actions() {
		if a.Name == "trigger" {
			id, err := a.Do(t.Context(), map[string]string{"event": "ENTRUST.SIGNING", "url": address})
			require.NoError(t, err)
			return id.(string)
		}
	}
	return ""
}

// A notice comes until it is taken, always under the same ID, and each try says what follows from it.
func TestUntilTaken(t *testing.T) {
	t.Parallel()
	s := newShop(t, 500, 302, 200)
	q, _ := newQueue(t, callbacks.Options{Speed: 5000})
	id := trigger(t, q, "TRANSACTION.SUCCESS", s.URL+"/n")
	n := until(t, q, id, callbacks.Delivered)
	require.Len(t, n.Attempts, 3)
	assert.Equal(t, []string{id, id, id}, s.got())
	for i, why := range []string{"answered with 500, and only 200 or 204 counts: again in 3ms, try 2 of 16", "answered with 302, and only 200 or 204 counts: again in 3ms, try 3 of 16", "answered with 200: taken, it is not sent again"} {
		assert.Equal(t, why, n.Attempts[i].Why)
		assert.NotEmpty(t, n.Attempts[i].WhyZh)
		assert.NotEmpty(t, n.Attempts[i].Header.Get("Wechatpay-Signature"))
		assert.Contains(t, n.Attempts[i].Body, id)
	}
	assert.Zero(t, n.Next)
	assert.Equal(t, wxpaytest.MchID, n.Caller)
}

// The schedule is that of the documents: a contract is told of 22 times at most, a debit 16, a card 12.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	for event, tries := range map[string]int{"ENTRUST.SIGNING": 22, "TRANSACTION.FAIL": 16, "MEMBERCARD.ACCEPT_CARD": 12, "SECURITY_ECHO.SUCCESS": 16} {
		s := newShop(t)
		s.Close()
		q, _ := newQueue(t, callbacks.Options{Speed: 1e9})
		assert.Equal(t, tries, q.Tries(event))
		n := until(t, q, trigger(t, q, event, s.URL), callbacks.GivenUp)
		assert.Len(t, n.Attempts, tries, event)
		last := n.Attempts[tries-1]
		assert.Contains(t, last.Why, "not answered: that was the last of")
		assert.Contains(t, last.Err, "refused")
	}
}

// Time that is advanced is time for the schedule too.
func TestAdvance(t *testing.T) {
	t.Parallel()
	s := newShop(t, 500)
	q, fake := newQueue(t, callbacks.Options{})
	id := trigger(t, q, "TRANSACTION.SUCCESS", s.URL)
	require.Eventually(t, func() bool { n, _ := q.Get(id); return len(n.Attempts) == 1 }, 20*time.Second, time.Millisecond)
	n, _ := q.Get(id)
	assert.Equal(t, callbacks.Waiting, n.State)
	assert.WithinDuration(t, time.Now().Add(15*time.Second), n.Next, 10*time.Second)
	fake.Advance(15 * time.Second)
	until(t, q, id, callbacks.Delivered)
}

func TestOrder(t *testing.T) {
	t.Parallel()
	for _, reverse := range []bool{false, true} {
		s := newShop(t)
		q, _ := newQueue(t, callbacks.Options{})
		q.Hold()
		assert.True(t, q.Held())
		var want []string
		for range 5 {
			want = append(want, trigger(t, q, "ENTRUST.SIGNING", s.URL))
		}
		until(t, q, want[4], callbacks.Held)
		assert.Empty(t, s.got())
		q.Release(reverse)
		for _, id := range want {
			until(t, q, id, callbacks.Delivered)
		}
		if reverse {
			want = []string{want[4], want[3], want[2], want[1], want[0]}
		}
		assert.Equal(t, want, s.got())
		assert.False(t, q.Held())
	}
}

func TestTwice(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	q, _ := newQueue(t, callbacks.Options{Speed: 1000})
	q.SendTwice(true)
	assert.True(t, q.SendsTwice())
	id := trigger(t, q, "ENTRUST.SIGNING", s.URL)
	n := until(t, q, id, callbacks.Delivered)
	assert.Equal(t, []string{id, id}, s.got())
	assert.Len(t, n.Attempts, 2)
}

// A receiver that verifies takes what is right and refuses the rest; one that takes everything is told so.
func TestVariants(t *testing.T) {
	t.Parallel()
	q, fake := newQueue(t, callbacks.Options{})
	handler := notify.New(fake.Client(), notify.Config{})
	notify.On(handler, edupapay.EventContractSigned, func(context.Context, *notify.Event, *edupapay.ContractEvent) error { return nil })
	careful, careless := httptest.NewServer(handler), newShop(t)
	t.Cleanup(careful.Close)
	for _, v := range q.Variants() {
		for _, address := range []string{careful.URL, careless.URL} {
			id := trigger(t, q, "ENTRUST.SIGNING", address)
			until(t, q, id, callbacks.Delivered)
			require.NoError(t, q.Resend(t.Context(), id, v))
			n, _ := q.Get(id)
			require.Len(t, n.Attempts, 2)
			last := n.Attempts[1]
			assert.Equal(t, v, last.Variant)
			switch {
			case v == "by-certificate" || v == "by-public-key":
				assert.Contains(t, last.Why, "the schedule stays")
			case address == careful.URL:
				assert.Contains(t, last.Why, "not taken, and that is right", v)
			default:
				assert.Contains(t, last.Why, "the receiver must refuse it", v)
			}
		}
	}
	assert.ErrorContains(t, q.Resend(t.Context(), "EV-1", ""), "there is no notification")
	assert.ErrorContains(t, q.Resend(t.Context(), "EV-1", "odd"), "forged")
}

// Notices go to this machine, to hosts that are allowed, or where all are forwarded to; otherwise they say why they go
// nowhere.
func TestTargets(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for name, test := range map[string]struct {
		o          callbacks.Options
		named, url string // url: empty if nowhere
		why        string
	}{
		"loopback":       {named: s.URL + "/a", url: s.URL + "/a"},
		"elsewhere":      {named: "https://shop.example/a", why: "shop.example is not this machine"},
		"looks local":    {named: "http://localhost.evil.example/a", why: "is not this machine"},
		"user in front":  {named: "http://127.0.0.1@evil.example/a", why: "has a password"},
		"its own":        {named: "http://127.0.0.1:8089/_emulator/events/hold", why: "one of the emulator's own"},
		"password":       {named: "http://u:p@127.0.0.1:1/n", why: "has a password"},
		"for others":     {o: callbacks.Options{Remote: true}, named: s.URL + "/a", why: "only with --forward-to"},
		"none":           {why: "no address is known"},
		"other scheme":   {named: "ftp://127.0.0.1/a", why: "not an http or https URL"},
		"forwarded":      {o: callbacks.Options{ForwardTo: s.URL}, named: "https://shop.example/a?x=1", url: s.URL + "/a"},
		"forwarded path": {o: callbacks.Options{ForwardTo: s.URL + "/mine"}, named: "https://shop.example/a", url: s.URL + "/mine"},
		"forwarded none": {o: callbacks.Options{ForwardTo: s.URL}, url: s.URL},
	} {
		q, fake := newQueue(t, test.o)
		if test.url == "" && test.named != "" {
			_, err := q.Trigger(t.Context(), "ENTRUST.SIGNING", nil, test.named)
			assert.ErrorContains(t, err, test.why, name)
		}
		id := happen(t, fake, test.named)
		if test.url == "" {
			n := until(t, q, id, callbacks.Nowhere)
			assert.Contains(t, n.Why, test.why, name)
			assert.NotEqual(t, n.Why, n.WhyZh, name)
			assert.Error(t, q.Resend(t.Context(), id, ""), name)
			continue
		}
		assert.Equal(t, test.url, until(t, q, id, callbacks.Delivered).URL, name)
	}
	_, err := callbacks.New(callbacks.Options{Catalog: &api.Catalog{}, ForwardTo: "http://shop.example"})
	assert.ErrorContains(t, err, "is not this machine")
}

func TestTriggerRefuses(t *testing.T) {
	t.Parallel()
	q, _ := newQueue(t, callbacks.Options{})
	for name, test := range map[string]struct{ event, plain, address, said string }{
		"event":     {"NO.SUCH", "", "", "there are"},
		"plaintext": {"ENTRUST.SIGNING", "[]", "", "plaintext"},
		"address":   {"ENTRUST.SIGNING", "", "shop", "is not an http or https URL"},
	} {
		_, err := q.Trigger(t.Context(), test.event, json.RawMessage(test.plain), test.address)
		assert.ErrorContains(t, err, test.said, name)
		assert.NotContains(t, err.Error(), "wxpaytest", name)
	}
}

// The exchange that caused a notice is known, whichever is noticed first; phone numbers are masked, and the queue has
// bounds.
func TestCauseMaskAndBounds(t *testing.T) {
	t.Parallel()
	q, _ := newQueue(t, callbacks.Options{})
	id, err := q.Trigger(t.Context(), "ENTRUST.SIGNING", json.RawMessage(`{"a":"13800138000","b":"+8613800138000"}`), "")
	require.NoError(t, err)
	q.Caused(7, []string{id})
	n := until(t, q, id, callbacks.Nowhere)
	assert.Equal(t, 7, n.Cause)
	assert.NotContains(t, string(n.Plaintext), "13800138000")
	q.Caused(8, []string{id})
	n, _ = q.Get(id)
	assert.Equal(t, 8, n.Cause)
	for range callbacks.Most + 5 {
		last := trigger(t, q, "ENTRUST.RELEASE", "")
		until(t, q, last, callbacks.Nowhere)
	}
	assert.Len(t, q.All(), callbacks.Most)
	_, ok := q.Get(id)
	assert.False(t, ok)
	version := q.Version()
	q.Begin(func() {})
	assert.Empty(t, q.All())
	assert.Greater(t, q.Version(), version)
}
