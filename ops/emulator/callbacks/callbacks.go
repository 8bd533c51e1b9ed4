// Package callbacks sends the notifications of the emulator as the platform does: again and again on the schedule of
// the documents until the merchant takes them, and tells of every try what came of it.
package callbacks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/internal/pasted"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Most is how many notices a [Queue] remembers; those that are over give way first.
const Most = 1000

// What has become of a [Notice].
const (
	Waiting   = "waiting"   // for its next try
	Held      = "held"      // waiting while [Queue.Hold] is on
	Delivered = "delivered" // taken
	GivenUp   = "given-up"  // every try of the schedule failed
	Nowhere   = "nowhere"   // no address is known, or one that notifications must not go to
)

// A Notice is one notification on its way to the merchant.
type Notice struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`   // such as TRANSACTION.SUCCESS
	Caller    string          `json:"caller"` // whom it is for
	URL       string          `json:"url,omitzero"`
	Plaintext json.RawMessage `json:"plaintext"`       // phone numbers masked
	Cause     int             `json:"cause,omitzero"`  // number of the exchange that caused it; 0: no call did
	Happened  time.Time       `json:"happened"`        // true time
	State     string          `json:"state"`           // one of the constants
	Why       string          `json:"why,omitzero"`    // of Nowhere
	WhyZh     string          `json:"why_zh,omitzero"` // the same in Chinese
	Next      time.Time       `json:"next,omitzero"`   // of the next try, true time; zero: none is planned
	Attempts  []Attempt       `json:"attempts"`
}

// An Attempt is one try to deliver a [Notice].
type Attempt struct {
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took"`
	URL     string        `json:"url"`
	Variant string        `json:"variant,omitzero"` // empty: as the platform sends it
	Header  http.Header   `json:"header,omitzero"`  // of the request
	Body    string        `json:"body,omitzero"`    // of the request
	Status  int           `json:"status,omitzero"`  // of the answer; 0: none came
	Answer  string        `json:"answer,omitzero"`  // its beginning
	Err     string        `json:"error,omitzero"`   // why none came
	Why     string        `json:"why"`              // it will or will not be sent again
	WhyZh   string        `json:"why_zh"`
	Wrong   bool          `json:"wrong,omitzero"` // it was taken and must not be
}

// Options are what a [Queue] needs.
type Options struct {
	Fake      func() *wxpaytest.Server
	Catalog   *api.Catalog
	Speed     float64                // how much faster than the platform it repeats; 0: as fast
	ForwardTo string                 // where all go, whatever address they name; a URL without a path keeps theirs
	Allow     func(host string) bool // hosts besides loopback; nil: none
	Remote    bool                   // others may ask, so addresses of this machine that they name have to be allowed too
}

// A Queue sends notices. Its methods may be called from several goroutines.
type Queue struct {
	options Options
	retries map[string][]time.Duration // by event type

	taking sync.Mutex // of events, so that they stay in order; before mu

	mu      sync.Mutex
	all     []*notice // oldest first
	causes  map[string]int
	held    bool
	twice   bool
	version int64
	poked   chan struct{}
}

// A notice is one with what only the queue needs.
type notice struct {
	Notice
	event wxpaytest.Event
	due   time.Time // by the clock that Advance moves
	tries int       // of the schedule
	busy  bool      // it is being sent

	doubled bool // its second sending was planned
}

// New returns a queue that sends nothing before [Queue.Run].
func New(o Options) (*Queue, error) {
	q := &Queue{options: o, retries: map[string][]time.Duration{}, causes: map[string]int{}, poked: make(chan struct{}, 1)}
	if o.ForwardTo != "" {
		if _, err := q.target(o.ForwardTo); err != nil {
			return nil, err
		}
	}
	for _, p := range o.Catalog.Products {
		for _, n := range p.Notifications {
			q.retries[n.Event] = nil
			for _, text := range n.Retries {
				wait, err := time.ParseDuration(text)
				if err != nil {
					return nil, fmt.Errorf("callbacks: %s: %w", n.Event, err)
				}
				q.retries[n.Event] = append(q.retries[n.Event], wait)
			}
		}
	}
	return q, nil
}

// headStart is how long a try that is not answered keeps the next notice waiting, so that what is answered at once
// arrives in order, and a receiver that hangs holds up nobody.
const headStart = 250 * time.Millisecond

// look is how often the queue looks for what nobody told it of.
const look = 200 * time.Millisecond

