// Package bankpackages is the state of bank packages: tasks, and the users that their files hold.
package bankpackages

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const (
	name        = "bankpackages"
	filesPerDay = 6000
	maxLines    = 5500 // of a file
)

// Options are what a test may want of the product.
type Options struct {
	Duration      time.Duration         // how long a task stays PROCESSING
	Match         func(string) bool     // which numbers belong to a user; nil: all
	Users         func(string) []string // whose a number is; nil: each has a user of its own
	Sample        int                   // every so many lines are decrypted; the others match
	CountBadLines bool                  // a line that does not decrypt counts as failed
}

// A Bank is the state.
type Bank struct {
	e       *engine.Engine
	options Options
	tasks   map[string]*engine.List[*task] // by package, and then by file name
	users   map[string]map[uint64]struct{} // by package: hashes of the users found
	files   map[string]int                 // by day
}

type task struct {
	id, packageID, filename, bankType string
	created                           time.Time
	success, fail, users              int64
}

// New returns an empty state.
func New(e *engine.Engine, o Options) *Bank {
	return &Bank{e, o, map[string]*engine.List[*task]{}, map[string]map[uint64]struct{}{}, map[string]int{}}
}

// Product is what the engine is to know of it.
func (b *Bank) Product() engine.Product {
	return engine.Product{
		Name:     name,
		Handlers: map[string]engine.Handler{"createTask": b.createTask, "listTasks": b.listTasks},
		Prepare:  map[string]func(*engine.Tx) error{"createTask": b.openFile},
		Actions:  b.actions(),
		Views:    b.views,
	}
}

func (b *Bank) actions() []engine.Action {
	return []engine.Action{{
		Name: "add-task", Doc: "a bank file was imported: the task is FINISHED, and the users of its numbers are in the package",
		DocZh: "已导入一个号码文件：任务状态为 FINISHED，号码对应的用户已进入号码包",
		Params: []engine.Param{
			{Name: "package_id", Doc: "the number of the package", DocZh: "号码包 ID"},
			{Name: "filename", Doc: "the name of the file, which no other task of the package has", DocZh: "文件名，在该号码包内不能重复"},
			{Name: "bank_type", Doc: "such as ICBC_DEBIT", DocZh: "银行类型，例如 ICBC_DEBIT"},
			{Name: "count", Doc: "how many numbers the file holds, from 1 to 5500; they are made up", DocZh: "文件中的号码个数，1 到 5500；号码由仿真器生成", Optional: true},
			{Name: "numbers", Doc: "the numbers themselves, separated by commas, in place of count", DocZh: "号码本身，以逗号分隔，用来代替 count", Optional: true},
		},
		Do: b.addTask,
	}}
}

// addTask seeds a task that is finished.
func (b *Bank) addTask(args map[string]string) (any, error) {
	var numbers []string
	n, err := strconv.Atoi(args["count"])
	switch {
	case (args["numbers"] == "") == (args["count"] == ""):
		return nil, errors.New("wxpaytest: add-task takes either count or numbers")
	case args["numbers"] != "":
		for number := range strings.SplitSeq(args["numbers"], ",") {
			numbers = append(numbers, strings.TrimSpace(number))
		}
	case err != nil || n < 1 || n > maxLines:
		return nil, fmt.Errorf("wxpaytest: count is a number from 1 to %d", maxLines)
	}
	for range n {
		numbers = append(numbers, fmt.Sprintf("%019d", b.e.Number()))
	}
	t, err := b.add(args["package_id"], args["filename"], args["bank_type"], b.e.Now().Add(-b.options.Duration), numbers)
	if err != nil {
		return nil, err
	}
	return t.id, nil
}

// add makes a task of a file, if there may be one more.
func (b *Bank) add(packageID, filename, bankType string, created time.Time, numbers []string) (*task, error) {
	tasks := b.tasksOf(packageID)
	if _, taken := tasks.Get(filename); taken {
		return nil, engine.Invalid("the package has a task with this file name already")
	}
	if err := b.oneMore(); err != nil {
		return nil, err
	}
	t := &task{id: strconv.FormatInt(100+b.e.Number(), 10), packageID: packageID, filename: filename, bankType: bankType, created: created}
	b.count(t, numbers)
	tasks.Add(filename, t)
	return t, nil
}

func (b *Bank) views() []engine.View {
	var all []*task
	for _, packageID := range slices.Sorted(maps.Keys(b.tasks)) {
		all = append(all, b.tasks[packageID].All()...)
	}
	return []engine.View{engine.Rows(name, "tasks", all, b.show)}
}

