// Package debits is a debit run of education auto-renewal (教育续费通) as an operation of a bulk job: a notice to each
// user, on one of the next days the debit, then its result.
//
// The out_trade_no of a row is the merchant's own and its identity: under it money moves once, whatever breaks in
// between. A row is done when it is paid. One that is refused, ends unpaid or was refunded is rejected, with the reason;
// before the platform's refusal counts, a query tells that nothing was ever debited under the number. What a
// query finds under it counts only if it is the debit of the row: its amount, AppID, merchant and payer.
package debits

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

// A Run debits the rows of a file, each under a contract of its own.
type Run struct {
	Client *wxpay.Client

	// What rows have that do not say it themselves. The first three must stay the same until the job has ended.
	AppID, SubMchID, SubAppID   string
	NotifyURL, DeviceIP, Attach string

	// NoticeLead is how old a notice must be before the debit. The platform takes a debit on the first to the third day
	// after its notice, by Beijing's calendar; within these days the debit waits for its lead. 0: it does not wait at
	// all; the platform refuses a debit on the day of its notice.
	NoticeLead time.Duration
	NoNotice   bool          // notices are sent elsewhere: a row begins with its debit, and no notice is made good
	Every      time.Duration // pause before the first look at a result; later ones grow with its age; 0: 5 s
}

// Steps of a row.
const (
	stepNotice = iota
	stepDebit
	stepResult
)

const (
	routeNotice = "POST /v3/edu-papay/user-notifications/{contract_id}/send"
	routeDebit  = "POST /v3/edu-papay/transactions"
	routeResult = "GET /v3/edu-papay/transactions/out-trade-no/{out_trade_no}"
)

// Places of the columns.
const (
	colContract = iota
	colNumber
	colFen
	colYuan
	colDescription
	colAppID
	colSubMchID
	colSubAppID
	colNotifyURL
	colDeviceIP
	colAttach
)

// columns have no plain 金额: whether that is fen or yuan is a hundredfold, so the header says it or --map does.
func columns() []table.Column {
	return []table.Column{
		{Name: "contract_id", Headers: []string{"签约协议号", "协议号", "签约协议ID", "协议ID", "签约号", "contract"}, Kind: table.ID, Required: true},
		{Name: "out_trade_no", Headers: []string{"商户订单号", "订单号", "商户单号", "订单编号", "order_no"}, Kind: table.ID, Required: true},
		{Name: "amount_fen", Headers: []string{"金额（分）", "金额(分)", "扣款金额（分）", "扣款金额(分)", "分"}, Kind: table.Fen},
		{Name: "amount", Headers: []string{"金额（元）", "金额(元)", "扣款金额（元）", "扣款金额(元)", "元", "amount_yuan"}, Kind: table.Yuan},
		{Name: "description", Headers: []string{"描述", "商品描述", "扣款描述", "商品名称", "说明", "body"}, Kind: table.Text, Required: true},
		{Name: "appid", Headers: []string{"应用ID", "小程序ID", "小程序AppID", "公众号AppID"}, Kind: table.ID},
		{Name: "sub_mchid", Headers: []string{"子商户号", "特约商户号", "二级商户号"}, Kind: table.ID},
		{Name: "sub_appid", Headers: []string{"子商户AppID", "子商户应用ID", "特约商户AppID"}, Kind: table.ID},
		{Name: "notify_url", Headers: []string{"通知地址", "回调地址", "通知URL", "回调URL"}, Kind: table.Text},
		{Name: "device_ip", Headers: []string{"设备IP", "终端IP", "客户端IP", "ip"}, Kind: table.ID},
		{Name: "attach", Headers: []string{"附加数据", "附加信息", "自定义数据"}, Kind: table.Text},
	}
}

// About says that the AppID and the sub-merchant of all rows stay the same.
func (r Run) About() bulk.About {
	settings := map[string]string{}
	for name, v := range map[string]string{"appid": r.AppID, "sub_mchid": r.SubMchID, "sub_appid": r.SubAppID} {
		if v != "" {
			settings[name] = v
		}
	}
	var sender string
	if r.Client != nil {
		sender = r.Client.Sender()
	}
	return bulk.About{
		Name: "edu-debit", Sender: sender, Settings: settings, Columns: columns(),
		// No figure is published for these calls.
		Steps: []bulk.Step{{Name: "notice", Route: routeNotice, Rate: 5}, {Name: "debit", Route: routeDebit, Rate: 5}, {Name: "result", Route: routeResult, Rate: 10}},
	}
}

