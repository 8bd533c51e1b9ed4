package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// A HeldError says which process has the ledger open.
type HeldError struct {
	Path  string
	PID   int // 0: not known
	Host  string
	Since time.Time
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("ledger: another process runs the job %s; wait for it, or stop it", e.Path)
	}
	return fmt.Sprintf("ledger: process %d on %s runs the job %s since %s; wait for it, or stop it", e.PID, e.Host, e.Path, e.Since.Format(time.DateTime))
}

// A lock is a file beside the ledger. The system gives it back when its process ends in any way.
type lock struct{ *flock.Flock }

type holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// glance is longer than Held has a lock.
const glance = 200 * time.Millisecond

func take(path string) (*lock, error) {
	f := flock.New(path+".lock", flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), glance)
	defer cancel()
	switch _, err := f.TryLockContext(ctx, glance/20); {
	case errors.Is(err, context.DeadlineExceeded):
		held := &HeldError{Path: path}
		if h, ok := Holder(path); ok {
			held = &h
		}
		return nil, held
	case err != nil:
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := sign(path); err != nil {
		f.Close()
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &lock{f}, nil
}

// On Windows nobody reads or writes the part of a file that is locked, which is the first byte. What is said of the
// holder follows it, always as long.
const saidFrom, saidLength = 1, 511

// sign says in the lock file who holds it.
func sign(path string) error {
	host, _ := os.Hostname()
	text, err := json.Marshal(holder{os.Getpid(), host[:min(len(host), 255)], time.Now().Truncate(time.Second)})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".lock", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(append(text, bytes.Repeat([]byte{'\n'}, max(saidLength-len(text), 0))...), saidFrom)
	return errors.Join(err, f.Close())
}

// Holder reads who holds, or held last, the lock of a ledger.
func Holder(path string) (h HeldError, ok bool) {
	f, err := os.Open(path + ".lock")
	if err != nil {
		return h, false
	}
	defer f.Close()
	text := make([]byte, saidLength)
	n, _ := f.ReadAt(text, saidFrom)
	var said holder
	if json.Unmarshal(text[:n], &said) != nil || said.PID == 0 {
		return h, false
	}
	return HeldError{path, said.PID, said.Host, said.Since}, true
}

// Held reports who runs a job now, without taking its lock for longer than a moment; nil: nobody.
func Held(path string) *HeldError {
	if _, err := os.Stat(path + ".lock"); err != nil {
		return nil
	}
	f := flock.New(path+".lock", flock.SetFlag(os.O_RDONLY))
	if ok, err := f.TryRLock(); ok || err != nil {
		f.Close()
		return nil
	}
	if h, ok := Holder(path); ok {
		return &h
	}
	return &HeldError{Path: path}
}

func (l *lock) release() {
	if l != nil && l.Flock != nil {
		l.Close()
	}
}
