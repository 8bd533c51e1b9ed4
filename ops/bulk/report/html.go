package report

import (
	_ "embed"
	"html/template"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/ops/bulk"
)

// minute is how moments are shown; the zone stands at the head of the page.
const minute = "2006-01-02 15:04"

//go:embed page.html
var pageText string

// HTML writes the page about a job: one file that loads nothing, asks nobody, and runs no script.
func (f Facts) HTML(w io.Writer) error {
	page, err := template.New("page").Funcs(template.FuncMap{"both": func(english, chinese string) pair { return pair{english, chinese} }}).Parse(pageText)
	if err != nil {
		return err
	}
	return page.Execute(w, f.view())
}

// A view is what the page shows, in words.
type view struct {
	Job                 Facts
	State               pair
	StateClass          string
	Settings            []setting
	Files               []viewFile
	Tiles               []tile
	Shares              []share
	Reasons             []viewReason
	Chart               *chart
	Good, Bad           string // "": not counted
	Created, Last, Made string
	Zone                string
}

type pair struct{ English, Chinese string }

type setting struct{ Name, Value string }

type viewFile struct{ Name, Encoding, Rows, Added string }

type tile struct {
	Class, Sign, Rows string
	Name, Note        pair
}

type share struct {
	Class    string
	X, Width float64
}

type viewReason struct {
	Code, Rows, Percent string
	Width               float64
	Why                 pair
}

func (f Facts) view() view {
	v := view{Job: f, Zone: f.Made.Format("MST -07:00"), Made: f.Made.Format(minute), Chart: draw(f.Ticks)}
	v.State, v.StateClass = state(f)
	for _, name := range slices.Sorted(maps.Keys(f.Settings)) {
		v.Settings = append(v.Settings, setting{name, f.Settings[name]})
	}
	for _, file := range f.Files {
		v.Files = append(v.Files, viewFile{filepath.Base(file.Name), file.Encoding, Grouped(file.Rows), moment(file.Added)})
	}
	v.Created, v.Last = moment(f.Created), moment(f.Last)
	v.Tiles, v.Shares = tiles(f.Sums, f.Begun), shares(f.Sums)
	var most int64
	for _, r := range f.Reasons {
		most = max(most, r.Rows)
	}
	for _, r := range sorted(f.Reasons) {
		v.Reasons = append(v.Reasons, viewReason{
			Code: r.Code, Rows: Grouped(r.Rows), Percent: percent(r.Rows, f.Sums.Rows),
			Width: 100 * float64(r.Rows) / float64(max(most, 1)), Why: pair(r.Why),
		})
	}
	if f.Good+f.Bad > 0 {
		v.Good, v.Bad = Grouped(f.Good), Grouped(f.Bad)
	}
	return v
}

// state is how a job stands, in two words.
func state(f Facts) (pair, string) {
	s := f.Sums
	switch {
	case f.Running:
		return pair{"running", "运行中"}, "left"
	case s.Unknown > 0:
		return pair{"outcomes unknown: run it again", "有结果未知的行：请再次运行"}, "unknown"
	case !f.Complete():
		return pair{"not finished: run it again to go on", "未完成：再次运行即可继续"}, "left"
	case s.Rejected > 0:
		return pair{"finished, with rejected rows", "已完成，部分行被拒绝"}, "rejected"
	}
	return pair{"finished", "全部完成"}, "done"
}

func tiles(s bulk.Sums, begun int64) []tile {
	list := []tile{
		{"rows", "", Grouped(s.Rows), pair{"rows", "总行数"}, pair{"in all inputs", "全部输入文件"}},
		{"done", "=", Grouped(s.Done), pair{"done", "已完成"}, pair{"had their effect, once", "已生效，且仅一次"}},
		{"rejected", "+", Grouped(s.Rejected), pair{"rejected", "被拒绝"}, pair{"had no effect; correct them and feed them again", "未生效；更正后可重新提交"}},
		{"unknown", "+", Grouped(s.Unknown), pair{"unknown", "结果未知"}, pair{"may have had their effect; never send them anew, run the job again", "可能已生效；切勿另行重发，请再次运行任务"}},
		{"skipped", "+", Grouped(s.Skipped), pair{"skipped", "已跳过"}, pair{"twice in a file, done before, or changed since", "重复、此前已完成或内容已变更"}},
		{"left", "+", Grouped(s.Left - begun), pair{"not sent yet", "尚未发送"}, pair{"the job sends them when it goes on", "任务继续时发送"}},
	}
	if begun > 0 {
		list = append(list, tile{"left", "+", Grouped(begun), pair{"under way", "进行中"}, pair{"begun, not ended; never send them elsewhere, run the job again", "已开始，未结束；切勿另行重发，请再次运行任务"}})
	}
	return list
}

// shares of the bar below the sums, of 1000 units. What is there is seen, however small its share.
func shares(s bulk.Sums) (list []share) {
	parts := []struct {
		class string
		rows  int64
	}{{"done", s.Done}, {"rejected", s.Rejected}, {"unknown", s.Unknown}, {"skipped", s.Skipped}, {"left", s.Left}}
	var units float64
	for _, p := range parts {
		if p.rows > 0 {
			units += max(4, 1000*float64(p.rows)/float64(s.Rows))
		}
	}
	var x float64
	for _, p := range parts {
		if p.rows > 0 {
			w := max(4, 1000*float64(p.rows)/float64(s.Rows)) * 1000 / units
			list = append(list, share{p.class, x, w})
			x += w
		}
	}
	return list
}

func percent(n, of int64) string {
	if of == 0 {
		return "–"
	}
	p := 100 * float64(n) / float64(of)
	if p > 0 && p < 0.01 {
		return "<0.01%"
	}
	return rate(p) + "%"
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Format(minute)
}

// WriteFile puts the page into a file of mode 0600. Unless it may replace one that is there, it is an error of
// [os.ErrExist] that there is one.
func (f Facts) WriteFile(path string, replace bool) error { return write(path, replace, f.HTML) }
