package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is read is what came, whatever was said of its length.
func TestReadAll(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, came := range []int{0, 1, 63 << 10, 64 << 10, 300 << 10, 1 << 20} {
		text := bytes.Repeat([]byte("0123456789abcde"), came/15+1)[:came]
		for _, said := range []int64{-1, 0, 64 << 10, int64(came) / 2, int64(came), int64(came) * 3, 100 << 20} {
			got, err := readAll(bytes.NewReader(text), said)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(text, got), "%d of %d bytes", came, said)
			assert.LessOrEqual(t, cap(got), max(2*came+512, 1<<10), "%d of %d bytes take room", came, said)
			got, err = readAll(io.MultiReader(bytes.NewReader(text), iotest.ErrReader(broken)), said)
			assert.ErrorIs(t, err, broken)
			assert.True(t, bytes.Equal(text, got))
		}
	}
}

// The parts of a form are those that mime/multipart finds, also where a form is odd, and those of a usual one are not copied.
func TestPartsAreNotCopied(t *testing.T) {
	t.Parallel()
	meta, file := "Content-Disposition: form-data; name=\"meta\"", "Content-Disposition: form-data; name=\"file\"; filename=\"a\""
	large := strings.Repeat("line\r\n\r\n--bx\r\n", 10_000)
	for name, test := range map[string]struct {
		form   string
		copied bool
	}{
		"usual":          {"--b\r\n" + meta + "\r\n\r\n{}\r\n--b\r\n" + file + "\r\n\r\n" + large + "\r\n--b--\r\n", false},
		"file first":     {"--b\r\n" + file + "\r\n\r\n" + large + "\r\n--b\r\n" + meta + "\r\n\r\n{}\r\n--b--\r\n", false},
		"with a preface": {"hello\r\n\r\n--b\r\n" + meta + "\r\n\r\n{}\r\n--b\r\n" + file + "\r\n\r\n" + large + "\r\n--b--\r\n", true},
		"bare newlines":  {"--b\n" + meta + "\n\n{}\n--b\n" + file + "\n\n" + large + "\n--b--\n", true},
		"empty parts":    {"--b\r\n" + meta + "\r\n\r\n\r\n--b\r\n" + file + "\r\n\r\n\r\n--b--\r\n", false},
		"like a heading": {"--b\r\n" + meta + "\r\n\r\n\r\n\r\n{}\r\n--b\r\n" + file + "\r\n\r\n\r\n\r\n" + large + "\r\n--b--\r\n", false},
	} {
		tx := &Tx{Sent: []byte(test.form), Header: http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}}
		parts, err := tx.Parts("meta", "file")
		require.NoError(t, err, name)
		want := map[string]string{}
		for r := multipart.NewReader(strings.NewReader(test.form), "b"); ; {
			p, err := r.NextRawPart()
			if err != nil {
				break
			}
			text, err := io.ReadAll(p)
			require.NoError(t, err, name)
			want[p.FormName()] = string(text)
		}
		assert.Equal(t, fmt.Sprint(want), fmt.Sprint(map[string]string{"meta": string(parts[0].Body), "file": string(parts[1].Body)}), name)
		if test.copied || len(parts[1].Body) == 0 {
			continue
		}
		at := bytes.Index(tx.Sent, parts[1].Body)
		assert.Same(t, &tx.Sent[at], &parts[1].Body[0], name)
		assert.Equal(t, len(parts[1].Body), cap(parts[1].Body), "%s: to append must not write into the form", name)
	}
}
