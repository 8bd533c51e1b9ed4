package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay/ops/emulator"
)

// Commands that talk to an emulator that runs.

// An asking is one call of the emulator's API.
type asking struct {
	at string // of the flag
}

func (k *asking) flag(a *app, c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&k.at, "emulator", "", a.t("`URL` of the emulator; else WXPAY_BASE_URL, else http://127.0.0.1:8089", "模拟器的 `URL`；默认取 WXPAY_BASE_URL，再取 http://127.0.0.1:8089"))
	return c
}

// ask calls the API and decodes what it answers into v; nil: it does not matter.
func (a *app) ask(c *cobra.Command, k *asking, method, path string, body, v any) error {
	base, err := a.emulatorAt(c, k.at)
	if err != nil {
		return err
	}
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, base+emulator.Root+path, bytes.NewReader(text))
	if err != nil {
		return a.misused(c, "the address of the emulator is no URL", "模拟器地址不是有效 URL")
	}
	resp, err := a.emulatorClient().Do(req)
	if err != nil {
		if ctx.Err() != nil && c.Context().Err() != nil {
			return err
		}
		return fail(exitStopped, "no emulator answers at "+base+": start one with wxpay emulate", base+" 没有模拟器：请先运行 wxpay emulate")
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	var said struct {
		Error string `json:"error"`
	}
	if bad := json.Unmarshal(answer, &said); err != nil || bad != nil {
		return fail(exitStopped, base+" is no emulator", base+" 不是模拟器")
	}
	if resp.StatusCode != http.StatusOK {
		said.Error = cmp.Or(said.Error, "it answers with "+strconv.Itoa(resp.StatusCode)+" and is no emulator")
		return fail(exitUsage, said.Error, "模拟器拒绝："+said.Error)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(answer, v)
}

// emulatorClient trusts, besides what the machine does, the root of an emulator that speaks https.
func (a *app) emulatorClient() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if file := a.env("SSL_CERT_FILE"); file != "" {
		if text, err := os.ReadFile(file); err == nil {
			roots, err := x509.SystemCertPool()
			if err != nil {
				roots = x509.NewCertPool()
			}
			roots.AppendCertsFromPEM(text)
			transport.TLSClientConfig.RootCAs = roots
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (a *app) emulatorCommands() []*cobra.Command {
	return []*cobra.Command{a.faultCommand(), a.faultsCommand(), a.requestsCommand(), a.eventsCommand(), a.resendCommand(), a.doCommand(), a.advanceCommand(), a.resetCommand()}
}

func (a *app) triggerCommand() *cobra.Command {
	var k asking
	var data, to string
	c := &cobra.Command{
		Use:     "trigger EVENT",
		Short:   a.t("let the emulator send a notification", "让模拟器发送一个通知"),
		Long:    a.t("Let the running emulator send a notification, as if what it tells of had happened. Without --data it says what the example of the\ndocuments says.", "让运行中的模拟器发送通知，如同事件真的发生。不给 --data 时使用文档示例的内容。"),
		Example: "  wxpay trigger TRANSACTION.SUCCESS --to http://127.0.0.1:8080/notify\n  wxpay trigger MEMBERCARD.ACCEPT_CARD --data @event.json",
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"type": args[0], "url": to}
			if c.Flags().Changed("data") {
				text, err := a.content(c, data)
				if err != nil {
					return err
				}
				if !json.Valid(text) {
					return a.misused(c, "--data is not JSON", "--data 不是 JSON")
				}
				body["plaintext"] = json.RawMessage(text)
			}
			var made struct {
				ID string `json:"id"`
			}
			if err := a.ask(c, &k, http.MethodPost, "events", body, &made); err != nil {
				return err
			}
			return a.emit("event", made, func(w io.Writer) { fmt.Fprintln(w, made.ID) })
		},
	}
	c.Flags().StringVar(&data, "data", "", a.t("what it says: `JSON`, or @FILE; nothing in it encrypted", "通知内容：`JSON` 或 @FILE，均为明文"))
	c.Flags().StringVar(&to, "to", "", a.t("`URL` to send it to; else where the emulator forwards all", "接收地址 `URL`；默认为模拟器的转发地址"))
	return k.flag(a, c)
}

func (a *app) faultCommand() *cobra.Command {
	var k asking
	var route, tag string
	var always bool
	c := &cobra.Command{
		Use:   "fault FAULT",
		Short: a.t("let the next requests fail", "让接下来的请求失败"),
		Long:  a.t("Let the next requests to the emulator fail. FAULT is NAME[=VALUE][*COUNT][%PERCENT], such as 429*3, slow=6s or reset-after-effect%5;\n`wxpay emulate faults` lists the names.", "让接下来发往模拟器的请求失败。FAULT 的写法是 名称[=值][*次数][%百分比]，例如 429*3、slow=6s、reset-after-effect%5；\n可用 wxpay emulate faults 列出所有名称。"),
		Example: `  wxpay emulate fault '429*3' --route "POST /v3/edu-papay/transactions"
  wxpay emulate fault slow=6s --tag test-17`,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"fault": args[0], "route": route, "tag": tag}
			if always {
				body["times"] = -1
			}
			var made struct {
				ID int `json:"id"`
			}
			if err := a.ask(c, &k, http.MethodPost, "faults", body, &made); err != nil {
				return err
			}
			return a.emit("fault", made, func(w io.Writer) { fmt.Fprintln(w, made.ID) })
		},
	}
	c.Flags().StringVar(&route, "route", "", a.t("only requests to this `ROUTE`, such as \"POST /v3/security/echo\"", "仅作用于该接口 `ROUTE`，例如 \"POST /v3/security/echo\""))
	c.Flags().StringVar(&tag, "tag", "", a.t("only requests whose header X-Emulator-Tag says `TAG`", "仅作用于请求头 X-Emulator-Tag 为 `TAG` 的请求"))
	c.Flags().BoolVar(&always, "always", false, a.t("until it is reset", "一直生效，直到重置"))
	return k.flag(a, c)
}

