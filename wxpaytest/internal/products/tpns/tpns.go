// Package tpns is the state of the push service: packages, pushes and plans.
package tpns

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const (
	name             = "tpns"
	maxMessageSize   = 4 << 10
	furthestSendTime = 90 * 24 * time.Hour
)

// A Pushes is the state.
type Pushes struct {
	e       *engine.Engine
	uploads engine.List[*upload]
	pushes  engine.List[*push]
	plans   int64
}

// An upload is one package.
type upload struct {
	id       int64
	name     string
	accounts int
}

// A push is one task of a push.
type push struct {
	id      string
	created time.Time
	sendAt  time.Time
	request engine.Object
	status  string // set by cancelling and stopping
}

// New returns an empty state.
func New(e *engine.Engine) *Pushes { return &Pushes{e: e} }

// Product is what the engine is to know of it.
func (s *Pushes) Product() engine.Product {
	return engine.Product{
		Name: name,
		Handlers: map[string]engine.Handler{
			"uploadPackage": s.uploadPackage, "pushApp": s.pushApp, "cancelScheduledPush": s.pushed(s.cancel), "stopPush": s.pushed(s.stop),
			"getPushRecord": s.records, "getPushTaskStatistics": s.pushed(s.statistics), "createPushPlan": s.createPlan,
		},
		Prepare: map[string]func(*engine.Tx) error{"uploadPackage": countFile, "pushApp": s.checkPush},
		Actions: s.actions(),
		Views: func() []engine.View {
			return []engine.View{
				engine.Rows(name, "uploads", s.uploads.All(), func(u *upload) engine.Object {
					return engine.Object{"uploadId": u.id, "file": u.name, "accounts": u.accounts}
				}),
				engine.Rows(name, "pushes", s.pushes.All(), s.record),
			}
		},
	}
}

func refuse(code int, detail string) error {
	return &engine.Refusal{Code: strconv.Itoa(code), Message: detail}
}

func ok(more engine.Object) (engine.Object, error) {
	o := engine.Object{"retCode": 0, "errMsg": "NO_ERROR"}
	maps.Copy(o, more)
	return o, nil
}

func (s *Pushes) uploadPackage(tx *engine.Tx) (engine.Object, error) {
	accounts, _ := tx.Prepared.(int)
	return ok(engine.Object{"uploadId": s.addUpload(tx.File.Name, accounts)})
}

func (s *Pushes) addUpload(name string, accounts int) (id int64) {
	u := &upload{11230 + int64(len(s.uploads.All())) + 1, name, accounts}
	s.uploads.Add(strconv.FormatInt(u.id, 10), u)
	return u.id
}

func (s *Pushes) actions() []engine.Action {
	return []engine.Action{{
		Name: "add-upload", Doc: "a package of accounts was uploaded; the answer is its upload_id", DocZh: "已上传一个账号包；返回其 upload_id",
		Params: []engine.Param{
			{Name: "name", Doc: "the name of the file, such as accounts.zip", DocZh: "文件名，例如 accounts.zip"},
			{Name: "accounts", Doc: "how many accounts it holds, from 1", DocZh: "账号个数，从 1 起"},
		},
		Do: func(args map[string]string) (any, error) {
			n, err := strconv.Atoi(args["accounts"])
			if err != nil || n < 1 {
				return nil, errors.New("wxpaytest: accounts is a number from 1")
			}
			return s.addUpload(args["name"], n), nil
		},
	}}
}

// uploadOf returns the package of an upload, or one that holds nobody.
func (s *Pushes) uploadOf(id int64) (*upload, bool) {
	u, ok := s.uploads.Get(strconv.FormatInt(id, 10))
	return cmp.Or(u, &upload{}), ok
}

// PackageAccounts returns how many accounts the package of an upload holds.
func (s *Pushes) PackageAccounts(uploadID int64) int {
	s.e.Lock()
	defer s.e.Unlock()
	u, _ := s.uploadOf(uploadID)
	return u.accounts
}

