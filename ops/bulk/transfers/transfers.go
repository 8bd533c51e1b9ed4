// Package transfers is a run of merchant transfers (商家转账) as an operation of a bulk job: a bill for each row, then how it
// ended.
//
// A file is looked at as a whole first, and nothing is sent until its sum is confirmed. A row has one number: its own
// out_bill_no, or one that is made of the job and the row. Under it money moves once, whatever breaks in between: what was
// begun is asked for, and sent again with the same bytes only if the platform itself says that there is no such bill. A
// row is done when its bill is paid, and a bill that waits for its user is neither paid nor failed.
//
// A row that corrects a rejected one keeps its number, unless the bill of that number is known to have failed or to be
// cancelled.
package transfers

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

// Params are what all rows have in common.
type Params struct {
	Client *wxpay.Client

	AppID              string                      // under which the openids are
	SceneID            mchtransfer.TransferSceneID // such as 1000; the first two must stay the same until the job has ended
	ReportInfos        []mchtransfer.SceneReportInfo
	Remark             string // of rows that have none
	NotifyURL          string
	UserRecvPerception string

	// Confirm is told of each input as a whole, in every run and before any of it is sent. Its error ends the run, and
	// nothing was sent.
	Confirm func(Review) error
	Every   time.Duration // pause before the first look at a bill; later ones grow with its age; 0: 5 s
}

// Transfers are the operation of one job. Make another one for another job.
type Transfers struct {
	Params
	again []again // by line
}

// New makes the operation.
func New(p Params) *Transfers { return &Transfers{Params: p} }

// Steps of a row. The second one lasts a minute at most: as a rule the user is asked some seconds after the creation.
const (
	stepCreate = iota
	stepAsk    // until the user is asked to confirm
	stepFinish // until the bill has ended
)

// Created is how many steps it takes until the users are asked, for [bulk.Job.Steps].
const Created = stepFinish

const (
	routeCreate = "POST /v3/fund-app/mch-transfer/transfer-bills"
	routeQuery  = "GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}"
)

// Places of the columns.
const (
	colOpenID = iota
	colFen
	colYuan
	colName
	colNumber
	colRemark
)

// columns have no plain 金额: whether that is fen or yuan is a hundredfold, so the header says it or --map does.
func columns() []table.Column {
	return []table.Column{
		{Name: "openid", Headers: []string{"用户OpenID", "用户标识", "收款用户OpenID", "收款人OpenID"}, Kind: table.ID, Required: true},
		{Name: "amount_fen", Headers: []string{"金额（分）", "金额(分)", "转账金额（分）", "转账金额(分)", "分"}, Kind: table.Fen},
		{Name: "amount", Headers: []string{"金额（元）", "金额(元)", "转账金额（元）", "转账金额(元)", "元", "amount_yuan"}, Kind: table.Yuan},
		{Name: "name", Headers: []string{"姓名", "真实姓名", "收款人姓名", "收款用户姓名", "user_name"}, Kind: table.Text},
		{Name: "out_bill_no", Headers: []string{"商户单号", "商户转账单号", "商家转账单号", "单号"}, Kind: table.ID},
		{Name: "remark", Headers: []string{"备注", "转账备注", "transfer_remark"}, Kind: table.Text},
	}
}

// About says that the AppID and the scene of all rows stay the same.
func (o *Transfers) About() bulk.About {
	settings := map[string]string{}
	for name, v := range map[string]string{"appid": o.AppID, "transfer_scene_id": string(o.SceneID)} {
		if v != "" {
			settings[name] = v
		}
	}
	var sender string
	if o.Client != nil {
		sender = o.Client.Sender()
	}
	return bulk.About{
		Name: "transfer", Sender: sender, Settings: settings, Columns: columns(), Once: true, // the sum is of all rows
		// Half of what is published for a merchant, who has other transfers to make and to look at.
		Steps: []bulk.Step{{Name: "create", Route: routeCreate, Rate: 50}, {Name: "ask", Route: routeQuery, Rate: 50}, {Name: "finish", Route: routeQuery, Rate: 50}},
	}
}

const (
	nameFrom   = 200_000           // fen: from there on the platform wants a name
	nameNot    = 30                // fen: under that it takes none
	mostAmount = 1_000_000_000_000 // fen: ten billion yuan
	mostSum    = 1000 * mostAmount // of a file: far below what can be counted
)

// Check refuses what the bill of a row would be refused for here, an amount that is not said exactly once, and a name that
// does not fit the amount.
func (o *Transfers) Check(row table.Row) (string, error) {
	switch {
	case o.Client == nil:
		return "", &wxpay.ParamError{Route: routeCreate, Param: "Client", Reason: "is missing"}
	case o.Confirm == nil:
		return "", &wxpay.ParamError{Route: routeCreate, Param: "Confirm", Reason: "is missing"}
	}
	p, fault := o.params(row, "number")
	if fault != nil {
		return "", fault
	}
	_, err := o.service().CreateTransferBill(bulk.Unsent(), p)
	if wrong, ok := errors.AsType[*wxpay.ParamError](err); ok {
		return "", o.fault(row, wrong)
	}
	return o.identity(row), nil
}

