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

// own locks what belongs to one emulator at a time, by a file beside or in it.
func own(file, what string) (*flock.Flock, error) {
	lock := flock.New(file)
	ok, err := lock.TryLock()
	if err == nil && !ok {
		err = fmt.Errorf("%s is used by another emulator", what)
	}
	if err != nil {
		return nil, err
	}
	return lock, nil
}

func openState(path string) (*stateFile, error) {
	lock, err := own(path+".lock", path)
	if err != nil {
		return nil, err
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

// restore gives a fake the state that the file holds; ok says that it holds one: a whole line. The fake itself sees to
// one that a crash cut off.
func (s *stateFile) restore(fake *wxpaytest.Server) (ok bool, err error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	lines := &lineReader{Reader: s.file}
	if err := fake.Restore(lines); err != nil {
		return false, fmt.Errorf("%s: %w", s.file.Name(), err)
	}
	return lines.ended, nil
}

// A lineReader notes whether a line ended in what was read.
type lineReader struct {
	io.Reader
	ended bool
}

func (r *lineReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.ended = r.ended || bytes.IndexByte(p[:n], '\n') >= 0
	return n, err
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
