package wxpaytest

import (
	"archive/zip"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of TPNS.
const (
	maxPackageSize   = 100_000_000
	maxMessageSize   = 4 << 10
	pushesPerSecond  = 1
	readingsPerHour  = 200
	plansPerDay      = 200
	maxExpireTime    = 259200
	furthestSendTime = 90 * 24 * time.Hour
)

const (
	uploadRoute = "POST /v3/push/package/upload"
	pushRoute   = "POST /v3/push/app"
)

var tpnsRoutes = []route{
	{pattern: uploadRoute, tpns: true, serve: (*Server).uploadPackage},
	{pattern: pushRoute, tpns: true, body: pushShape, serve: (*Server).pushApp},
	{pattern: "POST /v3/push/cancel_timing_task", tpns: true, serve: (*Server).cancelPush},
	{pattern: "POST /v3/push/stop_push_msg", tpns: true, serve: (*Server).stopPush},
	{pattern: "POST /v3/push/plan/add_plan_push", tpns: true, serve: (*Server).addPlan, body: `
planName*	string	1..60
planDescribe*	string	300`},
	{pattern: "POST /v3/statistics/get_push_record", tpns: true, serve: (*Server).pushRecords, body: `
pushId	string
startDate	date
endDate	date
msgType	notify|message
pushType	all|tag|token|account
offset	int	0..
limit	int	1..200`},
	{pattern: "POST /v3/statistics/get_push_task_stat_channel", tpns: true, serve: (*Server).pushStatistics, body: `
pushId*	string`},
}

const pushShape = `
audience_type*	all|tag|token|token_list|account|account_list|package_account_push|package_token_push
message_type*	notify|message
message*	{}
	title	string
	content	string
	accept_time	[]{}
		start*	{}
			hour*	string	2..2
			min*	string	2..2
		end*	{}
			hour*	string	2..2
			min*	string	2..2
	thread_id	string
	thread_sumtext	string
	xg_media_resources	string
	xg_media_audio_resources	string
	show_type	int	1..2
	android	{}
		n_ch_id	string
		n_ch_name	string
		xm_ch_id	string
		fcm_ch_id	string
		hw_ch_id	string
		hw_biz_type	int	0..1
		hw_category	string
		hw_importance	int	1..2
		oppo_ch_id	string
		vivo_ch_id	string
		n_id	int
		builder_id	int
		badge_type	int	-2..99
		ring	int	0..1
		ring_raw	string
		vibrate	int	0..1
		lights	int	0..1
		clearable	int	0..1
		icon_type	int	0..1
		icon_res	string
		style_id	int
		small_icon	string
		icon_color	int
		action	{}
			action_type	int	1..3
			activity	string
			aty_attr	{}
				if	int
				pf	int
			browser	{}
				url	uri
				confirm	int	0..1
			intent	string
		custom_content	string
		show_type	int	1..2
	ios	{}
		aps*	{}
			alert	any
			badge_type	int	-2..
			category	string
			sound	string
			mutable-content	int
			content-available	int	1..1
			interruption-level	passive|active|time-sensitive|critical
		custom_content	string
upload_id	int	1..
environment	product|dev
account_type	int	0..
account_push_type	int	0..1
expire_time	int	0..259200
send_time	string	19	^\d{4}-\d{2}-\d{2}\s\d{2}:\d{2}:\d{2}$
multi_pkg	bool
plan_id	string
push_speed	int	1000..50000
collapse_id	int
force_collapse	bool
tpns_online_push_type	int	0..1
channel_rules	[]{}
	channel*	xg|hw|xm|mz|vivo|oppo|apns|honor|fcm|harmony
	disable*	bool
loop_param	{}
	startDate*	date
	endDate*	date
	loopType*	int	1..3
	loopDayIndexs*	[]int	0..31
	dayTimes*	[]string	8	^\d{2}:\d{2}:\d{2}$
seq	int
ignore_invalid_token	int	0..1
account_list	[]string
token_list	[]string	36
tag_rules	[]{}
	tag_items*	[]{}
		tags*	[]string
		is_not*	bool
		tags_operator*	AND|OR
		items_operator*	AND|OR
		tag_type*	string
	operator*	AND|OR
	is_not*	bool
tag_list	{}
	tags	[]string
	op	AND|OR
group_id	string`

// tpns is the state of the push service.
type tpns struct {
	uploads []*upload
	pushes  []*pushTask
	plans   int64
}

// An upload is one package.
type upload struct {
	id       int64
	name     string
	accounts int
}

// A pushTask is one task of a push.
type pushTask struct {
	id      string
	created time.Time
	sendAt  time.Time
	request object
	status  string // set by cancelling and stopping
}

// A pushError is a return code of TPNS. The codes and their texts are those of its table.
type pushError struct {
	code int
	text string
}

func (e *pushError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// returnCodes are the codes of TPNS that concern its packages, pushes and queries.
var returnCodes = map[int]string{
	1008001:  "paramter parse error",
	1008002:  "missing parameter",
	1008003:  "auth failure",
	1008004:  "invoke service error",
	1008007:  "invalid parameter",
	1008011:  "upload file error",
	1008012:  "upload empty file",
	1008015:  "push id not exist",
	1008016:  "date param format error",
	1008019:  "content may be evil",
	1008023:  "ios push cert was expired for the environment: PRODUCT",
	1008028:  "request too fast",
	1008030:  "app not paid",
	1008031:  "app was expired",
	1008035:  "accessId is not correct or domain not correct",
	10010005: "internal error",
	10010012: "illegal push time",
	10010018: "Push repeat",
}

func tpnsError(code int, detail string) error {
	text := returnCodes[code]
	if detail != "" {
		text += ": " + detail
	}
	return &pushError{code, text}
}

// tpnsError writes a failure as TPNS does: with status 200, and with members that each call spells in its
// own way.
func (a *answer) tpnsError(err error) {
	e, ok := errors.AsType[*pushError](err)
	if !ok {
		e = &pushError{1008004, err.Error()}
	}
	a.status, a.verdict = http.StatusOK, e.Error()
	var o object
	switch a.in.endpoint.pattern {
	case pushRoute:
		o = object{"ret_code": e.code, "err_msg": e.text, "seq": 0}
	case uploadRoute:
		o = object{"retCode": e.code, "errMsg": e.text, "uploadId": 0}
	default:
		o = object{"retCode": e.code, "errMsg": e.text}
	}
	a.json([]byte(canonical(o)))
}

// checkTPNS checks what a request to TPNS asks for.
func (s *Server) checkTPNS(c *call) error {
	if c.in.endpoint.pattern == uploadRoute {
		return nil
	}
	return c.decodeTPNS()
}

// authenticateTPNS takes Basic, or the signature over TimeStamp, AccessId and body.
func authenticateTPNS(in *incoming) error {
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	if basic, ok := strings.CutPrefix(in.header.Get("Authorization"), "Basic "); ok {
		if same(basic, base64.StdEncoding.EncodeToString([]byte(TPNSAccessID+":"+TPNSSecretKey))) {
			return nil
		}
		return tpnsError(1008003, "")
	}
	id, at, got := in.header.Get("AccessId"), in.header.Get("TimeStamp"), in.header.Get("Sign")
	h := hmac.New(sha256.New, []byte(TPNSSecretKey))
	h.Write([]byte(at + id))
	h.Write(in.body)
	want := base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(h.Sum(nil))))
	if id != TPNSAccessID || !same(got, want) {
		return tpnsError(1008003, "")
	}
	if unix, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(unix, 0)).Abs() > maxAge {
		return tpnsError(1008003, "TimeStamp is off")
	}
	return nil
}

