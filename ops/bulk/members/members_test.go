package members_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/internal/optest"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	phone  = "13800138000"
	openid = "obLatjnx9gnqzS4myYGmLZ7LgLBA"
	code   = "478515832665"
	appid  = "wxea9c30890f48d5ae"
	cardID = "pbLatjvWOibDc5-TBnbUk1pD12o0"

	routePhone  = "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import"
	routeOpenID = "POST /v3/marketing/membercard-open/cards/{card_id}/users/import"
	routeRemind = "POST /v3/marketing/membercard-open/phonenumber-member/import"
	routeSearch = "GET /v3/marketing/membercard-open/phonenumber-member/search"
	routeCard   = "GET /v3/marketing/membercard-open/cards/{card_id}/codes/{code}"
	routeCards  = "GET /v3/marketing/membercard-open/user/cards"
)

var registered = time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)

// each operation by name, with a row whose fate can be asked for.
func each() map[string]func(t *testing.T) *optest.Play {
	return map[string]func(t *testing.T) *optest.Play{
		"phone": func(t *testing.T) *optest.Play {
			return play(t, func(c *wxpay.Client) bulk.Operation { return members.ByPhone{Client: c, CardID: cardID} }, routePhone, []string{phone, code}, routeCard)
		},
		"openid": func(t *testing.T) *optest.Play {
			return play(t, func(c *wxpay.Client) bulk.Operation { return members.ByOpenID{Client: c, CardID: cardID, AppID: appid} }, routeOpenID, []string{openid, code}, routeCard, routeCards)
		},
		"remind": func(t *testing.T) *optest.Play {
			return play(t, func(c *wxpay.Client) bulk.Operation {
				return members.Remind{Client: c, CardID: cardID, RegistrationTime: registered}
			}, routeRemind, []string{phone, "", code, "00316510891298", "shop"}, routeSearch)
		},
	}
}

func play(t *testing.T, operation func(*wxpay.Client) bulk.Operation, route string, cells []string, asks ...string) *optest.Play {
	server := wxpaytest.New(t)
	server.AddCard("REAL_TIME", cardID)
	p := &optest.Play{Server: server, Operation: operation(server.Client()), Row: table.Row{Line: 2, Cells: cells}, Route: route, Asks: asks}
	p.Effects = func() int { return len(memberRows(server)) }
	if route == routeRemind {
		p.Effects = func() int { return reminders(server) }
	}
	return p
}

// memberRows are those of the fake.
func memberRows(server *wxpaytest.Server) []map[string]any {
	for _, v := range server.State() {
		if v.Product == "membercard" && v.Name == "members" {
			return v.Rows
		}
	}
	return nil
}

// reminders counts the numbers that were taken, whatever became of the answer.
func reminders(server *wxpaytest.Server) (n int) {
	for _, r := range server.Requests() {
		if r.Route == routeRemind && strings.HasPrefix(r.Verdict, "ok") {
			n++
		}
	}
	return n
}

func TestEveryFaultOfEveryCall(t *testing.T) {
	t.Parallel()
	plays := each()
	plays["phone alone"] = func(t *testing.T) *optest.Play { // the platform gives the code
		const card = "anothercard"
		p := play(t, func(c *wxpay.Client) bulk.Operation { return members.ByPhone{Client: c, CardID: card} }, routePhone, []string{phone, ""})
		p.Server.AddCard("SYSTEM_ALLOCATE", card)
		return p
	}
	for name, start := range plays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			optest.Faults(t, start)
		})
	}
}

// lost is a play whose first answer was lost.
func lost(t *testing.T, p *optest.Play, how string) *optest.Play {
	optest.Begin(t, p)
	require.NoError(t, p.Server.Inject(p.Route, how, 1))
	require.Equal(t, bulk.Unknown, p.Send().State)
	return p
}

