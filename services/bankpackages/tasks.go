package bankpackages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// CreateTaskParams names the package and the file for [Service.CreateTask].
type CreateTaskParams struct {
	PackageID string // number package (号码包 ID), such as 8473295
	BankType  string // bank and card kind of the numbers (银行类型), such as ICBC_DEBIT; at most 32 characters

	// File holds the encrypted numbers, as [Encrypt] makes it: one number a line, each line RSA-OAEP
	// encrypted by itself, base64, ended by a line feed. Its name has 4 to 128 of A-Z a-z 0-9 _ . -, is not that
	// of another kind of file than .txt or .csv, and was never used in this package before.
	File *media.Source

	// Serial is the platform key that encrypted the lines, as in [File]. A wrong one makes every line fail.
	Serial string
}

type fileMeta struct {
	Filename string `json:"filename"`
	SHA256   string `json:"sha256"`
	BankType string `json:"bank_type"`
}

// CreateTask uploads one file of encrypted agreement numbers into a package and returns the task that
// WeChat Pay started for it (导入定向用户协议号).
//
// The import is asynchronous: no error means that the file was taken, not that its users are in the
// package. See [Service.WaitTask]. Users found by several files of one package count once in it.
//
// Limits: [MaxFileSize], [MaxLines], 6,000 files a day. The first two are checked before anything is sent, and
// so are name, bank type and every line: a file of plain numbers is refused.
//
// Repeating: a file name is taken only once. After an error for which [wxpay.OutcomeUnknown] reports
// true, look the name up with [Service.ListTasks] before sending again; [Service.Import] does that.
//
// Errors: [wxpay.CodeInvalidRequest] if a rule of the package is broken; the pages list no others
// (BP-11). A file that changes while it is sent ends with [media.ErrChanged] and an unknown outcome.
//
//	POST /v3/marketing/bank/packages/{package_id}/tasks
//
// https://pay.weixin.qq.com/doc/v3/partner/4012466728
func (s *Service) CreateTask(ctx context.Context, p CreateTaskParams) (*Task, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	digest, err := p.digest()
	if err != nil {
		return nil, err
	}
	return wxpay.Do[Task](ctx, s.client, wxpay.Call{
		Route:  routeCreateTask,
		Vars:   wxpay.Vars{"package_id": p.PackageID},
		Body:   fileMeta{p.File.Name(), digest.Hex(), p.BankType},
		File:   p.File,
		Digest: &digest,
		Serial: p.Serial,
	})
}

var (
	filename = regexp.MustCompile(`^[0-9A-Za-z_.-]{4,128}$`)
	foreign  = regexp.MustCompile(`(?i)\.(xls[xmb]?|ods|et|numbers|docx?|wps|pdf|rtf|html?|xml|json` +
		`|zip|gz|tgz|tar|bz2|xz|7z|rar|jar|exe|png|jpe?g)$`)
)

func (p CreateTaskParams) check() error {
	return params.Check(routeCreateTask,
		params.ID("package_id", p.PackageID, 16),
		params.ID("bank_type", p.BankType, 32),
		checkFile(p.File),
		params.Required("Wechatpay-Serial", p.Serial, 0),
	)
}

func checkFile(file *media.Source) *wxpay.ParamError {
	switch {
	case file == nil:
		return params.Must(false, "file", "is missing")
	case !filename.MatchString(file.Name()):
		return params.Must(false, "filename", "must have 4 to 128 of the characters A-Z a-z 0-9 _ . -")
	case foreign.MatchString(file.Name()):
		return params.Must(false, "filename", "is that of another kind of file; only plain text, .txt or .csv, is taken")
	case file.Size() <= 0:
		return params.Must(false, "file", "is empty")
	}
	tooLarge := fmt.Sprintf("has %d bytes, at most %d are taken", file.Size(), MaxFileSize)
	return params.Must(file.Size() <= MaxFileSize, "file", tooLarge)
}

func refuse(param, reason string) error {
	return &wxpay.ParamError{Route: routeCreateTask, Param: param, Reason: reason}
}