// Run sends what is due until ctx ends; then it waits for the tries that are on their way.
func (q *Queue) Run(ctx context.Context) {
	var tries sync.WaitGroup
	defer tries.Wait()
	for ctx.Err() == nil {
		n := q.next()
		if n == nil {
			select {
			case <-ctx.Done():
			case <-q.poked:
			case <-time.After(look):
			}
			continue
		}
		done := make(chan struct{})
		tries.Go(func() {
			defer close(done)
			q.try(ctx, n, "")
		})
		select {
		case <-done:
		case <-time.After(headStart):
		case <-ctx.Done():
		}
	}
}

// Poke tells the queue that something may have happened.
func (q *Queue) Poke() {
	select {
	case q.poked <- struct{}{}:
	default:
	}
}

// Caused notes the exchange that caused events.
func (q *Queue) Caused(number int, ids []string) {
	if len(ids) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		if n := q.find(id); n != nil {
			n.Cause = number
		} else if len(q.causes) < 10*Most {
			q.causes[id] = number
		}
	}
	q.Poke()
}

// now is the clock that tries go by: the true time and what it was advanced by.
func (q *Queue) now() time.Time { return time.Now().Add(q.options.Fake().Ahead()) }

// next takes in what happened and returns the first notice that is due, marked as busy; nil: none is.
func (q *Queue) next() *notice {
	q.take()
	now := q.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held {
		return nil
	}
	var first *notice
	for _, n := range q.all {
		if n.State == Waiting && !n.busy && !n.due.After(now) && (first == nil || n.due.Before(first.due)) {
			first = n
		}
	}
	if first != nil {
		first.busy = true
	}
	return first
}

// take makes notices of the events that are due, in their order.
func (q *Queue) take() {
	q.taking.Lock()
	defer q.taking.Unlock()
	for {
		event, ok := q.options.Fake().TakeEvent()
		if !ok {
			return
		}
		q.add(event)
	}
}

func masked(text string) string { return wxpaytest.HidePhones(text, "****") }