// What MC-26 leaves open: the platform refuses the repetition of a number that it took.
func TestRefusedRepetitionThatHadWorked(t *testing.T) {
	t.Parallel()
	refusal := map[string]string{"code": "INVALID_REQUEST", "message": "用户13800138000已领取该会员卡"}
	tests := []struct {
		name  string
		cells []string
		appid string
		state bulk.State
		code  string
	}{
		{"phone", []string{phone, code}, "", bulk.Unknown, "INVALID_REQUEST"},
		{"phone", []string{phone}, "", bulk.Unknown, "INVALID_REQUEST"},
		{"openid", []string{openid, code}, "", bulk.Done, code},
		{"openid", []string{openid}, "", bulk.Unknown, "INVALID_REQUEST"},
		{"openid", []string{openid}, appid, bulk.Done, "478515832666"},
	}
	for _, tt := range tests {
		t.Run(tt.name+"/"+strings.Join(tt.cells, "/")+tt.appid, func(t *testing.T) {
			t.Parallel()
			p := each()[tt.name](t)
			p.Row.Cells = tt.cells
			if by, ok := p.Operation.(members.ByOpenID); ok {
				by.AppID = tt.appid
				p.Operation = by
			}
			if len(tt.cells) == 1 { // the code comes from the card
				client := p.Server.Client()
				_, err := wxpay.Do[struct{}](t.Context(), client, wxpay.Call{
					Route: "POST /v3/marketing/membercard-open/cards/{card_id}/codes/deposit", Vars: wxpay.Vars{"card_id": deposit(p)},
					Body: map[string]any{"code": []string{"478515832666"}},
				})
				require.NoError(t, err)
			}
			lost(t, p, "reset-after-effect")
			require.NoError(t, p.Server.Reply(p.Route, 400, refusal))
			r := p.Settle()
			require.Equal(t, tt.state, r.State, "%+v", r)
			require.Equal(t, tt.code, r.Code)
			require.NotContains(t, r.Reason.English+r.Reason.Chinese, phone)
			if tt.state == bulk.Unknown {
				require.Contains(t, r.Reason.English, "lost")
				require.Contains(t, r.Reason.Chinese, "核对")
			}
		})
	}
}

// deposit gives a play a card whose codes are deposited.
func deposit(p *optest.Play) string {
	id := p.Server.AddCard("MERCHANT_DEPOSIT")
	switch o := p.Operation.(type) {
	case members.ByPhone:
		o.CardID = id
		p.Operation = o
	case members.ByOpenID:
		o.CardID = id
		p.Operation = o
	}
	return id
}

func TestRefusedRepetitionThatHadNotWorked(t *testing.T) {
	t.Parallel()
	for name, start := range each() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := lost(t, start(t), "500")
			require.NoError(t, p.Server.Inject(p.Route, "INVALID_REQUEST", 1))
			r := p.Settle()
			require.Equal(t, bulk.Rejected, r.State, "no query finds it: %+v", r)
			require.Equal(t, "INVALID_REQUEST", r.Code)
		})
	}
	t.Run("no code", func(t *testing.T) {
		t.Parallel()
		p := each()["phone"](t)
		deposit(p) // no codes are left
		p.Row.Cells = []string{phone}
		lost(t, p, "500")
		r := p.Settle()
		require.Equal(t, bulk.Unknown, r.State, "nothing tells: %+v", r)
	})
	for _, taken := range []bool{false, true} { // the user has the card under another code
		t.Run(fmt.Sprint("the code of somebody else/", taken), func(t *testing.T) {
			t.Parallel()
			p := optest.Begin(t, each()["openid"](t))
			add := func(openid, code string) {
				row := table.Row{Cells: []string{openid, code}}
				require.Equal(t, bulk.Done, p.Operation.Send(t.Context(), bulk.Item{Number: "another" + code, Rows: []table.Row{row}}).State)
			}
			add("somebodyelse", code)
			before, want := 1, bulk.Unknown
			if taken {
				add(openid, "478515832667")
				before, want = 2, bulk.Rejected
			}
			p.Effects = func() int { return len(memberRows(p.Server)) - before }
			lost(t, p, "500")
			require.Equal(t, want, p.Settle().State)
		})
	}
}

