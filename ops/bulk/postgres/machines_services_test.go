//go:build services && unix

package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

var soak = flag.Bool("soak", false, "many machines at full size, with a zombie of a minute; some minutes")

// A machine is a child process: a worker, which is told where its store is; the merchant it has from its environment.
type machine struct {
	store string
	env   []string
}

const child = "WXPAY_TEST_MACHINE"

func TestMain(m *testing.M) {
	store := os.Getenv(child)
	if store == "" {
		os.Exit(m.Run())
	}
	if err := untilToldToEnd(store); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// untilToldToEnd is the child: a worker until it is told to end, or killed.
func untilToldToEnd(at string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	config.HTTPClient = &http.Client{Transport: leaving{&http.Transport{MaxIdleConnsPerHost: 256}}}
	client, err := wxpay.New(config)
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, at)
	if err != nil {
		return err
	}
	defer store.Close()
	return bulk.Worker{Store: store, Operation: func(_ context.Context, _ string, h ledger.Head) (bulk.Operation, func(context.Context) ([]byte, error), error) {
		return members.ByPhone{Client: client, CardID: h.Settings["card_id"]}, bulk.ClientKey(client), nil
	}}.Run(ctx)
}

// start starts a machine of its own.
func (c machine) start(t testing.TB) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = slices.Concat(os.Environ(), c.env, []string{child + "=" + c.store})
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// leaving says of each call when it left: what arrives has also waited for a processor here and there.
type leaving struct{ *http.Transport }

const leftAt = "X-Left-At"

func (l leaving) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(leftAt, strconv.FormatInt(time.Now().UnixMicro(), 36)) // which looks like no number of somebody
	return l.Transport.RoundTrip(r)
}

// calls are the moments at which calls that change something left and arrived.
type calls struct {
	mu            sync.Mutex
	left, arrived []time.Time
}

func (c *calls) add(r wxpaytest.Request) {
	if r.Method == http.MethodPost {
		left, _ := strconv.ParseInt(r.Header.Get(leftAt), 36, 64)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.left, c.arrived = append(c.left, time.UnixMicro(left)), append(c.arrived, r.Time)
	}
}

// worst is the largest number of moments in any second.
func worst(at []time.Time) (most int) {
	slices.SortFunc(at, time.Time.Compare)
	for first, last := 0, 0; last < len(at); last++ {
		for at[last].Sub(at[first]) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// Three machines, of which one is killed and one is asleep for longer than its lease: every row has its effect once, at the
// rate that was given.
func TestMachines(t *testing.T) {
	rows, rate, asleep := 6000, 200.0, 20*time.Second
	if *soak {
		rows, rate, asleep = 50_000, 200.0, time.Minute
	}
	var seen calls
	s := newSite(t, wxpaytest.Options{Unlimited: true, Observe: seen.add})
	at := migrated(t)
	store := open(t, at)
	o, key := s.operation(t)
	_, err := bulk.Job{Store: store, Ledger: "autumn", Source: people(o, rows), Operation: o, Key: key, Rate: rate, Detach: true}.Run(t.Context())
	stop, ok := errors.AsType[*bulk.StopError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, bulk.WhyLimit, stop.Why)
	env, err := s.WriteKeys(t.TempDir())
	require.NoError(t, err)
	c := machine{at, append(env, "WXPAY_BASE_URL="+s.url)}
	conn, err := pgx.Connect(t.Context(), at)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	held := func(pid int) (chunks int) {
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM wxpay.chunks c JOIN wxpay.workers w ON w.id = c.worker WHERE w.pid = $1`, pid).Scan(&chunks))
		return chunks
	}
	begin := time.Now()
	killed, zombie, last := c.start(t), c.start(t), c.start(t)
	wait := func(what string, until func() bool) time.Duration {
		start := time.Now()
		for !until() {
			require.Less(t, time.Since(start), time.Minute+3*time.Duration(float64(rows)/rate*float64(time.Second)), what)
			time.Sleep(100 * time.Millisecond)
		}
		return time.Since(start)
	}
	wait("each has chunks", func() bool {
		return held(killed.Process.Pid) > 0 && held(zombie.Process.Pid) > 0 && held(last.Process.Pid) > 0
	})
	require.NoError(t, killed.Process.Kill())
	require.NoError(t, zombie.Process.Signal(syscall.SIGSTOP))
	slept := time.Now()
	recovered := wait("others have what the dead had", func() bool { return held(killed.Process.Pid) == 0 && held(zombie.Process.Pid) == 0 })
	time.Sleep(asleep - time.Since(slept))
	require.NoError(t, zombie.Process.Signal(syscall.SIGCONT))
	wait("all is done", func() bool {
		standing, err := store.Standing(t.Context(), "autumn")
		require.NoError(t, err)
		require.Nil(t, standing.Stopped)
		return !standing.Open
	})
	took := time.Since(begin)
	sum, err := bulk.Job{Store: store, Ledger: "autumn", Source: people(o, rows), Operation: o, Key: key, Rate: rate}.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: int64(rows), Done: int64(rows)}, sum.Sums)
	assert.Equal(t, rows, s.members(), "one effect each")
	seen.mu.Lock()
	defer seen.mu.Unlock()
	left := worst(seen.left)
	t.Logf("%d rows in %s at %.0f/s: %d calls more than rows, worst second %d that left and %d that arrived, recovery after %s", rows, took.Round(time.Second), rate, len(seen.left)-rows, left, worst(seen.arrived), recovered.Round(100*time.Millisecond))
	assert.LessOrEqual(t, recovered, 20*time.Second, "lease and 5 s")
	most := rate * 1.25 // what a machine that does other things as well makes of it
	if *soak {
		most = rate * 1.02
	}
	assert.LessOrEqual(t, float64(left), most)
	require.NoError(t, zombie.Process.Signal(syscall.SIGTERM))
	require.NoError(t, last.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, zombie.Wait())
	assert.NoError(t, last.Wait())
}
