// Package media holds files on their way into an upload: a [Source] is a named file of known size
// that can be read again and again, a [Form] is the multipart body around it.
//
// Nothing here keeps a file in memory: digest, sending and sending again each read it afresh, 32 KiB
// at a time, so memory stays the same for 2 MB and for 100 MB.
package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/wxpay-go/wxpay/internal/regular"
)

// ErrChanged says that a file is no longer what it was when its [Source] was made or its digest
// taken. The request it was part of is broken off, so the server never takes a short or mixed file.
var ErrChanged = errors.New("media: file changed while it was being read")

// A Source is a named file of known size. It holds no open file and needs no Close; it may be read
// by several goroutines at once.
type Source struct {
	name string
	size int64
	open func() (*Reading, error)
}

// A Reading is one pass over a [Source], sequential or by position. Close it when done.
type Reading struct {
	*io.SectionReader
	close func() error
}

// Close ends the reading. For a source made by [File] it reports [ErrChanged] if the file was
// written to since the source was made. Closing again, also from another goroutine, says the same.
func (r *Reading) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

// File returns the regular file at path as a source named after its last element. The file is opened
// anew for every reading, without ever waiting for it; if it is another one by then, or its size or time of
// change differ, the reading fails with [ErrChanged].
func File(path string) (*Source, error) {
	name := filepath.Base(path)
	f, was, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("media: %q: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return &Source{name: name, size: was.Size(), open: func() (*Reading, error) {
		f, now, err := regular.Open(path)
		switch {
		case errors.Is(err, regular.ErrNotRegular):
			return nil, fmt.Errorf("%w: %q is %w any more", ErrChanged, name, err)
		case err != nil:
			return nil, fmt.Errorf("media: %q: %w", name, err)
		case !same(was, now):
			_ = f.Close()
			return nil, fmt.Errorf("%w: %q", ErrChanged, name)
		}
		return &Reading{io.NewSectionReader(f, 0, was.Size()), sync.OnceValue(func() error {
			now, err := f.Stat()
			if err == nil && !same(was, now) {
				err = fmt.Errorf("%w: %q", ErrChanged, name)
			}
			return errors.Join(err, f.Close())
		})}, nil
	}}, nil
}

// same reports whether two looks saw one file that was not written to between them.
func same(was, now fs.FileInfo) bool {
	return os.SameFile(was, now) && now.Size() == was.Size() && now.ModTime().Equal(was.ModTime())
}

// maxSize is more than any upload takes, and small enough to reckon with.
const maxSize = 1 << 40

// At returns the first size bytes of r as a source called name. The caller keeps r open for as long
// as the source is in use. A size below zero or above 1 TiB is refused when the source is read or framed.
func At(name string, r io.ReaderAt, size int64) *Source {
	s := &Source{name: name, size: size}
	s.open = func() (*Reading, error) {
		if r == nil {
			return nil, fmt.Errorf("media: %q has no reader", name)
		}
		if err := s.check(); err != nil {
			return nil, err
		}
		return &Reading{io.NewSectionReader(r, 0, size), nil}, nil
	}
	return s
}

// check refuses a size that no file has.
func (s *Source) check() error {
	if s.size < 0 || s.size > maxSize {
		return fmt.Errorf("%w: %q cannot hold %d bytes", ErrChanged, s.name, s.size)
	}
	return nil
}

// Bytes returns b as a source called name. The caller must not change b while the source is in use.
func Bytes(name string, b []byte) *Source {
	return At(name, bytes.NewReader(b), int64(len(b)))
}

// Name is the file name that goes over the wire.
func (s *Source) Name() string { return s.name }

// Size is the length in bytes.
func (s *Source) Size() int64 { return s.size }

// Open starts a reading from the first byte.
func (s *Source) Open() (*Reading, error) { return s.open() }

// A Digest tells whether a file is still the same: SHA256 is for the server, the rest for [Form],
// which compares while it sends.
type Digest struct {
	SHA256 [sha256.Size]byte
	sum    uint32
}

// Hex is the SHA-256 in lower-case hexadecimal, as WeChat Pay wants it.
func (d Digest) Hex() string { return hex.EncodeToString(d.SHA256[:]) }

// MarshalText writes the whole digest, so that it can be kept beside a call.
func (d Digest) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%x-%08x", d.SHA256, d.sum), nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	sha, sum, _ := bytes.Cut(text, []byte("-"))
	both, err := hex.AppendDecode(nil, append(bytes.Clone(sha), sum...))
	if err != nil || len(sha) != 2*sha256.Size || len(sum) != 8 {
		return errors.New("media: not the text of a digest")
	}
	d.SHA256, d.sum = [sha256.Size]byte(both), binary.BigEndian.Uint32(both[sha256.Size:])
	return nil
}

// castagnoli has an instruction of its own on common processors, so that comparing while sending
// costs next to nothing beside a second SHA-256.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Digest reads the source once. Writers in also receive every byte of this pass, for callers who
// check the content on the way.
func (s *Source) Digest(also ...io.Writer) (Digest, error) {
	r, err := s.open()
	if err != nil {
		return Digest{}, err
	}
	sha, sum := sha256.New(), crc32.New(castagnoli)
	n, err := io.CopyBuffer(io.MultiWriter(append([]io.Writer{sha, sum}, also...)...), onlyReader{r}, make([]byte, 32<<10))
	if err == nil && n != s.size {
		err = fmt.Errorf("%w: %q holds %d bytes instead of %d", ErrChanged, s.name, n, s.size)
	}
	if err := errors.Join(err, r.Close()); err != nil {
		return Digest{}, err
	}
	return Digest{SHA256: [sha256.Size]byte(sha.Sum(nil)), sum: sum.Sum32()}, nil
}

// onlyReader hides WriteTo, which would bring a buffer of its own.
type onlyReader struct{ io.Reader }