// openFile checks a file and decrypts every line of it.
func (b *Bank) openFile(tx *engine.Tx) error {
	file, doc := tx.File.Body, tx.Op.Upload
	if tx.Open == nil {
		return engine.ErrNoSerial()
	}
	if file[len(file)-1] != '\n' {
		return engine.Invalid("the last line of the file does not end with a line feed")
	}
	sealed := bytes.Split(file[:len(file)-1], []byte("\n"))
	if int64(len(sealed)) > doc.MaxLines {
		return engine.Invalid("the file has %d lines, more than %d", len(sealed), doc.MaxLines)
	}
	plain, errs := b.decrypt(sealed, tx.Open)
	for i, err := range errs {
		switch {
		case err != nil && b.options.CountBadLines:
			plain[i] = unreadable
		case err != nil:
			return engine.Invalid("line %d of the file%v", i+1, err)
		}
	}
	tx.Prepared, tx.Secrets["file"] = plain, plain[0]
	tx.Checked(fmt.Sprintf("%d lines decrypt", len(plain)))
	return nil
}

// sampled marks a line that was not decrypted, unreadable is one that could not be; no agreement number
// starts so.
const (
	sampled    = "\x00"
	unreadable = "\x01"
)

// decrypt opens every line, or a sample of them.
func (b *Bank) decrypt(sealed [][]byte, open func(string) (string, error)) (plain []string, errs []error) {
	plain, errs = make([]string, len(sealed)), make([]error, len(sealed))
	step := max(1, b.options.Sample)
	for i := range sealed {
		if i%step != 0 {
			plain[i] = sampled + string(sealed[i][:min(len(sealed[i]), 32)]) // no two ciphertexts begin alike
		}
	}
	each((len(sealed)+step-1)/step, func(i int) {
		plain[i*step], errs[i*step] = open(string(sealed[i*step]))
	})
	return plain, errs
}

// each calls f for 0 to n-1, on all cores if that is worth it, and returns when all are done.
func each(n int, f func(int)) {
	const few = 16
	if n <= few {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
}

func (b *Bank) createTask(tx *engine.Tx) (engine.Object, error) {
	numbers, _ := tx.Prepared.([]string)
	t, err := b.add(tx.Var("package_id"), tx.Body.Text("filename"), tx.Body.Text("bank_type"), b.e.Now(), numbers)
	if err != nil {
		return nil, err
	}
	answer := b.show(t).Pick("task_id", "package_id", "filename", "bank_type", "create_time")
	answer["status"] = "PROCESSING" // whatever comes after
	return answer, nil
}

// oneMore counts a file, if there may be one more today.
func (b *Bank) oneMore() error {
	day := b.e.Now().Format(time.DateOnly)
	if b.files[day] >= filesPerDay && !b.e.Unlimited() {
		return &engine.TooFast{Limit: fmt.Sprintf("%d files today", filesPerDay)}
	}
	b.files[day]++
	return nil
}

func (b *Bank) tasksOf(packageID string) *engine.List[*task] {
	if b.tasks[packageID] == nil {
		b.tasks[packageID], b.users[packageID] = &engine.List[*task]{}, map[uint64]struct{}{}
	}
	return b.tasks[packageID]
}

// count finds the users of a file.
func (b *Bank) count(t *task, plain []string) {
	found := map[uint64]struct{}{}
	for _, line := range plain {
		users := b.usersOf(line)
		if len(users) == 0 {
			t.fail++
			continue
		}
		t.success++
		for _, user := range users {
			found[b.e.Hash(user)] = struct{}{}
		}
	}
	t.users = int64(len(found))
	maps.Copy(b.users[t.packageID], found)
}

// usersOf returns the users that a line of a file was found to belong to.
func (b *Bank) usersOf(line string) []string {
	o := b.options
	switch {
	case strings.HasPrefix(line, sampled):
	case line == unreadable || o.Match != nil && !o.Match(line):
		return nil
	case o.Users != nil:
		return o.Users(line)
	}
	return []string{line}
}

// show is the task as it is now.
func (b *Bank) show(t *task) engine.Object {
	o := engine.Object{
		"task_id": t.id, "package_id": t.packageID, "filename": t.filename, "bank_type": t.bankType,
		"create_time": engine.Stamp(t.created), "update_time": engine.Stamp(t.created), "status": "PROCESSING",
	}
	if end := t.created.Add(b.options.Duration); !b.e.Now().Before(end) {
		o["status"], o["update_time"] = "FINISHED", engine.Stamp(end)
		o["success_count"], o["fail_count"], o["success_user_count"] = t.success, t.fail, t.users
	}
	return o
}

func (b *Bank) listTasks(tx *engine.Tx) (engine.Object, error) {
	return engine.PageOf(tx, b.tasksOf(tx.Var("package_id")).All(), b.show, "status", "filename")
}

// PackageUsers returns how many users a bank package holds.
func (b *Bank) PackageUsers(packageID string) int {
	b.e.Lock()
	defer b.e.Unlock()
	return len(b.users[packageID])
}

// CountFiles makes the state believe that n files were uploaded today.
func (b *Bank) CountFiles(n int) {
	b.e.Lock()
	defer b.e.Unlock()
	b.files = map[string]int{b.e.Now().Format(time.DateOnly): n}
}
