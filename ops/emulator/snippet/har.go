package snippet

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/ops/emulator/journal"
)

// HAR is what happened as HTTP Archive 1.2, which browsers and other tools open. Bodies are as the page shows them:
// their beginning, masked.
func HAR(all []journal.Exchange, base string) ([]byte, error) {
	entries := make([]map[string]any, 0, len(all)) // a list also if it is empty
	for _, x := range all {
		entries = append(entries, entry(x, strings.TrimSuffix(base, "/")))
	}
	return json.MarshalIndent(map[string]any{"log": map[string]any{
		"version": "1.2", "creator": map[string]any{"name": "wxpay emulate", "version": "1"}, "entries": entries,
	}}, "", " ")
}

func entry(x journal.Exchange, base string) map[string]any {
	took := float64(x.Took) / float64(time.Millisecond)
	query := []map[string]string{}
	if _, raw, ok := strings.Cut(x.URI, "?"); ok {
		values, _ := url.ParseQuery(raw) // what can be read of it
		for _, name := range slices.Sorted(maps.Keys(values)) {
			for _, v := range values[name] {
				query = append(query, map[string]string{"name": name, "value": v})
			}
		}
	}
	request := map[string]any{
		"method": x.Method, "url": base + x.URI, "httpVersion": "HTTP/1.1", "cookies": []any{}, "headers": headers(x.Header),
		"queryString": query, "headersSize": -1, "bodySize": x.BodySize,
	}
	if x.BodySize > 0 {
		kind := x.Header.Get("Content-Type")
		post := map[string]any{"mimeType": kind, "text": x.Body}
		switch {
		case x.Body == "":
			post["comment"] = "the body is not shown"
		case len(x.Body) < x.BodySize:
			post["comment"] = "the beginning of the body"
		}
		request["postData"] = post
	}
	return map[string]any{
		"startedDateTime": x.Time.Format(time.RFC3339Nano), "time": took, "request": request, "cache": map[string]any{},
		"response": map[string]any{
			"status": x.Status, "statusText": http.StatusText(x.Status), "httpVersion": "HTTP/1.1", "cookies": []any{}, "headers": headers(x.AnswerHeader),
			"content":     map[string]any{"size": len(x.Answer), "mimeType": x.AnswerHeader.Get("Content-Type"), "text": x.Answer},
			"redirectURL": x.AnswerHeader.Get("Location"), "headersSize": -1, "bodySize": -1,
		},
		"timings":  map[string]any{"send": 0, "wait": took, "receive": 0},
		"_verdict": x.Verdict, "_route": x.Route, "_number": x.Number, "_tag": x.Tag,
	}
}

func headers(h http.Header) []map[string]string {
	all := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			all = append(all, map[string]string{"name": name, "value": v})
		}
	}
	return all
}
