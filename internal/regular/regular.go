// Package regular opens regular files and nothing else, and never waits while it does. A path may have
// become a pipe, a device or a directory since somebody last looked at it; so what counts is the open file
// itself, not its name.
package regular

import (
	"errors"
	"io/fs"
	"os"
)

// ErrNotRegular says that a path leads to a directory, pipe, socket or device.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a regular file for reading and says what it is: the information belongs to the open file and
// not to its name. Its errors do not show the path.
func Open(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|atOnce, 0)
	if err != nil {
		if there, _ := os.Stat(path); there != nil && !there.Mode().IsRegular() { // a socket cannot even be opened
			return nil, nil, ErrNotRegular
		}
		return nil, nil, cause(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, cause(err)
	}
	return f, info, nil
}

// cause drops the path.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
