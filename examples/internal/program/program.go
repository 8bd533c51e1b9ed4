// Package program is what the examples have in common as commands: how they take their flags, how they are
// stopped, and how they say what went wrong.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// Need ends the program with its usage and exit code 2 if a flag of these names is empty, or if something
// that is no flag was given. It reads the command line if that was not done yet.
func Need(names ...string) {
	if !flag.Parsed() {
		flag.Parse()
	}
	if flag.NArg() > 0 {
		Misused("takes nothing but flags; one value has no flag before it")
	}
	for _, name := range names {
		if strings.TrimSpace(flag.Lookup(name).Value.String()) == "" {
			Misused("-" + name + " is missing or empty")
		}
	}
}

// Misused ends the program with what is wrong with its flags, its usage and exit code 2.
func Misused(reason string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", name(), reason)
	flag.Usage()
	os.Exit(2)
}

// Run runs f until it is done or the program is stopped by Ctrl-C or SIGTERM, which ends the context. If f
// fails the program says so in one line, with a hint in Chinese below if the reader reads Chinese (the
// English one is part of the error), and ends with exit code 1.
func Run(f func(context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := f(ctx)
	if err == nil {
		return
	}
	line := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", "; "), name()+": ") // a package may have the same name
	fmt.Fprintf(os.Stderr, "%s: %s\n", name(), line)
	if hint := chinese(err); hint != "" && readsChinese() {
		fmt.Fprintf(os.Stderr, "提示：%s\n", hint)
	}
	os.Exit(1)
}

func name() string { return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") }

// chinese is the hint of the first error in the chain of err that has one.
func chinese(err error) string {
	if e, ok := errors.AsType[*wxpay.UnknownError](err); ok {
		return e.Hint().Chinese
	}
	if e, ok := errors.AsType[*wxpay.Error](err); ok {
		return e.Hint().Chinese
	}
	if e, ok := errors.AsType[*pushpackage.Error](err); ok {
		return e.Hint().Chinese
	}
	return ""
}

// readsChinese goes by the environment: the first of the three that is set decides.
func readsChinese() bool {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return strings.HasPrefix(strings.ToLower(v), "zh")
		}
	}
	return false
}
