package wxpay

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
)

// A Page is one page of a list.
type Page[T any] struct {
	Items []T
	Total int64   // over all pages, when this page was made; some lists tell it with their first page only
	Next  *Cursor // where the next page starts; nil: this was the last
}

// A Cursor is where a page starts, in the way of its list. The zero Cursor is the start of every list.
type Cursor struct {
	Offset int64  // number of a page or position of a record, from 0
	Token  string // that came with the page before
}

// ErrPages says that the pages of a list do not fit together: the platform counted them otherwise than
// documented, or the list changed much under the walk. What was yielded before is true but not all.
var ErrPages = errors.New("wxpay: pages do not fit together")

// Walk goes through a list from first on, page by page; list reads one page. It ends with the last page, or with
// an error, which is yielded once and last. id tells records apart.
//
// A walk sees a list that is being changed: records that move to a later page while it runs are yielded once,
// records that move to an earlier page can be missed. A platform that counts otherwise than documented is
// noticed, not followed: the walk then ends with [ErrPages].
func Walk[T any](first Cursor, id func(T) string, list func(Cursor) (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var before []string                           // ids of the page before
		seen, total := int64(0), int64(math.MaxInt64) // the least total that was told: what came later need not be seen
		been := make(map[Cursor]bool)
		for at := &first; at != nil; {
			if been[*at] {
				yield(none, fmt.Errorf("%w: the next page is one that was read before", ErrPages))
				return
			}
			been[*at] = true
			page, err := list(*at)
			if err != nil {
				yield(none, err)
				return
			}
			ids := idsOf(page.Items, id)
			if repeats(before, ids) {
				yield(none, fmt.Errorf("%w: a page repeats the one before it: records are counted otherwise than documented", ErrPages))
				return
			}
			for i, item := range page.Items {
				if slices.Contains(before, ids[i]) {
					continue
				}
				if seen++; !yield(item, nil) {
					return
				}
			}
			before, at, total = ids, page.Next, min(total, page.Total)
		}
		if endsEarly(first, seen, total) {
			yield(none, fmt.Errorf("%w: the list ended before the %d records it is said to have", ErrPages, total))
		}
	}
}

func idsOf[T any](items []T, id func(T) string) []string {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = id(item)
	}
	return ids
}

// repeats reports whether a page shows that the platform counts otherwise: it starts with the second record of
// the page before, or it brings nothing new. A list that grew repeats no more than the end of a page.
func repeats(before, page []string) bool {
	if len(page) == 0 {
		return false
	}
	return len(before) > 2 && page[0] == before[1] ||
		!slices.ContainsFunc(page, func(id string) bool { return !slices.Contains(before, id) })
}

// endsEarly reports whether a walk saw fewer records than there are. One that did not start with the first cannot
// know.
func endsEarly(first Cursor, seen, total int64) bool { return first == Cursor{} && seen < total }

// ByNumber is the page with its Next, in a list that counts pages: this is the page of that number, from 0, and a
// full one has so many records.
func (p Page[T]) ByNumber(number, size int64) *Page[T] {
	return p.next(Cursor{Offset: number + 1}, (number+1)*max(size, int64(len(p.Items))))
}

// ByRecord is the page with its Next, in a list that counts records: this page starts with the record at that
// position, from 0.
func (p Page[T]) ByRecord(position int64) *Page[T] {
	end := position + int64(len(p.Items))
	return p.next(Cursor{Offset: end}, end)
}

// ByToken is the page with its Next, in a list whose pages come with the token of the next; the last has none.
func (p Page[T]) ByToken(next string) *Page[T] {
	if next != "" {
		p.Next = &Cursor{Token: next}
	}
	return &p
}

// next sets Next, unless the list ends with the page, up to whose end it has so many records.
func (p Page[T]) next(at Cursor, records int64) *Page[T] {
	if len(p.Items) > 0 && (p.Total == 0 || records < p.Total) {
		p.Next = &at
	}
	return &p
}
