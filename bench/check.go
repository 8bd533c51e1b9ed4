package bench

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// WriteZip writes a zip of account lines, almost as large as TPNS takes.
func WriteZip(path string) (lines int, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size := &counter{w: f}
	archive := zip.NewWriter(size)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	entry, err := archive.Create("accounts.txt")
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(entry, 64<<10)
	random := rand.New(rand.NewPCG(1, 2))
	for buf := []byte(nil); size.n < pushpackage.MaxFileSize-1<<20; lines++ {
		buf = append(buf[:0], "user_"...)
		buf = strconv.AppendUint(buf, random.Uint64(), 16)
		if _, err := w.Write(append(buf, '\n')); err != nil {
			return 0, err
		}
	}
	return lines, errors.Join(w.Flush(), archive.Close())
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Check is a job: this SDK checks a zip of account lines.
func Check(path string) func() error { return func() error { return check(path) } }

// Inflate is the floor of Check: the zip is unpacked and its lines are counted.
func Inflate(path string) func() error { return func() error { return inflate(path) } }

func check(path string) error {
	file, err := media.File(path)
	if err != nil {
		return err
	}
	return pushpackage.Check(file)
}

func inflate(path string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	r, err := archive.File[0].Open()
	if err != nil {
		return err
	}
	defer r.Close()
	lines, buf := 0, make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		lines += bytes.Count(buf[:n], []byte{'\n'})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
