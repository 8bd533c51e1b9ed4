package transfers_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Bills are created first; a run that waits ends when every user has taken the money, or not in time.
func TestJobFromCreationToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJob(t, 20, wxpaytest.Options{TaskDuration: time.Minute})
		j.Steps = transfers.Created
		s, err := j.carryOut(t.Context())
		assert.Equal(t, bulk.WhyLimit, why(t, err))
		assert.Equal(t, bulk.Sums{Rows: 20, Left: 20}, s.Sums, "a bill that was created is not paid")
		assert.Equal(t, map[string]int64{"finish": 20}, s.Next)
		assert.Equal(t, j.want, moved(t, j.Server))

		j.Steps, j.Until = 0, time.Now().Add(time.Hour) // nobody confirms
		s, err = j.carryOut(t.Context())
		assert.Equal(t, bulk.WhyLimit, why(t, err))
		assert.Equal(t, bulk.Sums{Rows: 20, Left: 20}, s.Sums)
		for line, item := range items(t, j.Ledger, 1) {
			b := transfers.BillOf(item)
			assert.EqualValues(t, "WAIT_USER_CONFIRM", b.State, line)
			assert.NotEmpty(t, b.PackageInfo, "the answer that created the bill came before its ticket")
			assert.NotEmpty(t, b.TransferBillNo)
		}

		require.NoError(t, j.FailTransfer("B0000", "NAME_NOT_CORRECT"))
		delete(j.want, openID(0))
		confirm(t, j.Server)
		j.Until = time.Time{}
		s, err = j.carryOut(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 20, Done: 19, Rejected: 1}, s.Sums)
		assert.Equal(t, map[string]int64{"FAIL:NAME_NOT_CORRECT": 1}, s.Reasons)
		assert.Equal(t, j.want, moved(t, j.Server))
		item := items(t, j.Ledger, 1)[3]
		assert.EqualValues(t, "SUCCESS", transfers.BillOf(item).State)
		assert.True(t, slices.ContainsFunc(bills(t, j.Server), func(b bill) bool { return b.OutBillNo == bulk.NumberOf(item) }), "a row without a number has that of its item")
	})
}

// What the user does not confirm ends as FAIL, and its row is rejected with the reason.
func TestJobThatNobodyConfirms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJob(t, 3, wxpaytest.Options{})
		start := time.Now()
		s, err := j.carryOut(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 3, Rejected: 3}, s.Sums)
		assert.Equal(t, map[string]int64{"FAIL:OVERDUE_CLOSE": 3}, s.Reasons)
		assert.Greater(t, time.Since(start), 24*time.Hour)
		assert.Empty(t, moved(t, j.Server))
	})
}

// Nothing is sent, and no ledger is made, before the sum is confirmed; in every run.
func TestJobIsConfirmed(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3, wxpaytest.Options{})
	j.Steps = transfers.Created
	s := j.Source.(source)
	s.rows = append(s.rows, row(openID(1), "", "amount", "101"), row(openID(1), "101"), row(openID(1), "102"))
	j.Source = s
	no := errors.New("no")
	var seen transfers.Review
	j.params.Confirm = func(v transfers.Review) error {
		seen = v
		return no
	}
	_, err := j.carryOut(t.Context())
	require.ErrorIs(t, err, no)
	assert.NoFileExists(t, j.Ledger)
	assert.Equal(t, transfers.Review{
		Rows: 6, Sum: 100 + 101 + 102 + 101 + 101 + 102, Least: 100, Most: 102, Again: 2,
		Twins: []transfers.Twin{{Line: 5, Before: 3, OpenID: "oUp****001", Amount: 101}, {Line: 6, Before: 3, OpenID: "oUp****001", Amount: 101}},
	}, seen)
	j.DryRun = true
	_, err = j.carryOut(t.Context())
	require.ErrorIs(t, err, no)
	j.DryRun = false
	assert.Empty(t, j.Requests())

	j.params.Confirm = func(v transfers.Review) error { return nil }
	sum, err := j.carryOut(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	assert.Equal(t, bulk.Sums{Rows: 6, Left: 6}, sum.Sums)
	j.want[openID(1)] = 3*101 + 102
	assert.Equal(t, j.want, moved(t, j.Server), "who stands there more than once is paid more than once")

	j.params.Confirm = func(v transfers.Review) error { return no }
	before := len(bills(t, j.Server))
	_, err = j.carryOut(t.Context())
	require.ErrorIs(t, err, no, "a job that was begun is confirmed again")
	assert.Len(t, bills(t, j.Server), before)

	// The same sum, and other people.
	j.params.Confirm = func(v transfers.Review) error { return nil }
	s.rows = slices.Clone(s.rows)
	s.rows[5] = row(openID(7), "102")
	j.Source = s
	_, err = j.carryOut(t.Context())
	changed, ok := errors.AsType[*bulk.ChangedError](err)
	require.True(t, ok, "%v", err)
	assert.EqualValues(t, 1, changed.Changed)
	assert.Len(t, bills(t, j.Server), before)
}

