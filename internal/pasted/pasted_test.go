package pasted

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStray(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                   "",
		"1900000100":         "",
		`a"b`:                "", // within a value it may be meant
		" 1":                 "starts with a blank",
		"1\u3000":            "ends in a blank",
		"1\n":                "ends in a line break",
		"1\r\n":              "ends in a carriage return; was the file written on Windows?",
		"\ufeff1":            "starts with a byte order mark",
		"1\u200b":            "ends in an invisible character",
		"1\x002":             "holds a control character",
		"1 2":                "holds a blank",
		`"1"`:                "stands in quotes; leave them out",
		"'1'":                "stands in quotes; leave them out",
		"１":                  "holds a character that is not ASCII",
		"\u201c1\u201d":      "holds a character that is not ASCII",
		"https://a.b/\u00a0": "ends in a blank",
	} {
		assert.Equal(t, want, Stray(value), "%q", value)
	}
	assert.Empty(t, Around("a b 会"), "only the ends are looked at")
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	good := []string{
		"https://api.mch.weixin.qq.com", "https://api.mch.weixin.qq.com/", "HTTPS://api2.mch.weixin.qq.com", "https://host:8443", "https://192.0.2.1", "https://[2001:db8::1]:443",
		"http://localhost", "http://localhost:8080/", "http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:8080",
	}
	for _, s := range good {
		u, err := BaseURL(s)
		require.NoError(t, err, s)
		assert.Equal(t, strings.TrimSuffix(strings.Replace(s, "HTTPS", "https", 1), "/"), u.Scheme+"://"+u.Host)
	}
	bad := []string{
		"", " ", "host", "//host", "/path", "host:443", "localhost:8080", "https:", "https://", "https:///", "https://:443", "https:host", "https://ho st", "https://%zz", "\x00", " https://host",
		"https://host/v3", "https://host//", "https://host/.", "https://host?", "https://host/?", "https://host?a=b", "https://host#", "https://host/#", "https://host#a", "https://user@host", "https://user:password@host", "https://@host",
		"http://host", "http://api.mch.weixin.qq.com", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://10.0.0.1", "http://0.0.0.0", "http://2130706433", "http://127.1", "http://[::2]", "http://user@localhost",
		"https://host:", "https://host,", "https://host;", `https://host"`, "https://host'", "https://`host`", "https://<host>", "https://host\u3000", "https://主机",
		"ftp://host", "ws://localhost", "file:///etc/passwd", "unix:/run/socket", "javascript://host/", "httpss://host",
	}
	for _, s := range bad {
		u, err := BaseURL(s)
		assert.Error(t, err, "%q", s)
		assert.Nil(t, u)
		if err != nil && strings.Contains(s, "password") {
			assert.NotContains(t, err.Error(), "password")
		}
	}
}
