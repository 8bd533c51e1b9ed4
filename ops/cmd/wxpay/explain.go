package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// An explanation is what is known of a code.
type explanation struct {
	Asked    string `json:"asked"`
	Platform string `json:"platform"` // wechatpay or tpns
	Meaning  string `json:"meaning,omitzero"`
	Hint     string `json:"hint,omitzero"`
	HintZh   string `json:"hint_zh,omitzero"`
	Status   []int  `json:"status,omitzero"` // of HTTP, as documented
}

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CODE|REQUEST-ID",
		Short: a.t("what an error code or a Request-ID means and what to do", "解释错误码或 Request-ID，并给出处理建议"),
		Long: a.t(`What an error code of WeChat Pay or TPNS means, and what to do about it. The number behind the last hyphen of a Request-ID
often says more than the code.`,
			`解释微信支付或 TPNS 的错误码，并给出处理建议。Request-ID 末尾的数字往往比错误码更具体。`),
		Example: "  wxpay explain SIGN_ERROR\n  wxpay explain 08F78BB0AF0610D302189E9AB6092028FB9A9EAE05-268443699\n  wxpay explain 1008028",
		RunE: func(c *cobra.Command, args []string) error {
			e, err := explain(args[0])
			if err != nil {
				return err
			}
			if e == nil {
				return fail(exitUsage, "nothing is known here of "+strconv.Quote(args[0])+"; go by the message that came with it, and quote the Request-ID to the platform's support",
					"没有关于 "+strconv.Quote(args[0])+" 的资料；请参考应答中的错误描述，并向平台技术支持提供 Request-ID")
			}
			return a.emit("explanation", e, func(w io.Writer) {
				lines := []string{e.Meaning, e.Hint, e.HintZh}
				if a.chinese && e.HintZh != "" {
					lines = []string{e.HintZh}
				}
				for _, line := range lines {
					if line != "" {
						fmt.Fprintln(w, line)
					}
				}
			})
		},
	}
}

// explain looks a code up; nil: it is not known.
func explain(asked string) (*explanation, error) {
	asked = strings.TrimSpace(asked)
	number := asked[strings.LastIndexByte(asked, '-')+1:]
	if n, err := strconv.ParseInt(asked, 10, 64); err == nil {
		code := pushpackage.Code(n)
		if code.Meaning() != "" {
			h := code.Hint()
			return &explanation{Asked: asked, Platform: "tpns", Meaning: code.Meaning(), Hint: h.English, HintZh: h.Chinese}, nil
		}
	}
	if h := (&wxpay.Error{RequestID: "-" + number}).Hint(); h != (wxpay.Hint{}) {
		return &explanation{Asked: asked, Platform: "wechatpay", Hint: h.English, HintZh: h.Chinese}, nil
	}
	code := strings.ToUpper(asked)
	h := (&wxpay.Error{Code: wxpay.Code(code)}).Hint()
	e := explanation{Asked: code, Platform: "wechatpay", Hint: h.English, HintZh: h.Chinese}
	catalog, err := api.Load()
	if err != nil {
		return nil, err
	}
	for _, p := range catalog.Products {
		for _, o := range p.Operations {
			for _, r := range o.Errors {
				if p.Platform == "wechatpay" && r.Code == code {
					e.Meaning = cmp.Or(e.Meaning, r.Meaning)
					e.Status = append(e.Status, r.Status)
				}
			}
		}
	}
	slices.Sort(e.Status)
	e.Status = slices.Compact(e.Status)
	if e.Meaning == "" && e.Hint == "" {
		return nil, nil
	}
	return &e, nil
}
