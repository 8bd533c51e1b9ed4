package pushpackage

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/internal/pasted"
	"github.com/wxpay-go/wxpay/internal/value"
)

// Access points. An application lives at exactly one, shown in its console; any other answers
// [CodeWrongAccessPoint].
const (
	GuangzhouURL = "https://api.tpns.tencent.com"     // mainland China
	ShanghaiURL  = "https://api.tpns.sh.tencent.com"  // mainland China
	HongKongURL  = "https://api.tpns.hk.tencent.com"  // outside
	SingaporeURL = "https://api.tpns.sgp.tencent.com" // outside
)

// A Config is what a [Client] is made of. Needed are AccessID and SecretKey; the rest has defaults.
type Config struct {
	AccessID  string // of the application, such as 1500001048; Android and iOS apps have one each
	SecretKey Secret

	BaseURL string // default GuangzhouURL; plain http for loopback hosts only

	// Signed logs in with a signature over time and body, which TPNS recommends, instead of HTTP Basic,
	// which sends the key itself. Uploads use Basic all the same: for them nothing else is documented.
	// How far the caller's clock may be off is not documented.
	Signed bool

	// HTTPClient sends the requests; its Transport may be any, httpmock's for one. Redirects are never
	// followed.
	HTTPClient *http.Client
	// Timeout bounds a whole call with its repetitions; the caller's context may end it sooner. Default
	// 30 s, at most a day; an upload has twice that and one more second for every 64 KiB.
	Timeout time.Duration
	// MaxAttempts is how often a call is sent at most, where it may be repeated at all. Default 3; 1
	// never repeats.
	MaxAttempts int

	// Observe is told of every attempt after it ended, for logs, metrics and traces. It must not block.
	Observe func(context.Context, Exchange)
}

// An Exchange is one attempt at a call. It holds no header, no body and no key.
type Exchange struct {
	Route    string // "POST /v3/…", fit for a metrics label
	Attempt  int    // 1 for the first
	Host     string // the access point
	Status   int    // of HTTP; 0 if no answer came
	RetCode  Code   // 0 for success, or if none came
	Duration time.Duration
	Odd      []string // members of an answer that could not be read as documented, by name
	Err      error    // what the caller sees if this is the last attempt
}

// LogValue gives the fields to slog one by one.
func (e Exchange) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("route", e.Route), slog.Int("attempt", e.Attempt), slog.String("host", e.Host),
		slog.Int("status", e.Status), slog.Int64("ret_code", int64(e.RetCode)), slog.Int64("duration_ms", e.Duration.Milliseconds()),
	}
	if len(e.Odd) > 0 {
		attrs = append(attrs, slog.Any("odd", e.Odd))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", oneline.Text(e.Err.Error())))
	}
	return slog.GroupValue(attrs...)
}

// ConfigFromEnv reads TPNS_ACCESS_ID, TPNS_SECRET_KEY and TPNS_BASE_URL. A variable that is not set leaves
// its field empty; [New] says what is missing.
func ConfigFromEnv() Config {
	return Config{
		AccessID:  os.Getenv("TPNS_ACCESS_ID"),
		SecretKey: Secret(os.Getenv("TPNS_SECRET_KEY")),
		BaseURL:   os.Getenv("TPNS_BASE_URL"),
	}
}

// Format shows the application and where it lives, and *** for the rest, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

func (c Config) String() string {
	return fmt.Sprintf("pushpackage.Config{AccessID:%s BaseURL:%s Signed:%t ***}", c.AccessID, c.BaseURL, c.Signed)
}

// LogValue is what slog shows.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is what JSON shows.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// complete returns c with its defaults, or the first thing that is wrong with it.
func (c Config) complete() (Config, error) {
	variables := map[string]string{"AccessID": "TPNS_ACCESS_ID", "SecretKey": "TPNS_SECRET_KEY", "BaseURL": "TPNS_BASE_URL"}
	wrong := func(field, reason string) (Config, error) {
		return Config{}, &ParamError{Route: "Config", Param: field, Reason: "(" + variables[field] + ") " + reason}
	}
	switch reason := pasted.Stray(c.AccessID); {
	case c.AccessID == "":
		return wrong("AccessID", "is missing")
	case reason != "":
		return wrong("AccessID", reason)
	case strings.Trim(c.AccessID, "0123456789") != "":
		return wrong("AccessID", "is no number of an application, which has digits only, such as 1500001048")
	}
	switch reason := pasted.Stray(string(c.SecretKey)); {
	case c.SecretKey == "":
		return wrong("SecretKey", "is missing")
	case reason != "":
		return wrong("SecretKey", reason)
	case strings.ContainsAny(string(c.SecretKey), "\"'`"):
		return wrong("SecretKey", "holds a quote")
	}
	c.BaseURL = cmp.Or(c.BaseURL, GuangzhouURL)
	if _, err := pasted.BaseURL(c.BaseURL); err != nil {
		return wrong("BaseURL", err.Error())
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	c.Timeout = min(cmp.Or(max(c.Timeout, 0), 30*time.Second), attempt.MaxTimeout)
	c.MaxAttempts = cmp.Or(max(c.MaxAttempts, 0), 3)
	return c, nil
}

// A Secret is text that must not be seen: Secret("…"). It shows itself as *** in every format, in JSON and in
// logs; string(s) is the text. It is the wxpay.Secret. Package fmt does not ask values in unexported fields:
// give a struct of yours that keeps a Secret or a [Config] in one a Format method, or keep the [Client] instead.
type Secret = value.Secret
