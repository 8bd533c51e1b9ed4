package mchtransfer

import (
	"fmt"
	"maps"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// An authorization lets a merchant pay a user who is not asked again.
type authorization struct {
	number, id, caller string
	request            engine.Object // appid, openid, user_display_name, transfer_scene_id, user_recv_perception
	content            uint64
	url                string // for its events

	state, reason               string
	created, authorized, closed time.Time
	timer                       *timer
}

func (a *authorization) user() string {
	return a.request.Text("appid") + " " + a.request.Text("openid")
}

// createAuthorization asks a user, who has a day to agree.
func (s *Transfers) createAuthorization(tx *engine.Tx) (engine.Object, error) {
	a := s.newAuthorization(tx, tx.Body.Text("out_authorization_no"))
	if was, ok := s.authorizations.Get(a.number); ok {
		if was.content != a.content {
			return nil, exists("out_authorization_no")
		}
		return s.showStarted(was), nil
	}
	if s.offers[a.number] != nil || s.valid[a.user()] != nil {
		return nil, engine.Invalid("the number was offered along with a bill, or the user has an authorization that is in force")
	}
	s.authorizations.Add(a.number, a)
	s.timers.set(&a.timer, a.created.Add(asked), func(at time.Time) { s.close(a, "USER_OVERDUE_UNCONFIRMED", at) })
	return s.showStarted(a), nil
}

func (s *Transfers) newAuthorization(tx *engine.Tx, number string) *authorization {
	return &authorization{
		number: number, caller: tx.Caller, content: s.contentOf(tx), url: tx.Body.Text("authorization_notify_url"), created: s.e.Now(), state: "WAIT_USER_CONFIRM",
		request: tx.Body.Pick("appid", "openid", "user_display_name", "transfer_scene_id", "user_recv_perception"),
	}
}

func (s *Transfers) showStarted(a *authorization) engine.Object {
	return engine.Object{"out_authorization_no": a.number, "state": a.state, "create_time": engine.Stamp(a.created), "package_info": ticket(a.number)}
}

// createTransferBillWithAuthorization makes a bill whose page asks for an authorization too, if the call says so.
func (s *Transfers) createTransferBillWithAuthorization(tx *engine.Tx) (engine.Object, error) {
	if tx.Body.Text("openid") == "" {
		return nil, engine.BadParam("openid", "is required")
	}
	info := tx.Body.Child("authorization_info")
	b, err := s.offering(tx, info)
	if err != nil {
		return nil, err
	}
	o := s.showCreated(b)
	maps.Copy(o, info.Pick("user_display_name", "out_authorization_no"))
	delete(o, "fail_reason") // the document has none here
	return o, nil
}

// offering is billOf, with what is asked for along with the bill, which has a number of its own.
func (s *Transfers) offering(tx *engine.Tx, info engine.Object) (*bill, error) {
	b := &bill{openid: tx.Body.Text("openid")}
	_, again := s.bills.Get(tx.Body.Text("out_bill_no"))
	if info == nil || again {
		return s.billOf(tx, b)
	}
	a := s.newAuthorization(tx, info.Text("out_authorization_no"))
	a.request["user_display_name"], a.url = info.Text("user_display_name"), info.Text("authorization_notify_url")
	if _, taken := s.authorizations.Get(a.number); taken || s.offers[a.number] != nil {
		return nil, exists("out_authorization_no")
	}
	b.offer = a
	b, err := s.billOf(tx, b)
	if err == nil && !b.settled() {
		s.offers[a.number] = b
	}
	return b, err
}

// createAuthorizedTransferBill pays a user who has authorized.
func (s *Transfers) createAuthorizedTransferBill(tx *engine.Tx) (engine.Object, error) {
	a, err := s.authorizing(tx.Body)
	if err != nil {
		return nil, err
	}
	b, err := s.billOf(tx, &bill{openid: a.request.Text("openid"), under: a})
	if err != nil {
		return nil, err
	}
	return s.show(b), nil
}

// authorizing is the authorization that a transfer names, by one of its numbers. A bill that is there already
// has no need of one that is in force.
func (s *Transfers) authorizing(o engine.Object) (*authorization, error) {
	id, number := o.Text("authorization_id"), o.Text("out_authorization_no")
	a, ok := s.authorizations.Get(number)
	if id != "" {
		a, ok = s.authorizedByID[id]
	}
	_, again := s.bills.Get(o.Text("out_bill_no"))
	switch {
	case (id == "") == (number == ""):
		return nil, engine.BadParam("authorization_id", "or out_authorization_no is needed, and not both")
	case !ok:
		return nil, engine.NotFound("authorization")
	case again:
	case a.state != "TAKING_EFFECT" || a.request.Text("appid") != o.Text("appid"):
		return nil, engine.Invalid("the authorization is not in force, or is for another appid")
	}
	return a, nil
}

// agree lets a user agree.
func (s *Transfers) agree(a *authorization, at time.Time) {
	s.timers.stop(a.timer)
	a.state, a.authorized, a.id = "TAKING_EFFECT", at, fmt.Sprintf("2012025%020d", s.e.Number())
	s.authorizedByID[a.id], s.valid[a.user()] = a, a
	s.tell("MCHTRANSFER.AUTHORIZATION.CONFIRMED", a, at)
}

// close ends an authorization. Nobody is told of one that was never in force.
func (s *Transfers) close(a *authorization, reason string, at time.Time) {
	s.timers.stop(a.timer)
	was := a.state
	a.state, a.reason, a.closed = "CLOSED", reason, at
	if was == "TAKING_EFFECT" {
		delete(s.valid, a.user())
		s.tell("MCHTRANSFER.AUTHORIZATION.CLOSED", a, at)
	}
}

func (s *Transfers) tell(event string, a *authorization, at time.Time) {
	plain := s.showAuthorization(a).Pick("out_authorization_no", "appid", "openid", "user_display_name", "authorization_id", "state", "authorize_time", "close_info")
	plain["mchid"] = s.options.MchID
	s.e.Happen(engine.Event{Type: event, Plaintext: plain, URL: a.url, Due: at, Caller: a.caller})
}

// showAuthorization is an authorization in the short form.
func (s *Transfers) showAuthorization(a *authorization) engine.Object {
	o := a.request.Pick("appid", "openid", "user_display_name", "transfer_scene_id")
	o["out_authorization_no"], o["state"] = a.number, a.state
	if a.id != "" {
		o["authorization_id"], o["authorize_time"] = a.id, engine.Stamp(a.authorized)
	}
	if a.state == "CLOSED" {
		o["close_info"] = engine.Object{"close_time": engine.Stamp(a.closed), "close_reason": a.reason}
	}
	return o
}

func (s *Transfers) getAuthorization(tx *engine.Tx) (engine.Object, error) {
	a, ok := s.authorizations.Get(tx.Var("out_authorization_no"))
	if !ok || a.reason == "USER_OVERDUE_UNCONFIRMED" && s.e.Now().Sub(a.closed) > found {
		return nil, engine.NotFound("authorization")
	}
	o := s.showAuthorization(a)
	if tx.Query.Flag("is_display_authorization") {
		maps.Copy(o, a.request.Pick("user_recv_perception"))
		o["create_time"] = engine.Stamp(a.created)
		if a.state == "WAIT_USER_CONFIRM" {
			o["package_info"] = ticket(a.number)
		}
	}
	return o, nil
}

// closeAuthorization ends an authorization for the merchant. One that has ended answers as it stands.
func (s *Transfers) closeAuthorization(tx *engine.Tx) (engine.Object, error) {
	a, ok := s.authorizations.Get(tx.Var("out_authorization_no"))
	switch {
	case !ok:
		return nil, engine.NotFound("authorization")
	case a.state == "WAIT_USER_CONFIRM":
		return nil, engine.Invalid("the user has not agreed, so there is nothing to close")
	case a.state == "TAKING_EFFECT":
		s.close(a, "CLOSE_VIA_MCH_API", s.e.Now())
	}
	return s.showAuthorization(a), nil
}
