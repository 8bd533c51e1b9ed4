package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// moved takes the set-up of a stand out of its environment and into a profile, with paths relative to it.
func (s *stand) moved(name string, keep ...string) map[string]string {
	s.t.Helper()
	home := s.t.TempDir()
	dir := filepath.Join(home, ".config", "wxpay")
	require.NoError(s.t, os.MkdirAll(dir, 0o700))
	var text strings.Builder
	text.WriteString("\ufeff# a shop\r\n\r\n")
	for _, v := range variables() {
		value := s.env[v.name]
		if value == "" {
			continue
		}
		if v.file {
			content, err := os.ReadFile(value)
			require.NoError(s.t, err)
			value = filepath.Base(value)
			require.NoError(s.t, os.WriteFile(filepath.Join(dir, value), content, 0o600))
			value = `"` + value + `"`
		}
		text.WriteString("export " + v.name + " = " + value + "\r\n")
	}
	require.NoError(s.t, os.WriteFile(filepath.Join(dir, name+".env"), []byte(text.String()), 0o600))
	env := map[string]string{"HOME": home}
	for _, name := range keep {
		env[name] = s.env[name]
	}
	return env
}

const echoCall = `{"echo_message":"x"}`

func echoArgs(more ...string) []string {
	return append([]string{"api", "POST", "/v3/security/echo", "-d", echoCall}, more...)
}

func TestProfile(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	env := s.moved("shop")
	file := filepath.Join(env["HOME"], ".config", "wxpay", "shop.env")
	with := func(name, value string) map[string]string {
		e := maps.Clone(env)
		e[name] = value
		return e
	}
	xdg := map[string]string{"XDG_CONFIG_HOME": filepath.Join(env["HOME"], ".config"), "WXPAY_PROFILE": "shop"}
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		code int
	}{
		"flag":             {env, []string{"--profile", "shop"}, exitDone},
		"path":             {nil, []string{"--profile", file}, exitDone},
		"variable":         {with("WXPAY_PROFILE", "shop"), nil, exitDone},
		"XDG":              {xdg, nil, exitDone},
		"not asked for":    {env, nil, exitUsage},
		"none of the name": {env, []string{"--profile", "other"}, exitUsage},
		// an environment of another merchant does not mix with a profile that is asked for
		"beside the environment": {with("WXPAY_MCH_ID", "1900000999"), []string{"--profile", "shop"}, exitDone},
	} {
		o := runIn(t, tt.env, "", echoArgs(tt.args...)...)
		assert.Equal(t, tt.code, o.code, "%s: %s", name, o.stderr)
		s.secretsIn(o.stdout + o.stderr)
	}
}

func TestProfilesAreCompleted(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	env := s.moved("shop")
	o := runIn(t, env, "", "__complete", "doctor", "--profile", "")
	assert.Contains(t, o.stdout, "shop\n")
	o = runIn(t, env, "", "__complete", "doctor", "--lang", "")
	assert.Contains(t, o.stdout, "zh\n")
}

// Without a name the environment counts if it has anything, else the profile default; the two are never mixed.
func TestDefaultProfile(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	env := s.moved("default")
	assert.Equal(t, exitDone, runIn(t, env, "", echoArgs()...).code)
	env["WXPAY_BASE_URL"] = s.url
	for _, lang := range []string{"en", "zh"} {
		o := runIn(t, env, "", echoArgs("--lang", lang)...)
		assert.Equal(t, exitUsage, o.code, "half of a set-up is none")
		assert.Contains(t, o.stderr, "default.env", "it says why")
		o = runIn(t, env, "", "doctor", "--json", "--lang", lang, "--timeout", "5s")
		assert.Equal(t, "warn", states(t, o)["setup"])
	}
	delete(env, "WXPAY_BASE_URL")
	o := runIn(t, env, "", "doctor", "--json")
	assert.Equal(t, exitDone, o.code, o.stdout)
	assert.Contains(t, o.stdout, "default.env")
	s.secretsIn(o.stdout)
	maps.Copy(env, s.env)
	assert.Equal(t, exitDone, runIn(t, env, "", echoArgs()...).code)
}

func TestBadProfile(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	const secret = "0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		text string
		mode os.FileMode
		said string
	}{
		"misspelled":      {"WXPAY_MCHID=1\n", 0o600, ":1:"},
		"no value":        {"WXPAY_MCH_ID=1\n" + secret + "\n", 0o600, ":2:"},
		"twice":           {"WXPAY_MCH_ID=1\nWXPAY_MCH_ID=2\n", 0o600, ":2:"},
		"several lines":   {"WXPAY_PRIVATE_KEY=-----BEGIN PRIVATE KEY-----\n" + secret + "\n", 0o600, ":2:"},
		"secret for all":  {"WXPAY_APIV3_KEY=" + secret + "\n", 0o644, "chmod 600"},
		"secret in group": {"TPNS_SECRET_KEY=" + secret + "\n", 0o640, "chmod 600"},
		"key in the text": {"WXPAY_MCH_ID=" + strings.Repeat("1", 2<<20), 0o600, "larger"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "p.env")
			require.NoError(t, os.WriteFile(path, []byte(tt.text), tt.mode))
			for _, lang := range []string{"en", "zh"} {
				o := runIn(t, nil, "", echoArgs("--profile", path, "--lang", lang)...)
				assert.Equal(t, exitUsage, o.code)
				assert.Contains(t, oneLineOf(t, o.stderr), tt.said)
				assert.NotContains(t, o.stderr, secret)
				o = runIn(t, nil, "", "doctor", "--profile", path, "--lang", lang)
				assert.Equal(t, exitUsage, o.code)
				assert.NotContains(t, o.stdout, secret)
			}
		})
	}
	// without a secret in it anybody may read it
	env := s.moved("shop")
	file := filepath.Join(env["HOME"], ".config", "wxpay", "shop.env")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var open []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "APIV3") && !strings.Contains(line, "SECRET") {
			open = append(open, line)
		}
	}
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(open, "")), 0o600))
	require.NoError(t, os.Chmod(file, 0o644))
	assert.Equal(t, exitDone, runIn(t, env, "", echoArgs("--profile", "shop")...).code)
}