// A proxy on the way may say anything.
func TestUnsignedQueriesTellNothing(t *testing.T) {
	t.Parallel()
	for name, start := range each() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			config := p.Server.Config()
			config.HTTPClient = &http.Client{Transport: proxy{p.Server}}
			client, err := wxpay.New(config)
			require.NoError(t, err)
			switch p.Operation.(type) {
			case members.ByPhone:
				p.Operation = members.ByPhone{Client: client, CardID: cardID}
			case members.ByOpenID:
				p.Operation = members.ByOpenID{Client: client, CardID: cardID}
			case members.Remind:
				p.Operation = members.Remind{Client: client, CardID: cardID, RegistrationTime: registered}
			}
			lost(t, p, "reset-after-read")
			if p.Route != routeRemind {
				require.NoError(t, p.Server.Inject(p.Route, "INVALID_REQUEST", 1))
			}
			require.Equal(t, bulk.Unknown, p.Settle().State)
			require.Zero(t, p.Effects())
		})
	}
}

// A proxy answers queries by itself.
type proxy struct{ http.RoundTripper }

func (p proxy) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return p.RoundTripper.RoundTrip(req)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(`{"code":"INVALID_REQUEST","message":"none"}`)),
	}, nil
}

func TestRemindersAreAskedForFirst(t *testing.T) {
	t.Parallel()
	start := each()["remind"]
	for _, tt := range []struct {
		name, how string
		between   func(t *testing.T, p *optest.Play)
		sent      int
	}{
		{"taken", "reset-after-effect", func(*testing.T, *optest.Play) {}, 1},
		{"shown", "reset-after-effect", func(t *testing.T, p *optest.Play) { require.NoError(t, p.Server.ShowReminder(cardID, phone)) }, 1},
		{"received", "reset-after-effect", func(t *testing.T, p *optest.Play) {
			_, err := p.Server.TakeCard(cardID, openid, phone, false)
			require.NoError(t, err)
		}, 1},
		{"not taken", "reset-after-read", func(*testing.T, *optest.Play) {}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := lost(t, start(t), tt.how)
			tt.between(t, p)
			require.Equal(t, bulk.Done, p.Settle().State)
			n := 0
			for _, r := range p.Server.Requests() {
				if r.Route == routeRemind {
					n++
				}
			}
			require.Equal(t, tt.sent, n)
		})
	}
	t.Run("abroad", func(t *testing.T) {
		t.Parallel()
		for _, how := range []string{"reset-after-effect", "reset-after-read"} {
			p := start(t)
			p.Row.Cells[0] = "+85291234567"
			lost(t, p, how)
			sent := len(p.Server.Requests())
			r := p.Settle()
			require.Equal(t, bulk.Unknown, r.State)
			require.Contains(t, r.Reason.English, "mainland")
			require.Len(t, p.Server.Requests(), sent, "nothing is sent")
		}
	})
	t.Run("an answer that says nothing", func(t *testing.T) {
		t.Parallel()
		p := lost(t, start(t), "reset-after-read")
		require.NoError(t, p.Server.Reply(routeSearch, 200, map[string]any{}))
		sent := reminders(p.Server)
		require.Equal(t, bulk.Unknown, p.Settle().State)
		require.Equal(t, sent, reminders(p.Server))
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	c := server.Client()
	byPhone, byOpenID := members.ByPhone{c, cardID}, members.ByOpenID{Client: c, CardID: cardID}
	remind := members.Remind{Client: c, CardID: cardID}
	dated := members.Remind{Client: c, CardID: cardID, RegistrationTime: registered}
	long := strings.Repeat("1", 33)
	tests := []struct {
		operation bulk.Operation
		cells     []string
		who       string
		column    string // of the fault
	}{
		{byPhone, []string{phone, code}, phone, ""},
		{byPhone, []string{phone}, phone, ""},
		{byPhone, []string{"+86" + phone, code}, phone, ""},
		{byPhone, []string{"86" + phone, code}, phone, ""},
		{byPhone, []string{"+85291234567"}, "85291234567", ""},
		{byPhone, []string{"85291234567"}, "85291234567", ""},
		{byPhone, []string{"+12025550123"}, "+12025550123", ""},
		{byPhone, []string{"12025550123"}, "12025550123", ""},
		{byPhone, []string{"", code}, "", "phone_number"},
		{byPhone, nil, "", "phone_number"},
		{byPhone, []string{"1380013800", code}, "", "phone_number"},
		{byPhone, []string{"1.38E+10", code}, "", "phone_number"},
		{byPhone, []string{phone, long}, "", "code"},
		{byPhone, []string{phone, "a/b"}, "", "code"},
		{byOpenID, []string{openid, code}, openid, ""},
		{byOpenID, []string{"", code}, "", "openid"},
		{byOpenID, []string{"ob Lat"}, "", "openid"},
		{byOpenID, []string{openid, "张三\u200b"}, "", "code"},
		{remind, []string{phone, "2024-05-01T10:00:00+08:00"}, phone, ""},
		{remind, []string{phone}, "", "registration_time"},
		{remind, []string{phone, "yesterday"}, "", "registration_time"},
		{dated, []string{phone}, phone, ""},
		{dated, []string{phone, "yesterday"}, "", "registration_time"},
		{dated, []string{"+85291234567"}, "85291234567", ""},
		{dated, []string{"", ""}, "", "phone_number"},
		{dated, []string{phone, "", long}, "", "code"},
		{dated, []string{phone, "", "", long}, "", "membership_number"},
		{dated, []string{phone, "", "", "", strings.Repeat("店", 129)}, "", "outer_str"},
		{dated, []string{phone, "", "", "", "shop 😀"}, "", "outer_str"},
		{dated, []string{phone, "", "", "", "\xb5\xea"}, "", "outer_str"},
	}
	for _, tt := range tests {
		who, err := tt.operation.Check(table.Row{Line: 7, Cells: tt.cells})
		if tt.column == "" {
			require.NoError(t, err, "%q", tt.cells)
			require.Equal(t, tt.who, who)
			continue
		}
		fault := new(table.Fault)
		require.ErrorAs(t, err, &fault, "%q", tt.cells)
		require.Equal(t, 7, fault.Line)
		require.Equal(t, tt.column, fault.Column)
		require.NotEmpty(t, fault.Reason)
		require.NotContains(t, fault.Chinese, "不合规", "it is said in Chinese: %s", fault.Reason)
		for _, cell := range tt.cells {
			if cell != "" {
				require.NotContains(t, err.Error()+fault.Chinese, cell)
			}
		}
	}
	require.Empty(t, server.Requests(), "nothing is sent")
}

func TestFaultsOfSettingsAreNotThoseOfRows(t *testing.T) {
	t.Parallel()
	brand := wxpaytest.New(t, wxpaytest.Options{Brand: true}).Client()
	c := wxpaytest.New(t).Client()
	row := table.Row{Line: 7, Cells: []string{phone}}
	for _, o := range []bulk.Operation{
		members.ByPhone{}, members.ByOpenID{}, members.Remind{RegistrationTime: registered},
		members.ByPhone{Client: c}, members.ByOpenID{Client: c}, members.Remind{Client: c, RegistrationTime: registered},
		members.ByPhone{Client: brand, CardID: cardID},
	} {
		_, err := o.Check(row)
		wrong := new(wxpay.ParamError)
		require.ErrorAs(t, err, &wrong, "%T", o)
		require.NotEmpty(t, o.About().Steps)
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	for name, start := range each() {
		about := start(t).Operation.About()
		require.Equal(t, wxpaytest.MchID, about.Sender, name)
		require.Equal(t, map[string]string{"card_id": cardID}, about.Settings)
		require.Equal(t, 5.0, about.Steps[0].Rate)
		seen := map[string]string{}
		for _, c := range about.Columns {
			for _, h := range append(slices.Clone(c.Headers), c.Name) {
				h = strings.ReplaceAll(strings.ToLower(h), "_", "")
				require.Contains(t, []string{"", c.Name}, seen[h], "%s stands for one column", h)
				seen[h] = c.Name
			}
		}
	}
	require.True(t, members.Remind{}.About().Columns[1].Required)
	require.False(t, members.Remind{RegistrationTime: registered}.About().Columns[1].Required)
}

// A kept call that this client does not send any more is made anew only when it is known to have done nothing.
func TestKeptCallsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	for name, start := range each() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for how, want := range map[string]bulk.State{"reset-after-effect": bulk.Done, "reset-after-read": bulk.Staged} {
					if name == "phone" && want == bulk.Done {
						want = bulk.Unknown // whose the code is cannot be asked
					}
					p := lost(t, start(t), how)
					r := p.Operation.Settle(t.Context(), bulk.Item{Rows: []table.Row{p.Row}}, wxpay.Prepared{})
					require.Equal(t, want, r.State, "%s: %+v", how, r)
				}
			})
		})
	}
}