func (a *app) faultsCommand() *cobra.Command {
	var k asking
	var route string
	c := &cobra.Command{
		Use: "faults", Short: a.t("faults that there are, and those that have yet to happen", "列出所有故障，以及尚未发生的故障"),
		RunE: func(c *cobra.Command, _ []string) error {
			var got struct {
				Faults []json.RawMessage `json:"faults"`
				Unused []string          `json:"unused"`
				Known  []struct {
					Name    string `json:"name"`
					Doc     string `json:"doc"`
					DocZh   string `json:"doc_zh"`
					Example string `json:"example,omitzero"`
				} `json:"known"`
			}
			path := "faults"
			if route != "" {
				path += "?route=" + url.QueryEscape(route)
			}
			if err := a.ask(c, &k, http.MethodGet, path, nil, &got); err != nil {
				return err
			}
			return a.emit("faults", got, func(w io.Writer) {
				if len(got.Unused) > 0 {
					fmt.Fprintf(w, "%s %s\n\n", a.t("yet to happen:", "尚未发生："), strings.Join(got.Unused, ", "))
				}
				for _, f := range got.Known {
					fmt.Fprintf(w, "%s\t%s\n", cmp.Or(f.Example, f.Name), a.t(f.Doc, cmp.Or(f.DocZh, f.Doc)))
				}
			})
		},
	}
	c.Flags().StringVar(&route, "route", "", a.t("only those that fit this `ROUTE`", "仅列出适用于该接口 `ROUTE` 的故障"))
	return k.flag(a, c)
}