func (c *call) decodeTPNS() error {
	if mediaType(c.in.header) != "application/json" {
		return tpnsError(1008001, "Content-Type is not application/json")
	}
	var err error
	if c.body, err = decodeObject(c.in.body, false); err != nil {
		return tpnsError(1008001, err.Error())
	}
	if err := (&check{}).object(c.body, c.in.endpoint.body, ""); err != nil {
		v, _ := errors.AsType[*violation](err)
		if v != nil && v.issue == "is required" {
			return tpnsError(1008002, v.field)
		}
		return tpnsError(1008007, err.Error())
	}
	c.checked("body")
	return nil
}

// slow refuses a call if there were n of its kind within the span. The caller holds the lock.
func (s *Server) slow(kind string, n int, span time.Duration) error {
	if s.options.Unlimited || s.within(kind, n, span) {
		return nil
	}
	return tpnsError(1008028, "")
}

func (s *Server) uploadPackage(c *call) (any, error) {
	parts, err := c.in.parts("file")
	if err != nil {
		return nil, tpnsError(1008001, err.Error())
	}
	c.checked("multipart")
	name, body := parts[0].filename, parts[0].body
	switch n := utf8.RuneCountInString(name); {
	case n < 1 || n > 100:
		return nil, tpnsError(1008007, fmt.Sprintf("the file name has %d characters", n))
	case len(body) == 0:
		return nil, tpnsError(1008012, "")
	case len(body) > maxPackageSize:
		return nil, tpnsError(1008011, "the file has more than 100 MB")
	}
	accounts, err := readPackage(name, body)
	if err != nil {
		return nil, tpnsError(1008011, err.Error())
	}
	c.checked(fmt.Sprintf("%d lines", accounts))
	u := &upload{11230 + int64(len(s.tpns.uploads)) + 1, name, accounts}
	s.tpns.uploads = append(s.tpns.uploads, u)
	return object{"retCode": 0, "errMsg": "NO_ERROR", "uploadId": u.id}, nil
}

