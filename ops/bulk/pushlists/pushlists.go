// Package pushlists brings lists of accounts, or of device tokens, to TPNS (腾讯移动推送) as an operation of a bulk job:
// rows become checked zips, each is uploaded and, if a message is given, pushed to.
//
// An upload may be made twice; at worst a stored list stays unused. A push may not, and TPNS takes no number that would
// make two pushes one. But its records name the list that a push went to, and only this job knows the list: so after an
// answer that was lost the push is looked for there, and made again only when it has been missing for most of a minute.
package pushlists

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/lists"
	"github.com/wxpay-go/wxpay/internal/value"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// Params say what is uploaded and pushed.
type Params struct {
	Config pushpackage.Config // of the application

	// Name of the list: names of files begin with it, and the console shows them. 1 to 60 of A-Z a-z 0-9 _ . -
	Name string

	// Push is what each list is told, without its UploadID; nil: the lists are only uploaded. A file of more than
	// [Accounts] rows makes several lists, and each a push, so an input in which an account stands twice is refused.
	Push *pushpackage.PushParams
}

// Accounts is how many make one list. They are in memory together, which takes 50 MB with accounts of 20 characters; even
// if all are as long as TPNS allows, a list fits into what it takes, packed and unpacked.
const Accounts = 50_000

// New returns the operation, or an error that says what is wrong with p; nothing is sent.
func New(p Params) (bulk.Operation, error) {
	client, err := pushpackage.New(p.Config)
	if err != nil {
		return nil, err
	}
	o := &operation{client: client, accessID: p.Config.AccessID, name: p.Name}
	if !listName.MatchString(p.Name) {
		return nil, wrong("Name", "must have 1 to 60 of the characters A-Z a-z 0-9 _ . -")
	}
	if p.Push == nil {
		return o, nil
	}
	push := *p.Push
	if o.push = &push; push.UploadID != 0 {
		return nil, wrong("Push.UploadID", "is what the job finds out; leave it out")
	}
	checked := push
	checked.UploadID = 1
	if push.SendTime.Before(time.Now()) {
		checked.SendTime = time.Time{} // what a job did before may still be looked at
	}
	_, err = client.Push(bulk.Unsent(), checked)
	if refused, ok := errors.AsType[*pushpackage.ParamError](err); ok {
		return nil, refused
	}
	text, err := json.Marshal(push)
	if err != nil {
		return nil, wrong("Push", "does not encode as JSON")
	}
	sum := sha256.Sum256(text)
	o.message = hex.EncodeToString(sum[:8])
	return o, nil
}

