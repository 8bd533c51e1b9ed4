package main

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A silent reader tells that it is asked, and gives nothing.
type silent struct {
	asked func()
	end   <-chan struct{}
}

func (s silent) Read([]byte) (int, error) {
	s.asked()
	<-s.end
	return 0, os.ErrClosed
}

// Ctrl-C ends a command that waits for somebody to type.
func TestInterruptedWhileReading(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, args := range [][]string{{"api", "POST", "/v3/security/echo", "-d", "-"}, {"push", "send", "--upload=1", "--title=T", "--content=C", "--params=-"}} {
		for _, lang := range []string{"en", "zh"} {
			ctx, cancel := context.WithCancel(t.Context())
			var stdout, stderr bytes.Buffer
			code := run(ctx, append(args, "--lang="+lang), func(name string) string { return s.env[name] }, silent{cancel, t.Context().Done()}, &stdout, &stderr)
			assert.Equal(t, exitInterrupted, code, stderr.String())
			oneLineOf(t, stderr.String())
		}
	}
	assert.Empty(t, s.fake.Requests())
}

func TestInterruptedAtTheQuestion(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("its terminals are made in another way")
	}
	d := newDesk(t, 1)
	require.Equal(t, exitDone, d.debit(d.noticed(d.debits("a.csv", "a"), "--job=j"), "--job=j").code)
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer screen.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	asked := &watcher{word: "[y/N]", seen: cancel}
	code := run(ctx, []string{"jobs", "forget", "j", "--dir=" + d.out}, func(string) string { return "" }, screen, &stdout, asked)
	assert.Equal(t, exitInterrupted, code, asked.String())
	assert.Contains(t, asked.String(), "nothing was forgotten")
	assert.FileExists(t, folder(d.out).ledger("j"))
}

// A watcher calls seen when a word is written.
type watcher struct {
	bytes.Buffer
	word string
	seen func()
}

func (w *watcher) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if bytes.Contains(w.Bytes(), []byte(w.word)) {
		w.seen()
	}
	return n, err
}
