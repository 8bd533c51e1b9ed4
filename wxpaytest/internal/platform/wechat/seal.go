package wechat

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// Seal completes the headers of an answer and signs it.
func (p *Platform) Seal(tx *engine.Tx, a *engine.Answer) error {
	who := p.IdentityOf(tx.Caller)
	if tx.Caller == "" {
		who = p.asked(tx.URI)
	}
	key := who.vault.signer(tx.Header.Get("Wechatpay-Serial"), isList(tx))
	turn := p.clock.Turn()
	id := requestID(turn, a.Reason)
	h, err := p.signature(who, key, turn, a.Body, a.Seal)
	a.Header.Set("Request-Id", id)
	a.Header.Set("Date", time.Now().Add(a.Seal.Skew).UTC().Format(http.TimeFormat))
	maps.Copy(a.Header, h)
	switch {
	case a.Seal.Tampered && len(a.Body) == 0:
		a.Status, a.Body = http.StatusOK, []byte("{}")
	case a.Seal.Tampered:
		a.Body = append(bytes.Clone(a.Body), ' ')
	}
	return err
}

// requestID makes a Request-ID; its last digits are the internal code.
func requestID(number int64, reason int) string {
	return fmt.Sprintf("WXPAYTEST%012d-%d", number, reason)
}

// nonce makes the nonce of a number, which no other server makes of it: a client may know several.
func (p *Platform) nonce(n int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", p.salt, n))
	return fmt.Sprintf("%x", sum[:16])
}

const unknownSerial = "7777777777777777777777777777777777777777"

// signature returns the headers that sign body for an identity.
func (p *Platform) signature(who *Identity, k *key, number int64, body []byte, how engine.Seals) (http.Header, error) {
	if how.None {
		return nil, nil
	}
	private, at, serial, scheme := k.private, time.Now().Add(how.Skew), k.serial, who.Scheme
	if how.Forged {
		private = p.stranger
	}
	if how.Stale {
		at = at.Add(-2 * maxAge)
	}
	if how.UnknownSerial {
		serial = unknownSerial
	}
	if how.OtherType {
		scheme = who.Foreign
	}
	key, err := private()
	if err != nil {
		return nil, err
	}
	nonce := p.nonce(number)
	sig, err := sign(key, fmt.Sprintf("%d\n%s\n%s\n", at.Unix(), nonce, body))
	if err != nil {
		return nil, err
	}
	if how.Probe {
		sig = "WECHATPAY/SIGNTEST/" + sig
	}
	h := http.Header{}
	h.Set("Wechatpay-Serial", serial)
	h.Set("Wechatpay-Timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Signature", sig)
	h.Set("Wechatpay-Signature-Type", scheme)
	return h, nil
}
