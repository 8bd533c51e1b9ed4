package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/value"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/banklists"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/pushlists"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// Commands that are jobs over a file.

// A ledgerKey gives what the numbers of a job follow from.
type ledgerKey = func(context.Context) ([]byte, error)

func (a *app) bankUpload() *cobra.Command {
	var p banklists.Params
	e := &errand{does: "bank-upload"}
	e.make = func(name string, settings map[string]string) (bulk.Operation, ledgerKey, error) {
		client, err := a.client()
		if err != nil {
			return nil, nil, err
		}
		p := p
		p.Client = client
		switch {
		case p.Name != "":
		case settings["list"] != "":
			p.Name = settings["list"]
		default:
			p.Name = listName(name)
		}
		operation, err := banklists.New(p)
		return operation, bulk.ClientKey(client), err
	}
	c := a.errand("upload FILE", a.t("encrypt agreement numbers and upload them into a number package", "加密协议号并上传至号码包"), "  wxpay bank upload numbers.csv --package 8473295 --bank-type ICBC_DEBIT --wait", e)
	c.Flags().StringVar(&p.PackageID, "package", "", a.t("`ID` of the number package", "号码包 `ID`"))
	c.Flags().StringVar(&p.BankType, "bank-type", "", a.t("bank and kind of card, `TYPE` such as ICBC_DEBIT", "银行类型 `TYPE`，例如 ICBC_DEBIT"))
	c.Flags().StringVar(&p.Name, "list", "", a.t("`NAME` with which the names of uploaded files begin; else after the job", "上传文件名的前缀 `NAME`；默认取任务名"))
	c.Flags().BoolVar(&p.Wait, "wait", false, a.t("wait until the platform has matched every number, and count", "等待平台匹配完成并统计结果"))
	a.everyFlag(c, &p.Every)
	a.need(c, "package", "bank-type")
	return c
}

// listName is what remains of a name in the letters that the platform takes in names of files.
func listName(name string) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if r < 128 && letterOfName(r) {
			return r
		}
		return '-'
	}, name), "-.")
	if name = cut(name, 60); name == "" {
		return "list"
	}
	return name
}

func (a *app) everyFlag(c *cobra.Command, every *time.Duration) {
	c.Flags().DurationVar(every, "every", 0, a.t("pause `TIME` between two looks while waiting, such as 30s", "等待期间两次查询的间隔 `TIME`，例如 30s"))
}

func (a *app) eduDebit() *cobra.Command {
	var r debits.Run
	var noticesOnly bool
	e := &errand{does: "edu-debit",
		first: wxpay.Hint{English: "the notices are sent; to debit, run it again without --notices-only", Chinese: "扣款通知已发送；去掉 --notices-only 再次运行即可扣款"},
		then: wxpay.Hint{English: "next: run the command without --notices-only, or wxpay jobs resume %s; a debit waits until its notice is old enough",
			Chinese: "下一步：去掉 --notices-only 再次运行，或 wxpay jobs resume %s；通知满时限后才会扣款"}}
	e.make = func(string, map[string]string) (bulk.Operation, ledgerKey, error) {
		client, err := a.client()
		if err != nil {
			return nil, nil, err
		}
		switch {
		case noticesOnly && r.NoNotice:
			return nil, nil, fail(exitUsage, "--notices-only and --no-notice exclude each other", "--notices-only 与 --no-notice 不能同时使用")
		case r.NoticeLead < 0, r.NoticeLead > 72*time.Hour:
			return nil, nil, fail(exitUsage, "--notice-lead is between 0 and 72h: the platform takes a debit on the first to the third day after its notice", "--notice-lead 须在 0 至 72h 之间：微信支付只接受通知后第 1 至第 3 日的扣款")
		}
		r := r
		r.Client = client
		return r, bulk.ClientKey(client), nil
	}
	e.adjust = func(job *bulk.Job) {
		if noticesOnly {
			job.Steps = 1
		}
	}
	c := a.errand("debit FILE", a.t("a debit run: notice, debit, result of each contract of a file", "批量扣款：对文件中的每份签约发送扣款通知、扣款并查询结果"), "  wxpay edu debit november.csv --appid wx… --notify-url https://…/ --notices-only\n  wxpay edu debit november.csv --appid wx… --notify-url https://…/", e)
	f := c.Flags()
	f.StringVar(&r.AppID, "appid", "", a.t("`ID` of the AppID, of rows that name none", "行内未填写时使用的 AppID `ID`"))
	f.StringVar(&r.SubMchID, "sub-mchid", "", a.t("`ID` of the sub-merchant, of rows that name none", "行内未填写时使用的子商户号 `ID`"))
	f.StringVar(&r.SubAppID, "sub-appid", "", a.t("`ID` of the sub-merchant's AppID, of rows that name none", "行内未填写时使用的子商户 AppID `ID`"))
	f.StringVar(&r.NotifyURL, "notify-url", "", a.t("`URL` that is told of results", "接收结果通知的 `URL`"))
	f.StringVar(&r.DeviceIP, "device-ip", "", a.t("`IP` of the device that debits", "发起扣款设备的 `IP`"))
	f.StringVar(&r.Attach, "attach", "", a.t("`TEXT` that comes back with results", "随结果原样返回的附加数据 `TEXT`"))
	f.DurationVar(&r.NoticeLead, "notice-lead", 24*time.Hour, a.t("how old a notice must be before its debit, `TIME`; 0 waits for nothing", "通知发出 `TIME` 之后才扣款；0 表示不等待"))
	f.BoolVar(&noticesOnly, "notices-only", false, a.t("send the notices, debit nothing", "只发送扣款通知，不扣款"))
	f.BoolVar(&r.NoNotice, "no-notice", false, a.t("notices are sent elsewhere: debit at once", "通知已另行发送：直接扣款"))
	a.everyFlag(c, &r.Every)
	return c
}

