package bankpackages

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/media"
)

// A File is ready for [Service.CreateTask]: it holds at most [MaxLines] encrypted numbers and at most
// [MaxFileSize] bytes.
type File struct {
	Source *media.Source // held in memory
	Serial string        // platform key that encrypted it
	Lines  int
}

// Encrypt turns plain agreement numbers, however many, into files ready to upload. Every number is
// encrypted by itself with the key that keys chooses for its file; wxpay.Client.Encryptor is one.
//
// Files are made one at a time, while the loop over them asks for the next, by all cores; memory holds
// one file and its numbers. Their names are name-00001-….txt and so on and end in a digest of the list
// so far: the same name and list give the same names again (not the same bytes: encryption is
// random), and a list that changed gives other names from the change on. name has 1 to 100 of A-Z a-z 0-9 _ . -
//
// An error comes once and last: a number that is empty, holds spaces or control characters or is too
// long for the key is a [wxpay.ParamError] that says which one it was, counted from 1, but not what it
// was; ctx ending is its error.
func Encrypt(ctx context.Context, keys cipher.Encryptor, name string, numbers iter.Seq[string]) iter.Seq2[*File, error] {
	return seal(ctx, keys, name, plain(numbers))
}

// EncryptLines is [Encrypt] for a text of one number a line. Space around a number, empty lines, a byte
// order mark and the form of line ends do not matter. An error of r comes last.
func EncryptLines(ctx context.Context, keys cipher.Encryptor, name string, r io.Reader) iter.Seq2[*File, error] {
	return seal(ctx, keys, name, lines(r))
}

func seal(ctx context.Context, keys cipher.Encryptor, name string, numbers iter.Seq2[string, error]) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		for b, err := range batches(ctx, keys, name, numbers) {
			var file *File
			if err == nil {
				file, err = b.seal(ctx, keys)
			}
			if !yield(file, err) || err != nil {
				return
			}
		}
	}
}

func plain(numbers iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for number := range numbers {
			if !yield(number, nil) {
				return
			}
		}
	}
}

// lines reads one number a line. bufio.Scanner stops at a line of 64 KiB, which is no number anyway.
func lines(r io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s := bufio.NewScanner(r)
		for first := true; s.Scan(); first = false {
			line := s.Text()
			if first {
				line = strings.TrimPrefix(line, "\ufeff")
			}
			if line = strings.TrimSpace(line); line != "" && !yield(line, nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			yield("", fmt.Errorf("bankpackages: reading the numbers: %w", err))
		}
	}
}

// A batch is the numbers of one file before they are encrypted.
type batch struct {
	filename string
	serial   string
	numbers  []string
	first    string // numbers[0] encrypted: shows how long a line is with this key
}

var listName = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,100}$`)

// batches cuts a list into files and names them.
func batches(ctx context.Context, keys cipher.Encryptor, name string, numbers iter.Seq2[string, error]) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		if !listName.MatchString(name) {
			yield(nil, refuse("name", "must have 1 to 100 of the characters A-Z a-z 0-9 _ . -"))
			return
		}
		var (
			b           *batch
			index, read int
			sofar       = sha256.New()
			line        []byte
		)
		named := func() *batch {
			index++
			b.filename = fmt.Sprintf("%s-%05d-%s.txt", name, index, hex.EncodeToString(sofar.Sum(nil)[:6]))
			return b
		}
		for number, err := range numbers {
			read++
			if err == nil {
				b, err = b.add(ctx, keys, number, read)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			line = append(append(line[:0], number...), '\n')
			sofar.Write(line)
			if len(b.numbers) == cap(b.numbers) {
				if !yield(named(), nil) {
					return
				}
				b = nil
			}
		}
		if b != nil {
			yield(named(), nil)
		}
	}
}

// add adds the number that was read n-th. The first of a batch shows how many fit into it.
func (b *batch) add(ctx context.Context, keys cipher.Encryptor, number string, n int) (_ *batch, err error) {
	if reason := badNumber(number); reason != "" {
		return nil, refuse("numbers", fmt.Sprintf("number %d %s", n, reason))
	}
	if b == nil {
		b = new(batch)
		if b.serial, err = keys.SelectCertificate(ctx); err != nil {
			return nil, err
		}
		if b.first, err = keys.Encrypt(ctx, b.serial, number); err != nil {
			return nil, fmt.Errorf("bankpackages: number %d: %w", n, err)
		}
		b.numbers = make([]string, 0, min(MaxLines, MaxFileSize/(len(b.first)+1)))
	}
	b.numbers = append(b.numbers, number)
	return b, nil
}

func badNumber(number string) string {
	switch {
	case number == "":
		return "is empty"
	case len(number) > 128:
		return "has more than 128 bytes"
	case !utf8.ValidString(number) || strings.ContainsFunc(number, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "holds spaces or control characters"
	}
	return ""
}

// seal encrypts a batch on all cores; each number gives way to its line.
func (b *batch) seal(ctx context.Context, keys cipher.Encryptor) (*File, error) {
	var (
		taken  atomic.Int64
		failed atomic.Pointer[error]
		team   sync.WaitGroup
	)
	const block = 16 // small, so that no core waits long for the others at the end of a file
	work := func() {
		for failed.Load() == nil {
			from := int(taken.Add(block)) - block
			if from >= len(b.numbers) {
				return
			}
			if err := b.encrypt(ctx, keys, from, min(from+block, len(b.numbers))); err != nil {
				failed.Store(&err)
			}
		}
	}
	for range runtime.GOMAXPROCS(0) {
		team.Go(work)
	}
	team.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	sealed := sealed{b.numbers, int64(len(b.first)) + 1}
	return &File{Source: media.At(b.filename, sealed, int64(len(b.numbers))*sealed.size), Serial: b.serial, Lines: len(b.numbers)}, nil
}

// encrypt makes the lines from, from+1, … of the file.
func (b *batch) encrypt(ctx context.Context, keys cipher.Encryptor, from, to int) error {
	if ctx.Err() != nil {
		return httpx.Ended(ctx)
	}
	for i := from; i < to; i++ {
		line, err := b.first, error(nil)
		if i > 0 {
			line, err = keys.Encrypt(ctx, b.serial, b.numbers[i])
		}
		if err != nil {
			return fmt.Errorf("bankpackages: encrypt: %w", err)
		}
		if len(line) != len(b.first) {
			return errors.New("bankpackages: the encryptor returned lines of different length")
		}
		b.numbers[i] = line
	}
	return nil
}

// sealed is the lines of a file, read as its text. They are not copied together, which would cost as much
// as everything else beside the encryption.
type sealed struct {
	lines []string
	size  int64 // of a line with its line feed
}

func (s sealed) ReadAt(p []byte, off int64) (n int, err error) {
	for i := off / s.size; n < len(p); i++ {
		if i >= int64(len(s.lines)) {
			return n, io.EOF
		}
		line, at := s.lines[i], (off+int64(n))%s.size
		n += copy(p[n:], line[at:])
		if n < len(p) {
			p[n] = '\n'
			n++
		}
	}
	return n, nil
}
