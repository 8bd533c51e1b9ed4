package wxpay_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

type row struct {
	ID int `json:"id"`
}

func rowID(r row) string { return fmt.Sprint(r.ID) }

// shelf is a list as the platform would page it.
type shelf struct {
	rows    []int
	counts  wxpay.Paging // what offset counts in truth
	limit   int
	fetches int
	before  func(s *shelf) // run before each fetch: the list may change
}

func (s *shelf) fetch(offset int64) (*wxpay.Page[row], error) {
	if s.fetches++; s.fetches > 100 {
		return nil, errors.New("the walk does not end")
	}
	if s.before != nil {
		s.before(s)
	}
	from := int(offset)
	if s.counts == wxpay.ByPage {
		from *= s.limit
	}
	page := &wxpay.Page[row]{TotalCount: int64(len(s.rows)), Offset: offset, Limit: int64(s.limit)}
	for i := from; i < min(from+s.limit, len(s.rows)); i++ {
		page.Data = append(page.Data, row{s.rows[i]})
	}
	return page, nil
}

func numbers(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

func walk(start int64, paging wxpay.Paging, s *shelf) (got []int, err error) {
	for r, err := range wxpay.All(start, paging, rowID, s.fetch) {
		if err != nil {
			return got, err
		}
		got = append(got, r.ID)
	}
	return got, nil
}

func TestAllYieldsEveryRecordOnce(t *testing.T) {
	t.Parallel()
	for _, paging := range []wxpay.Paging{wxpay.ByPage, wxpay.ByRecord} {
		for n := range 65 {
			got, err := walk(0, paging, &shelf{rows: numbers(n), counts: paging, limit: 20})
			require.NoError(t, err)
			require.ElementsMatch(t, numbers(n), got)
		}
	}
}

func TestAllStartsWhereItIsTold(t *testing.T) {
	t.Parallel()
	got, err := walk(2, wxpay.ByPage, &shelf{rows: numbers(50), limit: 20})
	require.NoError(t, err)
	assert.Equal(t, numbers(50)[40:], got)
	got, err = walk(7, wxpay.ByRecord, &shelf{rows: numbers(50), counts: wxpay.ByRecord, limit: 20})
	require.NoError(t, err)
	assert.Equal(t, numbers(50)[7:], got)
}

// BP-7, MC-16, EP-7: the platform may count the other way. The walk must not end short without saying so.
func TestAllNoticesTheOtherWayOfCounting(t *testing.T) {
	t.Parallel()
	for n := 21; n < 500; n += 17 {
		got, err := walk(0, wxpay.ByPage, &shelf{rows: numbers(n), counts: wxpay.ByRecord, limit: 20})
		assert.ErrorIs(t, err, wxpay.ErrPages, "%d records, counted by record", n)
		assert.Less(t, len(got), n)
		got, err = walk(0, wxpay.ByRecord, &shelf{rows: numbers(n), counts: wxpay.ByPage, limit: 20})
		assert.ErrorIs(t, err, wxpay.ErrPages, "%d records, counted by page", n)
		assert.Less(t, len(got), n)
	}
}

func TestAllEndsOnAServerThatIgnoresOffset(t *testing.T) {
	t.Parallel()
	for _, paging := range []wxpay.Paging{wxpay.ByPage, wxpay.ByRecord} {
		s := &shelf{rows: numbers(20), limit: 20}
		_, err := walk(0, paging, &shelf{rows: nil, limit: 20, before: func(*shelf) {}})
		require.NoError(t, err)
		for range wxpay.All(0, paging, rowID, func(int64) (*wxpay.Page[row], error) {
			page, err := s.fetch(0)
			page.TotalCount = 1000
			return page, err
		}) {
		}
		assert.LessOrEqual(t, s.fetches, 2)
	}
}

func TestAllOnAListThatGrows(t *testing.T) {
	t.Parallel()
	for _, paging := range []wxpay.Paging{wxpay.ByPage, wxpay.ByRecord} {
		next := 1000
		s := &shelf{rows: numbers(50), counts: paging, limit: 20}
		s.before = func(s *shelf) { // newest first
			if s.fetches > 1 && s.fetches < 4 {
				s.rows = append([]int{next}, s.rows...)
				next++
			}
		}
		got, err := walk(0, paging, s)
		require.NoError(t, err)
		assert.Equal(t, numbers(50), got, "rows pushed to a later page come once")
	}
}

func TestAllOnAListThatShrinks(t *testing.T) {
	t.Parallel()
	s := &shelf{rows: numbers(60), limit: 20}
	s.before = func(s *shelf) {
		if s.fetches == 2 {
			s.rows = s.rows[:30]
		}
	}
	got, err := walk(0, wxpay.ByPage, s)
	require.NoError(t, err)
	assert.Equal(t, numbers(30), got)
}

func TestAllYieldsAnErrorOnceAndLast(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	s := &shelf{rows: numbers(40), limit: 20}
	var rows, failures int
	for _, err := range wxpay.All(0, wxpay.ByPage, rowID, func(offset int64) (*wxpay.Page[row], error) {
		if offset == 1 {
			return nil, boom
		}
		return s.fetch(offset)
	}) {
		if err != nil {
			failures++
			assert.ErrorIs(t, err, boom)
		} else {
			rows++
			assert.Zero(t, failures)
		}
	}
	assert.Equal(t, 20, rows)
	assert.Equal(t, 1, failures)
}

func TestAllStopsWithTheLoop(t *testing.T) {
	t.Parallel()
	s := &shelf{rows: numbers(100), limit: 20}
	for range wxpay.All(0, wxpay.ByPage, rowID, s.fetch) {
		break
	}
	assert.Equal(t, 1, s.fetches)
}

func TestPageOnTheWire(t *testing.T) {
	t.Parallel()
	var page wxpay.Page[row]
	require.NoError(t, json.Unmarshal([]byte(`{"data":[{"id":3}],"total_count":47,"offset":2,"limit":20}`), &page))
	assert.Equal(t, wxpay.Page[row]{Data: []row{{3}}, TotalCount: 47, Offset: 2, Limit: 20}, page)
}
