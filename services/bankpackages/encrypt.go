package bankpackages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"runtime"
	"sync/atomic"

	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay/internal/lists"
	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/media"
)

// A File is ready for [Service.CreateTask]: it holds at most [MaxLines] encrypted numbers and at most
// [MaxFileSize] bytes.
type File struct {
	Source     *media.Source // held in memory
	Serial     string        // platform key that encrypted it
	Lines      int
	Duplicates int // lines whose number stands in this file before; they are there all the same
}

// Encrypt turns plain agreement numbers, however many, into files ready to upload. Every number is
// encrypted by itself with the key that keys chooses for its file; wxpay.Client.Encryptor is one.
//
// Files are made one at a time, while the loop over them asks for the next, by all cores; memory holds
// one file and its numbers. Their names are name-00001-….txt and so on and end in a digest of name and of
// the list so far: a list that changed gives other names from the change on, the same list the same names,
// but in this process only. The digest is keyed by a secret that each process makes up, since with a name
// that everybody can compute everybody could try which numbers are in the list. [Service.Encrypt] gives
// names that another process gives again. name has 1 to 100 of A-Z a-z 0-9 _ . -
//
// A number has up to 128 letters, digits and signs of ASCII. Blanks, invisible characters and double quotes
// round it are dropped, full-width digits become digits. Whatever else is no plain number is an error: other
// characters, columns, formulas, scientific notation, a header row (a first number without a digit).
//
// An error comes once and last, perhaps after some files. A refused number is a [wxpay.ParamError] that says
// which one it was, counted from 1, but not what it was; ctx ending is its error. A panic of numbers or keys
// comes up in the loop.
func Encrypt(ctx context.Context, keys cipher.Encryptor, name string, numbers iter.Seq[string]) iter.Seq2[*File, error] {
	return files(ctx, keys, unkeyed(name), plain(numbers))
}

// EncryptLines is [Encrypt] for a text of one number a line, in UTF-8. Blank lines, a byte order mark and
// whether lines end in LF or CRLF do not matter. A refused line is named by its number in the text. An error
// of r comes last.
func EncryptLines(ctx context.Context, keys cipher.Encryptor, name string, r io.Reader) iter.Seq2[*File, error] {
	return files(ctx, keys, unkeyed(name), lines(r))
}

// Encrypt is the function [Encrypt] with the keys of the client and with the names that [Service.Import]
// gives: the same list gives the same names in every process of the merchant. The digest is keyed by a
// signature of the merchant, so its private key signs twice; see [Service.Import] on a change of that key.
func (s *Service) Encrypt(ctx context.Context, name string, numbers iter.Seq[string]) iter.Seq2[*File, error] {
	return files(ctx, s.client.Encryptor(), s.keyed(name), plain(numbers))
}

// EncryptLines is [Service.Encrypt] for a text of one number a line, see [EncryptLines].
func (s *Service) EncryptLines(ctx context.Context, name string, r io.Reader) iter.Seq2[*File, error] {
	return files(ctx, s.client.Encryptor(), s.keyed(name), lines(r))
}

// files encrypts numbers, file by file, under the names that start gives.
func files(ctx context.Context, keys cipher.Encryptor, start naming, numbers iter.Seq2[string, error]) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		names, err := start(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for b, err := range batches(ctx, keys, names, numbers) {
			var file *File
			if err == nil {
				file, err = b.file(ctx, keys)
			}
			if !yield(file, err) || err != nil {
				return
			}
		}
	}
}

// plain cleans and checks numbers one by one.
func plain(numbers iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		n := 0
		for text := range numbers {
			n++
			number, fault := lists.Number(text, n == 1)
			if fault != "" {
				yield("", badNumber(fmt.Sprintf("number %d %s", n, fault)))
				return
			}
			if !yield(number, nil) {
				return
			}
		}
	}
}

// lines reads one number a line.
func lines(r io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for number, err := range lists.Numbers(r) {
			if fault, ok := errors.AsType[*lists.Fault](err); ok {
				err = badNumber(fault.Error())
			} else if err != nil {
				err = oneline.Error(fmt.Errorf("bankpackages: reading the numbers: %w", err))
			}
			if !yield(number, err) {
				return
			}
		}
	}
}

func badNumber(which string) error { return refuse("numbers", "hold a bad one: "+which) }