// Check refuses what the debit of a row would be refused for here, and an amount that is not said exactly once.
func (r Run) Check(row table.Row) (string, error) {
	if r.Client == nil {
		return "", &wxpay.ParamError{Route: "debits.Run", Param: "Client", Reason: "is missing"}
	}
	p, fault := r.params(row)
	if fault != nil {
		return "", fault
	}
	err := r.service().CreateTransaction(bulk.Unsent(), p)
	if wrong, ok := errors.AsType[*wxpay.ParamError](err); ok {
		if r.set(row, wrong.Param) {
			return "", wrong
		}
		return "", r.fault(row, wrong)
	}
	for _, text := range []struct{ column, value string }{{"description", p.Body}, {"attach", p.Attach}} {
		if strings.ContainsFunc(text.value, func(c rune) bool { return c > 0xffff }) {
			return "", &table.Fault{Line: row.Line, Column: text.column, Reason: "holds a character of four bytes, such as an emoji, which the platform refuses",
				Chinese: "含有表情等四字节字符，微信支付不接受"}
		}
	}
	return p.OutTradeNo, nil
}

func (r Run) service() *edupapay.Service { return edupapay.New(r.Client) }

// params are those of the debit of a row.
func (r Run) params(row table.Row) (p edupapay.CreateTransactionParams, wrong *table.Fault) {
	p = edupapay.CreateTransactionParams{
		ContractID: row.Cell(colContract), OutTradeNo: row.Cell(colNumber), Body: row.Cell(colDescription), TradeScene: edupapay.TradeSceneEducationPeriod,
		AppID: cmp.Or(row.Cell(colAppID), r.AppID), SubMchID: cmp.Or(row.Cell(colSubMchID), r.SubMchID), SubAppID: cmp.Or(row.Cell(colSubAppID), r.SubAppID),
		NotifyURL: cmp.Or(row.Cell(colNotifyURL), r.NotifyURL), Attach: cmp.Or(row.Cell(colAttach), r.Attach),
		DeviceInformation: edupapay.DeviceInformation{DeviceIP: cmp.Or(row.Cell(colDeviceIP), r.DeviceIP)},
	}
	fen, yuan := row.Cell(colFen), row.Cell(colYuan)
	fault := func(column, english, chinese string) (edupapay.CreateTransactionParams, *table.Fault) {
		return p, &table.Fault{Line: row.Line, Column: column, Reason: english, Chinese: chinese}
	}
	column := "amount_fen"
	switch {
	case fen == "" && yuan == "":
		return fault("amount_fen", "is missing, and amount (in yuan) too; a row has one of them", "为空，且无 amount（元）列的值；两列须有其一")
	case fen != "" && yuan != "":
		return fault("amount_fen", "stands beside amount (in yuan); a row has one of them", "与 amount（元）同时有值；两列只能填一列")
	case fen == "":
		column = "amount"
	}
	total, err := strconv.ParseInt(fen+yuan, 10, 64) // a cell in yuan comes in fen
	if err != nil || total <= 0 {
		return fault(column, "is not an amount of more than 0", "不是大于 0 的金额")
	}
	p.Amount.Total = wxpay.Fen(total)
	return p, nil
}

// set reports whether a parameter comes from the settings for all rows rather than from a row.
func (r Run) set(row table.Row, param string) bool {
	for _, s := range []struct {
		param, setting string
		column         int
	}{
		{"appid", r.AppID, colAppID}, {"sub_mchid", r.SubMchID, colSubMchID}, {"sub_appid", r.SubAppID, colSubAppID},
		{"notify_url", r.NotifyURL, colNotifyURL}, {"device_information.device_ip", r.DeviceIP, colDeviceIP}, {"attach", r.Attach, colAttach},
	} {
		if s.param == param {
			return s.setting != "" && row.Cell(s.column) == ""
		}
	}
	return false
}

// fault tells what the SDK refuses by the column it comes from.
func (r Run) fault(row table.Row, wrong *wxpay.ParamError) *table.Fault {
	column := wrong.Param
	switch column {
	case "body":
		column = "description"
	case "device_information.device_ip":
		column = "device_ip"
	case "route": // of a client that may not make the call
		column = ""
	}
	f := bulk.Fault(row, wrong, column)
	switch column {
	case "appid", "notify_url", "device_ip":
		if wrong.Reason == "is missing" {
			f.Reason, f.Chinese = "is missing, and nothing is set for all rows", "为空，且未为所有行统一设置"
		}
	}
	return f
}
