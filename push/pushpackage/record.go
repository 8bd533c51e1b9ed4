package pushpackage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/internal/attempt"
)

const routeRecord = "POST /v3/statistics/get_push_record"

// A PushStatus is how far a push has come. Values not listed here are passed on.
type PushStatus string

const (
	PushInit      PushStatus = "PUSH_INIT"             // created
	PushWait      PushStatus = "PUSH_WAIT"             // waiting for its turn or time
	PushStarted   PushStatus = "PUSH_STARTED"          // running
	PushFinished  PushStatus = "PUSH_FINISHED"         // final
	PushFailed    PushStatus = "PUSH_FAILED"           // final
	PushCanceled  PushStatus = "PUSH_CANCELED"         // final; see CancelScheduledPush
	PushDeleted   PushStatus = "PUSH_DELETED"          // final
	PushRevoked   PushStatus = "PUSH_REVOKED"          // final
	PushCollapsed PushStatus = "PUSH_COLLAPSED"        // final; replaced by a push with its CollapseID
	PushStopped   PushStatus = "PUSH_DELETED_PUSH_MSG" // final; see StopPush
)

// Final reports whether a push with this status changes no more.
func (s PushStatus) Final() bool {
	switch s {
	case PushFinished, PushFailed, PushCanceled, PushDeleted, PushRevoked, PushCollapsed, PushStopped:
		return true
	}
	return false
}

// A PushRecord is what TPNS knows of a push.
type PushRecord struct {
	Date             string          `json:"date,omitzero"` // of the push, 2006-01-02 15:04:05; whose clock is not documented
	PushID           string          `json:"pushId"`
	Title            string          `json:"title,omitzero"`
	Content          string          `json:"content,omitzero"`
	Status           PushStatus      `json:"status"`
	PushType         string          `json:"pushType,omitzero"`    // package_account_push, all, tag, token_list, account_list, …
	MessageType      string          `json:"messageType,omitzero"` // as MessageType; one page says notification
	Environment      Environment     `json:"environment,omitzero"`
	ExpireTime       int64           `json:"expireTime,omitzero"` // seconds
	XgMediaResources string          `json:"xgMediaResources,omitzero"`
	MultiPkg         bool            `json:"multiPkg,omitzero"`
	TargetList       []string        `json:"targetList,omitzero"` // of pushes to single accounts and tokens
	CollapseID       int64           `json:"collapseID,omitzero"` // give it to PushParams to replace this push
	TagSet           json.RawMessage `json:"tagSet,omitzero"`     // of pushes to tags
	UploadID         int64           `json:"uploadId,omitzero"`   // 0 if it went to no list
	GroupID          string          `json:"groupId,omitzero"`    // older form of a plan
	Source           string          `json:"source,omitzero"`     // such as api
	PushConfig       json.RawMessage `json:"pushConfig,omitzero"` // what was pushed, under android and ios
}

// GetPushRecordParams are the parameters of [Client.GetPushRecord].
type GetPushRecordParams struct {
	PushID string `json:"pushId"` // one of Push.PushID
}

// GetPushRecord reads the record of one push (单个任务推送信息查询).
//
// Limits: 200 reads an hour for the application, lists included. To wait for the end use
// [Client.WaitPush], which spaces its reads.
//
// Repeating: safe, and done after lost answers and 5xx; after 1008028 only if TPNS says how long to wait,
// since the limit counts by the hour.
//
// Errors: [CodePushNotFound] if there is no such push, also if TPNS answers with success and an empty list;
// possibly too in the first moments after it was made. [CodeTooFast].
//
//	POST /v3/statistics/get_push_record
//
// https://cloud.tencent.com/document/product/548/39076
func (c *Client) GetPushRecord(ctx context.Context, p GetPushRecordParams) (*PushRecord, error) {
	if p.PushID == "" {
		return nil, &ParamError{routeRecord, "pushId", "is missing"}
	}
	list, err := do[PushRecords](ctx, c, call{route: routeRecord, repeat: ifHarmless, body: p})
	if err != nil {
		return nil, err
	}
	if len(list.PushRecordData) == 0 {
		return nil, &Error{Route: routeRecord, StatusCode: http.StatusOK, RetCode: CodePushNotFound, Message: "success, but with an empty list"}
	}
	return &list.PushRecordData[0], nil
}

// ListPushRecordsParams are the parameters of [Client.ListPushRecords].
type ListPushRecordsParams struct {
	StartDate Date        `json:"startDate"` // within the last month
	EndDate   Date        `json:"endDate"`
	MsgType   MessageType `json:"msgType,omitzero"`  // default both
	PushType  string      `json:"pushType,omitzero"` // all, tag, token or account; none is documented for packages, leave it out to see them
	Offset    int64       `json:"offset"`            // of the first record, from 0
	Limit     int64       `json:"limit,omitzero"`    // at most 200
}

// PushRecords is a part of a list.
type PushRecords struct {
	Count          int64        `json:"count"` // records in the whole list
	PushRecordData []PushRecord `json:"pushRecordData"`
}

