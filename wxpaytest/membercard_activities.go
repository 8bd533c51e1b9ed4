package wxpaytest

import (
	"maps"
	"strconv"
	"time"
)

const (
	activityTypes    = "NON_MEMBER_AFTERPAY|MEMBER_AFTERPAY|NON_MEMBER_MINIPROGRAM|MEMBER_MINIPROGRAM"
	activityPath     = "activity_id string 16"
	longestActivity  = 90 * 24 * time.Hour
	furthestActivity = 366 * 24 * time.Hour
)

var activityRoutes = []route{
	{pattern: "POST /v3/marketing/membercard-activity/activities", serve: (*Server).createActivity, body: `
card_id*	string	32
activity_name*	string	10
activity_type*	` + activityTypes + `
begin_time*	time	32
end_time*	time	32
award_send_period	{}
	award_send_time	[]{}
		begin_time*	time
		end_time*	time
	award_send_day_time	[]{}
		begin_day_time*	{}
			hours*	int	0..23
			minutes*	int	0..59
			seconds*	int	0..59
		end_day_time*	{}
			hours*	int	0..23
			minutes*	int	0..59
			seconds*	int	0..59
stock_list	[]{}
	stock_creator_mchid*	string
	stock_id*	string
out_request_no*	string	1..	^[0-9A-Za-z|_*-]+$
pay_activity_setting	{}
	logo_url*	uri
	activity_second_title*	string
	mchid_list	[]string
	activate_setting	{}
		activate_type*	AUTO_ACTIVATE|JUMP_ACTIVATE
		activate_url	uri
		activate_miniprogram	{}
			activate_appid*	string
			activate_path*	string
	payment_setting	{}
		payment_mode	{}
			payment_scene_list	[]string
		limit_bank	string
		goods_tags	[]string
miniprogram_activity_setting	{}
	outer_str	[]string
	award_jump_deploy	{}
		mini_program_appid	string
		mini_program_path	string
		button_text	string`},
	{pattern: "GET /v3/marketing/membercard-activity/activities", serve: (*Server).listActivities, query: `
limit	int	1..
offset	int	0..
activity_type*	` + activityTypes + `
card_id	string	32
activity_status	CREATED|ONGOING|TERMINATED|OVER_TIME`},
	{pattern: "GET /v3/marketing/membercard-activity/activities/{activity_id}", path: activityPath, serve: (*Server).getActivity},
	{pattern: "POST /v3/marketing/membercard-activity/activities/{activity_id}/terminate", path: activityPath, serve: (*Server).terminateActivity},
}

type activity struct {
	data       object
	begin, end time.Time
	terminated time.Time // zero: not
}

func (s *Server) createActivity(c *call) (any, error) {
	return s.first(c, func() (any, error) {
		k, err := s.openCard(c.body.text("card_id"))
		if err != nil {
			return nil, err
		}
		a := &activity{data: maps.Clone(c.body), begin: parseTime(c.body.text("begin_time")), end: parseTime(c.body.text("end_time"))}
		switch {
		case k.data.text("code_mode") == "REAL_TIME":
			return nil, invalid("cards in code mode REAL_TIME cannot take part")
		case !a.end.After(a.begin):
			return nil, badParam("end_time", "is not after begin_time")
		case a.end.Sub(a.begin) > longestActivity:
			return nil, badParam("end_time", "is more than 90 days after begin_time")
		case a.begin.Sub(s.now()) > furthestActivity:
			return nil, badParam("begin_time", "is more than a year away")
		}
		a.data["activity_id"], a.data["create_time"] = strconv.FormatInt(371000+s.number(), 10), stamp(s.now())
		a.data["update_time"] = a.data["create_time"]
		s.cards.activities = append(s.cards.activities, a)
		return s.showActivity(a), nil
	})
}

func (s *Server) showActivity(a *activity) object {
	o := maps.Clone(a.data)
	switch now := s.now(); {
	case !a.terminated.IsZero():
		o["activity_status"], o["update_time"] = "TERMINATED", stamp(a.terminated)
	case now.Before(a.begin):
		o["activity_status"] = "CREATED"
	case now.Before(a.end):
		o["activity_status"] = "ONGOING"
	default:
		o["activity_status"] = "OVER_TIME"
	}
	return o
}

func (s *Server) listActivities(c *call) (any, error) {
	var found []object
	for _, a := range s.cards.activities {
		if o := s.showActivity(a); c.wants("activity_type", o) && c.wants("card_id", o) && c.wants("activity_status", o) {
			found = append(found, o)
		}
	}
	return c.pageByRecord(found), nil
}

func (s *Server) activityOf(c *call) (*activity, error) {
	for _, a := range s.cards.activities {
		if a.data.text("activity_id") == c.vars.text("activity_id") {
			return a, nil
		}
	}
	return nil, bad("path", &violation{"/activity_id", nil, "is not known"})
}

func (s *Server) getActivity(c *call) (any, error) {
	a, err := s.activityOf(c)
	if err != nil {
		return nil, err
	}
	return s.showActivity(a), nil
}

func (s *Server) terminateActivity(c *call) (any, error) {
	a, err := s.activityOf(c)
	if err != nil {
		return nil, err
	}
	if a.terminated.IsZero() {
		a.terminated = s.now()
	}
	return object{"activity_id": a.data.text("activity_id"), "terminate_time": stamp(a.terminated)}, nil
}
