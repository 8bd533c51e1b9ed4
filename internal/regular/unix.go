//go:build unix

package regular

import (
	"io/fs"
	"os"
	"syscall"
)

// atOnce keeps opening from waiting for whoever writes into a pipe.
const atOnce = syscall.O_NONBLOCK | syscall.O_NOCTTY

// Private reports whether a file is closed to others, by the rule of PostgreSQL for keys: nobody but the
// owner has any right; if the file belongs to root and this process does not, its group may read it, which
// is how secrets are mounted into containers.
func Private(info fs.FileInfo) bool {
	owner := -1
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = int(s.Uid)
	}
	return private(info.Mode(), owner, os.Geteuid())
}

func private(mode fs.FileMode, owner, self int) bool {
	if owner == 0 && self != 0 {
		return mode.Perm()&0o037 == 0
	}
	return mode.Perm()&0o077 == 0
}
