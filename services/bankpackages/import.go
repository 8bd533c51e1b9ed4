package bankpackages

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/params"
	"github.com/wxpay-go/wxpay/media"
)

// ImportParams describes a whole import for [Service.Import].
type ImportParams struct {
	PackageID string // number package (号码包 ID)
	BankType  string // bank and card kind of the numbers (银行类型), such as ICBC_DEBIT

	// Name of the list, such as autumn-2026; file names begin with it. It is what makes an import that
	// is repeated the same import. 1 to 100 of A-Z a-z 0-9 _ . -
	Name string

	// The plain numbers: either Numbers or, one a line as in [EncryptLines], Lines. Both are read from the
	// start by every Import, so Numbers must give the same list again. It is called from a goroutine of
	// its own, and ctx cannot end a Numbers that blocks.
	Numbers iter.Seq[string]
	Lines   *media.Source

	Wait     bool          // wait until every task is finished
	Every    time.Duration // between two looks while waiting; 0: 30 s
	Progress func(Task)    // told of each task when its file was taken, and again when it is finished
}

// An ImportResult adds up an import. The counts are sums over finished tasks; a user found by two files
// is counted in both, but is in the package once.
type ImportResult struct {
	Tasks            []Task // in the order of the files
	Lines            int64  // numbers read
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
// Repeating: safe with the same name and list. A file that the package has already, found by its name, is
// not sent again; that is also how an unclear answer is cleared up. So after any error, even in another
// process, call it again. A file that is there with another bank type is an error: give the list another
// Name.
//
// With an error comes what was done so far. Cancelling ctx ends it at once. A list without a number is an
// error. Limits and errors are those of [Service.CreateTask], [Encrypt] and [Service.WaitTask].
func (s *Service) Import(ctx context.Context, p ImportParams) (*ImportResult, error) {
	numbers, err := p.numbers()
	if err != nil {
		return &ImportResult{}, err
	}
	result := new(ImportResult)
	if err := s.uploadAll(ctx, p, numbers, result); err != nil {
		return result, err
	}
	if result.Lines == 0 {
		return result, refuse("numbers", "holds no number")
	}
	if !p.Wait {
		return result, nil
	}
	for i := range result.Tasks {
		task, err := s.finish(ctx, p, result.Tasks[i])
		if task != nil {
			result.Tasks[i] = *task
		}
		if err != nil {
			return result, err
		}
		result.SuccessCount += task.SuccessCount
		result.FailCount += task.FailCount
		result.SuccessUserCount += task.SuccessUserCount
	}
	return result, nil
}

func (p *ImportParams) numbers() (iter.Seq2[string, error], error) {
	if err := params.Check(routeCreateTask,
		params.Must((p.Numbers == nil) != (p.Lines == nil), "numbers", "must come from exactly one of Numbers and Lines"),
		params.Required("package_id", p.PackageID, 16),
		params.Required("bank_type", p.BankType, 32),
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
		for number, err := range lines(r) {
			if !yield(number, err) {
				r.Close()
				return
			}
		}
		if err := r.Close(); err != nil {
			yield("", err)
		}
	}
}

// A parcel is a file on its way from encryption to upload, or the task it became earlier.
type parcel struct {
	file *File
	task *Task
	err  error
}

// uploadAll sends the files one after the other, while the next one is looked up and encrypted.
func (s *Service) uploadAll(ctx context.Context, p ImportParams, numbers iter.Seq2[string, error], result *ImportResult) error {
	ctx, cancel := context.WithCancel(ctx)
	parcels := make(chan parcel)
	defer func() { // the encrypting side stops at its next send, or within one block of lines
		cancel()
		for range parcels {
		}
	}()
	go s.pack(ctx, p, numbers, parcels, &result.Lines)
	for next := range parcels {
		task, err := next.task, next.err
		if err == nil && task == nil {
			task, err = s.upload(ctx, p, next.file)
		}
		if err != nil {
			return err
		}
		if next.file != nil {
			result.Sent++
		} else {
			result.Present++
		}
		result.Tasks = append(result.Tasks, *task)
		if p.Progress != nil {
			p.Progress(*task)
		}
	}
	return nil
}

// pack looks up, encrypts and hands over file after file until the list or ctx ends.
func (s *Service) pack(ctx context.Context, p ImportParams, numbers iter.Seq2[string, error], parcels chan<- parcel, read *int64) {
	defer close(parcels)
	keys := s.client.Encryptor()
	for b, err := range batches(ctx, keys, p.Name, numbers) {
		next := parcel{err: err}
		if err == nil {
			*read += int64(len(b.numbers))
			next.task, next.err = s.present(ctx, p, b.filename)
		}
		if next.err == nil && next.task == nil {
			next.file, next.err = b.seal(ctx, keys)
		}
		select {
		case parcels <- next:
		case <-ctx.Done():
			return
		}
		if next.err != nil {
			return
		}
	}
}

// present returns the task that a file became earlier, or nil.
func (s *Service) present(ctx context.Context, p ImportParams, filename string) (*Task, error) {
	task, err := s.findTask(ctx, p.PackageID, filename)
	if task != nil && task.BankType != "" && task.BankType != p.BankType {
		return nil, refuse("bank_type", "is another than that of the file the package has already; give the list another Name")
	}
	return task, err
}

// upload sends a file until it is known to be taken. The platform takes a name once, so sending the same
// bytes under the same name again cannot import them twice.
func (s *Service) upload(ctx context.Context, p ImportParams, file *File) (*Task, error) {
	for n := 1; ; n++ {
		task, err := s.CreateTask(ctx, CreateTaskParams{PackageID: p.PackageID, BankType: p.BankType, File: file.Source, Serial: file.Serial})
		if _, local := errors.AsType[*wxpay.ParamError](err); err == nil || local {
			return task, err
		}
		// Looked up after a refusal too: it may be the echo of an attempt that was taken.
		found, look := s.present(ctx, p, file.Source.Name())
		switch {
		case found != nil:
			return found, nil
		case n == 3 || !wxpay.Transient(err) || look != nil && !wxpay.Transient(look):
			return nil, err
		}
		if ended := httpx.Sleep(ctx, httpx.Backoff(n, time.Second)); ended != nil {
			return nil, fmt.Errorf("%w; not repeated: %w", err, ended)
		}
	}
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
