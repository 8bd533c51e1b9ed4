// Package emulator serves the fake WeChat Pay and TPNS of package wxpaytest on a socket, for programs in any language:
// v3 has no sandbox. Beside the platform's own paths it has an API at /_emulator/ by which tests of any language look
// at what was sent and let things happen, and a page at /_inspector/ on which people do.
//
//	e, err := emulator.New(emulator.Config{})
//	listener, err := emulator.Listen(ctx, "127.0.0.1:0", false)
//	err = e.Serve(ctx, listener)
package emulator

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// idle is how long a kept connection may be silent, as at the platform.
const idle = 8 * time.Second

// shown is how many bytes of a body the page and the API show.
const shown = 4 << 10

// A Config says what an [Emulator] does. The zero value serves loopback with keys of this run.
type Config struct {
	// Fake are the options of the fake. Seed is made up if it is empty and Dir has none; Observe is called too;
	// Journal, Shown, Log and NotifyHosts are the emulator's.
	Fake wxpaytest.Options

	Dir   string // where keys, the file env and the seed are; empty: nothing is written
	State string // file that the state is kept in from run to run; empty: it ends with the process
	Start []Step // what exists when the state is new

	Hosts         []string // names besides loopback ones under which the page and the API may be asked for
	Remote        bool     // others than this machine may ask, by an IP address or one of Hosts
	Speed         float64  // how much faster than the platform notifications are repeated; 0: as fast
	ForwardTo     string   // where all notifications go; empty: where the calls say
	AllowCallback []string // hosts besides loopback that notifications may go to; * is any
}

// An Emulator is one fake platform with its journal, its notifications, its API and its page.
type Emulator struct {
	config    Config
	seeded    bool // the caller named the seed, and wants runs that are alike
	catalog   *api.Catalog
	fake      atomic.Pointer[wxpaytest.Server]
	journal   *journal.Store
	callbacks *callbacks.Queue
	handler   http.Handler
	base      atomic.Pointer[string]

	resetting sync.Mutex
	log       *stateFile // nil: none
	dir       *flock.Flock
}