var listName = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,60}$`)

func wrong(param, reason string) error {
	return &pushpackage.ParamError{Route: "pushlists", Param: param, Reason: reason}
}

type operation struct {
	client         *pushpackage.Client
	accessID, name string
	push           *pushpackage.PushParams // nil: lists are only uploaded
	message        string                  // digest of push
}

const (
	routeUpload = "POST /v3/push/package/upload"
	routePush   = "POST /v3/push/app"
)

// Steps of a list.
const (
	stepUpload = iota
	stepPush
)

// About says that a job tells an application one message.
func (o *operation) About() bulk.About {
	about := bulk.About{
		Name:     "push-upload",
		Sender:   o.accessID,
		Settings: map[string]string{"list": o.name},
		Columns: []table.Column{{Name: "account", Kind: table.Text, Required: true, Headers: []string{
			"账号", "帐号", "账户", "用户", "用户名", "用户ID", "号码", "设备", "设备标识", "user", "user_id", "userid", "uid", "token", "device_token"}}},
		Steps:       []bulk.Step{{Name: "upload", Route: routeUpload}},
		Batch:       Accounts,
		Unkept:      true,
		Concurrency: 1, // so that one list is in memory
	}
	if o.push != nil {
		about.Once = true
		about.Settings["push"] = o.message
		about.Settings["audience_type"] = string(o.push.AudienceType)
		about.Steps = append(about.Steps, bulk.Step{Name: "push", Route: routePush, Rate: 1})
	}
	return about
}

// Check refuses what [pushpackage.Check] would refuse.
func (o *operation) Check(row table.Row) (identity string, err error) {
	account := row.Cells[0]
	fault := &table.Fault{Line: row.Line, Column: "account", Chinese: "不是可用的账号，须为 2 至 100 个可见字符"}
	if strings.ContainsAny(account, "\r\n") {
		fault.Reason = "holds a line end"
		return "", fault
	}
	if err := (&lists.Accounts{N: 1}).Check([]byte(account + "\n")); err != nil {
		fault.Reason = "is refused"
		if bad, ok := errors.AsType[*lists.Fault](err); ok {
			fault.Reason = bad.Reason
		}
		return "", fault
	}
	return account, nil
}

// Send uploads a list, or pushes to it.
func (o *operation) Send(ctx context.Context, item bulk.Item) bulk.Result {
	list, missed := strings.CutSuffix(item.Code, missedMark)
	id, err := strconv.ParseInt(list, 10, 64)
	switch {
	case item.Step != stepPush || err != nil:
		return o.upload(ctx, item)
	case missed:
		return o.pushMissed(ctx, id)
	}
	return o.send(ctx, id)
}

// Settle uploads a list again, or looks for its push.
func (o *operation) Settle(ctx context.Context, item bulk.Item, _ wxpay.Prepared) bulk.Result {
	id, err := strconv.ParseInt(strings.TrimSuffix(item.Code, missedMark), 10, 64)
	if item.Step != stepPush || err != nil {
		return o.upload(ctx, item)
	}
	if r := o.find(ctx, id); r.State == bulk.Done || r.Err != nil {
		return r
	}
	return bulk.Result{State: bulk.Staged, Next: stepPush, At: time.Now().Add(lag), Code: strconv.FormatInt(id, 10) + missedMark}
}

// missedMark stands behind the upload id of a list whose push was begun and is not in the records.
const missedMark = "?"

// lag is how long the records are given to show a push before it is made again.
const lag = 45 * time.Second

// upload packs and stores a list.
func (o *operation) upload(ctx context.Context, item bulk.Item) bulk.Result {
	file, err := pack(o.name+"-"+item.Number+".zip", item.Rows)
	if err != nil {
		return failed(err)
	}
	stored, err := o.client.Upload(ctx, pushpackage.UploadParams{File: file})
	if err != nil {
		r := failed(err)
		if r.State == bulk.Unknown { // at worst it is there twice
			r.State, r.Next = bulk.Staged, stepUpload
		}
		return r
	}
	r := bulk.Result{State: bulk.Done, Code: strconv.FormatInt(stored.UploadID, 10)}
	if o.push != nil {
		r.State, r.Next = bulk.Staged, stepPush
	}
	return r
}

// send makes the push to a list that was stored.
func (o *operation) send(ctx context.Context, id int64) bulk.Result {
	p := *o.push
	p.UploadID = id
	pushed, err := o.client.Push(ctx, p)
	if err == nil {
		return bulk.Result{State: bulk.Done, Code: pushed.PushID.String()}
	}
	r := failed(err)
	switch r.State {
	case bulk.Unknown:
		return unknown(id, r.Err)
	case bulk.Staged:
		r.Next, r.Code = stepPush, strconv.FormatInt(id, 10)
	}
	return r
}

// pushMissed makes a push again that the records have not shown, unless they do by now.
func (o *operation) pushMissed(ctx context.Context, id int64) bulk.Result {
	if r := o.find(ctx, id); r.State == bulk.Done || r.Err != nil {
		return r
	}
	r := o.send(ctx, id)
	if errors.Is(r.Err, pushpackage.CodeRepeatedPush) { // refused because of the one that is looked for
		return unknown(id, nil)
	}
	return r
}

// find looks for a push that was begun and not heard of.
func (o *operation) find(ctx context.Context, id int64) bulk.Result {
	pushes, err := o.pushesTo(ctx, id)
	switch {
	case err != nil:
		return unknown(id, failed(err).Err)
	case len(pushes) > 0:
		return bulk.Result{State: bulk.Done, Code: pushes.String()}
	}
	return unknown(id, nil)
}

// unknown is a list that may have been pushed to.
func unknown(id int64, err error) bulk.Result {
	list := strconv.FormatInt(id, 10)
	return bulk.Result{State: bulk.Unknown, Code: list, Err: err, Reason: wxpay.Hint{
		English: "whether list " + list + " was pushed to is not known: run the job again, which looks at the records (uploadId " + list + "), or look in the console; do not push by hand before",
		Chinese: "号码包 " + list + " 是否已推送尚不清楚：请重新运行任务查询推送记录（uploadId " + list + "），或在控制台核对；核对前切勿手工推送"}}
}

// pushesTo are the pushes of the last weeks that went to a list.
func (o *operation) pushesTo(ctx context.Context, id int64) (ids pushpackage.IDs, err error) {
	today := time.Now().In(value.Beijing)
	p := pushpackage.ListPushRecordsParams{StartDate: pushpackage.DateOf(today.AddDate(0, 0, -27)), EndDate: pushpackage.DateOf(today)}
	for record, err := range o.client.AllPushRecords(ctx, p) {
		if err != nil {
			return ids, err
		}
		if record.UploadID == id {
			ids = append(ids, record.PushID)
		}
	}
	return ids, nil
}

// failed is what an error of TPNS says of a step.
func failed(err error) bulk.Result {
	refusedHere, here := errors.AsType[*pushpackage.ParamError](err)
	refused, there := errors.AsType[*pushpackage.Error](err)
	r := bulk.Result{Err: err}
	if there {
		r.Err = inTerms(refused, err)
		if refused.RetCode != 0 {
			r.Code = strconv.FormatInt(int64(refused.RetCode), 10)
		}
		r.Reason = reason(refused)
	}
	switch {
	case here:
		r.State, r.Code = bulk.Rejected, string(wxpay.CodeParamError)
		r.Reason = wxpay.Hint{English: refusedHere.Param + " " + refusedHere.Reason, Chinese: refusedHere.Param + " 不合规：" + refusedHere.Reason}
	case pushpackage.OutcomeUnknown(err):
		r.State = bulk.Unknown
	case there && status(refused) == 400:
		r.State = bulk.Rejected
	}
	return r
}

func reason(e *pushpackage.Error) wxpay.Hint {
	hint := wxpay.Hint(e.Hint())
	said := cmp.Or(e.RetCode.Meaning(), bulk.Masked(e.Message))
	if said == "" {
		return hint
	}
	return wxpay.Hint{English: strings.TrimSuffix(said+"; "+hint.English, "; "), Chinese: cmp.Or(hint.Chinese, said)}
}
