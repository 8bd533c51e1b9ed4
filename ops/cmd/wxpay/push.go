package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/value"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func (a *app) pushSend() *cobra.Command {
	var p pushpackage.PushParams
	var file, audience, kind, environment, at string
	var all bool
	c := &cobra.Command{
		Use:   "send",
		Short: a.t("push a message to everybody on an uploaded list", "向已上传的号码包推送消息"),
		Long: a.t(`Push a message to everybody on an uploaded list. TPNS has no number that would make two pushes one: a push is sent once.
If its outcome is unknown the exit code is 6; look for it with "wxpay push record" before you send it again.

--params FILE holds the whole push as JSON in the spelling of TPNS; flags beside it win.`,
			`向已上传的号码包推送消息。TPNS 没有可防重的单号，因此每次只发送一次。
若结果未知，退出码为 6：请先用 "wxpay push record" 查询，再决定是否重发。

--params FILE 为完整推送参数（JSON，字段名与 TPNS 一致）；同时给出的命令行参数优先。`),
		Example: "  wxpay push send --upload 11231 --title T --content C\n  wxpay push send --upload 11231 --params push.json --at '2026-12-01 10:00:00'",
		RunE: func(c *cobra.Command, _ []string) error {
			var params pushpackage.PushParams
			if err := a.pushParams(c, file, &params); err != nil {
				return err
			}
			changed := c.Flags().Changed
			if changed("upload") {
				params.UploadID = p.UploadID
			}
			if changed("title") {
				params.Message.Title = p.Message.Title
			}
			if changed("content") {
				params.Message.Content = p.Message.Content
			}
			if changed("account-type") {
				params.AccountType = p.AccountType
			}
			if changed("all-devices") {
				params.AccountPushType = 0
				if all {
					params.AccountPushType = 1
				}
			}
			if changed("speed") {
				params.PushSpeed = p.PushSpeed
			}
			if changed("plan") {
				params.PlanID = p.PlanID
			}
			if changed("environment") {
				params.Environment = pushpackage.Environment(environment)
			}
			if changed("message-type") || params.MessageType == "" {
				params.MessageType = pushpackage.MessageType(kind)
			}
			switch {
			case !changed("audience") && params.AudienceType != "":
			case audience == "account":
				params.AudienceType = pushpackage.AccountPackage
			case audience == "token":
				params.AudienceType = pushpackage.TokenPackage
			default:
				return a.misused(c, "--audience is account or token", "--audience 只能是 account 或 token")
			}
			if changed("at") {
				var err error
				if params.SendTime, err = beijingTime(at); err != nil {
					return a.misused(c, "--at is a time such as '2026-12-01 10:00:00' (Beijing) or 2026-12-01T10:00:00+08:00", "--at 的格式为 '2026-12-01 10:00:00'（北京时间）或 2026-12-01T10:00:00+08:00")
				}
			}
			client, err := a.tpns()
			if err != nil {
				return err
			}
			push, err := client.Push(c.Context(), params)
			if err != nil {
				return lostPush(written(err), "")
			}
			err = a.emit("push", push, func(w io.Writer) { fmt.Fprintln(w, printable(push.PushID.String())) })
			a.note(a.t("TPNS has taken the push; follow it with: wxpay push record %s --wait", "TPNS 已接受推送；跟进进度：wxpay push record %s --wait"), printable(push.PushID[0]))
			return err
		},
	}
	flags := c.Flags()
	flags.Int64Var(&p.UploadID, "upload", 0, a.t("`ID` that the upload of the list was given", "号码包上传后得到的 `ID`"))
	flags.StringVar(&file, "params", "", a.t("`FILE` of JSON with the push; - is stdin", "推送参数 JSON `FILE`；- 表示标准输入"))
	flags.StringVar(&p.Message.Title, "title", "", a.t("`TEXT` of the title", "标题 `TEXT`"))
	flags.StringVar(&p.Message.Content, "content", "", a.t("`TEXT` of the message", "内容 `TEXT`"))
	flags.StringVar(&audience, "audience", "account", a.t("what is on the list: `account|token`", "号码包内容：`account|token`"))
	flags.StringVar(&kind, "message-type", "notify", a.t("how it arrives: `notify|message`", "消息类型：`notify|message`"))
	flags.StringVar(&environment, "environment", "", a.t("iOS: `product|dev`", "iOS 环境：`product|dev`"))
	flags.IntVar(&p.AccountType, "account-type", 0, a.t("`KIND` of the accounts, such as 1002 for phone numbers", "账号类型 `KIND`，例如手机号为 1002"))
	flags.BoolVar(&all, "all-devices", false, a.t("all devices of an account, not only the one bound last", "推送到账号的全部设备，而非仅最近绑定的设备"))
	flags.IntVar(&p.PushSpeed, "speed", 0, a.t("messages a second, 1000 to 50000; `N` 0: no limit", "每秒推送数 `N`，1000 至 50000；0 不限"))
	flags.StringVar(&p.PlanID, "plan", "", a.t("`ID` of a push plan", "推送计划 `ID`"))
	flags.StringVar(&at, "at", "", a.t("`TIME` to start, at most 90 days ahead; Beijing time unless it has a zone", "定时推送 `TIME`，90 天以内；未写时区按北京时间"))
	return c
}

