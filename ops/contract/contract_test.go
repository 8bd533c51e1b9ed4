package contract

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// leftAside are members that the SDK does not send or read, on purpose.
var leftAside = map[string]map[string]string{
	"listCertificates": {
		"algorithm_type":        "the SDK knows RSA alone, which is the default (CT-1)",
		"data[].effective_time": "the certificate itself says it, and the APIv3 key vouches for that one",
		"data[].expire_time":    "the same",
	},
}

// TestOperations makes every call of the documents. What arrives must be valid by the document and hold
// every member of the request; what comes back must hold every member of the answer.
func TestOperations(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "document\toperation\trequest ok\tmembers kept\t")
	total, rows := 0, 0
	for _, doc := range documents(t) {
		table := products[doc.Name](nil)
		unknown := maps.Clone(table)
		for _, op := range doc.Operations {
			total++
			if table[op.OperationID] == nil {
				t.Errorf("%s: %s has no row", doc.Name, op.OperationID)
				continue
			}
			rows++
			delete(unknown, op.OperationID)
			t.Run(op.Title(), func(t *testing.T) {
				var sent, answered tally
				defer func() { fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", doc.Name, op.Title(), sent, answered, verdict(t)) }()
				for _, trial := range trials(t, doc, op) {
					trial.run(t, &sent, &answered)
				}
				for path := range leftAside[op.OperationID] {
					require.True(t, sent.left[path] || answered.left[path], "%s is nowhere", path)
				}
			})
		}
		for row := range unknown {
			t.Errorf("%s has no operation %s", doc.Name, row)
		}
	}
	w.Flush()
	t.Logf("%d of %d operations\n%s", rows, total, &table)
}

func documents(t *testing.T) []*Document {
	t.Helper()
	docs, err := Load()
	require.NoError(t, err)
	for _, doc := range docs {
		require.Contains(t, products, doc.Name)
	}
	return docs
}

func verdict(t *testing.T) string {
	if t.Failed() {
		return "FAILED"
	}
	return ""
}

// A tally counts members of requests or answers, over all trials of an operation.
type tally struct {
	all, lost, left map[string]bool
}

