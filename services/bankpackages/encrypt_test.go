package bankpackages_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
)

func numbers(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("2020%08d", i)) {
				return
			}
		}
	}
}

// stub encrypts at no cost into lines of a given length; its key changes after some files.
type stub struct {
	length int
	files  atomic.Int64
	calls  atomic.Int64
	fail   error
}

func (s *stub) SelectCertificate(context.Context) (string, error) {
	return fmt.Sprintf("KEY%d", s.files.Add(1)), nil
}

func (s *stub) Encrypt(_ context.Context, serial, plain string) (string, error) {
	if s.calls.Add(1) > 8000 && s.fail != nil {
		return "", s.fail
	}
	return fmt.Sprintf("%s:%-*s", serial, s.length-len(serial)-1, plain), nil
}

type packed struct {
	name, serial string
	lines        []string
}

func collect(files iter.Seq2[*bankpackages.File, error]) (list []packed, err error) {
	for file, err := range files {
		if err != nil {
			return list, err
		}
		r, err := file.Source.Open()
		if err != nil {
			return list, err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return list, err
		}
		lines := strings.SplitAfter(string(text), "\n")
		if lines[len(lines)-1] != "" || len(lines)-1 != file.Lines || file.Source.Size() != int64(len(text)) {
			return list, fmt.Errorf("%s: %d lines announced, %d there", file.Source.Name(), file.Lines, len(lines)-1)
		}
		list = append(list, packed{file.Source.Name(), file.Serial, lines[:len(lines)-1]})
	}
	return list, nil
}

func TestEncrypt(t *testing.T) {
	t.Parallel()
	client := platformtest.Client(t, nil)
	files, err := collect(bankpackages.Encrypt(t.Context(), client.Encryptor(), "list", numbers(70)))
	require.NoError(t, err)
	require.Len(t, files, 1)
	assert.Equal(t, platformtest.PublicKeyID, files[0].serial)
	for i, line := range files[0].lines {
		assert.Len(t, line, 345, "344 characters of base64 and a line feed")
		assert.Equal(t, fmt.Sprintf("2020%08d", i), platformtest.Open(t, strings.TrimSuffix(line, "\n")))
	}
}

func TestEncryptCutsAndNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		numbers, length int
		want            []int
	}{
		{0, 344, nil},
		{1, 344, []int{1}},
		{5_500, 344, []int{5_500}},
		{5_501, 344, []int{5_500, 1}},
		{12_000, 344, []int{5_500, 5_500, 1_000}},
		{6_000, 684, []int{2_919, 2_919, 162}}, // key of 4096 bits: 2 MB come first
	}
	name := regexp.MustCompile(`^my_list-(\d{5})-[0-9a-z]{16}\.txt$`)
	for _, tt := range tests {
		files, err := collect(bankpackages.Encrypt(t.Context(), &stub{length: tt.length}, "my_list", numbers(tt.numbers)))
		require.NoError(t, err)
		var got []int
		next := 0
		for i, f := range files {
			got = append(got, len(f.lines))
			m := name.FindStringSubmatch(f.name)
			require.NotNil(t, m, f.name)
			assert.Equal(t, fmt.Sprintf("%05d", i+1), m[1])
			assert.Equal(t, fmt.Sprintf("KEY%d", i+1), f.serial)
			for _, line := range f.lines { // every number, in its place, with the key of its file
				require.Contains(t, line, fmt.Sprintf("%s:2020%08d", f.serial, next))
				next++
			}
		}
		assert.Equal(t, tt.want, got)
		assert.Equal(t, tt.numbers, next)
	}
}

