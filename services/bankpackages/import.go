package bankpackages

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// ImportParams describes a whole import for [Service.Import].
type ImportParams struct {
	PackageID string // number package (号码包 ID)
	BankType  string // bank and card kind of the numbers (银行类型), such as ICBC_DEBIT

	// Name of the list, such as autumn-2026; file names begin with it. It is what makes an import that
	// is repeated the same import. 1 to 100 of A-Z a-z 0-9 _ . -
	Name string

	// The plain numbers: either Numbers or, one a line as in [EncryptLines], Lines. Both are read twice by
	// every Import, to check and to send, so Numbers must give the same list again. Numbers and Progress run on
	// the goroutine that called Import, and ctx cannot end a Numbers that blocks.
	Numbers iter.Seq[string]
	Lines   *media.Source

	Wait     bool          // wait until every task is finished
	Every    time.Duration // between two looks while waiting; 0: 30 s
	Progress func(Task)    // told of each task when its file was taken, and again when it is finished
}

// An ImportResult adds up an import. The counts are sums over those Tasks that are finished; a user found by
// two files is counted in both, but is in the package once.
type ImportResult struct {
	Tasks            []Task // in the order of the files
	Lines            int64  // numbers in the files of Tasks
	Duplicates       int64  // of Lines, those that stand in the same file before; across files they are not seen
	Sent             int    // files uploaded by this call
	Present          int    // files that the package had already
	SuccessCount     int64
	FailCount        int64
	SuccessUserCount int64
}

// Import puts a list of plain agreement numbers into a package: it encrypts and cuts the list into files,
// uploads each while the next is being encrypted, and, if asked to, waits for all tasks and adds up
// their counts. Memory does not grow with the list beyond the tasks in the result.
//
// The whole list is read and checked before anything is sent, at some millions of numbers a second; a number
// that is refused, by the rules of [Encrypt], is named by its line or place. If the list is another one when it
// is read again to be sent, Import ends with [media.ErrChanged].
//
// Repeating: safe with the same name and list. A file that the package has already, found by its name, is
// not sent again; that is also how an unclear answer is cleared up. So after any error, even in another
// process, call it again. A file that is there with another bank type is an error: give the list another
// Name.
//
// The names of files let nobody test which numbers they hold: they are keyed by a signature of the merchant's
// private key, which signs twice for each Import and must give the same signature both times, as RSA with
// PKCS #1 v1.5 does in a file, KMS or HSM. With another key come other names: an import that is repeated after
// the merchant's key was changed sends its files again. A user is in the package once all the same, so this
// costs time and a part of the day's files; finish imports before the key changes.
//
// With an error comes what was done so far. Cancelling ctx ends it at once. A list without a number is an
// error. nil means that every number is in a file that the package took and, with Wait, that every task is
// finished. Limits and errors are those of [Service.CreateTask], [Encrypt] and [Service.WaitTask].
func (s *Service) Import(ctx context.Context, p ImportParams) (*ImportResult, error) {
	result := new(ImportResult)
	err := s.importAll(ctx, p, result)
	for _, task := range result.Tasks {
		if task.Status == TaskFinished {
			result.SuccessCount += task.SuccessCount
			result.FailCount += task.FailCount
			result.SuccessUserCount += task.SuccessUserCount
		}
	}
	return result, err
}

func (s *Service) importAll(ctx context.Context, p ImportParams, result *ImportResult) error {
	numbers, err := p.numbers()
	if err != nil {
		return err
	}
	names, err := s.keyed(p.Name)(ctx)
	if err != nil {
		return err
	}
	checked, err := sumOf(within(ctx, numbers))
	if err != nil {
		return err
	}
	if checked.n == 0 {
		return refuse("numbers", "holds no number")
	}
	if err := s.uploadAll(ctx, p, names, checked.again(numbers), result); err != nil || !p.Wait {
		return err
	}
	for i := range result.Tasks {
		task, err := s.finish(ctx, p, result.Tasks[i])
		if task != nil {
			result.Tasks[i] = *task
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *ImportParams) numbers() (iter.Seq2[string, error], error) {
	if err := params.Check(routeCreateTask,
		params.Must((p.Numbers == nil) != (p.Lines == nil), "numbers", "must come from exactly one of Numbers and Lines"),
		params.ID("package_id", p.PackageID, 16),
		params.ID("bank_type", p.BankType, 32),
	); err != nil {
		return nil, err
	}
	if p.Lines != nil {
		return linesOf(p.Lines), nil
	}
	return plain(p.Numbers), nil
}

// linesOf reads a file from its start. One that changed meanwhile ends with [media.ErrChanged].
func linesOf(file *media.Source) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		r, err := file.Open()
		if err != nil {
			yield("", err)
			return
		}
		defer r.Close() // again, where the loop over the numbers is left or panics
		for number, err := range lines(r) {
			if !yield(number, err) || err != nil {
				return
			}
		}
		if err := r.Close(); err != nil {
			yield("", err)
		}
	}
}

// A sum stands for a list: how many numbers, and a hash of them all.
type sum struct {
	n    int64
	hash maphash.Hash
}

