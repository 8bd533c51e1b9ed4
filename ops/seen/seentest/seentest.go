// Package seentest is the test that every [notify.Seen] passes: that in the memory of a process, those of the packages
// beside this one, and another of your own:
//
//	func TestSeen(t *testing.T) {
//		seentest.Test(t, seentest.Store{Open: open, Expires: true, Unreachable: unreachable})
//	}
package seentest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A Store is what is tested.
type Store struct {
	// Open returns instances over one store, three at least if processes can share it, whose claims end after
	// lease. What one call returns shares the store with what the others return, if it Expires.
	Open func(t *testing.T, lease time.Duration) []notify.Seen

	// Expires says that the claims of an instance that died end by themselves. It is false for a store in the memory
	// of one process, which dies with it.
	Expires bool

	// Unreachable returns an instance whose store does not answer. Nil: there is no such thing.
	Unreachable func(t *testing.T) notify.Seen
}

// Test runs the whole test. It takes some seconds and needs no empty store.
func Test(t *testing.T, s Store) {
	for name, f := range map[string]func(*testing.T, Store){
		"StatesOfOne":         states,
		"ParallelClaims":      parallelClaims,
		"ParallelRepeats":     parallelRepeats,
		"LongKeys":            longKeys,
		"ContextEnds":         contextEnds,
		"NotificationsOnHTTP": notifications,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); f(t, s) })
	}
	if s.Expires {
		for name, f := range map[string]func(*testing.T, Store){
			"EndWithoutClaim":     endWithoutClaim,
			"CrashedOwner":        crashedOwner,
			"LateOwnerFails":      lateOwnerFails,
			"LateOwnerSucceeds":   lateOwnerSucceeds,
			"LateOwnerIsOutdone":  lateOwnerIsOutdone,
			"SlowOwnerIsAlone":    slowOwnerIsAlone,
			"ClaimOfEndedContext": claimOfEndedContext,
		} {
			t.Run(name, func(t *testing.T) { t.Parallel(); f(t, s) })
		}
	}
	if s.Unreachable != nil {
		t.Run("Unreachable", func(t *testing.T) { t.Parallel(); unreachable(t, s) })
	}
}

const (
	long     = 10 * time.Minute       // no claim ends by itself during a test
	short    = 200 * time.Millisecond // a claim that is about to
	patience = 30 * time.Second       // what takes so long does not happen
)

// state says what an instance thinks of id: "free" (and claims it), "busy" or "done"; or what went wrong.
func state(t *testing.T, s notify.Seen, id string) string {
	done, err := s.Begin(t.Context(), id)
	switch {
	case done && err == nil:
		return "done"
	case done:
		return "done, and failed: " + err.Error()
	case errors.Is(err, notify.ErrInProgress):
		return "busy"
	case err != nil:
		return err.Error()
	}
	return "free"
}

// id is a new one, as a handler makes them.
func id() string { return "1900000109 TRANSACTION.SUCCESS EV-" + rand.Text() }

// expire waits until the claim of a dead owner has ended, and claims id for s.
func expire(t *testing.T, s notify.Seen, id string) {
	t.Helper()
	require.Eventually(t, func() bool { return state(t, s, id) == "free" }, patience, 10*time.Millisecond, "the claim does not end")
}

// Every instance sees what any of them did.
func states(t *testing.T, s Store) {
	all := s.Open(t, long)
	owner, id, another := all[0], id(), id()
	require.Equal(t, "free", state(t, owner, id))
	for _, each := range all {
		assert.Equal(t, "busy", state(t, each, id))
	}
	require.Equal(t, "free", state(t, all[len(all)-1], another), "another id")
	require.NoError(t, owner.End(t.Context(), id, false))
	last := all[len(all)-1]
	require.Equal(t, "free", state(t, last, id), "given up by its owner")
	assert.Equal(t, "busy", state(t, owner, id))
	require.NoError(t, last.End(t.Context(), id, true))
	for _, each := range all {
		assert.Equal(t, "done", state(t, each, id))
		assert.Equal(t, "busy", state(t, each, another))
	}
}

// Of a hundred at once one gets the claim.
func parallelClaims(t *testing.T, s Store) {
	all := s.Open(t, long)
	for range 5 {
		id := id()
		states := together(100, func(i int) string { return state(t, all[i%len(all)], id) })
		assert.Equal(t, map[string]int{"free": 1, "busy": 99}, states)
	}
}

