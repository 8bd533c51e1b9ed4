package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/wxpay-go/wxpay"
	bulkreport "github.com/wxpay-go/wxpay/ops/bulk/report"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// A folder is where ledgers lie, and files of rows. Of a job NAME there may be NAME.ledger, NAME.ledger.lock, NAME.job, which says how it
// is run, and the rows to look at: NAME.rejected.csv, NAME.unknown.csv, NAME.skipped.csv.
type folder string

const (
	ledgerSuffix = ".ledger"
	recordSuffix = ".job"
)

// folder is dir, else the one where programs of this system keep their state.
func (a *app) folder(dir string) (folder, error) {
	if dir != "" {
		full, err := filepath.Abs(dir)
		return folder(full), err
	}
	if runtime.GOOS == "windows" {
		if base := a.env("LocalAppData"); base != "" {
			return folder(filepath.Join(base, "wxpay", "jobs")), nil
		}
	}
	if base := a.env("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return folder(filepath.Join(base, "wxpay", "jobs")), nil
	}
	home := a.env("HOME")
	if home == "" {
		home = a.env("USERPROFILE")
	}
	if home == "" {
		return "", fail(exitUsage, "there is no home folder to keep ledgers in; name a folder with --dir", "没有主目录可存放台账，请用 --dir 指定目录")
	}
	return folder(filepath.Join(home, ".local", "state", "wxpay", "jobs")), nil
}

// readable refuses a folder in which nobody can look for ledgers. One that is not there yet has none.
func (f folder) readable() error {
	info, err := os.Stat(string(f))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && !info.IsDir():
		err = syscall.ENOTDIR
	case err == nil:
		if _, err = os.Stat(f.ledger("")); errors.Is(err, fs.ErrNotExist) { // may it be gone through
			_, err = f.names()
		}
	}
	if err != nil {
		return f.unusable(err)
	}
	return nil
}

// writable refuses a folder in which no job can be run. What is not there yet can be made if what it lies in can be
// written.
func (f folder) writable() error {
	if err := f.readable(); err != nil {
		return err
	}
	there := string(f)
	for {
		info, err := os.Stat(there)
		if err == nil && !info.IsDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			break
		}
		above := filepath.Dir(there)
		if !errors.Is(err, fs.ErrNotExist) || above == there {
			return f.unusable(err)
		}
		there = above
	}
	probe, err := os.CreateTemp(there, ".wxpay-*")
	if err != nil {
		return f.unusable(err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return f.unusable(err)
	}
	return nil
}

// unusable says why, and what to do.
func (f folder) unusable(err error) error {
	english, chinese := whyOf(err)
	return &failure{exit: exitUsage, err: err, text: wxpay.Hint{
		English: fmt.Sprintf("the folder %s cannot be used for jobs (%s); nothing was sent: name another one with --dir, or give yourself access to it", f, english),
		Chinese: fmt.Sprintf("目录 %s 无法存放任务（%s）；未发送任何内容：请用 --dir 指定其他目录，或获取其访问权限", f, chinese),
	}}
}

func (f folder) path(name, suffix string) string { return filepath.Join(string(f), name+suffix) }

func (f folder) ledger(name string) string { return f.path(name, ledgerSuffix) }

func (f folder) has(name string) bool {
	_, err := os.Stat(f.ledger(name))
	return err == nil
}

// files of a ledger.
func (f folder) files(name string) []string {
	ledger := f.ledger(name)
	return []string{ledger, ledger + "-wal", ledger + "-shm", ledger + ".lock", ledger + ".new", ledger + ".new-wal", ledger + ".new-shm"} // .new: of a beginning that was killed
}

func removeAll(paths []string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// names of the jobs, sorted.
func (f folder) names() (list []string, err error) {
	entries, err := os.ReadDir(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ledgerSuffix); ok && name != "" && !e.IsDir() {
			list = append(list, name)
		}
	}
	return list, err
}

// produced matches the name of a file that came out of a job, and finds the job in it.
var produced = regexp.MustCompile(`^(.+)\.(?:rejected|unknown|skipped)(?:-\d+)?$`)

// nameFor is how a job over a file is called that nobody named: as the job out of which the file came, else after the
// file and what is done with it.
func (f home) nameFor(file, does string) string {
	base := filepath.Base(file)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if m := produced.FindStringSubmatch(base); m != nil && f.has(m[1]) {
		return m[1]
	}
	base = strings.Trim(strings.Map(func(r rune) rune {
		if letterOfName(r) {
			return r
		}
		return '-'
	}, base), ".-")
	if base == "" {
		return does
	}
	return cut(base, maxName-len(does)-1) + "-" + does
}