// pushParams reads the push from a file of JSON. Members that are not known are refused: they may be misspelled.
func (a *app) pushParams(c *cobra.Command, file string, params *pushpackage.PushParams) error {
	if file == "" {
		return nil
	}
	text, err := a.content(c, "@"+file)
	if err != nil {
		return err
	}
	into := struct {
		*pushpackage.PushParams
		SendTime string `json:"send_time"`
	}{PushParams: params}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&into); err != nil {
		reason := "is not the JSON of a push"
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			reason = "has a member that is not known: " + name
		} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			reason = "has something else than a " + e.Type.String() + " in " + e.Field
		}
		return a.misused(c, file+" "+reason, file+"：不是有效的推送参数 JSON（"+reason+"）")
	}
	if into.SendTime != "" {
		if params.SendTime, err = beijingTime(into.SendTime); err != nil {
			return a.misused(c, file+": send_time is not of the form 2026-12-01 10:00:00", file+"：send_time 的格式应为 2026-12-01 10:00:00")
		}
	}
	return nil
}

// beijingTime reads a time as TPNS writes it, which is Beijing's, or one with its zone.
func beijingTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateTime, s, value.Beijing)
}

// lostPush adds to an unknown outcome how to find out; id is empty if there is none yet.
func lostPush(err error, id string) error {
	if !pushpackage.OutcomeUnknown(err) {
		return err
	}
	text := platform(err).text()
	look := strings.TrimSpace("wxpay push record " + id)
	return &failure{exit: exitUnknown, err: err, text: wxpay.Hint{English: text.English + "; look with: " + look, Chinese: text.Chinese + "；查询：" + look}}
}

func (a *app) pushRecord() *cobra.Command {
	var from, to string
	var wait bool
	c := &cobra.Command{
		Use:     "record [PUSH_ID]",
		Short:   a.t("what became of a push, or of all pushes of some days", "查询一次推送，或若干天内的全部推送"),
		Example: "  wxpay push record 1234567 --wait\n  wxpay push record --from 2026-11-01 --to 2026-11-28",
		Long: a.t("What became of a push, or of all pushes of some days: without an ID those of today. TPNS takes 200 such reads an hour and keeps a month.",
			"查询一次推送的状态；不写 ID 则列出若干天内的全部推送，默认今天。TPNS 每小时最多 200 次查询，保留一个月。"),
		RunE: func(c *cobra.Command, args []string) error {
			today := pushpackage.DateOf(time.Now().In(value.Beijing))
			p := pushpackage.ListPushRecordsParams{StartDate: today, EndDate: today}
			switch {
			case len(args) == 1 && (c.Flags().Changed("from") || c.Flags().Changed("to")):
				return a.misused(c, "PUSH_ID is one push, --from and --to are all of some days: say one of them", "PUSH_ID 查询一次推送，--from 与 --to 查询若干天内的全部推送，二者不能同时使用")
			case len(args) == 0 && wait:
				return a.misused(c, "--wait waits for one push: PUSH_ID is missing", "--wait 等待某一次推送，缺少 PUSH_ID")
			case len(args) == 0:
				if err := a.days(c, from, to, &p); err != nil {
					return err
				}
			}
			client, err := a.tpns()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				record, err := a.pushOf(c, client, args[0], wait)
				if record != nil && record.PushID != "" {
					_ = a.emitPush(record)
				}
				return read(err)
			}
			n := 0
			for record, err := range client.AllPushRecords(c.Context(), p) {
				if err != nil {
					return read(err)
				}
				n++
				if err := a.emitPush(&record); err != nil {
					return err
				}
			}
			a.note("%s", a.t(fmt.Sprintf("%d pushes", n), fmt.Sprintf("共 %d 次推送", n)))
			return a.emit("sums", struct {
				Pushes int `json:"pushes"`
			}{n}, nil)
		},
	}
	c.Flags().StringVar(&from, "from", "", a.t("first `DAY`, within the last month", "起始日期 `DAY`，一个月以内"))
	c.Flags().StringVar(&to, "to", "", a.t("last `DAY`", "结束日期 `DAY`"))
	c.Flags().BoolVar(&wait, "wait", false, a.t("wait until the push is over; looks every 18 s", "等待推送结束，每 18 秒查询一次"))
	return c
}

