// Package banklists fills a number package (营销·号码包) as an operation of a bulk job: rows of agreement numbers are
// encrypted and uploaded, file by file, and, if asked to, looked at until the platform has matched them.
//
// The platform takes a file name once. The name follows from the numbers of a file and from the merchant's private key,
// as those of [bankpackages.Service.Encrypt] do: the same numbers have the same name in every process, even when the
// ledger is lost, and nobody else can try which numbers are in it. So what became of an upload is always found out by
// its name, and every number is imported once.
package banklists

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/lists"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/bankpackages"
)

// Params say what is uploaded where.
type Params struct {
	Client    *wxpay.Client
	PackageID string // number package (号码包 ID), such as 8473295
	BankType  string // bank and card kind of the numbers (银行类型), such as ICBC_DEBIT

	// Name of the list, such as autumn-2026: names of files begin with it. 1 to 100 of A-Z a-z 0-9 _ . -
	Name string

	// Wait until the platform has matched every file, which takes about 40 minutes a file, and count. Without it a file
	// is done when it was taken.
	Wait  bool
	Every time.Duration // pause before the first look while waiting; later ones are longer; 0: 30 s
}

// New returns the operation, or a [wxpay.ParamError] that says what is wrong with p. Its items are files: [bulk.Summary]
// counts numbers all the same, and Good and Bad are those that matched a user and those that did not.
func New(p Params) (bulk.Operation, error) {
	if p.Client == nil {
		return nil, &wxpay.ParamError{Route: "banklists", Param: "Client", Reason: "is missing"}
	}
	p.Every = cmp.Or(max(p.Every, 0), 30*time.Second)
	o := &operation{Params: p, service: bankpackages.New(p.Client)}
	_, err := o.service.CreateTask(bulk.Unsent(), bankpackages.CreateTaskParams{PackageID: p.PackageID, BankType: p.BankType})
	if wrong, ok := errors.AsType[*wxpay.ParamError](err); ok && wrong.Param != "file" { // which is left out
		return nil, wrong
	}
	for _, err := range bankpackages.Encrypt(context.Background(), p.Client.Encryptor(), p.Name, func(func(string) bool) {}) {
		return nil, err // of the name; there is no number
	}
	return o, nil
}

type operation struct {
	Params
	service *bankpackages.Service
}

const (
	routeUpload = "POST /v3/marketing/bank/packages/{package_id}/tasks"
	routeLook   = "GET /v3/marketing/bank/packages/{package_id}/tasks"
)

// Steps of a file. Both are there without Wait too, for files of a run that waited.
const (
	stepUpload = iota
	stepWait
)

// About says that a job fills one package with numbers of one bank.
func (o *operation) About() bulk.About {
	return bulk.About{
		Name:     "bank-upload",
		Sender:   o.Client.Sender(),
		Settings: map[string]string{"package_id": o.PackageID, "bank_type": o.BankType, "list": o.Name},
		Columns: []table.Column{{Name: "number", Kind: table.ID, Required: true, Headers: []string{
			"协议号", "签约协议号", "快捷协议号", "快捷交易协议号", "协议编号", "签约号", "号码", "账号", "帐号", "卡号", "银行卡号",
			"agreement", "agreement_no", "agreement_number", "no", "account", "card", "card_no", "card_number"}}},
		Steps: []bulk.Step{{Name: "upload", Route: routeUpload, Daily: 6000}, {Name: "wait", Route: routeLook, Rate: 5}},
		Batch: bankpackages.MaxLines,
		// One file is encrypted, by all cores, while another is sent. More would only take memory.
		Concurrency: 2,
	}
}

// Check refuses what [bankpackages.Encrypt] would refuse.
func (o *operation) Check(row table.Row) (identity string, err error) {
	number, fault := lists.Number(row.Cells[0], false)
	if fault == "" {
		return number, nil
	}
	return "", &table.Fault{Line: row.Line, Column: "number", Reason: fault, Chinese: "不是可用的协议号，请核对该单元格"}
}

// Send uploads a file, or looks at its task.
func (o *operation) Send(ctx context.Context, item bulk.Item) bulk.Result {
	return o.step(ctx, item, bulk.Staged)
}

// Settle does the same: before a file is sent it is always looked up.
func (o *operation) Settle(ctx context.Context, item bulk.Item, _ wxpay.Prepared) bulk.Result {
	return o.step(ctx, item, bulk.Unknown)
}