// checkPush checks what the limit of rate does not count.
func (s *Pushes) checkPush(tx *engine.Tx) error {
	s.e.Lock()
	_, uploaded := s.uploadOf(tx.Body.Number("upload_id"))
	s.e.Unlock()
	message := tx.Body.Child("message")
	switch {
	case strings.HasPrefix(tx.Body.Text("audience_type"), "package_") && !uploaded:
		return refuse(1008007, "upload_id")
	case len(engine.Canonical(message)) > maxMessageSize:
		return refuse(1008007, "message has more than 4 KB")
	case tx.Body.Text("message_type") == "notify" && (message.Text("title") == "" || message.Text("content") == ""):
		return refuse(1008002, "title and content of message")
	}
	at, err := s.sendTime(tx.Body.Text("send_time"))
	tx.Prepared = at
	return err
}

// sendTime reads a time of the platform's clock: not more than 10 minutes ago, at most 90 days ahead.
func (s *Pushes) sendTime(text string) (time.Time, error) {
	now := s.e.Now()
	if text == "" {
		return now, nil
	}
	at, err := time.ParseInLocation(time.DateTime, text, engine.Beijing)
	switch {
	case err != nil:
		return at, refuse(1008007, "send_time")
	case now.Sub(at) > 10*time.Minute || at.Sub(now) > furthestSendTime:
		return at, refuse(10010012, "")
	}
	return at, nil
}

func (s *Pushes) pushApp(tx *engine.Tx) (engine.Object, error) {
	sendAt, _ := tx.Prepared.(time.Time)
	answer := engine.Object{"seq": tx.Body.Number("seq"), "ret_code": 0, "environment": tx.Body.Text("environment"), "err_msg": "NO_ERROR", "err_msg_zh": "成功", "result": "{}"}
	times, loops := tx.Body.Child("loop_param")["dayTimes"].([]any)
	if !loops {
		answer["push_id"] = s.add(tx.Body, sendAt).id
		return answer, nil
	}
	ids := []string{}
	for range times {
		ids = append(ids, s.add(tx.Body, sendAt).id)
	}
	answer["push_id"] = ids
	return answer, nil
}

func (s *Pushes) add(request engine.Object, sendAt time.Time) *push {
	p := &push{id: strconv.FormatInt(1328245138690125000+s.e.Number(), 10), created: s.e.Now(), sendAt: sendAt, request: request}
	s.pushes.Add(p.id, p)
	return p
}

// state is what the record of a push shows: it runs for a minute and then is finished.
func (s *Pushes) state(p *push) string {
	switch now := s.e.Now(); {
	case p.status != "":
		return p.status
	case now.Before(p.sendAt):
		return "PUSH_WAIT"
	case now.Before(p.sendAt.Add(time.Minute)):
		return "PUSH_STARTED"
	}
	return "PUSH_FINISHED"
}

// pushed finds the task that a call names.
func (s *Pushes) pushed(handle func(*push) (engine.Object, error)) engine.Handler {
	return func(tx *engine.Tx) (engine.Object, error) {
		p, ok := s.pushes.Get(tx.Body.Text("pushId"))
		if !ok {
			return nil, refuse(1008015, "")
		}
		return handle(p)
	}
}

func (s *Pushes) cancel(p *push) (engine.Object, error) {
	if s.state(p) != "PUSH_WAIT" {
		return nil, refuse(1008007, "the push was dispatched already")
	}
	p.status = "PUSH_CANCELED"
	return ok(nil)
}

func (s *Pushes) stop(p *push) (engine.Object, error) {
	if s.state(p) == "PUSH_WAIT" {
		return nil, refuse(1008007, "the push does not run yet")
	}
	p.status = "PUSH_DELETED_PUSH_MSG"
	return ok(nil)
}

