// Command installcheck shows that the command wxpay can be installed by its module path once a version is tagged: it
// makes a proxy of modules out of this tree, in a folder of its own, with both modules of it tagged, and runs
// go install against that, with a module cache of its own. What is not in the tree comes from the module cache of the user.
//
// It also shows what a release has to change: ops/go.mod requires the version of the SDK that is tagged with it.
package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	root    = "github.com/wxpay-go/wxpay"
	version = "v0.1.0"
)

func main() {
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, "installcheck:", err)
		os.Exit(1)
	}
}

func check() error {
	tree, err := output("", nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "installcheck")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, err := output(tree, nil, "git", "ls-files", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	proxy := filepath.Join(dir, "proxy")
	modules := split(strings.Split(files, "\n"))
	for _, name := range []string{"", "ops"} {
		if err := publish(proxy, tree, name, modules[name]); err != nil {
			return err
		}
	}
	cache, err := output(tree, nil, "go", "env", "GOMODCACHE")
	if err != nil {
		return err
	}
	sources := []string{"file://" + filepath.ToSlash(proxy), "file://" + filepath.ToSlash(filepath.Join(cache, "cache", "download")), "https://proxy.golang.org"}
	env := []string{
		"GOPROXY=" + strings.Join(sources, ","), "GOWORK=off", "GOSUMDB=off", "GOFLAGS=-modcacherw -trimpath", "CGO_ENABLED=0",
		"GOMODCACHE=" + filepath.Join(dir, "mod"), "GOBIN=" + filepath.Join(dir, "bin"),
	}
	for _, at := range []string{version, "latest"} {
		if _, err := output(dir, env, "go", "install", root+"/ops/cmd/wxpay@"+at); err != nil {
			return err
		}
		fmt.Printf("go install %s/ops/cmd/wxpay@%s: ok\n", root, at)
	}
	said, err := output(dir, nil, filepath.Join(dir, "bin", "wxpay"), "version", "--json")
	if err != nil {
		return err
	}
	var v struct{ Version string }
	if err := json.Unmarshal([]byte(said), &v); err != nil || v.Version != version {
		return fmt.Errorf("the command says %s, not that it is %s", said, version)
	}
	fmt.Println("wxpay version --json:", said)
	return nil
}

// split gives files to the module in whose folder they lie.
func split(files []string) map[string][]string {
	modules := map[string][]string{}
	for _, f := range files {
		top, rest, below := strings.Cut(f, "/")
		if below && (top == "ops" || top == "bench") {
			modules[top] = append(modules[top], rest)
		} else if f != "" {
			modules[""] = append(modules[""], f)
		}
	}
	return modules
}

// publish writes a module in the layout of a module proxy.
func publish(proxy, tree, name string, files []string) error {
	module := strings.TrimSuffix(root+"/"+name, "/")
	mod, err := os.ReadFile(filepath.Join(tree, name, "go.mod"))
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(mod), root+" v0.0.0", root+" "+version)
	if strings.Contains(text, "\nreplace ") {
		return errors.New(name + "/go.mod has a replace directive, which go install refuses")
	}
	dir := filepath.Join(proxy, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	for file, content := range map[string]string{"list": version + "\n", version + ".info": string(info), version + ".mod": text} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return pack(filepath.Join(dir, version+".zip"), module+"@"+version+"/", filepath.Join(tree, name), files, text)
}

// pack writes the files under a prefix, and mod as go.mod.
func pack(path, prefix, dir string, files []string, mod string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	archive := zip.NewWriter(f)
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if errors.Is(err, os.ErrNotExist) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			return err
		}
		if file == "go.mod" {
			content = []byte(mod)
		}
		w, err := archive.Create(prefix + file)
		if err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// output runs a program and returns what it says; an error has what it said on stderr.
func output(dir string, env []string, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}