// within ends a list, at its next number or at its end, when ctx has ended: an iterator that stops because its
// own work was cancelled is not at the end of the list.
func within(ctx context.Context, numbers iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for number, err := range numbers {
			if ctx.Err() != nil {
				break
			}
			if !yield(number, err) || err != nil {
				return
			}
		}
		if ctx.Err() != nil {
			yield("", oneline.Error(fmt.Errorf("bankpackages: reading the numbers: %w", oneline.Ended(ctx))))
		}
	}
}

// A batch is the numbers of one file before they are encrypted.
type batch struct {
	filename   string
	serial     string
	numbers    []string
	most       int    // numbers that fit into the file
	first      string // numbers[0] encrypted: shows how long a line is with this key
	duplicates int
}

var listName = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,100}$`)

// batches cuts a list into files and names them.
func batches(ctx context.Context, keys cipher.Encryptor, names *names, numbers iter.Seq2[string, error]) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		var b *batch
		there := map[string]struct{}{} // numbers of this batch; of a whole list they would not fit into memory
		for number, err := range within(ctx, numbers) {
			if err == nil && b == nil {
				b, err = newBatch(ctx, keys, number)
				clear(there)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			names.add(number)
			b.numbers = append(b.numbers, number)
			there[number] = struct{}{}
			if b.full() {
				b.name(names, len(there))
				if !yield(b, nil) {
					return
				}
				b = nil
			}
		}
		if b != nil {
			b.name(names, len(there))
			yield(b, nil)
		}
	}
}

// newBatch chooses the key of a file. Its first number, encrypted, shows how many fit into it.
func newBatch(ctx context.Context, keys cipher.Encryptor, number string) (*batch, error) {
	serial, err := keys.SelectCertificate(ctx)
	if err != nil {
		return nil, err
	}
	first, err := keys.Encrypt(ctx, serial, number)
	if err != nil {
		return nil, fmt.Errorf("bankpackages: encrypt: %w", err)
	}
	most := min(MaxLines, MaxFileSize/(len(first)+1))
	return &batch{serial: serial, first: first, most: most, numbers: make([]string, 0, most)}, nil
}

func (b *batch) full() bool { return len(b.numbers) == b.most }

func (b *batch) name(names *names, different int) {
	b.filename, b.duplicates = names.next(), len(b.numbers)-different
}

// file encrypts a batch on all cores.
func (b *batch) file(ctx context.Context, keys cipher.Encryptor) (*File, error) {
	var (
		taken  atomic.Int64
		broken atomic.Bool
		lines  = make([]string, len(b.numbers))
	)
	const block = 16 // small, so that no core waits long for the others at the end of a file
	work := func() (done bool, err error) {
		defer func() {
			if !done { // keys may have panicked, too: the others need not go on
				broken.Store(true)
			}
		}()
		for !broken.Load() {
			from := int(taken.Add(block)) - block
			if from >= len(lines) {
				break
			}
			if err := b.encrypt(ctx, keys, lines, from, min(from+block, len(lines))); err != nil {
				return false, err
			}
		}
		return true, nil
	}
	team := make([]*aside[bool], runtime.GOMAXPROCS(0))
	for i := range team {
		team[i] = beside(work)
	}
	for _, member := range team {
		<-member.ended
	}
	for _, member := range team {
		if _, err := member.result(); err != nil {
			return nil, err
		}
	}
	text := ciphertexts{lines, int64(len(b.first)) + 1}
	return &File{
		Source:     media.At(b.filename, text, int64(len(lines))*text.size),
		Serial:     b.serial,
		Lines:      len(lines),
		Duplicates: b.duplicates,
	}, nil
}

// encrypt makes the lines from, from+1, … of the file.
func (b *batch) encrypt(ctx context.Context, keys cipher.Encryptor, lines []string, from, to int) error {
	if ctx.Err() != nil {
		return oneline.Error(fmt.Errorf("bankpackages: encrypt: %w", oneline.Ended(ctx)))
	}
	for i := from; i < to; i++ {
		if i == 0 {
			lines[0] = b.first
			continue
		}
		line, err := keys.Encrypt(ctx, b.serial, b.numbers[i])
		if err != nil {
			return fmt.Errorf("bankpackages: encrypt: %w", err)
		}
		if len(line) != len(b.first) {
			return errors.New("bankpackages: the encryptor returned lines of different length")
		}
		lines[i] = line
	}
	return nil
}

// ciphertexts are the lines of a file, read as its text. They are not copied together, which would cost as much
// as everything else beside the encryption.
type ciphertexts struct {
	lines []string
	size  int64 // of a line with its line feed
}

func (s ciphertexts) ReadAt(p []byte, off int64) (n int, err error) {
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
