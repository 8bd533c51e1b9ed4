package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// exceptions are changes at which SDK and document differ, with the reason. A * stands for any text.
var exceptions = map[string]string{
	"listCertificates algorithm_type as *":                    "the SDK knows RSA alone and never asks for another (CT-1)",
	"depositCodes body.code left out":                         "a deposit of nothing is a mistake (MC-22)",
	"confirmUserCard body.user_card_confirm_state as DEFAULT": "means nothing; the document says to refuse it (MC-34)",
	"createCard body.total_quantity at minimum":               "0 stands for none given, which is 5,000,000",
	"updateCard body.total_quantity at minimum":               "0 stands for none given",

	"uploadImage body.meta.filename at maxLength":                  "is lengthened behind its .jpg, which the text of the document asks for",
	"createProductCoupon body.single_usage_info left out":          "scope ALL needs it, says the text of the document",
	"*.coupon_available_period.wait_days_after_receive at minimum": "0 is left out, which is no wait either",
	"updateStock*Budget body.target_max_count* at minimum":         "the answer shows the limit of the example",
	"uploadCouponCodes body.code_list[[]] at maxLength":            "the answer is about the codes of the example",
	"useCoupon body.saved_amount at minimum":                       "0 stands for none given",
	"useCoupon body.associated_*order_info left out":               "a use has exactly one of the two (PC-8)",

	"create*TransferBill* body.user_name left out":                                       "an amount from 2,000 yuan on needs it (MT-2)",
	"create*TransferBill* body.transfer_amount at minimum":                               "a name is not taken with so little (MT-2)",
	"create*TransferBill* body.transfer_scene_report_infos\\[\\].info_type at maxLength": "each type stands once, and the change makes them the same",
	"createTransferBill body.user_recv_style.type as RED_PACKET":                         "a red packet has at most 200 yuan (MT-8)",
	"createAuthorizedTransferBill body.authorization_id left out":                        "either it or out_authorization_no (MT-20)",
	"createAuthorizedTransferBill body.out_authorization_no *":                           "the same",

	"pushApp body.audience_type as *":              "package pushpackage is for pushes to packages",
	"pushApp body.environment left out":            "iOS needs it, says the text of the document",
	"pushApp body.message_type as message":         "the message of the example is no silent push",
	"pushApp body.send_time against pattern":       "a time.Time has its form",
	"pushApp body.expire_time above maximum":       "TPNS raises the limit for some, says the document",
	"pushApp body.message.*":                       "how a message looks is left to TPNS, which learns new values with every phone",
	"pushApp body.channel_rules* as none of these": "more channels may come (x-doubt)",
	"pushApp body.loop_param.*":                    "what fits together is left to TPNS",
	"pushApp body.tag_*":                           "is in Extra, which nobody checks",
	"pushApp body.token_list*":                     "the same",
	"pushApp body.ignore_invalid_token *":          "the same",
}

// A change makes another request of a valid one.
type change struct {
	param  string // path on the wire, such as body.amount.total
	rule   string
	in     input
	refuse bool // the document rules it out
}

// TestRefusals changes the valid request of every operation in one place after the other. What the document
// rules out must be refused here, by the name of the parameter, with nothing sent; what it allows must
// be sent. What brands send by their own door differs in nothing that is checked here.
func TestRefusals(t *testing.T) {
	t.Parallel()
	unused := maps.Clone(exceptions)
	refused, sent := 0, 0
	for _, doc := range documents(t) {
		for _, op := range slices.DeleteFunc(doc.Operations, (*Operation).otherDoor) {
			t.Run(op.Title(), func(t *testing.T) {
				answer := success(t, doc, op)
				changes := changes(t, op)
				for _, key := range slices.Sorted(maps.Keys(changes)) {
					change := changes[key]
					problem, exception := change.attempt(t, &exchange{doc: doc, op: op, answer: answer}), exception(key)
					switch {
					case problem != "" && exception != "":
						delete(unused, exception)
					case problem != "":
						t.Errorf("%q: %s", key, problem)
					case change.refuse:
						refused++
					default:
						sent++
					}
				}
			})
		}
	}
	require.Empty(t, unused, "these are no exceptions")
	t.Logf("%d changes were refused, %d were sent, %d are exceptions", refused, sent, len(exceptions))
}