// readPackage counts the accounts of a package.
func readPackage(name string, body []byte) (int, error) {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".txt", ".csv":
		return countAccounts(body, ext == ".csv")
	case ".zip":
	default:
		return 0, errors.New("the file is none of .zip, .txt and .csv")
	}
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return 0, errors.New("the file is not a zip")
	}
	if len(z.File) != 1 || strings.Contains(z.File[0].Name, "/") || !slices.Contains([]string{".txt", ".csv"}, strings.ToLower(path.Ext(z.File[0].Name))) {
		return 0, errors.New("a zip holds exactly one .txt or .csv and no folder")
	}
	f, err := z.File[0].Open()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 10*maxPackageSize))
	if err != nil {
		return 0, err
	}
	return countAccounts(text, strings.EqualFold(path.Ext(z.File[0].Name), ".csv"))
}

func countAccounts(text []byte, csv bool) (int, error) {
	n, refused := 0, "\x00\ufeff"
	if csv {
		refused += `,"` // one column, and nobody says how quotes are read
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if c := utf8.RuneCount(line); !utf8.Valid(line) || c < 2 || c > 100 || bytes.ContainsAny(line, refused) {
			return 0, fmt.Errorf("line %d is not one account of 2 to 100 characters in UTF-8", n+1)
		}
		n++
	}
	return n, nil
}

func (s *Server) pushApp(c *call) (any, error) {
	audience, message := c.body.text("audience_type"), c.body.child("message")
	isPackage := strings.HasPrefix(audience, "package_")
	text := canonical(message)
	switch {
	case isPackage && !slices.ContainsFunc(s.tpns.uploads, func(u *upload) bool { return u.id == c.body.number("upload_id") }):
		return nil, tpnsError(1008007, "upload_id")
	case len(text) > maxMessageSize:
		return nil, tpnsError(1008007, "message has more than 4 KB")
	case c.body.text("message_type") == "notify" && (message.text("title") == "" || message.text("content") == ""):
		return nil, tpnsError(1008002, "title and content of message")
	}
	sendAt, err := s.sendTime(c.body.text("send_time"))
	if err != nil {
		return nil, err
	}
	if isPackage || audience == "all" || audience == "tag" {
		if err := s.slow("push", pushesPerSecond, time.Second); err != nil {
			return nil, err
		}
	}
	answer := object{"seq": c.body.number("seq"), "ret_code": 0, "environment": c.body.text("environment"), "err_msg": "NO_ERROR", "err_msg_zh": "成功", "result": "{}"}
	loop := c.body.child("loop_param")
	if loop == nil {
		answer["push_id"] = s.addPush(c.body, sendAt).id
		return answer, nil
	}
	ids := []string{}
	times, _ := loop["dayTimes"].([]any)
	for range times {
		ids = append(ids, s.addPush(c.body, sendAt).id)
	}
	answer["push_id"] = ids
	return answer, nil
}

// sendTime reads a time of the platform's clock: not more than 10 minutes ago, at most 90 days ahead.
func (s *Server) sendTime(text string) (time.Time, error) {
	now := s.now()
	if text == "" {
		return now, nil
	}
	at, err := time.ParseInLocation(time.DateTime, text, beijing)
	switch {
	case err != nil:
		return at, tpnsError(1008007, "send_time")
	case now.Sub(at) > 10*time.Minute || at.Sub(now) > furthestSendTime:
		return at, tpnsError(10010012, "")
	}
	return at, nil
}

func (s *Server) addPush(request object, sendAt time.Time) *pushTask {
	p := &pushTask{id: strconv.FormatInt(1328245138690125000+s.number(), 10), created: s.now(), sendAt: sendAt, request: request}
	s.tpns.pushes = append(s.tpns.pushes, p)
	return p
}

// state is what the record of a push shows: it runs for a minute and then is finished.
func (s *Server) state(p *pushTask) string {
	switch now := s.now(); {
	case p.status != "":
		return p.status
	case now.Before(p.sendAt):
		return "PUSH_WAIT"
	case now.Before(p.sendAt.Add(time.Minute)):
		return "PUSH_STARTED"
	}
	return "PUSH_FINISHED"
}

// pushOf finds the task that a request names. The documents spell pushId, their samples pushid.
func (s *Server) pushOf(c *call) (*pushTask, error) {
	id := c.body.text("pushId")
	if id == "" {
		id = c.body.text("pushid")
	}
	if id == "" {
		return nil, tpnsError(1008002, "pushId")
	}
	for _, p := range s.tpns.pushes {
		if p.id == id {
			return p, nil
		}
	}
	return nil, tpnsError(1008015, "")
}

