package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// A writer puts all that a worker has to write down into one transaction, so that many calls share one sync of the disk. A
// transaction begins by looking whether the chunks are still this worker's, and keeps them so until it ends.
type writer struct {
	pool   *pgxpool.Pool
	worker *worker
	jobs   chan *note
	quit   chan struct{}
	ended  chan struct{}
}

// A note is one change of an item: its call is about to leave, or its step has ended.
type note struct {
	chunk *held
	item  int64
	begin bool
	kept  []byte // with begin
	o     ledger.Outcome
	done  chan error
}

const together = 256 // notes in one transaction

func newWriter(pool *pgxpool.Pool, of *worker) *writer {
	w := &writer{pool: pool, worker: of, jobs: make(chan *note, together), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.work()
	return w
}

// close writes down what waits. What comes later is refused.
func (w *writer) close() {
	close(w.quit)
	<-w.ended
}

func (w *writer) work() {
	defer close(w.ended)
	var left []*note // whose chunk somebody had locked, so that they have to be tried again
	var next *note
	for {
		if next == nil {
			var soon <-chan time.Time
			if len(left) > 0 {
				soon = time.After(pauseLocked)
			}
			select {
			case next = <-w.jobs:
			case <-soon:
			case <-w.quit:
				select {
				case next = <-w.jobs:
				default:
					return
				}
			}
		}
		group, items := left, map[place]bool{}
		for _, n := range left {
			items[n.place()] = true
		}
	gather:
		for len(group) < len(left)+together {
			if next == nil {
				select {
				case next = <-w.jobs:
				default:
					break gather
				}
			}
			if items[next.place()] { // in a statement an item changes once
				break
			}
			items[next.place()] = true
			group, next = append(group, next), nil
		}
		left = w.commit(group)
	}
}

type place struct{ job, item int64 }

func (n *note) place() place { return place{n.chunk.job, n.item} }

// commit writes notes down, and tells each how that went. While the database is away it tries again for as long as the chunks
// are safely this worker's: whether a change that broke off was made, the next try finds out. What is left is of chunks that
// somebody else has locked: it does not hold up the others.
func (w *writer) commit(group []*note) (left []*note) {
	var done map[place]bool
	var err error
	for again := false; ; again = true {
		done, left, err = w.try(group, again)
		if err == nil || !away(err) || !w.worker.alive() {
			break
		}
		time.Sleep(pauseAway)
	}
	if err != nil && !away(err) && len(group) > 1 { // one of them is not to be written: the others are
		left = nil
		for _, n := range group {
			left = append(left, w.commit([]*note{n})...)
		}
		return left
	}
	for _, n := range group {
		switch {
		case err != nil:
			n.done <- told(err)
		case done[n.place()]:
			n.done <- nil
		case !slices.Contains(left, n):
			n.done <- n.chunk.refused(n.item)
		}
	}
	return left
}

const (
	pauseAway   = 200 * time.Millisecond
	pauseLocked = 20 * time.Millisecond // a count of rows locks them for about so long
)

// refused is why a note was not made.
func (h *held) refused(item int64) error {
	if h.lost.Load() {
		return bulk.ErrLost
	}
	return fmt.Errorf("postgres: item %d of the job has ended, or is not there", item)
}

// try makes all changes that may be made, in one transaction. What is left may be made, but its chunk is locked just now.
func (w *writer) try(group []*note, again bool) (done map[place]bool, left []*note, err error) {
	if !w.worker.alive() {
		for _, n := range group {
			n.chunk.lost.Store(true)
		}
		return nil, nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lease)
	defer cancel()
	done = map[place]bool{}
	err = pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		var mine []*note
		if mine, left, err = w.ours(ctx, tx, group); err != nil {
			return err
		}
		b := &pgx.Batch{}
		began(b, mine)
		endedAs(b, mine, again)
		if b.Len() == 0 {
			return nil
		}
		answers := tx.SendBatch(ctx, b)
		for range b.Len() {
			rows, err := answers.Query()
			if err == nil {
				var p place
				_, err = pgx.ForEachRow(rows, []any{&p.job, &p.item}, func() error {
					done[p] = true
					return nil
				})
			}
			if err != nil {
				return errors.Join(err, answers.Close())
			}
		}
		return answers.Close()
	})
	if err != nil {
		left = nil
	}
	return done, left, err
}

// ours leaves out what is about chunks that another worker has. Mine are of chunks that stay this worker's until the
// transaction ends, and left of those that somebody has locked.
func (w *writer) ours(ctx context.Context, tx pgx.Tx, group []*note) (mine, left []*note, err error) {
	chunks := map[*held]bool{}
	var jobs, firsts, tokens []int64
	for _, n := range group {
		if !chunks[n.chunk] {
			chunks[n.chunk] = true
			jobs, firsts, tokens = append(jobs, n.chunk.job), append(firsts, n.chunk.first), append(tokens, n.chunk.token)
		}
	}
	rows, err := tx.Query(ctx, `WITH had AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) h (job, first, token)),
		kept AS (SELECT c.job, c.first FROM wxpay.chunks c JOIN had USING (job, first, token) WHERE c.worker = $4 ORDER BY c.job, c.first FOR SHARE OF c SKIP LOCKED)
		SELECT job, first, EXISTS (SELECT FROM kept WHERE kept.job = c.job AND kept.first = c.first) FROM wxpay.chunks c JOIN had USING (job, first, token) WHERE c.worker = $4`, jobs, firsts, tokens, w.worker.id)
	if err != nil {
		return nil, nil, err
	}
	kept := map[place]bool{} // false: it is locked
	var p place
	var is bool
	if _, err := pgx.ForEachRow(rows, []any{&p.job, &p.item, &is}, func() error {
		kept[p] = is
		return nil
	}); err != nil {
		return nil, nil, err
	}
	for _, n := range group {
		switch is, ours := kept[place{n.chunk.job, n.chunk.first}]; {
		case is:
			mine = append(mine, n)
		case ours:
			left = append(left, n)
		default:
			n.chunk.lost.Store(true)
		}
	}
	return mine, left, nil
}

