// Package security is the self-test of keys and notifications.
package security

import "github.com/wxpay-go/wxpay/wxpaytest/internal/engine"

// New returns the product.
func New(e *engine.Engine) engine.Product {
	echo := func(tx *engine.Tx) (engine.Object, error) {
		answer := tx.Body.Pick("echo_message", "encrypted_echo_message") // the engine opened it, and seals it
		if address := tx.Body.Text("notify_url"); address != "" {
			e.Happen(engine.Event{Type: "SECURITY_ECHO.SUCCESS", Plaintext: answer, URL: address, Caller: tx.Caller})
		}
		return answer, nil
	}
	return engine.Product{Name: "security", Handlers: map[string]engine.Handler{"echo": echo}}
}