// identity is the number of a row; numbers that differ in case alone are one, since that is a slip. A row without a number is
// known by its person and its amount, of which there may be several: each is a transfer of its own.
func (o *Transfers) identity(row table.Row) string {
	if number := row.Cell(colNumber); number != "" {
		return "out_bill_no " + strings.ToLower(number)
	}
	return fmt.Sprintf("%s %s %d", row.Cell(colOpenID), row.Cell(colFen)+row.Cell(colYuan), o.before(row.Line))
}

// An again is how often the person and the amount of a line stand in earlier lines, 8 bytes where they do: a million rows that
// are all alike take no more than some 20 MB while it grows.
type again struct{ line, times int32 }

func (o *Transfers) before(line int) int32 {
	if i, ok := slices.BinarySearchFunc(o.again, line, func(a again, line int) int { return cmp.Compare(int(a.line), line) }); ok {
		return o.again[i].times
	}
	return 0
}

// Corrects gives a row another number only if the bill of the one before has ended without being paid.
func (o *Transfers) Corrects(row table.Row, number, code string) string {
	switch {
	case row.Cell(colNumber) != "":
		return o.identity(row)
	case ended(code):
		return "after " + number
	}
	return ""
}

// OwnNumber reports whether a row has an out_bill_no.
func (o *Transfers) OwnNumber(row table.Row) bool { return row.Cell(colNumber) != "" }

func (o *Transfers) service() *mchtransfer.Service { return mchtransfer.New(o.Client) }

// params are those of the bill of a row, with the number of its own if it has one.
func (o *Transfers) params(row table.Row, number string) (p mchtransfer.CreateTransferBillParams, wrong *table.Fault) {
	p = mchtransfer.CreateTransferBillParams{
		AppID: o.AppID, OutBillNo: cmp.Or(row.Cell(colNumber), number), TransferSceneID: o.SceneID, OpenID: row.Cell(colOpenID), UserName: wxpay.Secret(row.Cell(colName)),
		TransferRemark: cmp.Or(row.Cell(colRemark), o.Remark), NotifyURL: o.NotifyURL, UserRecvPerception: o.UserRecvPerception, TransferSceneReportInfos: o.ReportInfos,
	}
	p.TransferAmount, wrong = amount(row)
	fault := func(column, english, chinese string) (mchtransfer.CreateTransferBillParams, *table.Fault) {
		return p, &table.Fault{Line: row.Line, Column: column, Reason: english, Chinese: chinese}
	}
	switch {
	case wrong != nil:
		return p, wrong
	case p.TransferAmount < 10:
		return fault(amountColumn(row), "is less than 0.10 yuan, the least that can be transferred", "小于 0.10 元；单笔最低 0.10 元")
	case p.TransferAmount > mostAmount:
		return fault(amountColumn(row), "is too large an amount", "金额过大")
	case p.UserName == "" && p.TransferAmount >= nameFrom:
		return fault("name", "is missing; from 2,000 yuan on the platform wants the real name of the user", "为空；2000 元及以上须填写收款用户真实姓名")
	case p.UserName != "" && p.TransferAmount < nameNot:
		return fault("name", "must be empty; under 0.30 yuan the platform takes no name", "须为空；不足 0.30 元不能填写姓名")
	}
	return p, nil
}

// amount is that of a row, from the one of two columns that says it.
func amount(row table.Row) (wxpay.Fen, *table.Fault) {
	fen, yuan := row.Cell(colFen), row.Cell(colYuan)
	fault := func(english, chinese string) (wxpay.Fen, *table.Fault) {
		return 0, &table.Fault{Line: row.Line, Column: amountColumn(row), Reason: english, Chinese: chinese}
	}
	switch {
	case fen == "" && yuan == "":
		return fault("is missing, and amount (in yuan) too; a row has one of them", "为空，且无 amount（元）列的值；两列须有其一")
	case fen != "" && yuan != "":
		return fault("stands beside amount (in yuan); a row has one of them", "与 amount（元）同时有值；两列只能填一列")
	}
	total, err := strconv.ParseInt(fen+yuan, 10, 64) // a cell in yuan comes in fen
	if err != nil || total <= 0 {
		return fault("is not an amount of more than 0", "不是大于 0 的金额")
	}
	return wxpay.Fen(total), nil
}

func amountColumn(row table.Row) string {
	if row.Cell(colFen) == "" && row.Cell(colYuan) != "" {
		return "amount"
	}
	return "amount_fen"
}

// fault tells what the SDK refuses by the column it comes from. What is set for all rows is no fault of each.
func (o *Transfers) fault(row table.Row, wrong *wxpay.ParamError) error {
	switch wrong.Param {
	case "openid", "out_bill_no":
		return bulk.Fault(row, wrong, wrong.Param)
	case "user_name":
		return bulk.Fault(row, wrong, "name")
	case "transfer_remark":
		f := bulk.Fault(row, wrong, "remark")
		if p, _ := o.params(row, ""); p.TransferRemark == "" {
			f.Reason, f.Chinese = "is missing, and nothing is set for all rows", "为空，且未为所有行统一设置"
		}
		if row.Cell(colRemark) == "" && o.Remark != "" {
			return wrong
		}
		return f
	}
	return wrong
}