// success is an answer of the operation that is no refusal.
func success(t *testing.T, doc *Document, op *Operation) any {
	t.Helper()
	answers := results(t, doc, op)
	return answers[slices.IndexFunc(answers, func(answer any) bool { return !refused(answer) })]
}

// exception is the entry of exceptions that covers a change.
func exception(key string) string {
	for pattern := range exceptions {
		if ok, _ := path.Match(pattern, key); ok {
			return pattern
		}
	}
	return ""
}

// attempt makes the call with a change and says what is wrong with the outcome.
func (c change) attempt(t *testing.T, x *exchange) (problem string) {
	t.Helper()
	if x.want = c.in; !c.refuse { // else nothing is to be answered
		x.answer = about(c.in, x.answer)
	}
	if c.rule == "left out" {
		x.extra = c.param // a default of the SDK may take its place
	}
	_, err := x.send(t.Context())
	param, local := refusedParam(err)
	switch {
	case local && x.arrived > 0:
		return "was sent and refused"
	case local && !c.refuse:
		return "is allowed and was refused: " + err.Error()
	case local && !names(param, c.param):
		return "was refused for " + param
	case local:
		return ""
	case err != nil || x.arrived != 1:
		return fmt.Sprintf("%d requests were sent, the call ended with %v", x.arrived, err)
	case c.refuse && !(c.rule == "left out" && filled(x.got, c.param)):
		return "is ruled out and was sent"
	case len(x.faults) > 0:
		return errors.Join(x.faults...).Error()
	}
	return ""
}

// about is an answer about what was asked: what both name, at the places that are most alike, has the value of the
// request.
func about(in input, answer any) any {
	asked := map[string]any{}
	told(asked, "", in.body)
	return Visit(nil, answer, func(path string, _ *openapi3.Schema, v any) any {
		name := path[strings.LastIndex(path, ".")+1:]
		if s := nearest(asked, index.ReplaceAllString(path, ""), v); s != nil {
			return s
		}
		_, text := v.(string)
		if s, ok := asked["out_request_no"].(string); ok && text && strings.HasSuffix(name, "_request_no") {
			return s // such as deactivate_request_no
		}
		if s, ok := in.values[name]; ok && text {
			return s
		}
		return v
	})
}

// told collects the texts and numbers of a request by their places. Of a list of texts the first one counts, of a list of
// objects none.
func told(all map[string]any, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, v := range v {
			told(all, strings.TrimPrefix(at+"."+name, "."), v)
		}
	case []any:
		if len(v) > 0 {
			if s, ok := v[0].(string); ok {
				all[at] = s
			}
		}
	case nil, bool:
	default:
		all[at] = v
	}
}

// nearest is the value of the request for a member of the answer, of the same kind; nil: there is none. What stands deep
// in the request must have more than its own name in common.
func nearest(asked map[string]any, at string, v any) (value any) {
	best, to := 0, strings.Split(at, ".")
	for _, place := range slices.Sorted(maps.Keys(asked)) {
		from, same, shared := strings.Split(place, "."), 0, 0
		for same < min(len(from), len(to)) && from[len(from)-1-same] == to[len(to)-1-same] {
			same++
		}
		for _, name := range from {
			if slices.Contains(to, name) {
				shared++
			}
		}
		score := 1000*same + 10*shared - len(from) + 1
		if (same > 1 || same == 1 && len(from) <= 2) && score > best && reflect.TypeOf(asked[place]) == reflect.TypeOf(v) {
			best, value = score, asked[place]
		}
	}
	return value
}

// refusedParam is the parameter that a local refusal names.
func refusedParam(err error) (param string, ok bool) {
	if e, ok := errors.AsType[*wxpay.ParamError](err); ok {
		return e.Param, true
	}
	if e, ok := errors.AsType[*pushpackage.ParamError](err); ok {
		return e.Param, true
	}
	return "", false
}

var index = regexp.MustCompile(`\[\d*\]`)

// names reports whether a refusal names the member at path, or a member of that one.
func names(param, path string) bool {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "body."), "meta.") // is understood
	param, path = index.ReplaceAllString(param, ""), index.ReplaceAllString(path, "")
	return param == path || strings.HasPrefix(param, path+".")
}

// filled reports whether the SDK gave a member that was left out a value of its own.
func filled(got input, param string) bool {
	found := false
	Visit(nil, got.all(), func(path string, _ *openapi3.Schema, v any) any {
		found = found || path == param && v != "" && v != nil
		return v
	})
	return found
}

