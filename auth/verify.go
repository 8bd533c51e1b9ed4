package auth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
)

// Why an answer or a notification is not believed. All of them are [ErrUnverified] to errors.Is.
var (
	ErrUnverified = errors.New("not verified")
	// ErrSignatureProbe: the platform sends wrong signatures now and then, on purpose, to see whether
	// receivers check. It is no attack; the true message comes again.
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

const probe = "WECHATPAY/SIGNTEST/"

// Verify checks that sig is a signature over body, made by a key that v knows, within [MaxAge] of now.
// The type must be scheme's; an answer may leave it out (strict false), a notification may not.
func Verify(ctx context.Context, v wechat.Verifier, scheme Scheme, sig Signature, body []byte, now time.Time, strict bool) error {
	switch {
	case strings.HasPrefix(sig.Signature, probe):
		return ErrSignatureProbe
	case sig.Serial == "" || sig.Timestamp == "" || sig.Nonce == "" || sig.Signature == "":
		return ErrUnsigned
	case sig.Type != scheme.Name && (sig.Type != "" || strict):
		return fmt.Errorf("%w: signature type is not %s", ErrUnverified, scheme.Name)
	case strings.Contains(sig.Nonce, "\n"): // it could take over the first lines of the body
		return fmt.Errorf("%w: nonce holds a line break", ErrUnverified)
	}
	unix, err := strconv.ParseUint(sig.Timestamp, 10, 63) // no sign, no blanks
	if err != nil || len(sig.Timestamp) > 1 && sig.Timestamp[0] == '0' {
		return fmt.Errorf("%w: timestamp is not a number", ErrUnverified)
	}
	if skew := now.Sub(time.Unix(int64(unix), 0)); skew >= MaxAge || skew <= -MaxAge {
		return &StaleError{Skew: skew}
	}
	message := sig.Timestamp + "\n" + sig.Nonce + "\n" + string(body) + "\n"
	if err := v.Verify(ctx, sig.Serial, message, sig.Signature); err != nil {
		if errors.Is(err, ErrUnverified) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	return nil
}
