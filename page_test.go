package wxpay_test

import (
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

type row struct {
	ID int `json:"id"`
}

func rowID(r row) string { return fmt.Sprint(r.ID) }

// A style is what is counted in a list.
type style int

const (
	byNumber style = iota
	byRecord
	byToken
)

var styles = map[string]style{"by number": byNumber, "by record": byRecord, "by token": byToken}

// shelf is a list as the platform would page it.
type shelf struct {
	rows    []int
	said    style // what the documents say
	counts  style // what is counted in truth
	limit   int
	fetches int
	before  func(s *shelf) // run before each fetch: the list may change
}

func (s *shelf) list(at wxpay.Cursor) (*wxpay.Page[row], error) {
	if s.fetches++; s.fetches > 100 {
		return nil, errors.New("the walk does not end")
	}
	if s.before != nil {
		s.before(s)
	}
	from := int(at.Offset)
	switch {
	case s.counts == byNumber:
		from *= s.limit
	case s.counts == byToken && at.Token != "":
		_, _ = fmt.Sscanf(at.Token, "from %d", &from)
	}
	end := min(from+s.limit, len(s.rows))
	page := wxpay.Page[row]{Total: int64(len(s.rows))}
	for i := from; i < end; i++ {
		page.Items = append(page.Items, row{s.rows[i]})
	}
	switch s.said {
	case byNumber:
		return page.ByNumber(at.Offset, int64(s.limit)), nil
	case byRecord:
		return page.ByRecord(at.Offset), nil
	}
	if at.Token != "" {
		page.Total = 0 // told with the first page alone
	}
	if end >= len(s.rows) {
		return page.ByToken(""), nil
	}
	return page.ByToken(fmt.Sprintf("from %d", end)), nil
}

func numbers(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

func walk(first wxpay.Cursor, s *shelf) (got []int, err error) {
	return collect(wxpay.Walk(first, rowID, s.list))
}

func collect(all iter.Seq2[row, error]) (got []int, err error) {
	for r, err := range all {
		if err != nil {
			return got, err
		}
		got = append(got, r.ID)
	}
	return got, nil
}

func TestWalkYieldsEveryRecordOnce(t *testing.T) {
	t.Parallel()
	for name, style := range styles {
		for n := range 65 {
			s := &shelf{rows: numbers(n), said: style, counts: style, limit: 20}
			got, err := walk(wxpay.Cursor{}, s)
			require.NoError(t, err, name)
			require.ElementsMatch(t, numbers(n), got)
			require.Equal(t, max(1, (n+19)/20), s.fetches, "%s: no page is asked for that is not there", name)
		}
	}
}

func TestWalkStartsWhereItIsTold(t *testing.T) {
	t.Parallel()
	got, err := walk(wxpay.Cursor{Offset: 2}, &shelf{rows: numbers(50), limit: 20})
	require.NoError(t, err)
	assert.Equal(t, numbers(50)[40:], got)
	got, err = walk(wxpay.Cursor{Offset: 7}, &shelf{rows: numbers(50), said: byRecord, counts: byRecord, limit: 20})
	require.NoError(t, err)
	assert.Equal(t, numbers(50)[7:], got)
	got, err = walk(wxpay.Cursor{Token: "from 13"}, &shelf{rows: numbers(50), said: byToken, counts: byToken, limit: 20})
	require.NoError(t, err)
	assert.Equal(t, numbers(50)[13:], got)
}

// A walk keeps nothing: it can be gone again, and by several at once.
func TestWalkTwiceAtOnce(t *testing.T) {
	t.Parallel()
	all := wxpay.Walk(wxpay.Cursor{}, rowID, func(at wxpay.Cursor) (*wxpay.Page[row], error) {
		return (&shelf{rows: numbers(50), limit: 20}).list(at)
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := collect(all)
			assert.NoError(t, err)
			assert.Equal(t, numbers(50), got)
		})
	}
	wg.Wait()
}

// BP-7, MC-16, EP-7: the platform may count the other way. The walk must not end short without saying so.
func TestWalkNoticesTheOtherWayOfCounting(t *testing.T) {
	t.Parallel()
	for n := 21; n < 500; n += 17 {
		got, err := walk(wxpay.Cursor{}, &shelf{rows: numbers(n), said: byNumber, counts: byRecord, limit: 20})
		assert.ErrorIs(t, err, wxpay.ErrPages, "%d records, counted by record", n)
		assert.Less(t, len(got), n)
		got, err = walk(wxpay.Cursor{}, &shelf{rows: numbers(n), said: byRecord, counts: byNumber, limit: 20})
		assert.ErrorIs(t, err, wxpay.ErrPages, "%d records, counted by page", n)
		assert.Less(t, len(got), n)
	}
}

func TestWalkEndsOnAServerThatIgnoresWhereItIs(t *testing.T) {
	t.Parallel()
	for name, style := range styles {
		s := &shelf{rows: numbers(1000), said: style, counts: byRecord, limit: 20}
		got, err := collect(wxpay.Walk(wxpay.Cursor{}, rowID, func(at wxpay.Cursor) (*wxpay.Page[row], error) {
			page, err := s.list(wxpay.Cursor{})
			page.Next = &wxpay.Cursor{Offset: at.Offset + 1, Token: at.Token + "1"}
			return page, err
		}))
		assert.ErrorIs(t, err, wxpay.ErrPages, name)
		assert.Equal(t, numbers(20), got)
		assert.Equal(t, 2, s.fetches)
	}
}

// A token that comes again leads to where the walk was: nothing behind it is new, and there is no end.
func TestWalkEndsWhenATokenComesAgain(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]map[string]string{
		"the same":     {"": "a", "a": "a"},
		"two in turns": {"": "a", "a": "b", "b": "a"},
		"a long ring":  {"": "a", "a": "b", "b": "c", "c": "d", "d": "b"},
	} {
		for _, empty := range []bool{false, true} {
			fetches := 0
			got, err := collect(wxpay.Walk(wxpay.Cursor{}, rowID, func(at wxpay.Cursor) (*wxpay.Page[row], error) {
				if fetches++; fetches > len(next) {
					return nil, errors.New("a page is read again")
				}
				page := wxpay.Page[row]{}
				if !empty {
					page.Items = []row{{fetches}}
				}
				return page.ByToken(next[at.Token]), nil
			}))
			assert.ErrorIs(t, err, wxpay.ErrPages, name)
			assert.Equal(t, len(next), fetches, name)
			assert.Equal(t, empty, len(got) == 0)
		}
	}
}