// The same rows in another file of the job are the same transfers, in any order.
func TestJobOfASecondFile(t *testing.T) {
	t.Parallel()
	j := newJob(t, 4, wxpaytest.Options{})
	j.Steps = transfers.Created
	_, err := j.carryOut(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	second := source{name: "again.csv", rows: slices.Clone(j.Source.(source).rows)}
	slices.Reverse(second.rows)
	second.rows = append(second.rows, row(openID(9), "55"), row(openID(1), "101")) // the second transfer of that person and amount
	j.Source = second
	s, err := j.carryOut(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	assert.EqualValues(t, 4, s.Skipped)
	j.want[openID(9)], j.want[openID(1)] = 55, 202
	assert.Equal(t, j.want, moved(t, j.Server))
}

// A number that stands in a file twice is refused: its sum would be wrong.
func TestJobOfANumberTwice(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3, wxpaytest.Options{})
	s := j.Source.(source)
	s.rows = append(s.rows, row(openID(8), "100", "out_bill_no", "B0002"))
	j.Source = s
	_, err := j.carryOut(t.Context())
	wrong, ok := errors.AsType[*bulk.InputError](err)
	require.True(t, ok, "%v", err)
	assert.EqualValues(t, 1, wrong.Count)
	assert.Equal(t, 5, wrong.Faults[0].Line)
	assert.Empty(t, j.Requests())
}

// Too little money stops the job, and no row is rejected for it; with more it goes on under the same numbers.
func TestJobWithTooLittleMoney(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			j := newJob(t, 20, wxpaytest.Options{})
			j.Steps, j.Concurrency = transfers.Created, 2
			require.NoError(t, j.SetTransferBalance(500, refuse))
			s, err := j.carryOut(t.Context())
			if !refuse { // bills are there, and wait for money
				require.Equal(t, bulk.WhyLimit, why(t, err))
				assert.Equal(t, map[string]int64{"finish": 20}, s.Next)
			} else {
				require.Equal(t, bulk.WhyMoney, why(t, err))
				assert.Less(t, len(bills(t, j.Server)), 6)
			}
			assert.Equal(t, bulk.Sums{Rows: 20, Left: 20}, s.Sums, "nothing rejected, nothing unknown")
			require.NoError(t, j.SetTransferBalance(1_000_000, refuse))
			s, err = j.carryOut(t.Context())
			require.Equal(t, bulk.WhyLimit, why(t, err))
			assert.Equal(t, map[string]int64{"finish": 20}, s.Next)
			assert.Equal(t, j.want, moved(t, j.Server))
		})
	}
}

