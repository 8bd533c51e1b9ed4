package wxpaytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of a bank-package file.
const (
	maxFileSize  = 2_000_000
	maxFileLines = 5500
	filesPerDay  = 6000
)

var bankRoutes = []route{
	{
		pattern: "POST /v3/marketing/bank/packages/{package_id}/tasks",
		path:    "package_id string 4..16",
		body: `
filename*	string	4..128	^[0-9A-Za-z_.-]+$
sha256*	string	64..64	^[0-9a-f]{64}$
bank_type*	string	1..32`,
		upload:  true,
		prepare: (*Server).openBankFile,
		serve:   (*Server).createTask,
	},
	{
		pattern: "GET /v3/marketing/bank/packages/{package_id}/tasks",
		path:    "package_id string 4..16",
		query: `
status	PROCESSING|FINISHED
filename	string	4..128
offset	int	0..
limit	int	1..20`,
		serve: (*Server).listTasks,
	},
}

// bank is the state of bank packages.
type bank struct {
	tasks map[string][]*task             // by package, oldest first
	users map[string]map[uint64]struct{} // by package: hashes of the users found
	files map[string]int                 // by day
}

type task struct {
	id, packageID, filename, bankType string
	created                           time.Time
	success, fail, users              int64
}

// openBankFile checks a file and decrypts every line of it.
func (s *Server) openBankFile(c *call) error {
	file := c.file
	if c.key == nil {
		return errNoSerial
	}
	switch sum := sha256.Sum256(file); {
	case len(file) > maxFileSize:
		return invalid("the file has %d bytes, more than 2 MB", len(file))
	case hex.EncodeToString(sum[:]) != c.body.text("sha256"):
		return badParam("sha256", "is not that of the file received, "+hex.EncodeToString(sum[:]))
	case len(file) == 0:
		return invalid("the file is empty")
	case file[len(file)-1] != '\n':
		return invalid("the last line of the file does not end with a line feed")
	}
	c.checked("sha256")
	lines := bytes.Split(file[:len(file)-1], []byte("\n"))
	if len(lines) > maxFileLines {
		return invalid("the file has %d lines, more than %d", len(lines), maxFileLines)
	}
	c.lines = make([]string, len(lines))
	errs := make([]error, len(lines))
	step := max(1, s.options.Sample)
	each((len(lines)+step-1)/step, func(i int) {
		c.lines[i*step], errs[i*step] = c.key.decrypt(string(lines[i*step]))
	})
	for i, err := range errs {
		switch {
		case err != nil && s.options.CountBadLines:
			c.lines[i] = unreadable
		case err != nil:
			return invalid("line %d of the file %v", i+1, err)
		case c.lines[i] == "" && i%step != 0:
			c.lines[i] = sampled + string(lines[i])
		}
	}
	c.secrets["file"] = c.lines[0]
	c.checked(fmt.Sprintf("%d lines decrypt", len(lines)))
	return nil
}

// sampled marks a line that was not decrypted, unreadable is one that could not be; no agreement number
// starts so.
const (
	sampled    = "\x00"
	unreadable = "\x01"
)

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

func (s *Server) createTask(c *call) (any, error) {
	b, id, name := &s.bank, c.vars.text("package_id"), c.body.text("filename")
	for _, t := range b.tasks[id] {
		if t.filename == name {
			return nil, invalid("the package has a task with this file name already")
		}
	}
	if b.tasks == nil {
		b.tasks, b.users, b.files = map[string][]*task{}, map[string]map[uint64]struct{}{}, map[string]int{}
	}
	if b.files[s.today()]++; b.files[s.today()] > filesPerDay && !s.options.Unlimited {
		return nil, tooFast("more than %d files today", filesPerDay)
	}
	if b.users[id] == nil {
		b.users[id] = map[uint64]struct{}{}
	}
	t := &task{id: strconv.FormatInt(100+s.number(), 10), packageID: id, filename: name, bankType: c.body.text("bank_type"), created: s.now()}
	found := map[uint64]struct{}{}
	for _, line := range c.lines {
		users := s.usersOf(line)
		if len(users) == 0 {
			t.fail++
			continue
		}
		t.success++
		for _, user := range users {
			found[maphash.String(s.seed, user)] = struct{}{}
		}
	}
	t.users = int64(len(found))
	maps.Copy(b.users[id], found)
	b.tasks[id] = append(b.tasks[id], t)
	answer := s.show(t)
	answer["status"] = "PROCESSING" // whatever comes after
	return answer.pick("task_id", "package_id", "filename", "bank_type", "create_time", "status"), nil
}

// usersOf returns the users that a line of a file was found to belong to.
func (s *Server) usersOf(line string) []string {
	o := s.options
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
func (s *Server) show(t *task) object {
	o := object{
		"task_id": t.id, "package_id": t.packageID, "filename": t.filename, "bank_type": t.bankType,
		"create_time": stamp(t.created), "update_time": stamp(t.created), "status": "PROCESSING",
	}
	if end := t.created.Add(s.options.TaskDuration); !s.now().Before(end) {
		o["status"], o["update_time"] = "FINISHED", stamp(end)
		o["success_count"], o["fail_count"], o["success_user_count"] = t.success, t.fail, t.users
	}
	return o
}

func (s *Server) listTasks(c *call) (any, error) {
	var found []object
	for _, t := range s.bank.tasks[c.vars.text("package_id")] {
		o := s.show(t)
		if c.wants("status", o) && c.wants("filename", o) {
			found = append(found, o)
		}
	}
	return c.pageByNumber(found), nil
}

// PackageUsers returns how many users a bank package holds: those of all its tasks, without duplicates.
func (s *Server) PackageUsers(packageID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bank.users[packageID])
}