func (s *Server) cancelPush(c *call) (any, error) {
	p, err := s.pushOf(c)
	if err != nil {
		return nil, err
	}
	if s.state(p) != "PUSH_WAIT" {
		return nil, tpnsError(1008007, "the push was dispatched already")
	}
	p.status = "PUSH_CANCELED"
	return object{"retCode": 0, "errMsg": "NO_ERROR"}, nil
}

func (s *Server) stopPush(c *call) (any, error) {
	p, err := s.pushOf(c)
	if err != nil {
		return nil, err
	}
	if s.state(p) == "PUSH_WAIT" {
		return nil, tpnsError(1008007, "the push does not run yet")
	}
	p.status = "PUSH_DELETED_PUSH_MSG"
	return object{"retCode": 0, "errMsg": "NO_ERROR"}, nil
}

func (s *Server) addPlan(c *call) (any, error) {
	if err := s.slow("plan", plansPerDay, 24*time.Hour); err != nil {
		return nil, err
	}
	s.tpns.plans++
	plan := c.body.pick("planName", "planDescribe")
	plan["planId"], plan["planPushSource"] = strconv.FormatInt(47+s.tpns.plans, 10), "api"
	plan["createdAt"], plan["updateAt"] = s.now().Unix(), s.now().Unix()
	return object{"retCode": 0, "ErrMsg": "save success", "result": plan}, nil
}

func (s *Server) record(p *pushTask) object {
	message := p.request.child("message")
	expire := int64(86400)
	if _, set := p.request["expire_time"]; set {
		expire = p.request.number("expire_time")
	}
	return object{
		"date": p.created.Format(time.DateTime), "pushId": p.id, "title": message.text("title"), "content": message.text("content"),
		"status": s.state(p), "pushType": p.request.text("audience_type"), "messageType": p.request.text("message_type"),
		"environment": p.request.text("environment"), "expireTime": expire, "uploadId": p.request.number("upload_id"),
		"targetList": nil, "tagSet": nil, "xgMediaResources": message.text("xg_media_resources"), "collapseID": 0,
		"multiPkg": p.request.flag("multi_pkg"), "source": "api", "groupId": p.request.text("group_id"),
		"pushConfig": object{"android": message["android"], "ios": message["ios"]},
	}
}

func (s *Server) pushRecords(c *call) (any, error) {
	if err := s.slow("record", readingsPerHour, time.Hour); err != nil {
		return nil, err
	}
	if c.body.text("startDate") == "" {
		p, err := s.pushOf(c)
		if err != nil {
			return nil, err
		}
		return object{"retCode": 0, "errMsg": "NO_ERROR", "pushRecordData": []object{s.record(p)}}, nil
	}
	if c.body.text("endDate") == "" {
		return nil, tpnsError(1008002, "endDate")
	}
	found := []object{}
	for _, p := range s.tpns.pushes {
		day := p.created.Format(time.DateOnly)
		kind := c.body.text("msgType")
		if day < c.body.text("startDate") || day > c.body.text("endDate") || kind != "" && kind != p.request.text("message_type") {
			continue
		}
		if kind := c.body.text("pushType"); kind != "" && !strings.HasPrefix(p.request.text("audience_type"), kind) {
			continue
		}
		found = append(found, s.record(p))
	}
	n := int64(len(found))
	limit := c.body.number("limit")
	if limit == 0 {
		limit = 200
	}
	first := min(c.body.number("offset"), n)
	return object{"retCode": 0, "errMsg": "NO_ERROR", "count": n, "pushRecordData": found[first:min(first+limit, n)]}, nil
}

// pushStatistics answers counts that follow from the size of the package.
func (s *Server) pushStatistics(c *call) (any, error) {
	if err := s.slow("statistics", readingsPerHour, time.Hour); err != nil {
		return nil, err
	}
	p, err := s.pushOf(c)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, u := range s.tpns.uploads {
		if u.id == p.request.number("upload_id") && s.state(p) != "PUSH_WAIT" && s.state(p) != "PUSH_CANCELED" {
			n = u.accounts
		}
	}
	counts := object{"pushActiveUv": n, "pushOnlineUv": n * 9 / 10, "arrivalUv": n * 8 / 10, "verifySvcUv": n * 8 / 10,
		"callbackVerifySvcUv": n * 7 / 10, "pushRetryUv": n / 10, "verifyUv": n * 6 / 10, "clickUv": n * 3 / 10, "cleanupUv": n * 2 / 10}
	return object{"retCode": 0, "errMsg": "NO_ERROR", "pushStatDataAll": []object{
		{"channel": "xg", "pushState": counts}, {"channel": "all", "pushState": counts},
	}}, nil
}

// PackageAccounts returns how many accounts the TPNS package of that upload holds; 0 if there is none.
func (s *Server) PackageAccounts(uploadID int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.tpns.uploads {
		if u.id == uploadID {
			return u.accounts
		}
	}
	return 0
}
