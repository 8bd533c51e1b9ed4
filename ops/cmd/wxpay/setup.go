package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/regular"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// A variable is one of the set-up.
type variable struct {
	name     string
	secret   bool
	file     bool // the value is a path; in a profile it may be relative to that file
	english  string
	chinese  string
	platform string // WXPAY or TPNS: those of one platform come from one place
}

func variables() []variable {
	return []variable{
		{name: "WXPAY_MCH_ID", platform: "WXPAY", english: "merchant number", chinese: "商户号"},
		{name: "WXPAY_BRAND_ID", platform: "WXPAY", english: "brand ID, in place of the merchant number if a brand calls", chinese: "品牌 ID，以品牌身份调用时代替商户号"},
		{name: "WXPAY_SERIAL_NO", platform: "WXPAY", english: "serial number of the API certificate; or WXPAY_CERTIFICATE_FILE", chinese: "商户 API 证书序列号；或设置 WXPAY_CERTIFICATE_FILE"},
		{name: "WXPAY_CERTIFICATE_FILE", platform: "WXPAY", file: true, english: "apiclient_cert.pem, for its serial number", chinese: "apiclient_cert.pem，从中读取序列号"},
		{name: "WXPAY_PRIVATE_KEY_FILE", platform: "WXPAY", file: true, english: "apiclient_key.pem, mode 0600; or WXPAY_PRIVATE_KEY", chinese: "apiclient_key.pem，权限 0600；或设置 WXPAY_PRIVATE_KEY"},
		{name: "WXPAY_PRIVATE_KEY", platform: "WXPAY", secret: true, english: "text of that file", chinese: "该文件的内容"},
		{name: "WXPAY_APIV3_KEY", platform: "WXPAY", secret: true, english: "APIv3 key, 32 bytes; opens notifications and certificates", chinese: "APIv3 密钥，32 字节；用于解密通知与平台证书"},
		{name: "WXPAY_PUBLIC_KEY_ID", platform: "WXPAY", english: "ID of the platform public key, PUB_KEY_ID_…", chinese: "微信支付公钥 ID，PUB_KEY_ID_…"},
		{name: "WXPAY_PUBLIC_KEY_FILE", platform: "WXPAY", file: true, english: "pub_key.pem; or WXPAY_PUBLIC_KEY", chinese: "pub_key.pem；或设置 WXPAY_PUBLIC_KEY"},
		{name: "WXPAY_PUBLIC_KEY", platform: "WXPAY", english: "text of that file", chinese: "该文件的内容"},
		{name: "WXPAY_BASE_URL", platform: "WXPAY", english: "another host, such as a fake", chinese: "其他地址，例如模拟器"},
		{name: "WXPAY_BACKUP_URL", platform: "WXPAY", english: "its backup host", chinese: "备用地址"},
		{name: "TPNS_ACCESS_ID", platform: "TPNS", english: "Access ID of the application", chinese: "应用的 Access ID"},
		{name: "TPNS_SECRET_KEY", platform: "TPNS", secret: true, english: "its SecretKey", chinese: "应用的 SecretKey"},
		{name: "TPNS_BASE_URL", platform: "TPNS", english: "its access point", chinese: "服务接入点"},
	}
}

// A setup is what the command is set up with, made when first asked for.
type setup struct {
	read   bool
	err    error
	file   string            // of the profile; empty: there is none
	named  bool              // the profile was asked for
	values map[string]string // in the profile
	unused []string          // variables of the other place, which do not count
	from   map[string]string // platform → "profile" or "environment"

	client *wxpay.Client
	tpns   *pushpackage.Client
}

// setup reads the profile once. The variables of one platform come from one place and are never mixed, or a call
// could be signed with the keys of one merchant in the name of another: from the profile if one is named (--profile,
// WXPAY_PROFILE) and has any of them; else from the environment if that has any; else from the profile default.
func (a *app) setup() *setup {
	s := &a.set
	if s.read {
		return s
	}
	s.read, s.from = true, map[string]string{}
	if s.file, s.named = a.profileFile(); s.file != "" {
		if s.values, s.err = readProfile(s.file); !s.named && errors.Is(s.err, fs.ErrNotExist) {
			s.file, s.err = "", nil
		}
	}
	for _, platform := range []string{"WXPAY", "TPNS"} {
		var inFile, inEnv []string
		for _, v := range variables() {
			if v.platform != platform {
				continue
			}
			if s.values[v.name] != "" {
				inFile = append(inFile, v.name)
			}
			if a.env(v.name) != "" {
				inEnv = append(inEnv, v.name)
			}
		}
		if len(inFile) > 0 && (s.named || len(inEnv) == 0) {
			s.from[platform], s.unused = "profile", append(s.unused, inEnv...)
		} else if len(inEnv) > 0 {
			s.from[platform], s.unused = "environment", append(s.unused, inFile...)
		}
	}
	return s
}

// lookup is a variable of the set-up, from the place that counts.
func (a *app) lookup(name string) string {
	s := a.setup()
	platform, _, _ := strings.Cut(name, "_")
	if s.from[platform] == "profile" {
		return s.values[name]
	}
	return a.env(name)
}

