// Command services runs a command, such as the tests that need them, with a PostgreSQL and a Redis server: those that
// DATABASE_URL and REDIS_URL name, else servers of its own from the system's packages, which end with the command.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/wxpay-go/wxpay/ops/bulk/postgres/pgtest"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "services:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	if len(args) == 0 {
		return 2, errors.New("say which command to run, such as go test")
	}
	dir, err := os.MkdirTemp("", "services-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if os.Getenv("DATABASE_URL") == "" {
		server, err := pgtest.NewServer(dir, "max_connections = 300")
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, server.Stop("immediate")) }()
		os.Setenv("DATABASE_URL", server.URL)
	}
	if os.Getenv("REDIS_URL") == "" {
		stop, at, err := redis(dir)
		if err != nil {
			return 1, err
		}
		defer stop()
		os.Setenv("REDIS_URL", at)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// redis starts a Redis server that keeps nothing.
func redis(dir string) (stop func(), at string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", dir)
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("there is no Redis server here: install the package redis-server, or name one by REDIS_URL: %w", err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return stop, "redis://" + address, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return nil, "", errors.New("the Redis server does not answer")
}
