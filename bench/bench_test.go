package bench

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// each runs a benchmark for every contender, to be profiled; cmd/table compares them.
func each(b *testing.B, do func(*testing.B, *Platform, Contender) func() error) {
	p := NewPlatform()
	defer p.Close()
	all, err := Contenders(p.Access)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range all {
		b.Run(c.Name, func(b *testing.B) {
			job := do(b, p, c)
			b.ReportAllocs()
			for b.Loop() {
				if err := job(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGET(b *testing.B) {
	each(b, func(b *testing.B, _ *Platform, c Contender) func() error {
		return func() error { return c.Get(b.Context()) }
	})
}

func BenchmarkPOST(b *testing.B) {
	each(b, func(b *testing.B, _ *Platform, c Contender) func() error {
		return func() error { return c.Post(b.Context()) }
	})
}

func BenchmarkNotification(b *testing.B) {
	each(b, func(_ *testing.B, p *Platform, c Contender) func() error {
		n := p.Notification()
		return func() error { return c.Notify(n.Request()) }
	})
}

func BenchmarkUpload(b *testing.B) {
	path := filepath.Join(b.TempDir(), "upload.bin")
	if err := os.WriteFile(path, make([]byte, 100<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	each(b, func(b *testing.B, _ *Platform, c Contender) func() error {
		return func() error { return c.Upload(context.Background(), path) }
	})
}

func BenchmarkEncrypt(b *testing.B) {
	p := NewPlatform()
	defer p.Close()
	for name, job := range map[string]func() error{
		"floor":                      p.BareOAEP(11_000),
		"wxpay":                      p.Encrypt(11_000),
		"wxpay, encryption left out": func() error { return encrypt(b.Context(), free{}, 1_000_000) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := job(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