// profileFile is where the profile is, and whether it was asked for.
func (a *app) profileFile() (path string, named bool) {
	name := a.profile
	if name == "" {
		name = a.env("WXPAY_PROFILE")
	}
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".env") {
		return name, true
	}
	if name != "" {
		return filepath.Join(a.configDir(), name+".env"), true
	}
	return filepath.Join(a.configDir(), "default.env"), false
}

// configDir is where profiles are kept.
func (a *app) configDir() string {
	if dir := a.env("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "wxpay")
	}
	if dir := a.env("AppData"); dir != "" && runtime.GOOS == "windows" {
		return filepath.Join(dir, "wxpay")
	}
	home := a.env("HOME")
	if home == "" {
		home = "~" // nothing is found there, and an error shows where it was looked for
	}
	return filepath.Join(home, ".config", "wxpay")
}

// readProfile reads a file of lines NAME=value. Errors name file and line, never what stands there.
func readProfile(path string) (map[string]string, error) {
	f, info, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", path, err)
	}
	defer f.Close()
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil || len(text) > most {
		return nil, fmt.Errorf("profile %s: cannot be read, or is larger than any profile", path)
	}
	known := map[string]variable{}
	for _, v := range variables() {
		known[v.name] = v
	}
	values := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	lines.Buffer(nil, most+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name, value = strings.TrimSpace(name), unquote(strings.TrimSpace(value))
		v, isKnown := known[name]
		switch {
		case !ok:
			return nil, fmt.Errorf("profile %s:%d: is not of the form NAME=value, on one line", path, n)
		case !isKnown:
			return nil, fmt.Errorf("profile %s:%d: is not a variable of the set-up; wxpay help environment lists them", path, n)
		case values[name] != "":
			return nil, fmt.Errorf("profile %s:%d: %s stands there twice", path, n, name)
		case v.secret && value != "" && !regular.Private(info):
			return nil, fmt.Errorf("profile %s: holds a secret (%s) and can be read by others (mode %04o); run chmod 600", path, name, info.Mode().Perm())
		case v.file && value != "" && !filepath.IsAbs(value):
			value = filepath.Join(filepath.Dir(path), value)
		}
		values[name] = value
	}
	return values, lines.Err()
}

// unquote takes away one pair of quotes.
func unquote(s string) string {
	if n := len(s); n > 1 && s[0] == s[n-1] && (s[0] == '"' || s[0] == '\'') {
		return s[1 : n-1]
	}
	return s
}

// profiles lists the names of profiles, for completion.
func (a *app) profiles() []string {
	files, _ := filepath.Glob(filepath.Join(a.configDir(), "*.env"))
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".env")
	}
	return files
}

// client is the client for WeChat Pay.
func (a *app) client() (*wxpay.Client, error) {
	s := a.setup()
	if s.client != nil || s.err != nil {
		return s.client, a.badSetup(s.err)
	}
	config, err := wxpay.ConfigFrom(a.lookup)
	if err == nil {
		config.Concurrency = 256 // connections of a worker with 16 chunks of 16 calls at a time; a new one for a call costs a handshake
		if a.metrics != nil {
			config.Observe = a.metrics.calls.Call
		}
		s.client, err = wxpay.New(config)
	}
	return s.client, a.badSetup(err)
}

// tpns is the client for TPNS.
func (a *app) tpns() (*pushpackage.Client, error) {
	s := a.setup()
	if s.tpns != nil || s.err != nil {
		return s.tpns, a.badSetup(s.err)
	}
	config := a.tpnsConfig()
	if a.metrics != nil {
		config.Observe = a.metrics.calls.Push
	}
	var err error
	s.tpns, err = pushpackage.New(config)
	return s.tpns, a.badSetup(err)
}

func (a *app) tpnsConfig() pushpackage.Config {
	return pushpackage.Config{
		AccessID: a.lookup("TPNS_ACCESS_ID"), SecretKey: pushpackage.Secret(a.lookup("TPNS_SECRET_KEY")), BaseURL: a.lookup("TPNS_BASE_URL"),
	}
}

// badSetup is what is wrong with the set-up, with the next step.
func (a *app) badSetup(err error) error {
	if err == nil {
		return nil
	}
	english, chinese := oneLine(err.Error()), "配置有误："+oneLine(platform(err).said.Chinese)
	if s := a.setup(); s.err == nil && len(s.unused) > 0 {
		names := strings.Join(slices.Sorted(maps.Keys(platforms(s.unused))), "_*, ") + "_*"
		if s.named {
			english += fmt.Sprintf("; %s of the environment do not count beside the profile %s", names, s.file)
			chinese += fmt.Sprintf("；已指定配置文件 %s，环境变量 %s 不生效", s.file, names)
		} else {
			english += fmt.Sprintf("; %s of %s do not count, since the environment sets some", names, s.file)
			chinese += fmt.Sprintf("；环境变量已设置部分配置，%s 中的 %s 不生效", s.file, names)
		}
	}
	return &failure{exit: exitUsage, err: err, text: wxpay.Hint{English: english + "; wxpay doctor checks the whole set-up", Chinese: chinese + "；可运行 wxpay doctor 检查全部配置"}}
}

func platforms(names []string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		platform, _, _ := strings.Cut(name, "_")
		all[platform] = true
	}
	return all
}
