package bankpackages_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/bankpackages"
)

func TestImportOfAnEndlessList(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p := importOf(0)
	p.Wait, p.Numbers = false, func(yield func(string) bool) {
		for yield("6217000012345678") {
		}
	}
	_, err := quick(t, new(taker), nil).Import(ctx, p)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestImportTakesOneSource(t *testing.T) {
	t.Parallel()
	p := importOf(20)
	p.Wait, p.Lines = false, media.Bytes("numbers.txt", []byte("1\n"))
	k := new(taker)
	_, err := quick(t, k, nil).Import(t.Context(), p)
	e, ok := errors.AsType[*wxpay.ParamError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "numbers", e.Param)
	assert.Empty(t, k.names)
}

// A list that is another one the second time is not taken for the one that was checked.
func TestImportNoticesAnotherList(t *testing.T) {
	t.Parallel()
	changed := func(second iter.Seq[string]) bankpackages.ImportParams {
		p, pass := importOf(0), 0
		p.Wait, p.Numbers = false, func(yield func(string) bool) {
			if pass++; pass == 1 {
				numbers(20)(yield)
			} else {
				second(yield)
			}
		}
		return p
	}
	for name, second := range map[string]iter.Seq[string]{
		"longer": numbers(21), "shorter": numbers(19), "empty": numbers(0),
		"bad":   func(yield func(string) bool) { _ = yield("1") && yield("6217 0000") },
		"other": func(yield func(string) bool) { _ = yield("1") && numbers(19) != nil },
		"same count": func(yield func(string) bool) {
			for n := range numbers(20) {
				if !yield("1" + n) {
					return
				}
			}
		},
	} {
		_, err := quick(t, new(taker), nil).Import(t.Context(), changed(second))
		assert.ErrorIs(t, err, media.ErrChanged, name)
		_, refused := errors.AsType[*wxpay.ParamError](err)
		assert.Equal(t, name == "bad", refused)
		assert.NotContains(t, err.Error(), "6217")
	}
}

// A file that is written to while it is imported: what was read of it may be right, but nobody knows.
func TestImportOfAFileThatGrows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "numbers.txt")
	var text strings.Builder
	for n := range numbers(2 * bankpackages.MaxLines) {
		text.WriteString(n + "\n")
	}
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	file, err := media.File(path)
	require.NoError(t, err)
	p := importOf(0)
	p.Wait, p.Numbers, p.Lines = false, nil, file
	look := at(1, func() {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
		if assert.NoError(t, err) {
			_, err = f.WriteString("202099999999\n")
			assert.NoError(t, errors.Join(err, f.Close()))
		}
	})
	first := func(_ context.Context, n int64) {
		if n == 1 { // the second pass has begun
			look()
		}
	}
	_, err = quick(t, new(taker), first).Import(t.Context(), p)
	assert.ErrorIs(t, err, media.ErrChanged)
}

func TestDuplicatesAreCounted(t *testing.T) {
	t.Parallel()
	list := func(yield func(string) bool) {
		for i := range bankpackages.MaxLines + 10 {
			number := fmt.Sprint(100_000 + i)
			if i%100 == 99 { // 55 in the first file
				number = "100000"
			}
			if i >= bankpackages.MaxLines+5 { // 4 of 5 in the second; that the first of them stood in the first file is not seen
				number = "100001"
			}
			if !yield(number) {
				return
			}
		}
	}
	var counts []int
	for file, err := range bankpackages.Encrypt(t.Context(), new(cheap), "list", list) {
		require.NoError(t, err)
		counts = append(counts, file.Duplicates)
	}
	assert.Equal(t, []int{55, 4}, counts)
	p := importOf(0)
	p.Wait, p.Numbers = false, list
	result, err := quick(t, new(taker), nil).Import(t.Context(), p)
	require.NoError(t, err)
	assert.EqualValues(t, 59, result.Duplicates)
	assert.EqualValues(t, bankpackages.MaxLines+10, result.Lines, "they are sent all the same")
}
