package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"encoding/base64"
	"errors"
	"slices"
)

// ErrFIPS says that sensitive fields can be neither encrypted nor decrypted in Go's mode fips140=only: the
// platform prescribes RSA-OAEP with SHA-1 for them, and the mode refuses SHA-1. Everything else works in it.
var ErrFIPS = errors.New("auth: sensitive fields need RSA-OAEP with SHA-1, which Go refuses in the mode fips140=only; run with GODEBUG=fips140=on")

// oaepRefused is [ErrFIPS] where the mode is on.
func oaepRefused() error {
	if fips140.Enforced() {
		return ErrFIPS
	}
	return nil
}

// openGCM decrypts AES-256-GCM with a nonce of 12 bytes. The nonce goes in front of the ciphertext, since
// that is the only way to open it in the mode fips140=only.
func openGCM(key, nonce, associatedData, ciphertext string) ([]byte, error) {
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, nil, slices.Concat([]byte(nonce), sealed), []byte(associatedData))
}
