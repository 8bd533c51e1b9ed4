package report

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// WriteFile puts a file into its place whole: nobody ever reads half of it, and nobody but its owner reads it at all.
func WriteFile(path string, text []byte) error {
	return write(path, true, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// write makes a file of mode 0600 beside its place, and moves it there once it is safe on disk. Unless it may replace
// one that is there, it is an error of [os.ErrExist] that there is one.
func write(path string, replace bool, content func(io.Writer) error) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if !replace {
		claim, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err := claim.Close(); err != nil {
			return err
		}
	}
	file, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*") // O_EXCL, 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(file.Name())))
			if !replace {
				err = errors.Join(err, ignoreMissing(os.Remove(path)))
			}
		}
	}()
	buffer := bufio.NewWriterSize(file, 1<<16)
	err = content(buffer)
	for _, step := range []func() error{buffer.Flush, file.Sync} {
		if err == nil {
			err = step()
		}
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// syncFolder makes a new name last; Windows has no such call and needs none.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
