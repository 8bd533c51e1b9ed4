package otel_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// A dashboard is what these tests read of grafana.json.
type dashboard struct {
	Panels     []panel `json:"panels"`
	Templating struct {
		List []struct{ Name, Type, Definition string } `json:"list"`
	} `json:"templating"`
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []struct{ RefID, Expr string }
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("grafana.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// exprs are what the panels ask, by panel.
func (d dashboard) exprs() (list [][2]string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			list = append(list, [2]string{p.Title, target.Expr})
		}
	}
	return list
}

// exposed are the labels of each metric that Prometheus gets.
func exposed(t *testing.T, w *world) map[string]map[string]bool {
	t.Helper()
	rec := httptest.NewRecorder()
	w.scrape.ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, rec.Code, rec.Body)
	all := map[string]map[string]bool{}
	line := regexp.MustCompile(`(?m)^([a-z_]+)\{(.*)\} \S+$`)
	label := regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*"`)
	for _, m := range line.FindAllStringSubmatch(rec.Body.String(), -1) {
		if all[m[1]] == nil {
			all[m[1]] = map[string]bool{}
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			all[m[1]][l[1]] = true
		}
	}
	return all
}

// asked are the metrics that an expression of PromQL names, each with the labels it goes by.
func asked(expr string) map[string][]string {
	all := map[string][]string{}
	by := regexp.MustCompile(`\bby \(([^)]*)\)`)
	var grouped []string
	for _, m := range by.FindAllStringSubmatch(expr, -1) {
		grouped = append(grouped, strings.Split(m[1], ", ")...)
	}
	expr = by.ReplaceAllString(expr, "")
	labels := regexp.MustCompile(`([a-z_]+)(?:!=|=~|!~|=)"`)
	for _, m := range regexp.MustCompile(`\b((?:wxpay|http)_[a-z_]+)(\{[^}]*\})?`).FindAllStringSubmatch(expr, -1) {
		names := slices.Clone(grouped)
		for _, l := range labels.FindAllStringSubmatch(m[2], -1) {
			names = append(names, l[1])
		}
		all[m[1]] = append(all[m[1]], names...)
	}
	return all
}

// The dashboard asks for metrics and labels that there are, and for every metric that there is.
func TestDashboardNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.turn(t.Context())
	w.run(t.Context(), "autumn", 3, -1)
	w.run(t.Context(), "winter", 3, 100)
	w.watch(time.Now())
	there := exposed(t, w)
	used := map[string]bool{}
	d := readDashboard(t)
	for _, e := range d.exprs() {
		metrics := asked(e[1])
		assert.NotEmpty(t, metrics, e[0])
		for name, labels := range metrics {
			if !assert.Contains(t, there, name, e[0]) {
				continue
			}
			used[regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")] = true
			for _, l := range labels {
				assert.True(t, there[name][l], "%s: %s has no label %s", e[0], name, l)
			}
		}
	}
	for name := range there {
		if name != "target_info" {
			assert.True(t, used[regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")], "nobody asks for %s", name)
		}
	}
}

// Grafana draws what is whole: every panel has a place of its own, a title, and says what it shows; every variable that is
// used is there.
func TestDashboardShape(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	ids, titles, taken := map[int]bool{}, map[string]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		assert.False(t, ids[p.ID], "panel %d is there twice", p.ID)
		assert.False(t, titles[p.Title], "%q is there twice", p.Title)
		ids[p.ID], titles[p.Title] = true, true
		assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				assert.Empty(t, taken[at], "%q lies upon it", p.Title)
				taken[at] = p.Title
			}
		}
		if p.Type != "row" {
			assert.NotEmpty(t, p.Description, p.Title)
			assert.NotEmpty(t, p.Targets, p.Title)
		}
	}
	known := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		known[v.Name] = true
	}
	text, err := os.ReadFile("grafana.json")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`\$\{?(\w+)\}?`).FindAllStringSubmatch(string(text), -1) {
		assert.True(t, known[m[1]] || m[1] == "__all", "no variable %s", m[0])
	}
}

// The guide has a row for every metric, with its unit and all its attributes, in both languages.
func TestGuide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.turn(t.Context())
	w.run(t.Context(), "winter", 3, 100)
	w.watch(time.Now())
	var all metricdata.ResourceMetrics
	require.NoError(t, w.reader.Collect(t.Context(), &all))
	count := 0
	for _, guide := range []string{"../../docs/telemetry.md", "../../docs/telemetry.zh-CN.md"} {
		text, err := os.ReadFile(guide)
		require.NoError(t, err)
		for _, s := range all.ScopeMetrics {
			for _, m := range s.Metrics {
				count++
				row := regexp.MustCompile(fmt.Sprintf("(?m)^\\| `%s` .*$", regexp.QuoteMeta(m.Name))).FindString(string(text))
				if !assert.NotEmpty(t, row, "%s: no row for %s", guide, m.Name) {
					continue
				}
				assert.Contains(t, row, "| `"+m.Unit+"` |", guide)
				for _, a := range attributes(t, m) {
					assert.Contains(t, row, "`"+a+"`", "%s: %s", guide, m.Name)
				}
			}
		}
	}
	assert.Equal(t, 2*16, count)
}

// attributes are the names of those that the series of a metric have.
func attributes(t *testing.T, m metricdata.Metrics) (names []string) {
	t.Helper()
	text, err := json.Marshal(m.Data)
	require.NoError(t, err)
	var data struct {
		DataPoints []struct{ Attributes []struct{ Key string } }
	}
	require.NoError(t, json.Unmarshal(text, &data))
	require.NotEmpty(t, data.DataPoints, m.Name)
	for _, p := range data.DataPoints {
		for _, a := range p.Attributes {
			if !slices.Contains(names, a.Key) {
				names = append(names, a.Key)
			}
		}
	}
	return names
}

// The code of the guide is that of the example, but for what is said in comments.
func TestGuideCode(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	comments := regexp.MustCompile(` *//.*`)
	for _, guide := range []string{"../../docs/telemetry.md", "../../docs/telemetry.zh-CN.md"} {
		text, err := os.ReadFile(guide)
		require.NoError(t, err)
		blocks := strings.Split(string(text), "```go\n")[1:]
		require.Len(t, blocks, 2, guide)
		for _, block := range blocks {
			code, _, _ := strings.Cut(block, "```\n")
			assert.Contains(t, comments.ReplaceAllString(string(example), ""), comments.ReplaceAllString(code, ""), guide)
		}
	}
}

// Every error.type that the packages tell stands in the guide, in both languages.
func TestGuideErrors(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("otelwxpay/errors.go")
	require.NoError(t, err)
	kinds := regexp.MustCompile(`return "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1)
	require.GreaterOrEqual(t, len(kinds), 14)
	for _, guide := range []string{"../../docs/telemetry.md", "../../docs/telemetry.zh-CN.md"} {
		text, err := os.ReadFile(guide)
		require.NoError(t, err)
		for _, kind := range kinds {
			assert.Contains(t, string(text), "`"+kind[1]+"`", guide)
		}
	}
}