func (a *app) requestsCommand() *cobra.Command {
	var k asking
	var route, tag, outcome string
	var limit int
	c := &cobra.Command{
		Use: "requests", Short: a.t("what the emulator was sent", "列出模拟器收到的请求"),
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			for name, v := range map[string]string{"route": route, "tag": tag, "outcome": outcome} {
				if v != "" {
					q.Set(name, v)
				}
			}
			var got struct {
				Requests []json.RawMessage `json:"requests"`
			}
			if err := a.ask(c, &k, http.MethodGet, "requests?"+q.Encode(), nil, &got); err != nil {
				return err
			}
			for _, text := range got.Requests {
				var r struct {
					Number  int       `json:"number"`
					Time    time.Time `json:"time"`
					Method  string    `json:"method"`
					URI     string    `json:"uri"`
					Status  int       `json:"status"`
					Verdict string    `json:"verdict"`
				}
				if err := json.Unmarshal(text, &r); err != nil {
					return err
				}
				if err := a.emit("request", text, func(w io.Writer) {
					fmt.Fprintf(w, "%d\t%s\t%d\t%s %s\t%s\n", r.Number, r.Time.Local().Format(time.TimeOnly), r.Status, r.Method, printable(r.URI), printable(r.Verdict))
				}); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&route, "route", "", a.t("only those to this `ROUTE`", "仅该接口 `ROUTE`"))
	c.Flags().StringVar(&tag, "tag", "", a.t("only those with this `TAG`", "仅该标记 `TAG`"))
	c.Flags().StringVar(&outcome, "outcome", "", a.t("only those that came out so: `ok|refused|failed|advice|fault|signature`", "仅该结果：`ok|refused|failed|advice|fault|signature`"))
	c.Flags().IntVar(&limit, "limit", 20, a.t("only the newest `N`; 0 for all", "仅最新 `N` 条；0 表示全部"))
	return k.flag(a, c)
}

func (a *app) eventsCommand() *cobra.Command {
	var k asking
	c := &cobra.Command{
		Use: "events", Short: a.t("notifications of the emulator and what became of them", "列出模拟器的通知及其结果"),
		RunE: func(c *cobra.Command, _ []string) error {
			var got struct {
				Events []json.RawMessage `json:"events"`
			}
			if err := a.ask(c, &k, http.MethodGet, "events", nil, &got); err != nil {
				return err
			}
			for _, text := range got.Events {
				var n struct {
					ID, Type, State, URL, Why string
					WhyZh                     string `json:"why_zh"`
					Attempts                  []struct {
						Why   string
						WhyZh string `json:"why_zh"`
					}
				}
				if err := json.Unmarshal(text, &n); err != nil {
					return err
				}
				why := a.t(n.Why, n.WhyZh)
				if len(n.Attempts) > 0 {
					last := n.Attempts[len(n.Attempts)-1]
					why = a.t(last.Why, last.WhyZh)
				}
				if err := a.emit("event", map[string]json.RawMessage{"event": text}, func(w io.Writer) {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", n.ID, n.Type, n.State, printable(n.URL), printable(why))
				}); err != nil {
					return err
				}
			}
			return nil
		},
	}
	return k.flag(a, c)
}

func (a *app) resendCommand() *cobra.Command {
	var k asking
	var variant string
	c := &cobra.Command{
		Use: "resend ID", Short: a.t("send a notification once more, or as one that a receiver must refuse", "重发一个通知，或以接收方必须拒绝的方式发送"),
		RunE: func(c *cobra.Command, args []string) error {
			var text json.RawMessage
			if err := a.ask(c, &k, http.MethodPost, "events/"+url.PathEscape(args[0])+"/resend", map[string]string{"variant": variant}, &text); err != nil {
				return err
			}
			var n struct {
				Attempts []struct {
					Status int
					Why    string
					WhyZh  string `json:"why_zh"`
					Wrong  bool
				}
			}
			if err := json.Unmarshal(text, &n); err != nil || len(n.Attempts) == 0 {
				return err
			}
			last := n.Attempts[len(n.Attempts)-1]
			if last.Wrong {
				return fail(exitRejected, last.Why, last.WhyZh)
			}
			return a.emit("event", map[string]json.RawMessage{"event": text}, func(w io.Writer) { fmt.Fprintln(w, a.t(last.Why, last.WhyZh)) })
		},
	}
	c.Flags().StringVar(&variant, "variant", "", a.t("`HOW`, such as forged, unsigned, stale or probe", "发送方式 `HOW`，例如 forged、unsigned、stale、probe"))
	return k.flag(a, c)
}

func (a *app) doCommand() *cobra.Command {
	var k asking
	c := &cobra.Command{
		Use: "do ACTION [NAME=VALUE…]", Short: a.t("let something happen beside the calls, such as a user who takes a card", "触发接口之外的动作，例如用户领卡"),
		Long:    a.t("Let something happen beside the calls. The page of the state at /_inspector/state lists the actions; without a known ACTION they\nare listed as well.", "触发接口之外的动作。网页 /_inspector/state 列出全部动作；ACTION 未知时也会列出。"),
		Example: "  wxpay emulate do add-card code_mode=SYSTEM_ALLOCATE card_id=card-1\n  wxpay emulate do take-card card_id=card-1 openid=o1",
		Args:    func(c *cobra.Command, args []string) error { return a.arguments(c, args[:min(len(args), 1)]) },
		RunE: func(c *cobra.Command, args []string) error {
			given := map[string]string{}
			for _, arg := range args[1:] {
				name, value, ok := strings.Cut(arg, "=")
				if !ok {
					return a.misused(c, strconv.Quote(arg)+" is not NAME=VALUE", strconv.Quote(arg)+" 不是 NAME=VALUE")
				}
				given[name] = value
			}
			return a.act(c, &k, args[0], given)
		},
	}
	return k.flag(a, c)
}

// act lets an action happen and prints what came of it.
func (a *app) act(c *cobra.Command, k *asking, name string, args map[string]string) error {
	var made struct {
		Result any `json:"result"`
	}
	if err := a.ask(c, k, http.MethodPost, "actions/"+url.PathEscape(name), args, &made); err != nil {
		return err
	}
	return a.emit("result", made, func(w io.Writer) {
		switch v := made.Result.(type) {
		case nil:
		case []any:
			for _, one := range v {
				fmt.Fprintln(w, plain(one))
			}
		default:
			fmt.Fprintln(w, plain(v))
		}
	})
}

// plain is a text as it is, and anything else as JSON.
func plain(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

func (a *app) advanceCommand() *cobra.Command {
	var k asking
	c := &cobra.Command{
		Use: "advance DURATION", Short: a.t("let time pass, such as 72h", "推进业务时钟，例如 72h"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.act(c, &k, "advance", map[string]string{"duration": args[0]})
		},
	}
	return k.flag(a, c)
}

func (a *app) resetCommand() *cobra.Command {
	var k asking
	c := &cobra.Command{
		Use: "reset [WHAT]", Short: a.t("begin anew with faults, requests, state, or all", "重置 faults、requests、state 或 all"),
		RunE: func(c *cobra.Command, args []string) error {
			what := emulator.ResetAll
			if len(args) > 0 {
				what = args[0]
			}
			return a.ask(c, &k, http.MethodPost, "reset", map[string]string{"what": what}, nil)
		},
	}
	return k.flag(a, c)
}
