package wxpay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"

	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/media"
)

// A Prepared is a call that is ready to be sent: checked, encoded and sealed. Kept before the first byte leaves, it
// is the same call after a crash as before, to the last byte; encrypted anew, its body would be another one.
//
// It goes into JSON and comes back whole: that is for keeping it. Its secrets are ciphertexts by then; what else the
// call holds, such as an openid, stands there as it is. Formatted or logged it shows neither values nor body.
type Prepared struct {
	Route      string        `json:"route"`
	Vars       Vars          `json:"vars,omitzero"`
	Query      url.Values    `json:"query,omitzero"`  // with what was encrypted for it
	Body       []byte        `json:"body,omitzero"`   // JSON; of an upload, its meta
	Digest     *media.Digest `json:"digest,omitzero"` // nil: the call is no upload
	Serial     string        `json:"serial,omitzero"` // of the platform key that encrypted something; empty: nothing is
	Echo       Vars          `json:"echo,omitzero"`
	Idempotent bool          `json:"idempotent,omitzero"`
	Sender     string        `json:"sender,omitzero"` // merchant number or brand ID; empty if Config has a Signer and neither
}

// WithPrepared returns a context in which every call is given to keep once it is ready, and before the first byte of
// it leaves. If keep fails, nothing is sent, and the error of the call says so. Repetitions of the same call send
// what was kept; a walk or a wait makes several calls. The context that keep gets is without it, so that it may make
// calls itself. If ctx is such a context already, both keep each call, the one that was named first before the other.
func WithPrepared(ctx context.Context, keep func(context.Context, Prepared) error) context.Context {
	if first, _ := ctx.Value(preparedKey{}).(func(context.Context, Prepared) error); first != nil && keep != nil {
		second := keep
		keep = func(ctx context.Context, p Prepared) error {
			if err := first(ctx, p); err != nil {
				return err
			}
			return second(ctx, p)
		}
	}
	return context.WithValue(ctx, preparedKey{}, keep)
}

type preparedKey struct{}

// keep gives a request that is ready to whom WithPrepared named. What the SDK asks for by itself, the certificates
// of the platform, is nobody's call.
func (c *Client) keep(ctx context.Context, r *request) error {
	keep, _ := ctx.Value(preparedKey{}).(func(context.Context, Prepared) error)
	if keep == nil || r.verify != nil {
		return nil
	}
	if r.call.File != nil && r.call.Digest == nil {
		digest, err := r.call.File.Digest()
		if err != nil {
			return c.engine.NotSent(r.call.Route, err).Err
		}
		r.call.Digest = &digest
		if err := r.frame(); err != nil {
			return err
		}
	}
	p := Prepared{ // nothing of the call itself
		Route: r.call.Route, Vars: maps.Clone(r.call.Vars), Query: maps.Clone(r.query), Body: bytes.Clone(r.payload),
		Serial: r.call.Serial, Echo: maps.Clone(r.call.Echo), Idempotent: r.call.Idempotent, Sender: c.config.caller(),
	}
	for name, values := range p.Query {
		p.Query[name] = slices.Clone(values)
	}
	if r.call.Digest != nil {
		p.Digest = new(*r.call.Digest)
	}
	if r.sealed {
		p.Serial = r.serial
	}
	if err := keep(WithPrepared(ctx, nil), p); err != nil {
		return oneline.Error(fmt.Errorf("wxpay: %s: not kept, not sent: %w", r.call.Route, unsent{err}))
	}
	return nil
}

// Call is the call that sends p again: the same bytes with a signature of today, also by another process. Ask for
// the answer with the type that the method of its service returns:
//
//	code, err := wxpay.Do[membercard.CardCode](ctx, client, kept.Call())
//
// The file of an upload is not kept: set File of the call to it. One that changed since is not sent.
func (p Prepared) Call() Call {
	call := Call{
		Route: p.Route, Vars: p.Vars, Query: p.Query, Digest: p.Digest,
		Serial: p.Serial, Echo: p.Echo, Idempotent: p.Idempotent, Sender: p.Sender,
	}
	if p.Body != nil {
		call.Body = kept(p.Body)
	}
	return call
}

// Format shows which call it is and how much it sends, whatever the verb.
func (p Prepared) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

func (p Prepared) String() string {
	return fmt.Sprintf("wxpay.Prepared(%s, %d bytes)", p.Route, len(p.Body))
}

// LogValue is what slog shows.
func (p Prepared) LogValue() slog.Value { return slog.StringValue(p.String()) }

// kept is a body that was encoded before, in whatever spelling: it goes out as it is.
type kept []byte

// Format shows how much it is.
func (k kept) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%d bytes", len(k)) }
