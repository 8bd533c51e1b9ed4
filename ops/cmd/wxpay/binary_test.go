package main

import (
	"debug/elf"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The command is one file that needs nothing else.
func TestBinary(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "wxpay.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-X main.version=v9.8.7", "-o", path, ".")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	said, err := build.CombinedOutput()
	require.NoError(t, err, "%s", said)
	if runtime.GOOS == "linux" {
		file, err := elf.Open(path)
		require.NoError(t, err)
		defer file.Close()
		for _, p := range file.Progs {
			assert.NotEqual(t, elf.PT_INTERP, p.Type, "it is linked to libraries of this machine")
		}
	}
	out, err := exec.CommandContext(t.Context(), path, "version", "--json").Output()
	require.NoError(t, err)
	var v map[string]string
	require.NoError(t, json.Unmarshal(out, &v))
	assert.Equal(t, "v9.8.7", v["version"])
	err = exec.CommandContext(t.Context(), path, "nonsense").Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, exitUsage, exit.ExitCode())

	deps, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for name := range strings.Lines(string(deps)) {
		assert.NotContains(t, name, "testify")
	}
}