// maxName keeps names of files below what file systems take.
const maxName = 120

// letterOfName is one that may stand in the name of a file on every system.
func letterOfName(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)
}

// goodName reports whether a job may be called so.
func goodName(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, func(r rune) bool { return !letterOfName(r) }) &&
		name[0] != '.' && name[0] != '-' && !strings.HasSuffix(name, ".")
}

// cut shortens a text to so many bytes, between letters.
func cut(s string, most int) string {
	for i := range s {
		if i > most {
			return strings.ToValidUTF8(s[:most], "")
		}
	}
	return s[:min(len(s), most)]
}

// A record is how a job is run, to run it again, and what was written beside its ledger, to know it again.
type record struct {
	Version int               `json:"version"`
	Inputs  []recordInput     `json:"inputs"`
	Columns []table.Column    `json:"columns"`          // of the operation
	Written map[string]string `json:"written,omitzero"` // path → SHA-256
}

// A recordInput is how a file was last fed to a job.
type recordInput struct {
	File     string            `json:"file"`
	Args     []string          `json:"args"`
	Map      map[string]string `json:"map,omitzero"`
	Encoding string            `json:"encoding,omitzero"` // that was asked for
	Found    string            `json:"found,omitzero"`    // encoding that was found out
	Sheet    string            `json:"sheet,omitzero"`
}

const recordVersion = 1

// recordOf reads what is kept of one.
func recordOf(text []byte) (record, error) {
	r := record{Version: recordVersion}
	err := json.Unmarshal(text, &r)
	if err == nil && slices.ContainsFunc(r.Inputs, func(in recordInput) bool { return in.File == "" || len(in.Args) == 0 }) {
		err = errors.New("an input without its command line")
	}
	return r, err
}

func (r record) text() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// record reads NAME.job; an empty one if there is none.
func (f folder) record(name string) (record, error) {
	r := record{Version: recordVersion}
	text, err := os.ReadFile(f.path(name, recordSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		r, err = recordOf(text)
	}
	if err != nil {
		english, chinese := whyOf(err)
		return record{Version: recordVersion}, &failure{exit: exitUsage, err: err, text: wxpay.Hint{
			English: fmt.Sprintf("%s cannot be read, or is damaged (%s); it only says how the job was run: delete it, and run the same command again with --job %s --dir %s; the ledger knows what was sent", f.path(name, recordSuffix), english, name, f),
			Chinese: fmt.Sprintf("%s 无法读取或已损坏（%s）；该文件只记录任务的运行参数：请删除后用原命令加 --job %s --dir %s 重新运行，已发送的行以台账为准", f.path(name, recordSuffix), chinese, name, f),
		}}
	}
	if r.Version > recordVersion {
		return r, fail(exitUsage, f.path(name, recordSuffix)+" was written by a newer wxpay; use that one", f.path(name, recordSuffix)+" 由更新版本的 wxpay 写入，请使用该版本")
	}
	return r, nil
}

func (f folder) keep(name string, r record) error {
	text, err := r.text()
	if err != nil {
		return err
	}
	return bulkreport.WriteFile(f.path(name, recordSuffix), text)
}

// fed notes how a file was fed.
func (r *record) fed(input recordInput) {
	if i := slices.IndexFunc(r.Inputs, func(in recordInput) bool { return in.File == input.File }); i >= 0 {
		input.Found = cmp.Or(input.Found, r.Inputs[i].Found) // of a file that is not here
		r.Inputs[i] = input
		return
	}
	r.Inputs = append(r.Inputs, input)
}

// options are those by which a file is opened as it was for the job.
func (r *record) options(file string) table.Options {
	o := table.Options{Columns: r.Columns}
	for _, in := range r.Inputs {
		if in.File == file {
			o.Map, o.Encoding, o.Sheet = in.Map, in.Encoding, in.Sheet
		}
	}
	return o
}

// wrote notes what a file holds that was written.
func (r *record) wrote(path string) error {
	sum, err := sumOf(path)
	if err != nil {
		return err
	}
	if r.Written == nil {
		r.Written = map[string]string{}
	}
	r.Written[path] = sum
	return nil
}

// owns reports whether a file is as it was written, so that nobody's work is lost with it.
func (r *record) owns(path string) bool {
	was, ok := r.Written[path]
	if !ok {
		return false
	}
	is, err := sumOf(path)
	return err == nil && is == was
}

func sumOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := file.WriteTo(h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
