package bankpackages

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
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
		next, stop := iter.Pull2(numbers)
		defer stop()
		sofar := sha256.New()
		for index, read := 1, 0; ; index++ {
			b, err := nextBatch(ctx, keys, sofar, next, &read)
			if err != nil || b == nil {
				if err != nil {
					yield(nil, err)
				}
				return
			}
			b.filename = fmt.Sprintf("%s-%05d-%s.txt", name, index, hex.EncodeToString(sofar.Sum(nil)[:6]))
			if !yield(b, nil) {
				return
			}
		}
	}
}

// nextBatch reads the numbers of one file; none are left if it returns nil.
func nextBatch(ctx context.Context, keys cipher.Encryptor, sofar hash.Hash, next func() (string, error, bool), read *int) (*batch, error) {
	var b batch
	for most := 1; len(b.numbers) < most; {
		number, err, more := next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		*read++
		if reason := badNumber(number); reason != "" {
			return nil, refuse("numbers", fmt.Sprintf("number %d %s", *read, reason))
		}
		if b.numbers == nil {
			if b.serial, err = keys.SelectCertificate(ctx); err != nil {
				return nil, err
			}
			if b.first, err = keys.Encrypt(ctx, b.serial, number); err != nil {
				return nil, fmt.Errorf("bankpackages: number %d: %w", *read, err)
			}
			most = min(MaxLines, MaxFileSize/(len(b.first)+1))
			b.numbers = make([]string, 0, most)
		}
		io.WriteString(sofar, number)
		sofar.Write([]byte{'\n'})
		b.numbers = append(b.numbers, number)
	}
	if b.numbers == nil {
		return nil, nil
	}
	return &b, nil
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

// seal encrypts a batch on all cores. Lines have the same length, so each worker writes to its place.
func (b *batch) seal(ctx context.Context, keys cipher.Encryptor) (*File, error) {
	size := len(b.first) + 1
	out := make([]byte, len(b.numbers)*size)
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
			if err := b.encrypt(ctx, keys, out, from, min(from+block, len(b.numbers)), size); err != nil {
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
	return &File{Source: media.Bytes(b.filename, out), Serial: b.serial, Lines: len(b.numbers)}, nil
}

// encrypt writes the lines from, from+1, … of the file.
func (b *batch) encrypt(ctx context.Context, keys cipher.Encryptor, out []byte, from, to, size int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for i := from; i < to; i++ {
		line, err := b.first, error(nil)
		if i > 0 {
			line, err = keys.Encrypt(ctx, b.serial, b.numbers[i])
		}
		if err != nil {
			return fmt.Errorf("bankpackages: encrypt: %w", err)
		}
		if len(line)+1 != size {
			return errors.New("bankpackages: the encryptor returned lines of different length")
		}
		copy(out[i*size:], line)
		out[(i+1)*size-1] = '\n'
	}
	return nil
}