func (q *Queue) add(event wxpaytest.Event) {
	plain, _ := json.Marshal(event.Plaintext) // it came from JSON
	n := &notice{event: event, due: q.now(), Notice: Notice{
		ID: event.ID, Type: event.Type, Caller: event.Caller, URL: event.URL, Plaintext: []byte(masked(string(plain))),
		Happened: time.Now(), State: Waiting, Next: time.Now(), Attempts: []Attempt{},
	}}
	address, err := q.target(event.URL)
	if err != nil {
		n.State, n.Next, n.Why, n.WhyZh = Nowhere, time.Time{}, err.Error(), chinese(err)
	} else {
		n.URL = address
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if n.Cause = q.causes[event.ID]; n.Cause > 0 {
		delete(q.causes, event.ID)
	}
	if len(q.all) == Most {
		over := slices.IndexFunc(q.all, func(n *notice) bool { return n.State != Waiting })
		q.all = slices.Delete(q.all, max(0, over), max(0, over)+1)
	}
	q.all = append(q.all, n)
	q.changed()
}

// A Reason is why a notice cannot be sent to an address, in both languages.
type Reason struct{ English, Chinese string }

func (r *Reason) Error() string { return r.English }

func chinese(err error) string {
	if r, ok := errors.AsType[*Reason](err); ok {
		return r.Chinese
	}
	return err.Error()
}

// target is where a notice goes that names an address.
func (q *Queue) target(named string) (string, error) {
	address := cmp.Or(q.options.ForwardTo, named)
	if address == "" {
		return "", &Reason{"no address is known: the real platform has it in its console; name one with --forward-to", "没有回调地址：真实平台在商户平台上配置；请用 --forward-to 指定"}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", &Reason{"the address is not an http or https URL, or has a password in it", "回调地址不是 http 或 https URL，或带有密码"}
	}
	own := pasted.Loopback(u.Hostname()) && (!q.options.Remote || q.options.ForwardTo != "")
	if host := u.Hostname(); !own && (q.options.Allow == nil || !q.options.Allow(host)) {
		if pasted.Loopback(host) {
			return "", &Reason{"others may ask this emulator, so notifications go to this machine only with --forward-to or --allow-callback " + host, "该模拟器对其他机器开放，因此发往本机的通知需要 --forward-to 或 --allow-callback " + host}
		}
		return "", &Reason{host + " is not this machine: forward notifications with --forward-to, or allow the host with --allow-callback", host + " 不是本机：可用 --forward-to 转发通知，或用 --allow-callback 放行该主机"}
	}
	if strings.HasPrefix(u.Path, "/_emulator/") || strings.HasPrefix(u.Path, "/_inspector/") {
		return "", &Reason{"the address is one of the emulator's own", "回调地址是模拟器自身的接口"}
	}
	if was, err := url.Parse(named); err == nil && q.options.ForwardTo != "" && (u.Path == "" || u.Path == "/") {
		u.Path, u.RawPath = was.Path, was.RawPath
	}
	return u.String(), nil
}

// try sends a notice once. A variant is sent by hand and leaves the schedule as it is.
func (q *Queue) try(ctx context.Context, n *notice, variant string) {
	a := Attempt{At: time.Now(), URL: n.URL, Variant: variant}
	v := variants[variant]
	change := v.change
	if !v.sound { // as a message of its own: one of a known ID is acknowledged without a look at the rest
		q.mu.Lock()
		change = append(slices.Clip(change), wxpaytest.WithID(fmt.Sprintf("%sV%d", n.ID, len(n.Attempts))))
		q.mu.Unlock()
	}
	resp, err := q.options.Fake().Send(ctx, n.URL, n.event, change...)
	a.Took = time.Since(a.At)
	if err != nil {
		a.Err = masked(cause(err))
	} else {
		a.Status, a.Answer = resp.StatusCode, beginning(resp)
		a.Header, a.Body = sentWith(resp)
	}
	if ctx.Err() != nil && err != nil {
		a.Err = "the emulator was stopped"
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if v.change == nil {
		q.settle(n, &a)
	} else {
		a.Why, a.WhyZh = v.judge(&a)
		a.Wrong = !v.sound && a.taken()
	}
	n.busy = false
	const most = 50
	n.Attempts = append(n.Attempts[max(0, len(n.Attempts)-most):len(n.Attempts):len(n.Attempts)], a)
	q.changed()
}

// settle says what follows from a try.
func (q *Queue) settle(n *notice, a *Attempt) {
	waits := q.retries[n.Type]
	said, saidZh := fmt.Sprintf("answered with %d", a.Status), fmt.Sprintf("应答 %d", a.Status)
	if a.Status == 0 {
		said, saidZh = "not answered", "没有应答"
	}
	switch {
	case a.taken() && q.twice && !n.doubled:
		n.doubled, n.tries = true, len(waits)
		q.after(n, time.Second)
		a.Why, a.WhyZh = said+": taken; it comes once more, since all are to be sent twice", saidZh+"：已接收；按设置再发送一次"
	case a.taken():
		n.State, n.Next = Delivered, time.Time{}
		a.Why, a.WhyZh = said+": taken, it is not sent again", saidZh+"：已接收，不再重发"
	case n.State == Delivered:
		a.Why, a.WhyZh = said+": it was taken before, so it is not sent again", saidZh+"：之前已接收，不再重发"
	case n.tries >= len(waits):
		n.State, n.Next = GivenUp, time.Time{}
		a.Why, a.WhyZh = fmt.Sprintf("%s: that was the last of %d tries", said, n.tries+1), fmt.Sprintf("%s：已是第 %d 次，不再重发", saidZh, n.tries+1)
	default:
		wait := q.after(n, waits[n.tries])
		n.tries++
		a.Why = fmt.Sprintf("%s, and only 200 or 204 counts: again in %s, try %d of %d", said, brief(wait), n.tries+1, len(waits)+1)
		a.WhyZh = fmt.Sprintf("%s，只有 200 或 204 算成功：%s 后重发，第 %d/%d 次", saidZh, brief(wait), n.tries+1, len(waits)+1)
	}
}

// after plans the next try of a notice and returns how long it really waits.
func (q *Queue) after(n *notice, platform time.Duration) time.Duration {
	wait := time.Duration(float64(platform) / q.Speed())
	n.State, n.due, n.Next = Waiting, q.now().Add(wait), time.Now().Add(wait)
	return wait
}

func brief(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(time.Second)
	}
	return d.Round(time.Millisecond)
}

// taken reports whether the platform counts the answer as success.
func (a *Attempt) taken() bool {
	return a.Status == http.StatusOK || a.Status == http.StatusNoContent
}

func (q *Queue) changed() { q.version++ }

func (q *Queue) find(id string) *notice {
	if i := slices.IndexFunc(q.all, func(n *notice) bool { return n.ID == id }); i >= 0 {
		return q.all[i]
	}
	return nil
}
