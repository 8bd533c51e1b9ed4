package ledger

import (
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

func take(path string) (*lock, error) {
	f := flock.New(path+".lock", flock.SetPermissions(0o600))
	switch ok, err := f.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("ledger: %w", err)
	case !ok:
		held := &HeldError{Path: path}
		if h, ok := Holder(path); ok {
			held.PID, held.Host, held.Since = h.PID, h.Host, h.Since
		}
		return nil, held
	}
	host, _ := os.Hostname()
	text, err := json.Marshal(holder{os.Getpid(), host, time.Now().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(path+".lock", text, 0o600)
	}
	if err != nil && !errors.Is(err, os.ErrPermission) {
		f.Close()
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &lock{f}, nil
}

// Holder reads who holds, or held last, the lock of a ledger.
func Holder(path string) (h HeldError, ok bool) {
	text, err := os.ReadFile(path + ".lock")
	var said holder
	if err != nil || json.Unmarshal(text, &said) != nil || said.PID == 0 {
		return h, false
	}
	return HeldError{path, said.PID, said.Host, said.Since}, true
}

// Held reports who runs a job now, without taking its lock for longer than a moment; nil: nobody.
func Held(path string) *HeldError {
	if _, err := os.Stat(path + ".lock"); err != nil {
		return nil
	}
	f := flock.New(path + ".lock")
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