// ListPushRecords reads one page of the pushes of a range of days (特定时间段所有推送信息查询).
//
// Limits: the last month; 200 records a page; 200 reads an hour for the application, with those of
// [Client.GetPushRecord].
//
// Repeating: safe, as with [Client.GetPushRecord].
//
//	POST /v3/statistics/get_push_record
//
// https://cloud.tencent.com/document/product/548/39075
func (c *Client) ListPushRecords(ctx context.Context, p ListPushRecordsParams) (*PushRecords, error) {
	wrong := func(param, reason string) error { return &ParamError{routeRecord, param, reason} }
	switch {
	case !exists(p.StartDate):
		return nil, wrong("startDate", "is missing or no day")
	case !exists(p.EndDate):
		return nil, wrong("endDate", "is missing or no day")
	case p.MsgType != "" && p.MsgType != Notify && p.MsgType != InApp:
		return nil, wrong("msgType", "must be notify or message")
	case !slices.Contains([]string{"", "all", "tag", "token", "account"}, p.PushType):
		return nil, wrong("pushType", "must be all, tag, token or account")
	case p.Offset < 0:
		return nil, wrong("offset", "must not be negative")
	case p.Limit < 0 || p.Limit > 200:
		return nil, wrong("limit", "must be between 1 and 200")
	}
	return do[PushRecords](ctx, c, call{route: routeRecord, repeat: ifHarmless, body: p})
}

// ErrPages says that the pages of a list do not fit together: TPNS counted them otherwise than documented,
// or the list changed much under the walk. What was yielded before is true but not all.
var ErrPages = errors.New("pushpackage: pages do not fit together")

// AllPushRecords walks the list of [Client.ListPushRecords] from p.Offset to its end, p.Limit records a
// read, 200 by default. A push that appears while it walks may be missed, none is yielded twice in a row.
// It ends with the list, or with an error, which is yielded once and last.
func (c *Client) AllPushRecords(ctx context.Context, p ListPushRecordsParams) iter.Seq2[PushRecord, error] {
	if p.Limit == 0 {
		p.Limit = 200
	}
	return func(yield func(PushRecord, error) bool) {
		before := map[string]bool{} // ids of the page before
		for p := p; ; {
			page, err := c.ListPushRecords(ctx, p)
			if err != nil {
				yield(PushRecord{}, err)
				return
			}
			now, fresh := map[string]bool{}, 0
			for _, r := range page.PushRecordData {
				now[r.PushID] = true
				if before[r.PushID] {
					continue
				}
				if fresh++; !yield(r, nil) {
					return
				}
			}
			p.Offset += int64(len(page.PushRecordData))
			if p.Offset >= page.Count && (page.Count > 0 || len(now) == 0) {
				return
			}
			if fresh == 0 {
				yield(PushRecord{}, fmt.Errorf("%w: the list has %d records and brought no more after %d", ErrPages, page.Count, p.Offset))
				return
			}
			before = now
		}
	}
}

// PollEvery is how often [Client.WaitPush] reads: 200 reads an hour are one in 18 seconds.
const PollEvery = 18 * time.Second

// WaitPushParams are the parameters of [Client.WaitPush].
type WaitPushParams struct {
	PushID string        // one of Push.PushID
	Every  time.Duration // between reads; default and least: PollEvery
}

// WaitPush reads the record of a push until its status is final, failed ones included: look at Status.
//
// All waits of one client share one read in 18 seconds, so that several take turns within the limit of
// 200 an hour; other processes of the same application are not known to it.
//
// It waits as long as ctx lasts, and returns the last record seen with every error. Reads that fail in a way that
// may pass are made again at the next turn; a push that three reads in a row do not find ends the wait, and so
// does any other error.
//
//	POST /v3/statistics/get_push_record
//
// 单个任务推送信息查询: https://cloud.tencent.com/document/product/548/39076
func (c *Client) WaitPush(ctx context.Context, p WaitPushParams) (*PushRecord, error) {
	if p.PushID == "" {
		return nil, &ParamError{routeRecord, "pushId", "is missing"}
	}
	missing := 0
	return attempt.Wait(ctx, "pushpackage", max(p.Every, PollEvery), transient, func(ctx context.Context) (*PushRecord, bool, error) {
		if err := attempt.Sleep(ctx, c.pace.turn(ctx)); err != nil {
			return nil, false, err
		}
		record, err := c.GetPushRecord(ctx, GetPushRecordParams{PushID: p.PushID})
		if missing++; !errors.Is(err, CodePushNotFound) {
			missing = 0
		}
		return record, missing == 3 || err == nil && record.Status.Final(), err
	})
}

// pace lets reads go one by one.
type pace struct {
	mu   sync.Mutex
	next time.Time
}

// turn takes the next turn and returns how long to wait for it. A turn for which ctx has no time is left to
// others.
func (p *pace) turn(ctx context.Context) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, at := time.Now(), p.next
	if at.Before(now) {
		at = now
	}
	if end, bounded := ctx.Deadline(); ctx.Err() == nil && (!bounded || !end.Before(at)) {
		p.next = at.Add(PollEvery)
	}
	return at.Sub(now)
}