// together does f n times at once and counts the results.
func together(n int, f func(i int) string) map[string]int {
	var mu sync.Mutex
	var team sync.WaitGroup
	start, count := make(chan struct{}), map[string]int{}
	for i := range n {
		team.Go(func() {
			<-start
			result := f(i)
			mu.Lock()
			defer mu.Unlock()
			count[result]++
		})
	}
	close(start)
	team.Wait()
	return count
}

// A hundred repeats at once do the work once, though the first run of it fails. Those that come too soon come again.
func parallelRepeats(t *testing.T, s Store) {
	all, id := s.Open(t, long), id()
	var runs, effects, beside atomic.Int32
	ends := together(100, func(i int) string {
		each := all[i%len(all)]
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
			switch is := state(t, each, id); is {
			case "free":
			case "busy":
				continue
			default:
				return is
			}
			if beside.Add(1) > 1 {
				t.Error("two at once")
			}
			done := runs.Add(1) > 1
			if done {
				effects.Add(1)
			}
			beside.Add(-1)
			if err := each.End(t.Context(), id, done); err != nil {
				return err.Error()
			}
		}
		return "never done"
	})
	assert.Equal(t, map[string]int{"done": 100}, ends)
	assert.Equal(t, int32(2), runs.Load())
	assert.Equal(t, int32(1), effects.Load())
}

// End without a claim gives nobody's claim up.
func endWithoutClaim(t *testing.T, s Store) {
	all, id := s.Open(t, long), id()
	require.Equal(t, "free", state(t, all[0], id))
	require.NoError(t, all[1].End(t.Context(), id, false))
	assert.Equal(t, "busy", state(t, all[1], id))
}

// Keys of 200 characters differ by their last.
func longKeys(t *testing.T, s Store) {
	all := s.Open(t, long)
	id := (id() + strings.Repeat("'\"\\%~", 40))[:199]
	require.Equal(t, "free", state(t, all[0], id+"1"))
	require.Equal(t, "free", state(t, all[0], id+"2"))
	require.NoError(t, all[0].End(t.Context(), id+"1", true))
	assert.Equal(t, "done", state(t, all[0], id+"1"))
	assert.Equal(t, "busy", state(t, all[0], id+"2"))
}

// A context that has ended is an error, unless the store needs none; never is it "done".
func contextEnds(t *testing.T, s Store) {
	all, id := s.Open(t, long), id()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done, err := all[0].Begin(ctx, id)
	require.False(t, done)
	if !s.Expires && err == nil {
		require.NoError(t, all[0].End(ctx, id, false))
	} else {
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, notify.ErrInProgress)
		assert.NotContains(t, err.Error(), "\n")
	}
	require.Equal(t, "free", state(t, all[0], id), "nothing was claimed")
	if s.Expires {
		require.ErrorIs(t, all[0].End(ctx, id, true), context.Canceled)
	}
}

// An owner dies. After its lease, of a hundred that come at once one takes over.
func crashedOwner(t *testing.T, s Store) {
	crashed, all, id, another := s.Open(t, short)[0], s.Open(t, long), id(), id()
	require.Equal(t, "free", state(t, crashed, id))
	require.Equal(t, "free", state(t, crashed, another))
	expire(t, all[0], another) // so that of id ended before
	assert.Equal(t, map[string]int{"free": 1, "busy": 99}, together(100, func(i int) string { return state(t, all[i%len(all)], id) }))

	patient := s.Open(t, long)[0]
	require.Equal(t, "free", state(t, patient, id+"?"))
	time.Sleep(2 * short)
	assert.Equal(t, "busy", state(t, all[0], id+"?"), "the lease is as long as was asked for")
}

// An owner that comes too late, and failed, does not give up the claim of who took over.
func lateOwnerFails(t *testing.T, s Store) {
	late, all, id := s.Open(t, short)[0], s.Open(t, long), id()
	require.Equal(t, "free", state(t, late, id))
	expire(t, all[0], id)
	require.NoError(t, late.End(t.Context(), id, false))
	for _, each := range append(all, late) {
		assert.Equal(t, "busy", state(t, each, id))
	}
	require.NoError(t, all[0].End(t.Context(), id, false))
	assert.Equal(t, "free", state(t, late, id))
}