func TestNamesFollowTheList(t *testing.T) {
	t.Parallel()
	names := func(list iter.Seq[string]) (names []string) {
		files, err := collect(bankpackages.Encrypt(t.Context(), &stub{length: 344}, "list", list))
		require.NoError(t, err)
		for _, f := range files {
			names = append(names, f.name)
		}
		return names
	}
	once, again := names(numbers(12_000)), names(numbers(12_000))
	assert.Equal(t, once, again, "the same list gives the same names")
	longer := names(numbers(12_001))
	assert.Equal(t, once[:2], longer[:2])
	assert.NotEqual(t, once[2], longer[2], "a file that changed has another name")
	changed := names(func(yield func(string) bool) {
		for n := range numbers(12_000) {
			if n == "202000000003" {
				n = "X"
			}
			if !yield(n) {
				return
			}
		}
	})
	for i := range once {
		assert.NotEqual(t, once[i], changed[i])
	}
}

func TestEncryptLines(t *testing.T) {
	t.Parallel()
	files, err := collect(bankpackages.EncryptLines(t.Context(), &stub{length: 344}, "list", strings.NewReader("\ufeff 111 \r\n\r\n222\n\n\t333")))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.Len(t, files[0].lines, 3)
	for i, want := range []string{"111", "222", "333"} {
		assert.Contains(t, files[0].lines[i], "KEY1:"+want+" ")
	}
	boom := errors.New("disk")
	_, err = collect(bankpackages.EncryptLines(t.Context(), &stub{length: 344}, "list", io.MultiReader(strings.NewReader("1\n"), iotest.ErrReader(boom))))
	assert.ErrorIs(t, err, boom, "a list that cannot be read to its end is not taken for a short one")
	_, err = collect(bankpackages.EncryptLines(t.Context(), &stub{length: 344}, "list", strings.NewReader("1\n"+strings.Repeat("9", 70_000))))
	assert.Error(t, err)
}

func TestEncryptRefuses(t *testing.T) {
	t.Parallel()
	list := func(bad string) iter.Seq[string] {
		return func(yield func(string) bool) { _ = yield("1") && yield("2") && yield(bad) }
	}
	for what, bad := range map[string]string{"empty": "", "space": "1 2", "line feed": "1\n2", "control": "1\x00", "not UTF-8": "1\xff", "long": strings.Repeat("9", 129)} {
		_, err := collect(bankpackages.Encrypt(t.Context(), &stub{length: 344}, "list", list(bad)))
		e, ok := errors.AsType[*wxpay.ParamError](err)
		require.True(t, ok, "%s: %v", what, err)
		assert.Contains(t, e.Reason, "number 3")
		if len(bad) > 1 {
			assert.NotContains(t, err.Error(), bad)
		}
	}
	for _, name := range []string{"", "a/b", "名单", strings.Repeat("a", 101)} {
		_, err := collect(bankpackages.Encrypt(t.Context(), &stub{length: 344}, name, numbers(1)))
		_, ok := errors.AsType[*wxpay.ParamError](err)
		assert.True(t, ok, "%v", err)
	}
	boom := errors.New("key is gone")
	files, err := collect(bankpackages.Encrypt(t.Context(), &stub{length: 344, fail: boom}, "list", numbers(12_000)))
	assert.ErrorIs(t, err, boom)
	assert.Len(t, files, 1, "the file before it is whole")
}

func TestEncryptEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	read := 0
	endless := func(yield func(string) bool) {
		for yield("1") {
			if read++; read == 7_000 {
				cancel()
			}
		}
	}
	files, err := collect(bankpackages.Encrypt(ctx, &stub{length: 344}, "list", endless))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Len(t, files, 1)
	for range bankpackages.Encrypt(t.Context(), &stub{length: 344}, "list", endless) { // leaving the loop ends it too
		break
	}
}

// Memory is that of one file, however long the list.
func TestEncryptKeepsMemoryFlat(t *testing.T) {
	live := func(n int) uint64 {
		most := uint64(0)
		for _, err := range bankpackages.Encrypt(t.Context(), &stub{length: 344}, "list", numbers(n)) {
			require.NoError(t, err)
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return most
	}
	few, many := live(20_000), live(200_000)
	assert.Less(t, many, few+1<<20)
}
