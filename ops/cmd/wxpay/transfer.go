package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	bulkreport "github.com/wxpay-go/wxpay/ops/bulk/report"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

// transferCommand pays the people of a file, once the sum of the file is confirmed.
func (a *app) transferCommand() *cobra.Command {
	var p transfers.Params
	var scene, confirm string
	var infos []string
	var noWait bool
	e := &errand{does: "transfer", results: a.transferResults(),
		flags: map[string]string{"appid": "--appid", "transfer_scene_id": "--scene", "transfer_scene_report_infos": "--report-info", "transfer_remark": "--remark",
			"notify_url": "--notify-url", "user_recv_perception": "--perception"},
		first: wxpay.Hint{English: "the bills are created, and none is paid by that alone; to learn how they end, run it again without --no-wait", Chinese: "转账单已创建，但并不表示已付款；去掉 --no-wait 再次运行即可查询最终结果"},
		then: wxpay.Hint{English: "next: let the users confirm (wxpay_package_info in the file of results), then run the command without --no-wait, or wxpay jobs resume %s",
			Chinese: "下一步：请用户确认收款（结果文件中的 wxpay_package_info），再去掉 --no-wait 运行，或 wxpay jobs resume %s"}}
	e.make = func(string, map[string]string) (bulk.Operation, ledgerKey, error) {
		client, err := a.client()
		if err != nil {
			return nil, nil, err
		}
		p := p
		p.Client, p.SceneID = client, mchtransfer.TransferSceneID(scene)
		for _, info := range infos {
			kind, content, ok := strings.Cut(info, "=")
			if !ok || strings.TrimSpace(kind) == "" {
				return nil, nil, fail(exitUsage, "--report-info is TYPE=CONTENT, such as 活动名称=新会员有礼", "--report-info 格式为 TYPE=CONTENT，例如 活动名称=新会员有礼")
			}
			p.ReportInfos = append(p.ReportInfos, mchtransfer.SceneReportInfo{InfoType: strings.TrimSpace(kind), InfoContent: strings.TrimSpace(content)})
		}
		sum, ok := fenOf(confirm)
		if confirm != "" && !ok {
			return nil, nil, fail(exitUsage, "--confirm is a sum in yuan as it is shown, such as 1234.50", "--confirm 为所显示的总金额（元），例如 1234.50")
		}
		p.Confirm = func(v transfers.Review) error { return a.review(e.watch, v, confirm != "", sum, e.flag.dryRun) }
		return transfers.New(p), bulk.ClientKey(client), nil
	}
	e.adjust = func(job *bulk.Job) {
		if noWait {
			job.Steps = transfers.Created
		}
	}
	c := a.errand("transfer FILE", a.t("transfer money to the users of a file, once its sum is confirmed", "按文件批量转账给用户；须先确认总金额"),
		"  wxpay transfer bonus.csv --appid wx… --scene 1000 --report-info 活动名称=新会员有礼 --report-info 奖励说明=注册奖励 --remark 新会员奖励\n  wxpay transfer bonus.csv --appid wx… --scene 1000 … --confirm 1234.50 --no-wait", e)
	c.Long += a.t(`

The file has openid and amount (yuan, or amount_fen), and may have name, out_bill_no and remark. It is looked at as a whole
first, and nothing is sent until --confirm says its sum. Without an out_bill_no a row gets a number that stays its own; feed a
file to one job only, or it is paid by each. A bill waits for its user for 24 hours: the ticket by which the user confirms stands
in NAME.results.csv, in wxpay_package_info, as it is: let a program read it, not a spreadsheet, which may calculate one that
begins with + or -. Openids are masked there: join it with the file by wxpay_line, or write it with --reveal. A row is done when it
is paid. One that failed is fed again as it is exported, with wxpay_file and wxpay_line: only so it gets a new number.`, `

文件须有 openid 与 amount（元，或 amount_fen 分）列，可有 name、out_bill_no、remark 列。先整体检查文件，用 --confirm 确认总金额后才会发送。
未填 out_bill_no 的行由任务生成固定单号；同一文件只能用于一个任务，否则每个任务都会付款。转账单等待用户确认 24 小时，
确认收款所需的 package_info 原样写在 NAME.results.csv 的 wxpay_package_info 列：请由程序读取，电子表格可能把以 + 或 - 开头的值当作公式。
其中 openid 已打码，请按 wxpay_line 与原文件对应，或加 --reveal 写出。付款成功的行才算完成。
转账失败的行须以导出的行（含 wxpay_file、wxpay_line 两列）重新提交，才会生成新单号。`)
	f := c.Flags()
	f.StringVar(&confirm, "confirm", "", a.t("send: the `SUM` of the file in yuan, as it was shown without this flag", "确认发送：文件总金额 `SUM`（元），与不带该参数时所显示的一致"))
	f.StringVar(&p.AppID, "appid", "", a.t("`APPID` that the openids belong to", "openid 所属的 `APPID`"))
	f.StringVar(&scene, "scene", "", a.t("`ID` of the transfer scene, such as 1000", "转账场景 `ID`，例如 1000"))
	f.StringArrayVar(&infos, "report-info", nil, a.t("what the scene asks for, as `TYPE=CONTENT`; may be repeated", "转账场景报备信息 `TYPE=CONTENT`；可重复"))
	f.StringVar(&p.Remark, "remark", "", a.t("`TEXT` that the user sees, of rows that have none", "行内未填写时使用的转账备注 `TEXT`"))
	f.StringVar(&p.NotifyURL, "notify-url", "", a.t("`URL` that is told how bills ended", "接收转账结果通知的 `URL`"))
	f.StringVar(&p.UserRecvPerception, "perception", "", a.t("`TEXT` that the user reads as the reason; else that of the scene", "用户收款感知 `TEXT`；默认采用该场景的文案"))
	f.BoolVar(&noWait, "no-wait", false, a.t("end when the users are asked, without waiting for them", "请求用户确认后即结束，不等待其确认"))
	a.everyFlag(c, &p.Every)
	a.need(c, "appid", "scene")
	return c
}