// step takes the step of an item that is in a state before.
func (o *operation) step(ctx context.Context, item bulk.Item, before bulk.State) bulk.Result {
	if names := strings.Fields(item.Code); item.Step == stepWait && len(names) > 0 {
		return o.look(ctx, item, names)
	}
	return o.upload(ctx, item, before)
}

// upload brings the numbers of an item into the package: in one file, with keys of more than 2048 bits in several.
func (o *operation) upload(ctx context.Context, item bulk.Item, before bulk.State) bulk.Result {
	var tasks []*bankpackages.Task
	sent := false
	for file, err := range o.service.Encrypt(ctx, o.Name, slices.Values(numbers(item.Rows))) {
		if err != nil {
			return unmade(err, before)
		}
		task, err := o.task(ctx, file.Source.Name())
		switch {
		case err != nil:
			return unasked(err, before)
		case task == nil && sent:
			// One upload a time, so that each is kept by itself; those before it will be found.
			return bulk.Result{State: bulk.Staged, Next: stepUpload}
		case task == nil:
			sent = true
			var failed bulk.Result
			if task, failed = o.create(ctx, item, file); task == nil {
				return failed
			}
		}
		if task.BankType != "" && task.BankType != o.BankType {
			return otherBank
		}
		tasks = append(tasks, task)
	}
	names, ids := make([]string, len(tasks)), make([]string, len(tasks))
	for i, task := range tasks {
		names[i], ids[i] = task.Filename, task.TaskID
	}
	if !o.Wait {
		return bulk.Result{State: bulk.Done, Code: strings.Join(ids, " ")}
	}
	return bulk.Result{State: bulk.Staged, Next: stepWait, At: time.Now().Add(o.Every), Code: strings.Join(names, " ")}
}

// numbers are those of rows. Encrypt takes a first number that looks like a heading, such as no1, for one; where a
// number stands in a file means nothing, so one that does not comes first.
func numbers(rows []table.Row) []string {
	all := make([]string, len(rows))
	for i, row := range rows {
		all[i] = row.Cells[0]
	}
	first := slices.IndexFunc(all, func(number string) bool {
		_, fault := lists.Number(number, true)
		return fault == ""
	})
	if first > 0 {
		all[0], all[first] = all[first], all[0]
	}
	return all
}

// create uploads a file. A refusal may be the echo of an upload that was taken before, so the file is looked up then.
func (o *operation) create(ctx context.Context, item bulk.Item, file *bankpackages.File) (*bankpackages.Task, bulk.Result) {
	task, err := o.service.CreateTask(ctx, bankpackages.CreateTaskParams{
		PackageID: o.PackageID, BankType: o.BankType, File: file.Source, Serial: file.Serial})
	if err == nil {
		return task, bulk.Result{}
	}
	failed := bulk.Failed(err)
	if failed.State != bulk.Rejected {
		return nil, failed
	}
	found, lost := o.task(ctx, file.Source.Name())
	switch {
	case found != nil:
		return found, bulk.Result{}
	case lost != nil, item.Tries > 0 && item.Tries < believed:
		// The list of tasks may lag behind: what was sent before may be why this one is refused.
		failed.State = bulk.Unknown
	}
	return nil, failed
}

// believed is how often a file must have been sent in vain before its refusal counts although an earlier upload of it
// got no answer.
const believed = 3

// unmade is what is left of an item whose file could not be made. Unless a number is at fault, that says nothing of it.
func unmade(err error, before bulk.State) bulk.Result {
	r := bulk.Failed(err)
	if wrong, ok := errors.AsType[*wxpay.ParamError](err); !ok || wrong.Param != "numbers" {
		r.State = before
	}
	return r
}

// unasked is what is left of an item whose file could not be looked up. What refuses that refuses the file too, but
// says nothing of one that may have been sent.
func unasked(err error, before bulk.State) bulk.Result {
	r := bulk.Failed(err)
	if r.State != bulk.Rejected || before == bulk.Unknown {
		r.State = before
	}
	return r
}

var otherBank = bulk.Result{State: bulk.Rejected, Code: "OTHER_BANK_TYPE", Reason: wxpay.Hint{
	English: "the package has these numbers already, under this name of the list, with another bank type; give the list another name",
	Chinese: "号码包中已有同名列表的这批号码，但银行类型不同；请更换列表名称"}}