func (s *Pushes) createPlan(tx *engine.Tx) (engine.Object, error) {
	s.plans++
	plan := tx.Body.Pick("planName", "planDescribe")
	plan["planId"], plan["planPushSource"] = strconv.FormatInt(47+s.plans, 10), "api"
	plan["createdAt"], plan["updateAt"] = s.e.Now().Unix(), s.e.Now().Unix()
	return engine.Object{"retCode": 0, "ErrMsg": "save success", "result": plan}, nil
}

func (s *Pushes) record(p *push) engine.Object {
	r, message := p.request, p.request.Child("message")
	expire := int64(86400)
	if _, set := r["expire_time"]; set {
		expire = r.Number("expire_time")
	}
	return engine.Object{
		"date": p.created.Format(time.DateTime), "pushId": p.id, "title": message.Text("title"), "content": message.Text("content"),
		"status": s.state(p), "pushType": r.Text("audience_type"), "messageType": r.Text("message_type"),
		"environment": r.Text("environment"), "expireTime": expire, "uploadId": r.Number("upload_id"),
		"targetList": nil, "tagSet": nil, "xgMediaResources": message.Text("xg_media_resources"), "collapseID": 0,
		"multiPkg": r.Flag("multi_pkg"), "source": "api", "groupId": r.Text("group_id"),
		"pushConfig": engine.Object{"android": message["android"], "ios": message["ios"]},
	}
}

func (s *Pushes) records(tx *engine.Tx) (engine.Object, error) {
	if tx.Body.Text("startDate") == "" {
		return s.pushed(s.oneRecord)(tx)
	}
	found := []engine.Object{}
	for _, p := range s.pushes.All() {
		if p.isAmong(tx.Body) {
			found = append(found, s.record(p))
		}
	}
	n := int64(len(found))
	first, size := min(tx.Body.Number("offset"), n), min(cmp.Or(tx.Body.Number("limit"), 200), n)
	return ok(engine.Object{"count": n, "pushRecordData": found[first:min(first+size, n)]})
}

func (s *Pushes) oneRecord(p *push) (engine.Object, error) {
	return ok(engine.Object{"pushRecordData": []engine.Object{s.record(p)}})
}

// isAmong reports whether a push is one of those that a range of records asks for.
func (p *push) isAmong(asked engine.Object) bool {
	day, kind := p.created.Format(time.DateOnly), asked.Text("msgType")
	return asked.Text("startDate") <= day && day <= asked.Text("endDate") &&
		(kind == "" || kind == p.request.Text("message_type")) && strings.HasPrefix(p.request.Text("audience_type"), asked.Text("pushType"))
}

// statistics answers counts that follow from the size of the package.
func (s *Pushes) statistics(p *push) (engine.Object, error) {
	u, _ := s.uploadOf(p.request.Number("upload_id"))
	n := u.accounts
	if state := s.state(p); state == "PUSH_WAIT" || state == "PUSH_CANCELED" {
		n = 0
	}
	counts := engine.Object{"pushActiveUv": n, "pushOnlineUv": n * 9 / 10, "arrivalUv": n * 8 / 10, "verifySvcUv": n * 8 / 10,
		"callbackVerifySvcUv": n * 7 / 10, "pushRetryUv": n / 10, "verifyUv": n * 6 / 10, "clickUv": n * 3 / 10, "cleanupUv": n * 2 / 10}
	return ok(engine.Object{"pushStatDataAll": []engine.Object{{"channel": "xg", "pushState": counts}, {"channel": "all", "pushState": counts}}})
}

func uploadError(err error) error { return refuse(1008011, err.Error()) }

func countFile(tx *engine.Tx) error {
	accounts, err := readPackage(tx.File.Name, tx.File.Body)
	if err != nil {
		return uploadError(err)
	}
	tx.Prepared = accounts
	tx.Checked(fmt.Sprintf("%d lines", accounts))
	return nil
}
