package main

import (
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
	"unicode"

	bulkreport "github.com/wxpay-go/wxpay/ops/bulk/report"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// A folder is where ledgers lie. Of a job NAME there may be NAME.ledger, NAME.ledger.lock, NAME.job, which says how it
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
func (f folder) nameFor(file, does string) string {
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

// record reads NAME.job; an empty one if there is none.
func (f folder) record(name string) (record, error) {
	r := record{Version: recordVersion}
	text, err := os.ReadFile(f.path(name, recordSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", f.path(name, recordSuffix), err)
	}
	if r.Version > recordVersion {
		return r, fail(exitUsage, f.path(name, recordSuffix)+" was written by a newer wxpay; use that one", f.path(name, recordSuffix)+" 由更新版本的 wxpay 写入，请使用该版本")
	}
	return r, nil
}

func (f folder) keep(name string, r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return bulkreport.WriteFile(f.path(name, recordSuffix), append(text, '\n'))
}

// fed notes how a file was fed.
func (r *record) fed(input recordInput) {
	if i := slices.IndexFunc(r.Inputs, func(in recordInput) bool { return in.File == input.File }); i >= 0 {
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