func (s *sum) add(number string) {
	s.n++
	_, _ = s.hash.WriteString(number)
	_ = s.hash.WriteByte('\n')
}

// sumOf reads a list to its end.
func sumOf(numbers iter.Seq2[string, error]) (*sum, error) {
	s := new(sum)
	for number, err := range numbers {
		if err != nil {
			return nil, err
		}
		s.add(number)
	}
	return s, nil
}

// again reads the list a second time. That it is another one shows at its end at the latest.
func (s *sum) again(numbers iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		changed := fmt.Errorf("bankpackages: the list is another one than when it was checked: %w", media.ErrChanged)
		var now sum
		now.hash.SetSeed(s.hash.Seed())
		for number, err := range numbers {
			if _, refused := errors.AsType[*wxpay.ParamError](err); refused {
				err = fmt.Errorf("%w: %w", changed, err)
			}
			if now.add(number); !yield(number, err) || err != nil {
				return
			}
		}
		if now.n != s.n || now.hash.Sum64() != s.hash.Sum64() {
			yield("", changed)
		}
	}
}

// A parcel is a file on its way from encryption to upload, or the task it became earlier.
type parcel struct {
	file              *File
	task              *Task
	lines, duplicates int
}

// uploadAll sends the files one after the other, while the next one is looked up and encrypted beside. The
// caller's list and Progress run here, on the caller's goroutine.
func (s *Service) uploadAll(
	ctx context.Context, p ImportParams, names *names, numbers iter.Seq2[string, error], result *ImportResult,
) error {
	ctx, cancel := context.WithCancel(ctx)
	var next *aside[parcel]
	defer func() { // nothing is left running, however this ends
		cancel()
		if next != nil {
			<-next.ended
		}
	}()
	for b, err := range batches(ctx, s.client.Encryptor(), names, numbers) {
		if err != nil {
			return err
		}
		before := next
		var ready parcel
		if before != nil {
			if ready, err = before.wait(); err != nil {
				return err
			}
		}
		next = beside(func() (parcel, error) { return s.pack(ctx, p, b) })
		if before != nil {
			if err := s.deliver(ctx, p, ready, result); err != nil {
				return err
			}
		}
	}
	last, err := next.wait()
	if err != nil {
		return err
	}
	return s.deliver(ctx, p, last, result)
}

// pack looks a file up and, unless it is there, encrypts it.
func (s *Service) pack(ctx context.Context, p ImportParams, b *batch) (next parcel, err error) {
	next.lines, next.duplicates = len(b.numbers), b.duplicates
	if next.task, err = s.present(ctx, p, b.filename); err == nil && next.task == nil {
		next.file, err = b.file(ctx, s.client.Encryptor())
	}
	return next, err
}

// deliver sends a file, unless it is there, and tells of its task.
func (s *Service) deliver(ctx context.Context, p ImportParams, ready parcel, result *ImportResult) (err error) {
	task := ready.task
	if task == nil {
		if task, err = s.upload(ctx, p, ready.file); err != nil {
			return err
		}
		result.Sent++
	} else {
		result.Present++
	}
	result.Tasks = append(result.Tasks, *task)
	result.Lines += int64(ready.lines)
	result.Duplicates += int64(ready.duplicates)
	if p.Progress != nil {
		p.Progress(*task)
	}
	return nil
}

// present returns the task that a file became earlier, or nil.
func (s *Service) present(ctx context.Context, p ImportParams, filename string) (*Task, error) {
	task, err := s.findTask(ctx, p.PackageID, filename)
	switch {
	case errors.Is(err, ErrNoTask):
		return nil, nil
	case err == nil && task.BankType != "" && task.BankType != p.BankType:
		return nil, refuse("bank_type",
			"is another than that of the file the package has already; give the list another Name")
	}
	return task, err
}

// upload sends a file until it is known to be taken, three times at most. The platform takes a name once, so
// sending the same bytes under the same name again cannot import them twice.
func (s *Service) upload(ctx context.Context, p ImportParams, file *File) (*Task, error) {
	tries := 0
	return wxpay.Wait(ctx, time.Second, func(ctx context.Context) (*Task, bool, error) {
		tries++
		task, err := s.CreateTask(ctx, CreateTaskParams{p.PackageID, p.BankType, file.Source, file.Serial})
		if _, refusedHere := errors.AsType[*wxpay.ParamError](err); err == nil || refusedHere {
			return task, true, err
		}
		// Looked up after a refusal too: it may be the echo of an attempt that was taken.
		found, look := s.present(ctx, p, file.Source.Name())
		if found != nil {
			return found, true, nil
		}
		last := tries == 3 || look != nil && !wxpay.Transient(look)
		return nil, last && ctx.Err() == nil, err
	})
}

// finish waits for a task and tells of it.
func (s *Service) finish(ctx context.Context, p ImportParams, task Task) (*Task, error) {
	if task.Status == TaskFinished {
		return &task, nil
	}
	done, err := s.WaitTask(ctx, WaitTaskParams{PackageID: p.PackageID, Filename: task.Filename, Every: p.Every})
	if err == nil && p.Progress != nil {
		p.Progress(*done)
	}
	return done, err
}
