package pushpackage

import (
	"context"
	"io"
	"maps"
	"slices"
	"time"
)

// What tests cannot see from outside.
var (
	Sign         = sign
	CheckContent = checkContent
	CheckLines   = checkLines
)

func Padded(r io.ReaderAt, size int64) io.ReaderAt { return padded{r, size} }

func KnownCodes() []Code { return slices.Collect(maps.Keys(known)) }

// Turns are those that one client gives its waits.
func Turns() func(context.Context) time.Duration { return new(pace).turn }