// days reads --from and --to, and refuses what TPNS does not take: it keeps a month. Days are those of Beijing.
func (a *app) days(c *cobra.Command, from, to string, p *pushpackage.ListPushRecordsParams) error {
	now := time.Now().In(value.Beijing)
	first := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, value.Beijing)
	last := first
	for _, flag := range []struct {
		name, text string
		day        *time.Time
		date       *pushpackage.Date
	}{{"from", from, &first, &p.StartDate}, {"to", to, &last, &p.EndDate}} {
		if !c.Flags().Changed(flag.name) {
			continue
		}
		day, err := time.ParseInLocation(time.DateOnly, flag.text, value.Beijing)
		if err != nil {
			return a.misused(c, "--from and --to are days such as 2026-11-28", "--from 与 --to 的格式为 2026-11-28")
		}
		*flag.day, *flag.date = day, pushpackage.DateOf(day)
	}
	switch {
	case first.After(last):
		return a.misused(c, "--from is after --to; either is today unless it is said", "--from 晚于 --to；未填写的一项为今天")
	case first.After(now):
		return a.misused(c, "--from is a day that is still to come", "--from 晚于今天")
	case first.Before(now.AddDate(0, 0, -32)): // to the day, and what a month is, the platform decides
		return a.misused(c, "--from is more than a month ago; TPNS keeps pushes for a month", "--from 早于一个月前；TPNS 只保留一个月内的推送")
	}
	return nil
}

func (a *app) pushOf(c *cobra.Command, client *pushpackage.Client, id string, wait bool) (*pushpackage.PushRecord, error) {
	if wait {
		return client.WaitPush(c.Context(), pushpackage.WaitPushParams{PushID: id})
	}
	return client.GetPushRecord(c.Context(), pushpackage.GetPushRecordParams{PushID: id})
}

// A pushInfo is a record of a push in the spelling of everything else that the command writes; TPNS has another for
// every kind of call.
type pushInfo struct {
	Date             string                  `json:"date,omitzero"`
	PushID           string                  `json:"push_id"`
	Title            string                  `json:"title,omitzero"`
	Content          string                  `json:"content,omitzero"`
	Status           pushpackage.PushStatus  `json:"status"`
	PushType         string                  `json:"push_type,omitzero"`
	MessageType      string                  `json:"message_type,omitzero"`
	Environment      pushpackage.Environment `json:"environment,omitzero"`
	ExpireTime       int64                   `json:"expire_time,omitzero"`
	XgMediaResources string                  `json:"xg_media_resources,omitzero"`
	MultiPkg         bool                    `json:"multi_pkg,omitzero"`
	TargetList       []string                `json:"target_list,omitzero"`
	CollapseID       int64                   `json:"collapse_id,omitzero"`
	TagSet           json.RawMessage         `json:"tag_set,omitzero"`
	UploadID         int64                   `json:"upload_id,omitzero"`
	GroupID          string                  `json:"group_id,omitzero"`
	Source           string                  `json:"source,omitzero"`
	PushConfig       json.RawMessage         `json:"push_config,omitzero"`
}

// emitPush shows a push. Those to single accounts and tokens name them; that is left out.
func (a *app) emitPush(r *pushpackage.PushRecord) error {
	shown := pushInfo(*r)
	shown.TargetList = nil
	return a.emit("push_record", shown, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %-22s  %s  %d  %s\n", printable(r.PushID), printable(string(r.Status)), printable(r.Date), r.UploadID, printable(r.Title))
	})
}

func (a *app) pushCancel() *cobra.Command {
	var running bool
	c := &cobra.Command{
		Use:     "cancel PUSH_ID",
		Short:   a.t("cancel a push that has not begun, or stop one that runs", "取消定时推送，或终止进行中的推送"),
		Example: "  wxpay push cancel 1234567\n  wxpay push cancel 1234567 --running",
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.tpns()
			if err != nil {
				return err
			}
			if running {
				err = client.StopPush(c.Context(), pushpackage.StopPushParams{PushID: args[0]})
			} else {
				err = client.CancelScheduledPush(c.Context(), pushpackage.CancelScheduledPushParams{PushID: args[0]})
			}
			if err != nil {
				return lostPush(written(err), args[0])
			}
			return a.emit("canceled", struct {
				PushID string `json:"push_id"`
			}{args[0]}, func(w io.Writer) { fmt.Fprintf(w, "%s %s\n", args[0], a.t("canceled", "已取消")) })
		},
	}
	c.Flags().BoolVar(&running, "running", false, a.t("stop a push that runs (Android)", "终止进行中的推送（Android）"))
	return c
}
