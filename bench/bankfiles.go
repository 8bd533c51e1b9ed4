package bench

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/services/bankpackages"
)

// numbers are n agreement numbers, made as they are asked for.
func numbers(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(strconv.Itoa(202600000000000000 + i)) {
				return
			}
		}
	}
}

func keysOf(a Access) cipher.Encryptor {
	ring, err := auth.NewKeyring(auth.PlatformKey{Serial: publicKeyID, Public: a.Platform})
	if err != nil {
		panic(err)
	}
	return ring
}

// free encrypts at no cost, to see what everything around encryption costs.
type free struct{}

var line = strings.Repeat("A", 344) // as long as a ciphertext of 2048 bits

func (free) SelectCertificate(context.Context) (string, error)       { return publicKeyID, nil }
func (free) Encrypt(context.Context, string, string) (string, error) { return line, nil }

// encrypt makes files of n numbers and drops them.
func encrypt(ctx context.Context, keys cipher.Encryptor, n int) error {
	lines := 0
	for file, err := range bankpackages.Encrypt(ctx, keys, "bench", numbers(n)) {
		if err != nil {
			return err
		}
		lines += file.Lines
	}
	if lines != n {
		return fmt.Errorf("%d lines instead of %d", lines, n)
	}
	return nil
}

// bareOAEP encrypts n numbers on all cores and does nothing else.
func bareOAEP(key *rsa.PublicKey, n int) error {
	var taken atomic.Int64
	var failed atomic.Pointer[error]
	var team sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		team.Go(func() {
			for i := taken.Add(1); i <= int64(n); i = taken.Add(1) {
				number := []byte(strconv.FormatInt(202600000000000000+i, 10))
				if _, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, number, nil); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	team.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Encrypt is a job: this SDK makes files of n numbers.
func (a Access) Encrypt(n int) func() error {
	keys := keysOf(a)
	return func() error { return encrypt(context.Background(), keys, n) }
}

// BareOAEP is the floor of Encrypt: each number encrypted, on all cores, and dropped.
func (a Access) BareOAEP(n int) func() error { return func() error { return bareOAEP(a.Platform, n) } }

// Import imports files full of numbers over a link that takes so long for each, whatever the CPUs do. It
// returns the share of the time from the first upload to the last in which no upload was under way.
func Import(files int, each time.Duration) (idle float64, err error) {
	link := &link{each: each}
	p := newPlatform(func(mux *http.ServeMux, signed func(body string) http.Handler) {
		link.task, link.none = signed(taskAnswer), signed(`{"data":[],"total_count":0,"offset":0,"limit":20}`)
		mux.Handle("/v3/marketing/bank/packages/8473295/tasks", link)
	})
	defer p.Close()
	client, err := wxpay.New(p.config())
	if err != nil {
		return 0, err
	}
	result, err := bankpackages.New(client).Import(context.Background(), bankpackages.ImportParams{
		PackageID: "8473295", BankType: "ICBC_DEBIT", Name: "bench", Numbers: numbers(files * bankpackages.MaxLines),
	})
	if err == nil && (result.Sent != files || link.files != files) {
		err = fmt.Errorf("%d files sent, %d taken, %d meant", result.Sent, link.files, files)
	}
	return 1 - float64(link.busy)/float64(link.last.Sub(link.first)), err
}

const taskAnswer = `{"task_id":"8473295","package_id":"8473295","filename":"bench","bank_type":"ICBC_DEBIT","create_time":"2026-01-20T10:34:56+08:00","status":"PROCESSING"}`

// A link takes one upload at a time, as the SDK sends them.
type link struct {
	each        time.Duration
	task, none  http.Handler
	files       int
	busy        time.Duration
	first, last time.Time
}

func (l *link) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		l.none.ServeHTTP(w, r)
		return
	}
	start := time.Now()
	if l.files++; l.files == 1 {
		l.first = start
	}
	_, _ = io.Copy(io.Discard, r.Body)
	time.Sleep(l.each - time.Since(start))
	l.task.ServeHTTP(w, r)
	l.last = time.Now()
	l.busy += l.last.Sub(start)
}