// What an owner that comes too late did is done, whatever becomes of who took over.
func lateOwnerSucceeds(t *testing.T, s Store) {
	late, all, id := s.Open(t, short)[0], s.Open(t, long), id()
	require.Equal(t, "free", state(t, late, id))
	expire(t, all[0], id)
	require.NoError(t, late.End(t.Context(), id, true))
	for _, each := range append(all[1:], late) {
		assert.Equal(t, "done", state(t, each, id))
	}
	require.NoError(t, all[0].End(t.Context(), id, false))
	for _, each := range append(all, late) {
		assert.Equal(t, "done", state(t, each, id))
	}
}

// What the one that took over did stays done when the late owner fails.
func lateOwnerIsOutdone(t *testing.T, s Store) {
	late, all, id := s.Open(t, short)[0], s.Open(t, long), id()
	require.Equal(t, "free", state(t, late, id))
	expire(t, all[0], id)
	require.NoError(t, all[0].End(t.Context(), id, true))
	require.NoError(t, late.End(t.Context(), id, false))
	for _, each := range append(all, late) {
		assert.Equal(t, "done", state(t, each, id))
	}
}

// An instance gives out no second claim before its first has ended, though that expired: it could not tell their Ends
// apart.
func slowOwnerIsAlone(t *testing.T, s Store) {
	slow, other, id, another := s.Open(t, short)[0], s.Open(t, long)[0], id(), id()
	require.Equal(t, "free", state(t, slow, id))
	require.Equal(t, "free", state(t, slow, another))
	expire(t, other, another) // so that of id ended before
	assert.Equal(t, "busy", state(t, slow, id))
	require.NoError(t, slow.End(t.Context(), id, false))
	assert.Equal(t, "free", state(t, slow, id))
}

// Whenever the context ends within Begin, the id is free again after the lease at the latest.
func claimOfEndedContext(t *testing.T, s Store) {
	all := s.Open(t, short)
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = id()
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*50*time.Microsecond)
		done, err := all[0].Begin(ctx, ids[i])
		cancel()
		require.False(t, done)
		if err == nil {
			require.NoError(t, all[0].End(t.Context(), ids[i], false))
		}
	}
	for _, id := range ids {
		expire(t, all[0], id)
	}
}

// A store that is not there is an error, and nothing is taken to be done.
func unreachable(t *testing.T, s Store) {
	gone, id := s.Unreachable(t), id()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for range 2 {
		done, err := gone.Begin(ctx, id)
		assert.False(t, done)
		require.Error(t, err)
		assert.NotErrorIs(t, err, notify.ErrInProgress, "the first was no claim")
		assert.NotContains(t, err.Error(), "\n")
	}
	assert.Error(t, gone.End(ctx, id, true))
}

// Three receivers over one store get the same genuine notification thirty times at once, over HTTP. The function
// runs once; the others are told that it was done or is in progress. A run that fails before frees it.
func notifications(t *testing.T, s Store) {
	all := s.Open(t, long)
	platform := wxpaytest.New(t)
	var runs atomic.Int32
	var urls []string
	for i := range 3 {
		h := notify.New(platform.Client(), notify.Config{Seen: all[i%len(all)]})
		notify.On(h, edupapay.EventTransactionSucceeded, func(context.Context, *notify.Event, *edupapay.TransactionEvent) error {
			if runs.Add(1) == 1 {
				return errors.New("the first time it fails")
			}
			time.Sleep(20 * time.Millisecond)
			return nil
		})
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		urls = append(urls, server.URL)
	}
	event := wxpaytest.Event{ID: "EV-" + rand.Text(), Type: string(edupapay.EventTransactionSucceeded), Plaintext: map[string]any{"out_trade_no": "2026-11-0001"}, Caller: wxpaytest.MchID}
	deliver := func(i int) string {
		resp, err := platform.Send(t.Context(), urls[i%3], event)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		return fmt.Sprint(resp.StatusCode)
	}
	require.Equal(t, "500", deliver(0))
	statuses := together(30, deliver)
	assert.Equal(t, 30, statuses["204"]+statuses["409"], "%v", statuses)
	assert.Positive(t, statuses["204"])
	for i := range 3 {
		assert.Equal(t, fmt.Sprint(http.StatusNoContent), deliver(i))
	}
	assert.Equal(t, int32(2), runs.Load(), "once after the failure")
}