func began(b *pgx.Batch, group []*note) {
	var jobs, items []int64
	var kept [][]byte
	for _, n := range group {
		if n.begin {
			jobs, items, kept = append(jobs, n.chunk.job), append(items, n.item), append(kept, n.kept)
		}
	}
	if len(items) > 0 {
		b.Queue(`UPDATE wxpay.items i SET state = 1, tries = i.tries + 1, kept = coalesce(b.kept, i.kept) FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) b (job, id, kept)
			WHERE i.job = b.job AND i.id = b.id AND i.state IN (0, 1, 4) RETURNING i.job, i.id`, jobs, items, kept)
	}
}

// endedAs writes outcomes down. What was kept of a call goes, unless the outcome is unknown. Again: a try before may have done
// so, and that is as good.
func endedAs(b *pgx.Batch, group []*note, again bool) {
	var jobs, items []int64
	var states []int16
	var steps []int32
	var dues, goods, bads []*int64
	var codes, requests, reasons, chinese []*string
	for _, n := range group {
		if n.begin {
			continue
		}
		o := n.o
		jobs, items, states, steps = append(jobs, n.chunk.job), append(items, n.item), append(states, int16(o.State)), append(steps, int32(o.Step))
		var due *int64
		if !o.Due.IsZero() {
			due = new(o.Due.UnixMilli())
		}
		dues, goods, bads = append(dues, due), append(goods, null(o.Good)), append(bads, null(o.Bad))
		codes, requests, reasons, chinese = append(codes, text(o.Code)), append(requests, text(o.RequestID)), append(reasons, text(o.Reason)), append(chinese, text(o.ReasonChinese))
	}
	if len(items) == 0 {
		return
	}
	b.Queue(`UPDATE wxpay.items i SET state = e.state, step = e.step, due = e.due, code = e.code, request_id = e.request_id, reason = e.reason, reason_zh = e.reason_zh,
			good = e.good, bad = e.bad, tries = CASE WHEN i.step = e.step THEN i.tries ELSE 0 END, kept = CASE WHEN e.state = 4 THEN i.kept END
		FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::int[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[])
			e (job, id, state, step, due, code, request_id, reason, reason_zh, good, bad)
		WHERE i.job = e.job AND i.id = e.id AND (i.state IN (0, 1, 4) OR $12 AND i.state = e.state AND i.code IS NOT DISTINCT FROM e.code) RETURNING i.job, i.id`,
		jobs, items, states, steps, dues, codes, requests, reasons, chinese, goods, bads, again)
}

func null[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// text is one as PostgreSQL takes it; NULL: there is none.
func text(s string) *string { return null(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")) }

// A held is a chunk that this worker has.
type held struct {
	job, first, last int64
	token            int64
	writer           *writer
	starts           int64
	lost             atomic.Bool // another worker has it now, or may have
}

// put hands a note to the writer, and returns what waits until it is on disk.
func (h *held) put(ctx context.Context, n *note) (wait func(context.Context) error) {
	n.chunk, n.done = h, make(chan error, 1)
	select {
	case h.writer.jobs <- n:
	case <-h.writer.ended:
		return func(context.Context) error { return bulk.ErrLost }
	case <-ctx.Done():
		err := context.Cause(ctx)
		return func(context.Context) error { return err }
	}
	return func(ctx context.Context) error {
		select {
		case err := <-n.done:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-h.writer.ended:
		}
		select {
		case err := <-n.done: // the last one it wrote
			return err
		default:
			return bulk.ErrLost
		}
	}
}

// Begin writes a call down, before its first byte leaves. It returns when that is on disk, and while the chunk is still this
// worker's for long enough to make the call.
func (j *job) Begin(ctx context.Context, item int64, kept []byte) error {
	if j.chunk == nil {
		return ledger.ErrReadOnly
	}
	if err := j.chunk.put(ctx, &note{item: item, begin: true, kept: kept})(ctx); err != nil {
		return err
	}
	if !j.chunk.writer.worker.alive() {
		j.chunk.lost.Store(true)
		return bulk.ErrLost
	}
	return nil
}

// EndLater queues the outcome of a step and returns; wait blocks until it is on disk.
func (j *job) EndLater(ctx context.Context, item int64, o ledger.Outcome) (wait func(context.Context) error) {
	refuse := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	if j.chunk == nil {
		return refuse(ledger.ErrReadOnly)
	}
	if o.State != ledger.Staged && o.State != ledger.Done && o.State != ledger.Rejected && o.State != ledger.Unknown {
		return refuse(fmt.Errorf("postgres: no step ends with state %d", o.State))
	}
	return j.chunk.put(ctx, &note{item: item, o: o})
}