// changes are all changes to the requests of an operation, by operation, member and rule. Where several
// requests allow the same change, the one with the most members is taken.
func changes(t *testing.T, op *Operation) map[string]change {
	t.Helper()
	inputs := inputs(t, op)
	slices.SortFunc(inputs, func(a, b input) int { return len(Members(a.all())) - len(Members(b.all())) })
	all := map[string]change{}
	for _, in := range inputs {
		for _, c := range changesOf(op, in) {
			all[fmt.Sprintf("%s %s %s", op.OperationID, c.param, c.rule)] = c
		}
	}
	return all
}

func changesOf(op *Operation, in input) []change {
	var all []change
	for _, p := range op.Parameters {
		p := p.Value
		if p.In == "header" {
			continue
		}
		set := func(rule string, v any) {
			values := maps.Clone(in.values)
			delete(values, p.Name)
			refuse := p.Required
			if v != nil {
				values[p.Name] = fmt.Sprint(v)
				refuse = !valid(p.Schema.Value, v)
			}
			all = append(all, change{p.Name, rule, input{values, in.body}, refuse})
		}
		set("left out", nil)
		spoil(set, p.Schema.Value, in.values[p.Name])
	}
	schema := op.RequestSchema()
	seen := map[string]bool{"": true, "meta": true} // an upload's meta is made by the SDK
	Visit(schema, in.body, func(path string, s *openapi3.Schema, v any) any {
		if s == nil || seen[path] {
			return v
		}
		seen[path] = true
		set := func(rule string, v any) {
			body := with(schema, in.body, path, v)
			all = append(all, change{join("body", path), rule, input{in.values, body}, !valid(schema, body)})
		}
		if !strings.ContainsAny(strings.TrimPrefix(path, "meta."), ".[") {
			set("left out", nil)
		}
		spoil(set, s, v)
		return v
	})
	return all
}

func valid(s *openapi3.Schema, v any) bool {
	return s.VisitJSON(v, openapi3.EnableJSONSchema2020()) == nil
}

// with returns a body with another value at path, or without it if that is nil.
func with(s *openapi3.Schema, body any, path string, v any) any {
	body = Visit(s, body, func(at string, _ *openapi3.Schema, old any) any {
		switch {
		case at != path:
			return old
		case v == nil:
			return absent{}
		}
		return v
	})
	withDigest(body)
	body, err := JSON(body)
	if err != nil {
		panic(err)
	}
	return body
}

// spoil breaks each rule that the schema of a value has, and goes to its limits.
func spoil(set func(rule string, v any), s *openapi3.Schema, v any) {
	day := s.Format == "date" || s.Format == "date-time" // has the form and length that its type gives it
	if Sensitive(s) || day {                             // rules of sensitive values are about the ciphertext
		return
	}
	if s.MaxLength != nil {
		set("above maxLength", lengthen(s, v, int(*s.MaxLength)+1))
		set("at maxLength", lengthen(s, v, int(*s.MaxLength)))
	}
	if s.Pattern != "" {
		set("against pattern", fmt.Sprint(v)+"!")
	}
	for _, value := range Known(s) {
		set(fmt.Sprintf("as %v", value), value)
	}
	switch {
	case len(Known(s)) > 0 && s.Type.Is("string"):
		set("as none of these", "NOT_HEARD_OF")
	case len(Known(s)) > 0:
		set("as none of these", json.Number("99"))
	}
	if s.Max != nil {
		set("above maximum", number(*s.Max+1))
		set("at maximum", number(*s.Max))
	}
	if s.Min != nil {
		below := *s.Min - 1
		if below == 0 {
			below = -1 // 0 may stand for none given
		}
		set("below minimum", number(below))
		set("at minimum", number(*s.Min))
	}
}

func number(f float64) json.Number { return json.Number(fmt.Sprint(int64(f))) }

// lengthen brings text to n characters. Where the schema leaves it open they have three bytes each, so that
// who counts bytes is found out.
func lengthen(s *openapi3.Schema, v any, n int) string {
	text := fmt.Sprint(v)
	pad := "字"
	if s.Pattern != "" || s.Format != "" {
		pad = "0"
	}
	return text + strings.Repeat(pad, n-utf8.RuneCountInString(text))
}