// digest reads the file once, for its digest and for [lineCheck].
func (p CreateTaskParams) digest() (media.Digest, error) {
	var check lineCheck
	digest, err := p.File.Digest(&check)
	if err == nil {
		err = check.end()
	}
	if refused, ok := errors.AsType[*wxpay.ParamError](err); ok {
		return digest, refused
	}
	if err != nil {
		return digest, fmt.Errorf("wxpay: %s: not sent: %w", routeCreateTask, err)
	}
	return digest, nil
}

// ListTasks returns one page of the upload tasks of a package (查询上传任务列表).
//
// Repeating: safe.
//
// BP-7: offset is documented as the number of a page here. If it were the position of a record, pages
// would overlap; [Service.AllTasks] notices.
//
//	GET /v3/marketing/bank/packages/{package_id}/tasks
//
// https://pay.weixin.qq.com/docs/merchant/apis/marketing-bank-packages/tasks/list-task.html
func (s *Service) ListTasks(ctx context.Context, p ListTasksParams) (*wxpay.Page[Task], error) {
	p.Limit = cmp.Or(p.Limit, 20)
	if err := p.check(); err != nil {
		return nil, err
	}
	tasks, err := wxpay.Do[params.List[Task]](ctx, s.client, wxpay.Call{
		Route: routeListTasks,
		Vars:  wxpay.Vars{"package_id": p.PackageID},
		Query: params.Query("status", string(p.Status), "filename", p.Filename,
			"offset", params.Decimal(p.Offset), "limit", params.Decimal(p.Limit)),
	})
	if err != nil {
		return nil, err
	}
	return tasks.Page().ByNumber(p.Offset, tasks.Limit), nil
}

// AllTasks walks all tasks that match, page by page. An error comes once and last; one that is
// [wxpay.ErrPages] says that not all were seen.
func (s *Service) AllTasks(ctx context.Context, p ListTasksParams) iter.Seq2[Task, error] {
	id := func(t Task) string { return t.TaskID }
	return wxpay.Walk(wxpay.Cursor{Offset: p.Offset}, id, func(at wxpay.Cursor) (*wxpay.Page[Task], error) {
		page := p
		page.Offset = at.Offset
		return s.ListTasks(ctx, page)
	})
}

// WaitTaskParams names the task for [Service.WaitTask].
type WaitTaskParams struct {
	PackageID string
	Filename  string        // the task is found by the name of its file
	Every     time.Duration // between two looks; 0: 30 s
}

// ErrNoTask says that the package has no task of that file name.
var ErrNoTask = errors.New("bankpackages: the package has no task of this file name")

// WaitTask looks at a task again and again until it is finished, and returns it. A full file takes about 40
// minutes.
//
// Only ctx bounds the wait; cancelling it ends the wait at once. With an error comes the last state seen,
// if any. The wait goes on after errors that are [wxpay.Transient]; a refusal ends it, and so does a task
// that three looks in a row do not find ([ErrNoTask]).
func (s *Service) WaitTask(ctx context.Context, p WaitTaskParams) (*Task, error) {
	if p.Filename == "" {
		return nil, &wxpay.ParamError{Route: routeListTasks, Param: "filename", Reason: "is missing"}
	}
	misses := 0
	return wxpay.Wait(ctx, cmp.Or(max(p.Every, 0), 30*time.Second), func(ctx context.Context) (*Task, bool, error) {
		task, err := s.findTask(ctx, p.PackageID, p.Filename)
		switch {
		case err == nil:
			misses = 0
			return task, task.Status == TaskFinished, nil
		case errors.Is(err, ErrNoTask):
			misses++
		}
		return nil, misses == 3, err
	})
}

// findTask returns the task of that file name, or [ErrNoTask].
func (s *Service) findTask(ctx context.Context, packageID, filename string) (*Task, error) {
	page, err := s.ListTasks(ctx, ListTasksParams{PackageID: packageID, Filename: filename})
	if err != nil {
		return nil, err
	}
	for _, task := range page.Items {
		if task.Filename == filename {
			return &task, nil
		}
	}
	return nil, ErrNoTask
}