// New returns an emulator. It writes keys into Config.Dir, and reads the state; it does not listen.
func New(c Config) (_ *Emulator, err error) {
	e := &Emulator{config: c, seeded: c.Fake.Seed != ""}
	if e.catalog, err = api.Load(); err != nil {
		return nil, err
	}
	if c.Dir != "" {
		if e.config.Dir, err = filepath.Abs(c.Dir); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(e.config.Dir, 0o700); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	if err := e.seed(); err != nil {
		return nil, err
	}
	e.journal = journal.New(e.catalog)
	if e.callbacks, err = callbacks.New(callbacks.Options{Fake: e.Fake, Catalog: e.catalog, Speed: c.Speed, ForwardTo: c.ForwardTo, Allow: e.mayCall, Remote: c.Remote}); err != nil {
		return nil, err
	}
	if c.State != "" {
		if e.log, err = openState(c.State); err != nil {
			return nil, err
		}
	}
	if err := e.begin(true); err != nil {
		return nil, err
	}
	page, err := inspector.New(inspector.Sources{
		Fake: e.Fake, Catalog: e.catalog, Journal: e.journal, Callbacks: e.callbacks, BaseURL: e.BaseURL, Dir: e.config.Dir,
		Replay: e.Replay, Try: e.Try, Sign: e.sign, Reset: e.Reset,
	})
	if err != nil {
		return nil, err
	}
	e.handler = e.routes(page)
	return e, nil
}

// seed finds the seed: that of the configuration, or the one that the folder has, or a new one, which the folder keeps.
// A folder with a key and no seed is somebody's who has real keys in it.
func (e *Emulator) seed() error {
	if e.config.Dir == "" {
		return nil
	}
	path := filepath.Join(e.config.Dir, "seed")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if errors.Is(err, os.ErrNotExist) {
		for _, name := range []string{"apiclient_key.pem", "apiclient_cert.pem", "pub_key.pem", "env"} {
			if _, err := os.Lstat(filepath.Join(e.config.Dir, name)); err == nil {
				return fmt.Errorf("%s has a file %s that no emulator wrote; name an empty folder", e.config.Dir, name)
			}
		}
	}
	if e.dir, err = own(filepath.Join(e.config.Dir, ".lock"), e.config.Dir); err != nil {
		return err
	}
	kept := strings.TrimSpace(string(text))
	if e.config.Fake.Seed = cmp.Or(e.config.Fake.Seed, kept, rand.Text()); e.config.Fake.Seed == kept {
		return nil
	}
	return replace(path, []byte(e.config.Fake.Seed+"\n"))
}

// begin makes the fake, with the state that the file has if it is to go on, or what exists at the start.
func (e *Emulator) begin(goOn bool) error {
	o := e.config.Fake
	o.Journal, o.Shown, o.NotifyHosts = 1, shown, e.mayCall
	if !e.seeded { // whoever hears of two events by one ID drops the second
		o.Numbers = rand.Text()
	}
	o.Observe = e.observe
	if e.log != nil {
		o.Log = e.log.begin()
	}
	fake, err := wxpaytest.NewServer(o)
	if err != nil {
		return err
	}
	restored := false
	if goOn && e.log != nil {
		if restored, err = e.log.restore(fake); err != nil {
			return err
		}
	}
	if !restored {
		if err := start(fake, e.config.Start); err != nil {
			return err
		}
	}
	e.callbacks.Begin(func() { e.fake.Store(fake) })
	return nil
}

// observe is told of every exchange.
func (e *Emulator) observe(r wxpaytest.Request) {
	number := e.journal.Add(r)
	e.callbacks.Caused(number, r.Events)
	if e.config.Fake.Observe != nil {
		e.config.Fake.Observe(r)
	}
}

// mayCall reports whether notifications may go to a host that is not loopback.
func (e *Emulator) mayCall(host string) bool {
	return slices.ContainsFunc(e.config.AllowCallback, func(allowed string) bool { return allowed == "*" || strings.EqualFold(allowed, host) })
}

// Fake is the fake as it is now; a reset of the state replaces it.
func (e *Emulator) Fake() *wxpaytest.Server { return e.fake.Load() }

// Callbacks are the notifications of the emulator.
func (e *Emulator) Callbacks() *callbacks.Queue { return e.callbacks }

// Journal are the exchanges of the emulator.
func (e *Emulator) Journal() *journal.Store { return e.journal }

// BaseURL is where the emulator listens, such as http://127.0.0.1:8089; empty before it does.
func (e *Emulator) BaseURL() string {
	if base := e.base.Load(); base != nil {
		return *base
	}
	return ""
}

// ServeHTTP answers as the platform, as the API of the emulator, or with its page.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.handler.ServeHTTP(w, r) }

// Things that can be reset.
const (
	ResetFaults   = "faults"   // injected faults that are still to happen
	ResetRequests = "requests" // the journal
	ResetState    = "state"    // cards, contracts and so on, and notifications; what exists at the start is there again
	ResetAll      = "all"
)

// Resets are what [Emulator.Reset] knows.
func Resets() []string { return []string{ResetFaults, ResetRequests, ResetState, ResetAll} }

// Reset begins anew with faults, requests, state, or all. Keys stay as they are.
func (e *Emulator) Reset(what string) error {
	if !slices.Contains(Resets(), what) {
		return fmt.Errorf("%q cannot be reset; it is one of %s", what, strings.Join(Resets(), ", "))
	}
	e.resetting.Lock()
	defer e.resetting.Unlock()
	if what == ResetFaults || what == ResetAll {
		e.Fake().Recover()
	}
	if what == ResetState || what == ResetAll {
		kept := e.Fake().Injections()
		if e.log != nil {
			if err := e.log.clear(); err != nil {
				return err
			}
		}
		if err := e.begin(false); err != nil {
			return err
		}
		for _, i := range kept {
			if what == ResetState && i.Times != 0 && i.Header == "" {
				if _, err := e.Fake().InjectFault(i); err != nil {
					return err
				}
			}
		}
	}
	if what == ResetRequests || what == ResetAll {
		e.journal.Delete(journal.Filter{})
	}
	return nil
}

// Close lets others have the folder and the file of the state. [Emulator.Serve] does it too.
func (e *Emulator) Close() error {
	var err error
	if e.dir != nil {
		err = e.dir.Unlock()
	}
	if e.log != nil {
		err = errors.Join(err, e.log.Close())
	}
	return err
}

// Serve answers on a listener, https if it is one of TLS, and sends notifications, until ctx ends; then it lets
// what is on its way end, for a few seconds at most.
func (e *Emulator) Serve(ctx context.Context, l net.Listener) error {
	defer e.Close()
	base := BaseOf(l)
	e.base.Store(&base)
	server := &http.Server{
		Handler: e, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 3 * time.Minute, IdleTimeout: idle, MaxHeaderBytes: 64 << 10,
		ErrorLog: silent(), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var sending sync.WaitGroup
	sending.Go(func() { e.callbacks.Run(ctx) })
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // those that hang
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-stopped
	}
	sending.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Dir is the folder of keys and env, as an absolute path.
func (e *Emulator) Dir() string { return e.config.Dir }
