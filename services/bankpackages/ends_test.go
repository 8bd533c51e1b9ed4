package bankpackages_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
)

// cheap encrypts at no cost into what looks like ciphertext. before is told how many lines were made.
type cheap struct {
	before func(ctx context.Context, n int64)
	lines  atomic.Int64
}

func (c *cheap) SelectCertificate(context.Context) (string, error) {
	return platformtest.PublicKeyID, nil
}

func (c *cheap) Encrypt(ctx context.Context, _, plain string) (string, error) {
	if n := c.lines.Add(1); c.before != nil {
		c.before(ctx, n)
	}
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%-256s", plain)), nil
}

// quick is a service that encrypts with [cheap].
func quick(t testing.TB, mock http.RoundTripper, before func(context.Context, int64)) *bankpackages.Service {
	t.Helper()
	config := platformtest.Config(mock)
	config.Verifier, config.Encryptor = platformtest.Client(t, nil).Verifier(), &cheap{before: before}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	return bankpackages.New(client)
}

// refusing takes what is not to be refused.
func refusing(which func(*http.Request) bool) http.RoundTripper {
	k := new(taker)
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		if which(req) {
			return httpmock.NewStringResponse(403, `{"code":"NO_AUTH","message":"m"}`), nil
		}
		return k.RoundTrip(req)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// at calls stop when it is called the n-th time.
func at(n int64, stop func()) func() {
	var calls atomic.Int64
	return func() {
		if calls.Add(1) == n {
			stop()
		}
	}
}

// each calls before for every number that is read.
func each(numbers iter.Seq[string], before func()) iter.Seq[string] {
	return func(yield func(string) bool) {
		for number := range numbers {
			if before(); !yield(number) {
				return
			}
		}
	}
}

// sending calls f for every request of a method.
func sending(method string, f func()) func(*http.Request) {
	return func(req *http.Request) {
		if req.Method == method {
			f()
		}
	}
}

const files = 3

// An arrangement of an import has cancel called at some moment of it.
type arrangement func(p *bankpackages.ImportParams, k *taker, before *func(context.Context, int64), cancel func())

// Wherever the context ends, and whatever runs then, the import does not say that it is done.
func TestImportNeverSaysNilTooEarly(t *testing.T) {
	t.Parallel()
	const list, full = files * bankpackages.MaxLines, bankpackages.MaxLines
	reads := func(n int64) arrangement {
		return func(p *bankpackages.ImportParams, _ *taker, _ *func(context.Context, int64), cancel func()) {
			p.Numbers = each(p.Numbers, at(n, cancel))
		}
	}
	sends := func(method string, n int64) arrangement {
		return func(_ *bankpackages.ImportParams, k *taker, _ *func(context.Context, int64), cancel func()) {
			k.before = sending(method, at(n, cancel))
		}
	}
	encrypts := func(n int64) arrangement {
		return func(_ *bankpackages.ImportParams, _ *taker, before *func(context.Context, int64), cancel func()) {
			*before = func(_ context.Context, made int64) {
				if made == n {
					cancel()
				}
			}
		}
	}
	for name, arrange := range map[string]arrangement{
		"before anything": func(_ *bankpackages.ImportParams, _ *taker, _ *func(context.Context, int64), cancel func()) { cancel() },
		"first number":    reads(1), "while checking": reads(list / 2), "last number checked": reads(list),
		"first number sent": reads(list + 1), "second file read": reads(list + full + 1), "last number read": reads(2 * list),
		"first look-up": sends(http.MethodGet, 1), "second look-up": sends(http.MethodGet, 2), "last look-up": sends(http.MethodGet, files),
		"first upload": sends(http.MethodPost, 1), "second upload": sends(http.MethodPost, 2), "last upload": sends(http.MethodPost, files),
		"first line": encrypts(1), "in the first file": encrypts(100), "second file": encrypts(full + 100), "in the last file": encrypts(list - 100),
		"told of the first": func(p *bankpackages.ImportParams, _ *taker, _ *func(context.Context, int64), cancel func()) {
			p.Progress = func(bankpackages.Task) { cancel() }
		},
		"soon after the first": func(p *bankpackages.ImportParams, _ *taker, _ *func(context.Context, int64), cancel func()) {
			p.Progress = func(bankpackages.Task) { go cancel() }
		},
		// An iterator that stops with its own query, as rows of a database do, without a word.
		"list stops while checking": stopping(list / 2), "list stops while sending": stopping(list + full + 100), "list stops at a cut": stopping(list + full),
	} {
		waits := []bool{false}
		if name == "last upload" {
			waits = append(waits, true)
		}
		for _, wait := range waits {
			t.Run(fmt.Sprintf("%s, wait %t", name, wait), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				p, k, before := importOf(list), new(taker), func(context.Context, int64) {}
				p.Wait, p.Every = wait, time.Hour
				arrange(&p, k, &before, cancel)
				result, err := quick(t, k, before).Import(ctx, p)
				if err == nil { // it was too late to end
					require.Contains(t, []string{"last upload", "soon after the first"}, name)
					require.Len(t, result.Tasks, files)
					require.False(t, wait)
				} else {
					require.ErrorIs(t, err, context.Canceled)
					require.NotContains(t, err.Error(), "2020000")
				}
				require.LessOrEqual(t, len(result.Tasks), files)
				require.EqualValues(t, len(result.Tasks)*full, result.Lines, "what was done so far")
				require.Equal(t, result.Sent, len(result.Tasks))
			})
		}
	}
}

