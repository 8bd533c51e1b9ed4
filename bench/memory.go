package bench

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// Memory is what a job needed in a process of its own.
type Memory struct {
	Resident int64 // most that was resident, in bytes
	Rise     int64 // of that, beyond what was resident when the job began
	Heap     int64 // most that objects took on the heap, dead ones included until they are swept
	Took     time.Duration
}

// A job for a process of its own: its name, what it works on, and how to reach the platform.
type errand struct {
	Name     string
	Path     string // file to upload or check
	N        int    // numbers to encrypt
	Addr     string
	Merchant []byte // PKCS #1
	Platform []byte // PKCS #1
}

// Apart runs a job in a process of its own, which is this program again; its main must begin with
// [Errand].
func Apart(a Access, name, path string, n int) (Memory, error) {
	task, err := json.Marshal(errand{name, path, n, a.Addr, x509.MarshalPKCS1PrivateKey(a.Merchant), x509.MarshalPKCS1PublicKey(a.Platform)})
	if err != nil {
		return Memory{}, err
	}
	program, err := os.Executable()
	if err != nil {
		return Memory{}, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "WXPAY_BENCH_ERRAND=1")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(task), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return Memory{}, fmt.Errorf("%s in a process of its own: %w", name, err)
	}
	var m Memory
	return m, json.Unmarshal(out, &m)
}

// Errand does the job of [Apart] and ends the process, if this is that process.
func Errand() {
	if os.Getenv("WXPAY_BENCH_ERRAND") == "" {
		return
	}
	m, err := doErrand()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func doErrand() (Memory, error) {
	var e errand
	if err := json.NewDecoder(os.Stdin).Decode(&e); err != nil {
		return Memory{}, err
	}
	merchant, err := x509.ParsePKCS1PrivateKey(e.Merchant)
	if err != nil {
		return Memory{}, err
	}
	platform, err := x509.ParsePKCS1PublicKey(e.Platform)
	if err != nil {
		return Memory{}, err
	}
	warmUp, job, err := e.job(Access{e.Addr, merchant, platform})
	if err != nil {
		return Memory{}, err
	}
	if err := warmUp(); err != nil {
		return Memory{}, err
	}
	return observe(job)
}

// job returns what the errand names, and a small one of its kind to go first, so that connections, code and
// tables are there before memory is looked at.
func (e errand) job(a Access) (warmUp, job func() error, err error) {
	ctx := context.Background()
	switch e.Name {
	case "encrypt", "encrypt for free":
		keys := keysOf(a)
		if e.Name == "encrypt for free" {
			keys = free{}
		}
		return func() error { return encrypt(ctx, keys, 100) }, func() error { return encrypt(ctx, keys, e.N) }, nil
	case "check":
		return func() error { return nil }, func() error { return check(e.Path) }, nil
	case "inflate":
		return func() error { return nil }, func() error { return inflate(e.Path) }, nil
	}
	all, err := Contenders(a)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range all {
		if c.Name == e.Name {
			small := e.Path + ".small"
			return func() error { return c.Upload(ctx, small) }, func() error { return c.Upload(ctx, e.Path) }, nil
		}
	}
	return nil, nil, errors.New("no errand of this name")
}

// observe does job and watches the memory of this process.
func observe(job func() error) (Memory, error) {
	runtime.GC()
	debug.FreeOSMemory()
	before, err := status("VmRSS")
	if err != nil {
		return Memory{}, err
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // sets VmHWM to VmRSS
		return Memory{}, err
	}
	stop, heap := make(chan struct{}), make(chan int64)
	go func() { heap <- peakHeap(stop) }()
	start := time.Now()
	err = job()
	took := time.Since(start)
	most, failed := status("VmHWM")
	close(stop)
	return Memory{most, most - before, <-heap, took}, errors.Join(err, failed)
}

func peakHeap(stop <-chan struct{}) (peak int64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for {
		metrics.Read(sample)
		peak = max(peak, int64(sample[0].Value.Uint64()))
		select {
		case <-stop:
			return peak
		case <-tick.C:
		}
	}
}

// status reads a line of /proc/self/status, in bytes.
func status(name string) (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("resident memory is read on Linux only: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), name+":")
	line, _, _ := strings.Cut(rest, "kB")
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return n << 10, err
}
