package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/gofrs/flock"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A stateFile is the log of what changed the state.
type stateFile struct {
	mu   sync.Mutex
	file *os.File
	lock *flock.Flock
	life int // grows when the state is forgotten
}

// A life is one state from its beginning to its reset. Calls that are on their way at a reset still write to the old one.
type life struct {
	*stateFile
	number int
}

func openState(path string) (_ *stateFile, err error) {
	lock := flock.New(path + ".lock")
	if ok, err := lock.TryLock(); err != nil {
		return nil, err
	} else if !ok {
		return nil, fmt.Errorf("%s is used by another emulator", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return &stateFile{file: f, lock: lock}, nil
}

// begin returns where the log of the state as it is now goes.
func (s *stateFile) begin() io.Writer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return life{s, s.life}
}

// Write appends, unless that state was forgotten.
func (l life) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.number != l.life || l.file == nil {
		return len(p), nil
	}
	return l.file.Write(p)
}

// restore gives a fake the state that the file holds; ok says that it holds one. The line that a crash cut off is
// taken out of the file.
func (s *stateFile) restore(fake *wxpaytest.Server) (ok bool, err error) {
	s.mu.Lock()
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		s.mu.Unlock()
		return false, err
	}
	text, err := io.ReadAll(s.file)
	s.mu.Unlock()
	if err != nil {
		return false, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if err := fake.Restore(bytes.NewReader(whole)); err != nil {
		return false, fmt.Errorf("%s: %w", s.file.Name(), err)
	}
	return len(whole) > 0, s.file.Truncate(int64(len(whole)))
}

// clear forgets the state.
func (s *stateFile) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life++
	return s.file.Truncate(0)
}

// Close lets another emulator have the file.
func (s *stateFile) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Close(), s.lock.Unlock())
	s.file = nil
	return err
}
