package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/banklists"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
)

// Commands that are jobs over a file.

func (a *app) memberJobs() []*cobra.Command {
	return []*cobra.Command{a.memberImport(), a.memberRemind()}
}

func (a *app) bankJobs() []*cobra.Command { return []*cobra.Command{a.bankUpload()} }
func (a *app) eduJobs() []*cobra.Command  { return []*cobra.Command{a.eduDebit()} }
func (a *app) pushJobs() []*cobra.Command { return []*cobra.Command{a.pushUpload()} }

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
	c := a.errand("upload FILE", a.t("encrypt agreement numbers and upload them into a number package", "加密协议号并上传至号码包"), e)
	c.Flags().StringVar(&p.PackageID, "package", "", a.t("`ID` of the number package", "号码包 `ID`"))
	c.Flags().StringVar(&p.BankType, "bank-type", "", a.t("bank and kind of card, `such as ICBC_DEBIT`", "银行类型，`例如 ICBC_DEBIT`"))
	c.Flags().StringVar(&p.Name, "list", "", a.t("`NAME` with which the names of uploaded files begin; else after the job", "上传文件名的前缀 `NAME`；默认取任务名"))
	c.Flags().BoolVar(&p.Wait, "wait", false, a.t("wait until the platform has matched every number, and count", "等待平台匹配完成并统计结果"))
	a.everyFlag(c, &p.Every)
	_, _ = c.MarkFlagRequired("package"), c.MarkFlagRequired("bank-type")
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
	c.Flags().DurationVar(every, "every", 0, a.t("pause between two looks while waiting, `such as 30s`", "等待期间两次查询的间隔，`例如 30s`"))
}

func (a *app) eduDebit() *cobra.Command {
	var r debits.Run
	var noticesOnly bool
	e := &errand{does: "edu-debit"}
	e.make = func(string, map[string]string) (bulk.Operation, ledgerKey, error) {
		client, err := a.client()
		if err != nil {
			return nil, nil, err
		}
		switch {
		case noticesOnly && r.NoNotice:
			return nil, nil, fail(exitUsage, "--notices-only and --no-notice exclude each other", "--notices-only 与 --no-notice 不能同时使用")
		case r.NoticeLead < 0:
			return nil, nil, fail(exitUsage, "--notice-lead is 0 or more", "--notice-lead 不能为负数")
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
	c := a.errand("debit FILE", a.t("a debit run: notice, debit, result of each contract of a file", "批量扣款：对文件中的每份签约发送扣款通知、扣款并查询结果"), e)
	f := c.Flags()
	f.StringVar(&r.AppID, "appid", "", a.t("`AppID` of rows that name none", "行内未填写时使用的 `AppID`"))
	f.StringVar(&r.SubMchID, "sub-mchid", "", a.t("`sub-merchant` of rows that name none", "行内未填写时使用的 `子商户号`"))
	f.StringVar(&r.SubAppID, "sub-appid", "", a.t("`sub-AppID` of rows that name none", "行内未填写时使用的 `子商户 AppID`"))
	f.StringVar(&r.NotifyURL, "notify-url", "", a.t("`URL` that is told of results", "接收结果通知的 `URL`"))
	f.StringVar(&r.DeviceIP, "device-ip", "", a.t("`IP` of the device that debits", "发起扣款设备的 `IP`"))
	f.StringVar(&r.Attach, "attach", "", a.t("`text` that comes back with results", "随结果原样返回的 `附加数据`"))
	f.DurationVar(&r.NoticeLead, "notice-lead", 24*time.Hour, a.t("how old a notice must be before its debit", "通知发出多久后才扣款"))
	f.BoolVar(&noticesOnly, "notices-only", false, a.t("send the notices, debit nothing", "只发送扣款通知，不扣款"))
	f.BoolVar(&r.NoNotice, "no-notice", false, a.t("notices are sent elsewhere: debit at once", "通知已另行发送：直接扣款"))
	a.everyFlag(c, &r.Every)
	return c
}
