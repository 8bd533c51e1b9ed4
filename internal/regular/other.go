//go:build !unix

package regular

import "io/fs"

const atOnce = 0

// Private is always true: the permissions of this system are not in the mode of a file.
func Private(fs.FileInfo) bool { return true }