func stopping(n int64) arrangement {
	return func(p *bankpackages.ImportParams, _ *taker, _ *func(context.Context, int64), cancel func()) {
		var read atomic.Int64
		all := p.Numbers
		p.Numbers = func(yield func(string) bool) {
			for number := range all {
				if !yield(number) {
					return
				}
				if read.Add(1) == n {
					cancel()
					return
				}
			}
		}
	}
}

// The cause that the caller gave is told beside the error of the context.
func TestEncryptTellsWhyItEnds(t *testing.T) {
	t.Parallel()
	boom := errors.New("the shop closes")
	type encrypted = iter.Seq2[*bankpackages.File, error]
	for name, f := range map[string]func(ctx context.Context, cancel func()) encrypted{
		"encrypting": func(ctx context.Context, cancel func()) encrypted {
			return bankpackages.Encrypt(ctx, &cheap{before: func(_ context.Context, n int64) {
				if n == 100 {
					cancel()
				}
			}}, "list", numbers(1_000))
		},
		"the list stops": func(ctx context.Context, cancel func()) encrypted {
			return bankpackages.Encrypt(ctx, new(cheap), "list", func(yield func(string) bool) {
				if yield("1") {
					cancel()
				}
			})
		},
		"the list stops before its first": func(ctx context.Context, cancel func()) encrypted {
			return bankpackages.Encrypt(ctx, new(cheap), "list", func(func(string) bool) { cancel() })
		},
		"endless": func(ctx context.Context, cancel func()) encrypted {
			n := 0
			return bankpackages.Encrypt(ctx, new(cheap), "list", func(yield func(string) bool) {
				for yield("1") {
					if n++; n == 8_000 {
						cancel()
					}
				}
			})
		},
		"lines": func(ctx context.Context, cancel func()) encrypted {
			return bankpackages.EncryptLines(ctx, new(cheap), "list", readerFunc(func(p []byte) (int, error) {
				cancel()
				return copy(p, "1\n2\n"), io.EOF
			}))
		},
		"lines that break off": func(ctx context.Context, cancel func()) encrypted {
			return bankpackages.EncryptLines(ctx, new(cheap), "list", readerFunc(func([]byte) (int, error) {
				cancel()
				return 0, io.ErrClosedPipe
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			_, err := collect(f(ctx, func() { cancel(boom) }))
			assert.ErrorIs(t, err, context.Canceled)
			assert.ErrorIs(t, err, boom)
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// What the caller's code panics with comes up where the caller can recover it, and nothing is left running
// (TestMain looks).
func TestPanicsComeUpInTheCaller(t *testing.T) {
	t.Parallel()
	const list = 3 * bankpackages.MaxLines
	type bug struct{ error }
	oops := bug{errors.New("oops")}
	boom := func() { panic(oops) }
	numbersUntil := func(n int64) iter.Seq[string] { return each(numbers(list), at(n, boom)) }
	lineOf := func(n int64) func(context.Context, int64) {
		return func(_ context.Context, made int64) {
			if made >= n {
				boom()
			}
		}
	}
	importing := func(mock http.RoundTripper, before func(context.Context, int64), change func(*bankpackages.ImportParams)) func(*testing.T) {
		return func(t *testing.T) {
			p := importOf(list)
			p.Wait = false
			if change != nil {
				change(&p)
			}
			_, err := quick(t, mock, before).Import(t.Context(), p)
			t.Error("returned", err)
		}
	}
	panicking := func(method string, n int64) http.RoundTripper {
		return &taker{before: sending(method, at(n, boom))}
	}
	for name, f := range map[string]func(*testing.T){
		"numbers, checking": importing(new(taker), nil, func(p *bankpackages.ImportParams) { p.Numbers = numbersUntil(10) }),
		"numbers, sending":  importing(new(taker), nil, func(p *bankpackages.ImportParams) { p.Numbers = numbersUntil(list + 2*bankpackages.MaxLines) }),
		"progress":          importing(new(taker), nil, func(p *bankpackages.ImportParams) { p.Progress = func(bankpackages.Task) { boom() } }),
		"first look-up":     importing(panicking(http.MethodGet, 1), nil, nil),
		"second look-up":    importing(panicking(http.MethodGet, 2), nil, nil),
		"upload":            importing(panicking(http.MethodPost, 1), nil, nil),
		"first line":        importing(new(taker), lineOf(1), nil),
		"some line":         importing(new(taker), lineOf(1_000), nil),
		"some later line":   importing(new(taker), lineOf(bankpackages.MaxLines+1_000), nil),
		"Encrypt, numbers":  encrypting(new(cheap), numbersUntil(10)),
		"Encrypt, line":     encrypting(&cheap{before: lineOf(1_000)}, numbers(list)),
		"Encrypt, last":     encrypting(&cheap{before: lineOf(list)}, numbers(list)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() { assert.Equal(t, oops, recover()) }()
			f(t)
		})
	}
}

func encrypting(keys *cheap, numbers iter.Seq[string]) func(*testing.T) {
	return func(t *testing.T) {
		_, err := collect(bankpackages.Encrypt(t.Context(), keys, "list", numbers))
		t.Error("returned", err)
	}
}

// A goroutine of an encryptor that ends itself makes no file with the numbers it left plain.
func TestEncryptorThatExits(t *testing.T) {
	t.Parallel()
	keys := &cheap{before: func(_ context.Context, n int64) {
		if n == 500 {
			runtime.Goexit()
		}
	}}
	defer func() { assert.NotNil(t, recover()) }()
	list, err := collect(bankpackages.Encrypt(t.Context(), keys, "list", numbers(1_000)))
	t.Error(len(list), err)
}

// A line that cannot be encrypted ends the work on all cores; one of another length makes no file.
func TestEncryptStopsAtABadLine(t *testing.T) {
	t.Parallel()
	keys := new(cheap)
	keys.before = func(_ context.Context, n int64) {
		if n == 100 {
			panic("bad key")
		}
		if n > 100 {
			time.Sleep(time.Millisecond)
		}
	}
	assert.Panics(t, func() {
		_, _ = collect(bankpackages.Encrypt(t.Context(), keys, "list", numbers(bankpackages.MaxLines)))
	})
	assert.Less(t, keys.lines.Load(), int64(2_000))

	list, err := collect(bankpackages.Encrypt(t.Context(), uneven{new(cheap)}, "list", numbers(100)))
	assert.ErrorContains(t, err, "lines of different length")
	assert.Empty(t, list)
}

// uneven makes one line longer than the others.
type uneven struct{ *cheap }

func (u uneven) Encrypt(ctx context.Context, serial, plain string) (string, error) {
	line, err := u.cheap.Encrypt(ctx, serial, plain)
	if plain == "202000000050" {
		line += "="
	}
	return line, err
}

// An upload that is refused ends the work on the next file at once, and nothing of it is left when the import
// returns.
func TestImportStopsEncrypting(t *testing.T) {
	t.Parallel()
	under, refused := make(chan struct{}), make(chan struct{})
	patience, end := context.WithTimeout(t.Context(), 10*time.Second)
	defer end()
	once, running := sync.OnceFunc(func() { close(under) }), atomic.Int64{}
	service := quick(t, refusing(func(req *http.Request) bool {
		if req.Method == http.MethodPost {
			<-under
			close(refused)
		}
		return req.Method == http.MethodPost
	}), func(ctx context.Context, n int64) {
		if n <= bankpackages.MaxLines+1 {
			return
		}
		running.Add(1) // on the second file, beside the first upload
		defer running.Add(-1)
		once()
		<-refused
		select {
		case <-ctx.Done():
			time.Sleep(50 * time.Millisecond)
		case <-patience.Done():
			t.Error("encryption of the next file went on")
		}
	})
	_, err := service.Import(t.Context(), importOf(3*bankpackages.MaxLines))
	assert.ErrorIs(t, err, wxpay.CodeNoAuth)
	assert.Zero(t, running.Load())
}

// Three uploads of a file and no more, and none where nobody can say whether the first was taken.
func TestImportGivesUp(t *testing.T) {
	t.Parallel()
	platformtest.MerchantKey()
	platformtest.PlatformKey()
	for name, tt := range map[string]struct {
		looks func(n int64) *http.Response
		posts int64
		want  error
	}{
		"never taken":     {func(int64) *http.Response { return noTask() }, 3, wxpay.CodeSystemError},
		"look-up refused": {func(n int64) *http.Response { return answerFrom(n, 2, 403, `{"code":"NO_AUTH","message":"m"}`) }, 1, wxpay.CodeSystemError},
		"no look-up": {func(n int64) *http.Response {
			return answerFrom(n, 1, 503, `{"code":"SERVICE_UNAVAILABLE","message":"m"}`)
		}, 0, wxpay.CodeServiceUnavailable},
		"first look-up fails": {func(n int64) *http.Response { return answerFrom(n, 1, 403, `{"code":"NO_AUTH","message":"m"}`) }, 0, wxpay.CodeNoAuth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var looks, posts atomic.Int64
				result, err := quick(t, roundTrip(func(req *http.Request) (*http.Response, error) {
					if req.Method == http.MethodGet {
						return tt.looks(looks.Add(1)), nil
					}
					posts.Add(1)
					return httpmock.NewStringResponse(500, `{"code":"SYSTEM_ERROR","message":"m"}`), nil
				}), nil).Import(t.Context(), importOf(20))
				assert.ErrorIs(t, err, tt.want)
				assert.Equal(t, tt.posts, posts.Load())
				assert.Empty(t, result.Tasks)
			})
		})
	}
}

// answerFrom finds no task before the look-up number from.
func answerFrom(n, from int64, status int, body string) *http.Response {
	if n < from {
		return noTask()
	}
	return httpmock.NewStringResponse(status, body)
}

// The context ends while the fate of an upload is looked up, after the first or the last try: both are told.
func TestImportEndsWhileLookingUp(t *testing.T) {
	t.Parallel()
	platformtest.MerchantKey()
	platformtest.PlatformKey()
	for _, last := range []int64{2, 4} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var looks atomic.Int64
			_, err := quick(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				if req.Method == http.MethodPost {
					return httpmock.NewStringResponse(500, `{"code":"SYSTEM_ERROR","message":"m"}`), nil
				}
				if looks.Add(1) == last {
					cancel()
					return nil, req.Context().Err()
				}
				return noTask(), nil
			}), nil).Import(ctx, importOf(20))
			assert.ErrorIs(t, err, context.Canceled)
			assert.ErrorIs(t, err, wxpay.CodeSystemError)
			assert.True(t, wxpay.OutcomeUnknown(err))
		})
	}
}
