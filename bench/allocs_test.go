package bench

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// most is how many allocations a job may take beyond the floor. What was measured when it was set is at most
// two less. The encoding/json of Go 1.27 needs fewer.
func most() map[string]float64 {
	if strings.HasPrefix(runtime.Version(), "go1.26") {
		return map[string]float64{"GET": 20, "POST": 20, "notification": 34, "upload": 17}
	}
	return map[string]float64{"GET": 14, "POST": 14, "notification": 12, "upload": 12}
}

// jobs are what is counted, done by c.
func jobs(t *testing.T, p *Platform, c Contender) map[string]func() {
	path := filepath.Join(t.TempDir(), "upload.bin")
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<20), 0o600))
	n := p.Notification()
	must := func(err error) {
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	return map[string]func(){
		"GET":          func() { must(c.Get(t.Context())) },
		"POST":         func() { must(c.Post(t.Context())) },
		"notification": func() { must(c.Notify(n.Request())) },
		"upload":       func() { must(c.Upload(t.Context(), path)) },
	}
}

// allocations counts those of the whole process. Anything that happens beside the job only adds to them, so
// the least of several runs is the job's own.
func allocations(runs int, job func()) float64 {
	least := testing.AllocsPerRun(runs, job)
	for range 4 {
		least = min(least, testing.AllocsPerRun(runs, job))
	}
	return least
}

// TestAllocations keeps what this SDK allocates beyond the floor from creeping up.
func TestAllocations(t *testing.T) {
	if racing {
		withoutRaceDetector(t)
		return
	}
	p := NewPlatform()
	defer p.Close()
	sdk, err := SDK(p.Access)
	require.NoError(t, err)
	floors, ours := jobs(t, p, Floor(p.Access, false)), jobs(t, p, sdk)
	for name, limit := range most() {
		floor, our := allocations(20, floors[name]), allocations(20, ours[name])
		t.Logf("%s: floor %.0f, wxpay %+.0f, at most %+.0f", name, floor, our-floor, limit)
		assert.LessOrEqual(t, our-floor, limit, "%s: profile it with go test -bench %s -memprofile", name, name)

		worse := allocations(20, func() { ours[name](); waste(10) })
		assert.Greater(t, worse-floor, limit, "%s: ten allocations more would not be noticed; lower the limit", name)
	}
}

// TestUploadAllocationsOfAnySize: a file costs as many allocations whether it is large or small.
func TestUploadAllocationsOfAnySize(t *testing.T) {
	if racing {
		withoutRaceDetector(t)
		return
	}
	p := NewPlatform()
	defer p.Close()
	sdk, err := SDK(p.Access)
	require.NoError(t, err)
	count := func(size int64) float64 {
		path := filepath.Join(t.TempDir(), "upload.bin")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Truncate(path, size))
		return allocations(2, func() {
			if err := sdk.Upload(context.Background(), path); err != nil {
				t.Errorf("upload: %v", err)
			}
		})
	}
	small, large := count(1<<20), count(16<<20)
	assert.InDelta(t, small, large, 5, "1 MiB and 16 MiB")
}

var wasted *[64]byte

func waste(n int) {
	for range n {
		wasted = new([64]byte)
	}
}

// withoutRaceDetector runs the test again in a process where allocations can be counted: under the race
// detector sync.Pool forgets at random.
func withoutRaceDetector(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", "^"+t.Name()+"$", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}