// A row that corrects a rejected one keeps its number, unless the bill of that number has ended; a row in the place of one
// that is paid or open is never sent.
func TestJobOfCorrections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJob(t, 0, wxpaytest.Options{})
		// 2: paid; 3: refused; 4: fails; 5: as 3, once more; 6: left open
		j.Source = source{name: "bonus.csv", rows: []table.Row{row(openID(0), "100"), row(openID(1), "101"), row(openID(2), "102"), row(openID(1), "101"), row(openID(4), "104")}}
		j.Concurrency, j.Steps = 1, transfers.Created
		j.Limit = 1
		_, err := j.carryOut(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		require.NoError(t, j.Inject(routeCreate, "INVALID_REQUEST", 1))
		j.Limit = 2
		_, err = j.carryOut(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		j.Limit = 0
		_, err = j.carryOut(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		first := items(t, j.Ledger, 1)
		require.Equal(t, ledger.Rejected, first[3].State)
		require.NoError(t, j.ConfirmTransfer(bulk.NumberOf(first[2])))
		require.NoError(t, j.ConfirmTransfer(bulk.NumberOf(first[5])))
		require.NoError(t, j.FailTransfer(bulk.NumberOf(first[4]), "NAME_NOT_CORRECT"))
		j.Steps, j.Until = 0, time.Now().Add(time.Minute)
		s, err := j.carryOut(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		require.Equal(t, bulk.Sums{Rows: 5, Done: 2, Rejected: 2, Left: 1}, s.Sums)

		was := func(line int, openID, fen string) table.Row {
			r := row(openID, fen)
			r.WasFile, r.WasLine = "bonus.csv", line
			return r
		}
		// All rows come again, with other amounts where they may not be paid again.
		j.Source = source{name: "bonus.rejected.csv", rows: []table.Row{was(2, openID(0), "999"), was(3, openID(1), "101"), was(4, openID(2), "102"), was(5, openID(1), "999"), was(6, openID(4), "999")}}
		j.Until = time.Now().Add(time.Minute)
		s, err = j.carryOut(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		second := items(t, j.Ledger, 2)
		for _, line := range []int64{2, 5, 6} {
			assert.Equal(t, ledger.Skipped, second[line].State, line)
		}
		assert.Equal(t, first[3].Key, second[3].Key, "there is no bill under its number")
		assert.NotEqual(t, first[4].Key, second[4].Key, "its bill has failed")
		confirm(t, j.Server) // also the one of the first file
		for range 2 {        // and the same corrections once more: nothing new
			s, err = j.carryOut(t.Context())
			require.NoError(t, errIfNot(err, bulk.WhyLimit))
			j.Until = time.Now().Add(time.Hour)
			j.Source = source{name: fmt.Sprintf("copy%d.csv", j.Until.Unix()), rows: j.Source.(source).rows}
		}
		assert.Equal(t, map[string]int64{openID(0): 100, openID(1): 202, openID(2): 102, openID(4): 104}, moved(t, j.Server))
		assert.Zero(t, s.Rejected+s.Unknown)

		// A row of another job may be paid there.
		j.Source = source{name: "foreign.csv", rows: []table.Row{{Cells: row(openID(8), "100").Cells, WasFile: "other.csv", WasLine: 2}}}
		_, err = j.carryOut(t.Context())
		_, wrong := errors.AsType[*bulk.InputError](err)
		assert.True(t, wrong, "%v", err)
	})
}

// A row that corrects one with a number of its own never pays under another number while that one might.
func TestJobOfACorrectionWithoutItsNumber(t *testing.T) {
	t.Parallel()
	j := newJob(t, 0, wxpaytest.Options{})
	// 2 is refused, 3 fails; both have numbers of their own. 4 is refused, and has none.
	j.Source = source{name: "bonus.csv", rows: []table.Row{row(openID(0), "100", "out_bill_no", "A0"), row(openID(1), "101", "out_bill_no", "A1"), row(openID(2), "102")}}
	j.Concurrency, j.Steps, j.Limit = 1, transfers.Created, 1
	require.NoError(t, j.Inject(routeCreate, "INVALID_REQUEST", 1))
	_, err := j.carryOut(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	_, err = j.carryOut(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	require.NoError(t, j.Inject(routeCreate, "INVALID_REQUEST", 1))
	j.Limit = 0
	_, err = j.carryOut(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	require.NoError(t, j.FailTransfer("A1", "NAME_NOT_CORRECT"))
	j.Steps = 0
	s, err := j.carryOut(t.Context())
	require.NoError(t, err)
	require.Equal(t, bulk.Sums{Rows: 3, Rejected: 3}, s.Sums)
	for line, own := range map[int64]bool{2: true, 3: true, 4: false} {
		require.Equal(t, own, bulk.HasOwnNumber(items(t, j.Ledger, 1)[line]))
	}

	was := func(line int, r table.Row) table.Row {
		r.WasFile, r.WasLine = "bonus.csv", line
		return r
	}
	j.Steps = transfers.Created
	j.Source = source{name: "lost.csv", rows: []table.Row{was(2, row(openID(0), "100")), was(3, row(openID(1), "101"))}}
	for _, j.DryRun = range []bool{true, false} {
		_, err = j.carryOut(t.Context())
		wrong, ok := errors.AsType[*bulk.InputError](err)
		require.True(t, ok, "%v", err)
		require.EqualValues(t, 1, wrong.Count, "the bill of the other has ended")
		assert.Equal(t, 2, wrong.Faults[0].Line)
		assert.Contains(t, wrong.Faults[0].Reason, "give it the number of the row that it corrects")
	}
	assert.Empty(t, moved(t, j.Server))

	j.Source = source{name: "good.csv", rows: []table.Row{was(2, row(openID(0), "100", "out_bill_no", "A0")), was(3, row(openID(1), "101")), was(4, row(openID(2), "102"))}}
	_, err = j.carryOut(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	assert.Equal(t, map[string]int64{openID(0): 100, openID(1): 101, openID(2): 102}, moved(t, j.Server))
	first, second := items(t, j.Ledger, 1), items(t, j.Ledger, 2)
	assert.True(t, bulk.HasOwnNumber(second[2]))
	assert.False(t, bulk.HasOwnNumber(second[3]), "its number is made")
	assert.NotEqual(t, first[3].Key, second[3].Key)
}

func errIfNot(err error, want bulk.Why) error {
	if stop, ok := errors.AsType[*bulk.StopError](err); ok && stop.Why == want {
		return nil
	}
	return err
}

// Faults at every call and runs that end at any moment: every amount moves once, and the rows add up.
func TestJobOfFaults(t *testing.T) {
	t.Parallel()
	faults := []string{"dial-refused", "reset-before-read", "reset-after-read", "hang", "500", "503", "502-html", "429", "429-retry-after", "202",
		"reset-after-effect", "hang-after-effect", "500-after-effect", "truncated-body", "wrong-content-type",
		"refusal-unsigned", "refusal-forged", "unsigned", "forged", "tampered", "stale", "unknown-serial", "ALREADY_EXISTS"}
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			chaos := rand.New(rand.NewPCG(seed, 7))
			j := newJob(t, 30, wxpaytest.Options{TaskDuration: time.Minute})
			for range 80 {
				fault := faults[chaos.IntN(len(faults))]
				route := routeCreate
				if chaos.IntN(2) == 0 && fault != "ALREADY_EXISTS" {
					route = routeQuery
				}
				require.NoError(t, j.Inject(route, fault, 1))
			}
			var s *bulk.Summary
			for runs := 0; ; runs++ {
				require.Less(t, runs, 300)
				most := time.Duration(chaos.IntN(5000)) * time.Millisecond
				if runs > 40 {
					most = 2 * time.Hour
				}
				ctx, cancel := context.WithTimeout(t.Context(), most)
				var err error
				s, err = j.carryOut(ctx)
				cancel()
				if s != nil {
					assert.Equal(t, s.Rows, s.Done+s.Rejected+s.Unknown+s.Skipped+s.Left)
				}
				if err == nil && s.Complete() {
					break
				}
				confirm(t, j.Server)
			}
			j.Recover()
			assert.Equal(t, j.want, moved(t, j.Server), "seed %d", seed)
			assert.Len(t, bills(t, j.Server), 30)
			assert.Equal(t, bulk.Sums{Rows: 30, Done: 30}, s.Sums, "seed %d: %v", seed, s.Reasons)
		})
	}
}
