package banklists

import (
	"context"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
	"github.com/wxpay-go/wxpay/services/bankpackages"
)

// task is the one that a file has become; nil: the package has none of that name.
func (o *operation) task(ctx context.Context, filename string) (*bankpackages.Task, error) {
	page, err := o.service.ListTasks(ctx, bankpackages.ListTasksParams{PackageID: o.PackageID, Filename: filename})
	if err != nil {
		return nil, err
	}
	for _, task := range page.Items {
		if task.Filename == filename {
			return &task, nil
		}
	}
	return nil, nil
}

const longestPause = 5 * time.Minute

// look asks how far the tasks of an item are. Whatever goes wrong with the question, the files were taken.
func (o *operation) look(ctx context.Context, item bulk.Item, names []string) bulk.Result {
	done := bulk.Result{State: bulk.Done}
	var ids []string
	for _, name := range names {
		task, err := o.task(ctx, name)
		switch {
		case err != nil:
			return o.unseen(item, err)
		case task == nil:
			return bulk.Result{State: bulk.Unknown, Code: item.Code, Reason: missing}
		case task.Status != bankpackages.TaskFinished && o.Wait:
			return bulk.Result{State: bulk.Staged, Next: stepWait, At: time.Now().Add(o.pause(task)), Code: item.Code}
		case task.Status == bankpackages.TaskFinished:
			done.Good += task.SuccessCount
			done.Bad += task.FailCount
		}
		ids = append(ids, task.TaskID)
	}
	done.Code = strings.Join(ids, " ")
	return done
}

// unseen is what is left of an item that could not be looked at.
func (o *operation) unseen(item bulk.Item, err error) bulk.Result {
	r := bulk.Failed(err)
	if r.Code = item.Code; r.State == bulk.Rejected {
		r.State = bulk.Unknown
	} else {
		r.State, r.Next, r.At = bulk.Staged, stepWait, time.Now().Add(o.Every)
	}
	return r
}

// pause is until the next look.
func (o *operation) pause(task *bankpackages.Task) time.Duration {
	if task.CreateTime.IsZero() {
		return o.Every
	}
	return pace.Look(time.Since(task.CreateTime.Time), o.Every, longestPause)
}

var missing = wxpay.Hint{
	English: "the package no longer shows the task of a file that it took; look at the package on the merchant platform",
	Chinese: "号码包中查不到已受理文件的任务；请在商户平台核对该号码包"}
