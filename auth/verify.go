package auth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"

	"github.com/wxpay-go/wxpay/internal/header"
)

// Why an answer or a notification is not believed. All of them are [ErrUnverified] to errors.Is.
var (
	ErrUnverified = errors.New("not verified")
	// ErrSignatureProbe: the platform sends wrong signatures now and then, on purpose, to see whether
	// receivers check. It is no attack; the true message comes again. All but the signature was right, as far
	// as can be seen.
	ErrSignatureProbe = fmt.Errorf("%w: signature probe (WECHATPAY/SIGNTEST/)", ErrUnverified)
	ErrUnsigned       = fmt.Errorf("%w: no signature", ErrUnverified)
	ErrUnknownSerial  = fmt.Errorf("%w: signed by a key that is not known here", ErrUnverified)
	ErrForged         = fmt.Errorf("%w: signature does not belong to this message", ErrUnverified)
)

// MaxAge is how far the timestamp of a message may be from this machine's clock, either way.
const MaxAge = 5 * time.Minute

// A StaleError is a message whose timestamp is more than [MaxAge] from this machine's clock. Either the
// message is old or the clock is wrong. To errors.Is it is [ErrUnverified].
type StaleError struct {
	Skew time.Duration // how far this clock is ahead of the message
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("not verified: timestamp is %s from this clock (more than %s); check the clock", e.Skew.Round(time.Second), MaxAge)
}

// Is makes a StaleError match [ErrUnverified].
func (e *StaleError) Is(target error) bool { return target == ErrUnverified }

// A Signature is what the headers Wechatpay-Serial, -Timestamp, -Nonce, -Signature and -Signature-Type
// say about the message they came with.
type Signature struct {
	Serial, Timestamp, Nonce, Signature, Type string
}

// SignatureFrom reads the headers of a message, an http.Header or a map like it, in which names may stand in any
// case. A header that is there twice with different values makes the signature one that is refused.
func SignatureFrom(h map[string][]string) Signature {
	return Signature{
		Serial:    one(h, "Wechatpay-Serial"),
		Timestamp: one(h, "Wechatpay-Timestamp"),
		Nonce:     one(h, "Wechatpay-Nonce"),
		Signature: one(h, "Wechatpay-Signature"),
		Type:      one(h, "Wechatpay-Signature-Type"),
	}
}

// one is the value of a header, or a line break, which no header holds, if there are several.
func one(h map[string][]string, name string) string {
	value, ok := header.Get(h, name)
	if !ok {
		return "\n"
	}
	return value
}

// broken reports whether a part of s is ambiguous. A line break in a nonce could take over the first lines of the
// body.
func (s *Signature) broken() bool {
	for _, part := range [...]string{s.Serial, s.Timestamp, s.Nonce, s.Signature, s.Type} {
		if strings.Contains(part, "\n") {
			return true
		}
	}
	return false
}

const probe = "WECHATPAY/SIGNTEST/"

// VerifyAnswer checks that sig is a signature over the body of an answer to a call that was made by scheme: signed
// with a key that v knows, within [MaxAge] of now, and of the type of scheme or of none. A brand takes the type of
// merchants too; whose message it is, its key says.
//
// A probe is one only if all but the signature itself is as it must be: it names a key that v knows, and the time.
func VerifyAnswer(ctx context.Context, v wechat.Verifier, scheme Scheme, sig Signature, body []byte, now time.Time) error {
	return verify(ctx, v, scheme, sig, body, now)
}

// VerifyNotification checks a notification to the merchant or brand of scheme by the same rules. The same message may
// come again, and then it is as genuine; package notify tells the second from the first.
func VerifyNotification(ctx context.Context, v wechat.Verifier, scheme Scheme, sig Signature, body []byte, now time.Time) error {
	return verify(ctx, v, scheme, sig, body, now)
}

func verify(ctx context.Context, v wechat.Verifier, scheme Scheme, sig Signature, body []byte, now time.Time) error {
	switch {
	case sig.Serial == "" || sig.Timestamp == "" || sig.Nonce == "" || sig.Signature == "":
		return ErrUnsigned
	case sig.broken():
		return fmt.Errorf("%w: a header of the signature has two values or a line break", ErrUnverified)
	case !scheme.takes(sig.Type):
		return fmt.Errorf("%w: signature type is not %s", ErrUnverified, scheme.Name)
	}
	unix, err := strconv.ParseUint(sig.Timestamp, 10, 63) // no sign, no blanks
	if err != nil || len(sig.Timestamp) > 1 && sig.Timestamp[0] == '0' {
		return fmt.Errorf("%w: timestamp is not a number", ErrUnverified)
	}
	if skew := now.Sub(time.Unix(int64(unix), 0)); skew >= MaxAge || skew <= -MaxAge {
		return &StaleError{Skew: skew}
	}
	message := sig.Timestamp + "\n" + sig.Nonce + "\n" + string(body) + "\n"
	err = v.Verify(ctx, sig.Serial, message, sig.Signature)
	switch probed := strings.HasPrefix(sig.Signature, probe); {
	case probed && ctx.Err() == nil && (!errors.Is(err, ErrUnknownSerial) || empty(v)): // also if v believes it
		return ErrSignatureProbe
	case err == nil || errors.Is(err, ErrUnverified):
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnverified, err)
}

// empty reports whether v is a ring without keys, which cannot tell a serial of the platform from another.
func empty(v wechat.Verifier) bool {
	ring, ok := v.(*Keyring)
	return ok && len(ring.load().bySerial) == 0
}