func (a *app) pushUpload() *cobra.Command {
	var list, params string
	var c *cobra.Command
	e := &errand{does: "push-upload"}
	e.make = func(name string, settings map[string]string) (bulk.Operation, ledgerKey, error) {
		if _, err := a.tpns(); err != nil {
			return nil, nil, err
		}
		p := pushlists.Params{Name: cmp.Or(list, settings["list"], listName(name)), Config: a.tpnsConfig()}
		if params != "" {
			p.Push = new(pushpackage.PushParams)
			if err := a.pushParams(c, params, p.Push); err != nil {
				return nil, nil, err
			}
		}
		operation, err := pushlists.New(p)
		return operation, bulk.SecretKey(p.Config.SecretKey), err
	}
	e.given = func(code string) error {
		kind := "list"
		if params != "" {
			kind = "push"
		}
		return a.emit(kind, map[string]string{kind + "_id": code}, func(w io.Writer) { fmt.Fprintln(w, code) })
	}
	c = a.errand("upload FILE", a.t("pack accounts or device tokens and upload them to TPNS; prints the upload IDs", "将账号或设备标识打包上传至 TPNS，并输出上传 ID"), "  wxpay push upload accounts.txt\n  wxpay push upload accounts.txt --params push.json", e)
	c.Flags().StringVar(&list, "list", "", a.t("`NAME` of the list in the console; else after the job", "控制台中显示的名称 `NAME`；默认取任务名"))
	c.Flags().StringVar(&params, "params", "", a.t("push to each list too: `FILE` of JSON as of push send", "同时向每个号码包推送：推送参数 JSON `FILE`，格式同 push send"))
	return c
}

func (a *app) memberImport() *cobra.Command {
	var card, by, app string
	e := &errand{does: "member-import"}
	e.make = func(string, map[string]string) (bulk.Operation, ledgerKey, error) {
		client, err := a.client()
		if err != nil {
			return nil, nil, err
		}
		switch by {
		case "phone":
			return members.ByPhone{Client: client, CardID: card}, bulk.ClientKey(client), nil
		case "openid":
			return members.ByOpenID{Client: client, CardID: card, AppID: app}, bulk.ClientKey(client), nil
		}
		return nil, nil, fail(exitUsage, "--by is phone or openid", "--by 只能是 phone 或 openid")
	}
	c := a.errand("import FILE", a.t("make members of the people of a file", "批量导入会员"), "  wxpay member import autumn.csv --card pbLatjk4T4Hx-QFQGL4zGQy27_Qg --rate 5\n  wxpay member import autumn.csv --card pbLatjk4T4Hx-QFQGL4zGQy27_Qg --dry-run", e)
	c.Flags().StringVar(&card, "card", "", a.t("`ID` of the member card", "会员卡 `ID`"))
	c.Flags().StringVar(&by, "by", "phone", a.t("what the rows are known by: `phone|openid`", "以何种标识导入：`phone|openid`"))
	c.Flags().StringVar(&app, "appid", "", a.t("`ID` of the service account of the openids; it settles what became of a lost answer", "openid 所属服务号的 AppID `ID`；用于确认丢失应答的结果"))
	a.need(c, "card")
	return c
}

func (a *app) memberRemind() *cobra.Command {
	var card, registered string
	e := &errand{does: "member-remind"}
	e.make = func(string, map[string]string) (bulk.Operation, ledgerKey, error) {
		client, err := a.client()
		if err != nil {
			return nil, nil, err
		}
		r := members.Remind{Client: client, CardID: card}
		if registered != "" {
			if r.RegistrationTime, err = dayOrTime(registered); err != nil {
				return nil, nil, fail(exitUsage, "--registered is a day such as 2026-01-31, of Beijing, or a time such as 2026-01-31T10:00:00+08:00", "--registered 的格式为 2026-01-31（北京时间）或 2026-01-31T10:00:00+08:00")
			}
		}
		return r, bulk.ClientKey(client), nil
	}
	c := a.errand("remind FILE", a.t("remind the people of a file that they can become members", "按手机号批量发送入会提醒"), "  wxpay member remind autumn.csv --card pbLatjk4T4Hx-QFQGL4zGQy27_Qg", e)
	c.Flags().StringVar(&card, "card", "", a.t("`ID` of the member card", "会员卡 `ID`"))
	c.Flags().StringVar(&registered, "registered", "", a.t("`TIME` at which members registered, of rows that do not say", "行内未填写时使用的会员注册时间 `TIME`"))
	a.need(c, "card")
	return c
}

// dayOrTime reads a day of Beijing, or a time with its zone.
func dayOrTime(s string) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, s, value.Beijing); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}