// fenOf reads a sum in yuan by the rules of cells.
func fenOf(text string) (wxpay.Fen, bool) {
	fen, ok := table.Yuan.Clean(text)
	n, err := strconv.ParseInt(fen, 10, 64)
	return wxpay.Fen(n), ok && err == nil
}

// review tells what a file is as a whole, and refuses to send it unless its sum is confirmed.
func (a *app) review(w *watch, v transfers.Review, said bool, sum wxpay.Fen, dry bool) error {
	total := transfers.Yuan(v.Sum)
	note := func(format string, v ...any) { w.note(fmt.Sprintf(format, v...)) }
	note(a.t("the file as a whole: %s yuan in %s rows, the smallest %s, the largest %s", "整体检查：共 %s 元，%s 行，最小 %s，最大 %s"), total, grouped(v.Rows), transfers.Yuan(v.Least), transfers.Yuan(v.Most))
	if v.Again > 0 {
		note(a.t("warning: %s repeated: same person and amount as an earlier row; each is paid:", "警告：%s 行与前面某行的收款人和金额都相同；每行都会付款："), grouped(v.Again))
		for _, twin := range v.Twins {
			note(a.t("  line %d repeats line %d: %s, %s yuan", "  第 %d 行与第 %d 行相同：%s，%s 元"), twin.Line, twin.Before, twin.OpenID, transfers.Yuan(twin.Amount))
		}
		if more := v.Again - int64(len(v.Twins)); more > 0 {
			note(a.t("  … and %s more", "  ……另有 %s 行"), grouped(more))
		}
	}
	if err := w.emit("review", reviewOf(v)); err != nil {
		return err
	}
	switch {
	case said && v.Sum != sum:
		return fail(exitUsage, fmt.Sprintf("the file is of %s yuan, and --confirm says %s; nothing was sent: look at the file, then run it with --confirm %s", total, transfers.Yuan(sum), total),
			fmt.Sprintf("文件总金额为 %s 元，与 --confirm 的 %s 不一致；未发送任何内容：请核对文件后加 --confirm %s 运行", total, transfers.Yuan(sum), total))
	case !said && !dry:
		return fail(exitUsage, fmt.Sprintf("nothing was sent; if %s yuan in %s rows are to be paid, run the same command with --confirm %s", total, grouped(v.Rows), total),
			fmt.Sprintf("未发送任何内容；如确认向 %s 行共支付 %s 元，请在同一命令后加 --confirm %s", grouped(v.Rows), total, total))
	}
	return nil
}

func reviewOf(v transfers.Review) any {
	type twin struct {
		Line   int    `json:"line"`
		Before int    `json:"as_line"`
		OpenID string `json:"openid"`
		Amount string `json:"amount"`
	}
	twins := []twin{}
	for _, t := range v.Twins {
		twins = append(twins, twin{t.Line, t.Before, t.OpenID, transfers.Yuan(t.Amount)})
	}
	return struct {
		Rows     int64  `json:"rows"`
		Sum      string `json:"sum"` // in yuan, as --confirm wants it
		Smallest string `json:"smallest"`
		Largest  string `json:"largest"`
		Again    int64  `json:"same_person_and_amount"`
		Twins    []twin `json:"same"`
	}{v.Rows, transfers.Yuan(v.Sum), transfers.Yuan(v.Least), transfers.Yuan(v.Most), v.Again, twins}
}

// transferResults say of each row its number, how its bill stands, and by which ticket its user takes the money.
func (a *app) transferResults() *bulkreport.Results {
	return &bulkreport.Results{
		Columns: []string{"wxpay_out_bill_no", "wxpay_state", "wxpay_transfer_bill_no", "wxpay_package_info"},
		Tickets: []string{"wxpay_package_info"},
		Cells: func(item ledger.Item, cell func(string) string) []string {
			number, bill := bulk.NumberOf(item), transfers.BillOf(item)
			if bulk.HasOwnNumber(item) {
				number = cell("out_bill_no") // lost with its row
			}
			return []string{number, string(bill.State), bill.TransferBillNo, bill.PackageInfo}
		},
	}
}
