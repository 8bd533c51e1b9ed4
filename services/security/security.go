// Package security tests a merchant's keys and its address for notifications against the platform,
// without any effect on business (商户签名验签/加解密测试).
//
// A number such as SE-1 names a doubt: a point on which the public pages differ or are silent. They stand
// with what was seen and decided in https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md
package security

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"

	"github.com/wxpay-go/wxpay"
)

// A Service runs the self-test of one merchant. It is safe for concurrent use.
type Service struct{ client *wxpay.Client }

// New returns the service of client.
func New(client *wxpay.Client) *Service { return &Service{client} }

// Echo sends a text and an encrypted text and returns what the platform made of them (商户签名验签/加解密测试).
// No error means that the merchant's signature, the platform's and, if it was used, the encryption are
// as they should be; an answer with another EchoMessage is refused. Who may call: SE-1.
//
// With NotifyURL the platform also posts a real notification there, [EventEcho], soon after.
//
// Limits: one call uses one platform key, for encryption and answer alike; the client chooses it. Plain
// http is accepted in NotifyURL for loopback hosts only, which no real platform reaches. A 2048-bit key
// encrypts at most 214 bytes.
//
// Repeating: safe, and done after a lost answer; every repetition may bring a notification of its own.
//
// Errors: [wxpay.CodeSignError] if the merchant's key, serial number or clock is wrong;
// [wxpay.ErrUnverified] inside a [wxpay.UnknownError] if the platform's key here is.
//
//	POST /v3/security/echo
//
// https://pay.weixin.qq.com/doc/v3/partner/4015139289
// https://pay.weixin.qq.com/doc/v3/partner/4019605946
func (s *Service) Echo(ctx context.Context, p EchoParams) (*Echo, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Echo](ctx, s.client, wxpay.Call{
		Route:      routeEcho,
		Body:       &p,
		Echo:       wxpay.Vars{"echo_message": p.EchoMessage},
		Idempotent: true, // returns what was sent, without a business effect: https://pay.weixin.qq.com/doc/v3/partner/4015139289
	})
}

// EventEcho is the type of the notification that [Service.Echo] asks for.
const EventEcho wxpay.EventType[EchoEvent] = "SECURITY_ECHO.SUCCESS"

// UnmarshalJSON reads the encrypted text also as encrypt_echo_message (SE-3). The message decides: a ciphertext
// that is no text is left empty.
func (e *EchoEvent) UnmarshalJSON(data []byte) error {
	var v struct {
		Message string          `json:"echo_message"`
		Sealed  json.RawMessage `json:"encrypted_echo_message"`
		Other   json.RawMessage `json:"encrypt_echo_message"`
	}
	if json.Unmarshal(data, &v) != nil {
		return errors.New("security: echo event is not the JSON it should be")
	}
	*e = EchoEvent{v.Message, cmp.Or(text(v.Sealed), text(v.Other))}
	return nil
}

// text is a JSON string; anything else is empty.
func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
