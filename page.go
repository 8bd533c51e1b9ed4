package wxpay

import (
	"errors"
	"fmt"
	"iter"
)

// A Page is one page of a list.
type Page[T any] struct {
	Data       []T   `json:"data"`
	TotalCount int64 `json:"total_count"` // over all pages, when this page was made
	Offset     int64 `json:"offset"`
	Limit      int64 `json:"limit"`
}

// ErrPages says that the pages of a list do not fit together: the platform counted them otherwise than
// documented, or the list changed much under the walk. What was yielded before is true but not all.
var ErrPages = errors.New("wxpay: pages do not fit together")

// Paging says what the offset of a list counts.
type Paging int

const (
	ByPage   Paging = iota // offset is the number of a page, from 0
	ByRecord               // offset is the position of a record, from 0
)

// All walks a list page by page from offset start, as [Page] methods of services answer it. It ends with
// the last page, or with an error, which is yielded once and last. id tells records apart.
//
// A walk over offsets sees a list that is being changed: records that move to a later page while it runs
// are yielded once, records that move to an earlier page can be missed. A platform that counts offsets
// in the other way is noticed, not followed: the walk then ends with [ErrPages].
func All[T any](start int64, paging Paging, id func(T) string, fetch func(offset int64) (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var before map[string]int // ids of the page before, with their place
		offset, seen := start, int64(0)
		total := int64(-1) // the least the platform has named: what came later need not be seen
		for {
			page, err := fetch(offset)
			if err == nil {
				if total < 0 || page.TotalCount < total {
					total = page.TotalCount
				}
				err = fits(page, before, id, start > 0 || seen >= total)
			}
			if err != nil {
				yield(none, err)
				return
			}
			now := make(map[string]int, len(page.Data))
			for i, item := range page.Data {
				now[id(item)] = i
				if _, again := before[id(item)]; again {
					continue
				}
				seen++
				if !yield(item, nil) {
					return
				}
			}
			next, position := offset+1, (offset+1)*max(page.Limit, int64(len(page.Data)))
			if paging == ByRecord {
				next = offset + int64(len(page.Data))
				position = next
			}
			if len(page.Data) == 0 || page.TotalCount > 0 && position >= page.TotalCount && (start > 0 || seen >= total) {
				return
			}
			before, offset = now, next
		}
	}
}

// fits compares a page with the one before it.
func fits[T any](page *Page[T], before map[string]int, id func(T) string, all bool) error {
	if len(page.Data) == 0 {
		if !all {
			return fmt.Errorf("%w: the list ended before the %d records it is said to have", ErrPages, page.TotalCount)
		}
		return nil
	}
	again := 0
	for _, item := range page.Data {
		if _, ok := before[id(item)]; ok {
			again++
		}
	}
	if place, ok := before[id(page.Data[0])]; ok && (place == 1 && len(before) > 2 || again == len(page.Data)) {
		return fmt.Errorf("%w: a page repeats records of the page before it, so offset counts otherwise than documented", ErrPages)
	}
	return nil
}