func TestWalkOnAListThatGrows(t *testing.T) {
	t.Parallel()
	for _, style := range []style{byNumber, byRecord, byToken} {
		next := 1000
		s := &shelf{rows: numbers(50), said: style, counts: style, limit: 20}
		s.before = func(s *shelf) { // newest first
			if s.fetches > 1 && s.fetches < 4 {
				s.rows = append([]int{next}, s.rows...)
				next++
			}
		}
		got, err := walk(wxpay.Cursor{}, s)
		require.NoError(t, err)
		assert.Equal(t, numbers(50), got, "rows pushed to a later page come once")
	}
}

func TestWalkOnAListThatShrinks(t *testing.T) {
	t.Parallel()
	for name, style := range styles {
		s := &shelf{rows: numbers(60), said: style, counts: style, limit: 20}
		s.before = func(s *shelf) {
			if s.fetches == 2 {
				s.rows = s.rows[:30]
			}
		}
		got, err := walk(wxpay.Cursor{}, s)
		require.NoError(t, err, name)
		assert.Equal(t, numbers(30), got)
	}
}

func TestWalkYieldsAnErrorOnceAndLast(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	s := &shelf{rows: numbers(40), limit: 20}
	var rows, failures int
	for _, err := range wxpay.Walk(wxpay.Cursor{}, rowID, func(at wxpay.Cursor) (*wxpay.Page[row], error) {
		if at.Offset == 1 {
			return nil, boom
		}
		return s.list(at)
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

func TestWalkStopsWithTheLoop(t *testing.T) {
	t.Parallel()
	s := &shelf{rows: numbers(100), limit: 20}
	for range wxpay.Walk(wxpay.Cursor{}, rowID, s.list) {
		break
	}
	assert.Equal(t, 1, s.fetches)
}

// Where the next page starts, from one page alone.
func TestNext(t *testing.T) {
	t.Parallel()
	page := func(n int, total int64) wxpay.Page[row] { return wxpay.Page[row]{Items: make([]row, n), Total: total} }
	offset := func(n int64) *wxpay.Cursor { return &wxpay.Cursor{Offset: n} }
	for name, tt := range map[string]struct{ got, want *wxpay.Cursor }{
		"first of three by number":       {page(20, 47).ByNumber(0, 20).Next, offset(1)},
		"last of three by number":        {page(7, 47).ByNumber(2, 20).Next, nil},
		"full last by number":            {page(20, 40).ByNumber(1, 20).Next, nil},
		"by number, size not told":       {page(20, 47).ByNumber(1, 0).Next, offset(2)},
		"by number, total not told":      {page(20, 0).ByNumber(7, 20).Next, offset(8)},
		"by number, empty":               {page(0, 47).ByNumber(1, 20).Next, nil},
		"by number, smaller than asked":  {page(5, 47).ByNumber(1, 20).Next, offset(2)},
		"first of three by record":       {page(20, 47).ByRecord(0).Next, offset(20)},
		"last of three by record":        {page(7, 47).ByRecord(40).Next, nil},
		"by record, total not told":      {page(1, 0).ByRecord(9).Next, offset(10)},
		"by record, empty":               {page(0, 47).ByRecord(20).Next, nil},
		"by token":                       {page(20, 47).ByToken("MTIzNDUK").Next, &wxpay.Cursor{Token: "MTIzNDUK"}},
		"by token, empty, but not last":  {page(0, 0).ByToken("MTIzNDUK").Next, &wxpay.Cursor{Token: "MTIzNDUK"}},
		"by token, last, total not seen": {page(20, 47).ByToken("").Next, nil},
	} {
		assert.Equal(t, tt.want, tt.got, name)
	}
	of := page(2, 5)
	assert.Equal(t, &wxpay.Page[row]{Items: of.Items, Total: 5, Next: offset(2)}, of.ByRecord(0))
	assert.Nil(t, of.Next, "the page itself stays")
}
