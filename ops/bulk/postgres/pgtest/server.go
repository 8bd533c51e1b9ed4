package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Server is a PostgreSQL server of one's own, on a port of the loopback interface, made by the programs of the system's
// packages. It is for tests: everybody on this machine may connect to it.
type Server struct {
	URL string

	bin, data, port string
	as              *user.User // the server does not run as root
}

// NewServer makes a server whose data lie in a new folder below dir, and starts it. Settings are options such as "max_connections=50".
func NewServer(dir string, settings ...string) (*Server, error) {
	s := &Server{data: filepath.Join(dir, "postgres")}
	var err error
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if s.as, err = user.Lookup("postgres"); err != nil {
			return nil, err
		}
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	s.URL = "postgres://postgres@127.0.0.1:" + s.port + "/postgres"
	if err := os.Mkdir(s.data, 0o700); err != nil {
		return nil, err
	}
	if s.as != nil {
		uid, _ := strconv.Atoi(s.as.Uid)
		gid, _ := strconv.Atoi(s.as.Gid)
		if err := os.Chown(s.data, uid, gid); err != nil {
			return nil, err
		}
		for up := dir; up != "/"; up = filepath.Dir(up) { // the way there
			if info, err := os.Stat(up); err == nil && info.Mode()&0o001 == 0 {
				if err := os.Chmod(up, info.Mode()|0o011); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := s.do("initdb", "-D", s.data, "-A", "trust", "-U", "postgres", "--no-sync"); err != nil {
		return nil, err
	}
	config := append([]string{"port = " + s.port, "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''"}, settings...)
	f, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(strings.Join(config, "\n") + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return s, s.Start()
}

// Start starts it again.
func (s *Server) Start() error {
	return s.do("pg_ctl", "-D", s.data, "-l", filepath.Join(s.data, "log"), "-w", "-t", "60", "start")
}

// Stop stops it, as a restart or a fail-over does (fast), or as a crash does (immediate).
func (s *Server) Stop(mode string) error {
	return s.do("pg_ctl", "-D", s.data, "-m", mode, "-w", "-t", "60", "stop")
}

func (s *Server) do(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	if s.as != nil {
		cmd = exec.Command("setpriv", slices.Concat([]string{"--reuid", s.as.Uid, "--regid", s.as.Gid, "--clear-groups", filepath.Join(s.bin, program)}, args)...)
	}
	cmd.Dir = "/"
	var said bytes.Buffer
	log, err := os.CreateTemp("", "pg-*.log") // a server that goes on holds its output open
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		said.Write(text)
		return fmt.Errorf("%s: %w: %s", program, err, said.String())
	}
	return nil
}

// programs is the folder of the server's programs.
func programs() (string, error) {
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		if dir := string(bytes.TrimSpace(out)); exists(filepath.Join(dir, "pg_ctl")) {
			return dir, nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if len(found) == 0 {
		return "", errors.New("there is no PostgreSQL server here: install the package postgresql, or name one by DATABASE_URL")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