// count adds the members of a value and notes those that are lost or left aside.
func (c *tally) count(value any, lost []string, left map[string]string) {
	if c.all == nil {
		c.all, c.lost, c.left = map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	for _, path := range Members(value) {
		switch {
		case path == "body":
		case left[path] != "":
			c.left[path] = true
		default:
			c.all[path] = true
			c.lost[path] = c.lost[path] || slices.Contains(lost, path)
		}
	}
}

func (c tally) String() string {
	kept := len(c.all)
	for _, gone := range c.lost {
		if gone {
			kept--
		}
	}
	s := fmt.Sprintf("%d/%d", kept, len(c.all))
	if len(c.left) > 0 {
		s += fmt.Sprintf(", %d left aside", len(c.left))
	}
	return s
}

// A trial is one exchange of an operation.
type trial struct {
	doc    *Document
	op     *Operation
	in     input
	answer any // decoded JSON; nil: 204
	sent   any // the answer as it is spelled
}

// trials pairs the requests of an operation with its answers, so that each comes at least once.
func trials(t *testing.T, doc *Document, op *Operation) []trial {
	inputs, answers := inputs(t, op), results(t, doc, op)
	var all []trial
	for i := range max(len(inputs), len(answers)) {
		in := inputs[i%len(inputs)]
		answer := about(in, answers[i%len(answers)])
		all = append(all, trial{doc, op, in, answer, answer})
		if misspelt, ok := Aliased(op.AnswerSchema(), answer); ok {
			all = append(all, trial{doc, op, in, answer, misspelt})
		}
	}
	return all
}

// run makes the call and compares both sides.
func (c trial) run(t *testing.T, sent, answered *tally) {
	t.Helper()
	left := leftAside[c.op.OperationID]
	x := &exchange{doc: c.doc, op: c.op, want: c.in, answer: c.sent}
	got, err := x.send(t.Context())
	if x.arrived != 1 {
		t.Errorf("%d requests were sent, the call ended with %v", x.arrived, err)
		return
	}
	for _, fault := range x.faults {
		t.Error(fault)
	}
	sent.count(x.want.all(), x.missing, left)
	want, got, err := c.doc.outcome(c.answer, got, err)
	if err != nil {
		t.Error(err)
		return
	}
	if page, ok := got.(listed); ok {
		got = page.named(c.op)
		left = map[string]string{"offset": "the page has Next instead", "limit": "the same"}
	}
	again, err := JSON(got)
	require.NoError(t, err)
	schema := c.op.AnswerSchema()
	want, again = Plain(schema, want), Plain(schema, again)
	lost := slices.DeleteFunc(Lost(want, again), func(path string) bool { return left[path] != "" })
	for _, path := range lost {
		t.Errorf("member %s of the answer was lost", path)
	}
	answered.count(want, lost, left)
}

// outcome returns what an answer holds for the caller, and what the caller got of it.
func (d *Document) outcome(answer, got any, err error) (want, have any, _ error) {
	if d.Name == "tpns.yaml" {
		return tpnsOutcome(answer, got, err)
	}
	return answer, got, err
}

// inputs are the requests that the document shows, or one with every member.
func inputs(t *testing.T, op *Operation) []input {
	t.Helper()
	bodies := []any{nil}
	if op.RequestBody != nil {
		bodies = examples(t, op.RequestBody.Value.Content)
	}
	var all []input
	for _, body := range bodies {
		in := input{values: map[string]string{}, body: body}
		for _, p := range op.Parameters {
			if p := p.Value; p.In != "header" {
				in.values[p.Name] = fmt.Sprint(usable(p.Name, p.Schema.Value, Example(p.Schema.Value)))
			}
		}
		if body == nil {
			all = append(all, in)
			continue
		}
		for _, body := range choices(op, Visit(op.RequestSchema(), body, usable)) {
			withDigest(body)
			all = append(all, input{in.values, body})
		}
	}
	return all
}

// alternatives are members of which a request has exactly one, by operation. Documents show all of them at once.
var alternatives = map[string][]string{
	"useCoupon": {"associated_order_info", "associated_pay_score_order_info"}, // PC-8
}

// choices are the requests that take one alternative each.
func choices(op *Operation, body any) []any {
	all := alternatives[op.OperationID]
	if all == nil {
		return []any{body}
	}
	var bodies []any
	for _, taken := range all {
		one := maps.Clone(body.(map[string]any))
		for _, member := range all {
			if member != taken {
				delete(one, member)
			}
		}
		bodies = append(bodies, one)
	}
	return bodies
}

// usable replaces what the document shows and nobody can send: an encrypted value by plain text, and a time
// to start a push by one that is still to come.
func usable(path string, s *openapi3.Schema, v any) any {
	switch {
	case Sensitive(s) && s.Format != "binary":
		return plainSecret
	case path == "send_time":
		return time.Now().Add(24 * time.Hour).In(beijing).Format(time.DateTime)
	}
	return v
}

// withDigest gives an upload the digest of its file, which the SDK works out.
func withDigest(body any) {
	parts, _ := body.(map[string]any)
	if meta, ok := parts["meta"].(map[string]any); ok {
		file, _ := parts["file"].(string)
		sum := sha256.Sum256([]byte(file))
		meta["sha256"] = hex.EncodeToString(sum[:])
	}
}

// results are the answers that the document shows, or one with every member; nil is none.
func results(t *testing.T, doc *Document, op *Operation) []any {
	t.Helper()
	if op.AnswerSchema() == nil {
		return []any{nil}
	}
	all := examples(t, op.Responses.Value("200").Value.Content)
	switch doc.Name {
	case "certificates.yaml":
		return []any{certificates(t, all[0])}
	case "tpns.yaml":
		return append(all, tpnsRefusal(all[0]))
	}
	return all
}

// examples are the values that the document shows, or one with every member. Together they must have every
// member of the schema.
func examples(t *testing.T, content openapi3.Content) []any {
	t.Helper()
	media := content[slices.Sorted(maps.Keys(content))[0]]
	var all []any
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		all = append(all, media.Examples[name].Value.Value)
	}
	if all == nil {
		all = append(all, cmp.Or(media.Example, Example(media.Schema.Value)))
	}
	missing := Members(Example(media.Schema.Value))
	for i := range all {
		var err error
		all[i], err = JSON(all[i])
		require.NoError(t, err)
		missing = slices.DeleteFunc(missing, func(path string) bool { return slices.Contains(Members(all[i]), path) })
	}
	require.Empty(t, missing, "the document has no example for these members")
	return all
}
