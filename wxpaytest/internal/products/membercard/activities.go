package membercard

import (
	"maps"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const (
	longestActivity  = 90 * 24 * time.Hour
	furthestActivity = 366 * 24 * time.Hour
)

type activity struct {
	data       engine.Object
	begin, end time.Time
	terminated time.Time // zero: not
}

func (s *Cards) createActivity(tx *engine.Tx, k *card) (engine.Object, error) {
	a := &activity{data: maps.Clone(tx.Body), begin: engine.ReadTime(tx.Body.Text("begin_time")), end: engine.ReadTime(tx.Body.Text("end_time"))}
	if err := s.checkActivity(k, a); err != nil {
		return nil, err
	}
	id := strconv.FormatInt(371000+s.e.Number(), 10)
	a.data["activity_id"], a.data["create_time"], a.data["update_time"] = id, engine.Stamp(s.e.Now()), engine.Stamp(s.e.Now())
	s.activities.Add(id, a)
	return s.showActivity(a), nil
}

func (s *Cards) checkActivity(k *card, a *activity) error {
	switch {
	case k.mode() == "REAL_TIME":
		return engine.Invalid("cards in code mode REAL_TIME cannot take part")
	case !a.end.After(a.begin):
		return engine.BadParam("end_time", "is not after begin_time")
	case a.end.Sub(a.begin) > longestActivity:
		return engine.BadParam("end_time", "is more than 90 days after begin_time")
	case a.begin.Sub(s.e.Now()) > furthestActivity:
		return engine.BadParam("begin_time", "is more than a year away")
	}
	return nil
}

func (s *Cards) showActivity(a *activity) engine.Object {
	o := maps.Clone(a.data)
	switch now := s.e.Now(); {
	case !a.terminated.IsZero():
		o["activity_status"], o["update_time"] = "TERMINATED", engine.Stamp(a.terminated)
	case now.Before(a.begin):
		o["activity_status"] = "CREATED"
	case now.Before(a.end):
		o["activity_status"] = "ONGOING"
	default:
		o["activity_status"] = "OVER_TIME"
	}
	return o
}

func (s *Cards) listActivities(tx *engine.Tx) (engine.Object, error) {
	return engine.PageOf(tx, s.activities.All(), s.showActivity, "activity_type", "card_id", "activity_status")
}

// activity finds the one that a call is about.
func (s *Cards) activity(handle func(*activity) (engine.Object, error)) engine.Handler {
	return func(tx *engine.Tx) (engine.Object, error) {
		a, ok := s.activities.Get(tx.Var("activity_id"))
		if !ok {
			return nil, engine.Bad("path", "activity_id", "is not known")
		}
		return handle(a)
	}
}

func (s *Cards) getActivity(a *activity) (engine.Object, error) { return s.showActivity(a), nil }

func (s *Cards) terminateActivity(a *activity) (engine.Object, error) {
	if a.terminated.IsZero() {
		a.terminated = s.e.Now()
	}
	return engine.Object{"activity_id": a.data.Text("activity_id"), "terminate_time": engine.Stamp(a.terminated)}, nil
}
