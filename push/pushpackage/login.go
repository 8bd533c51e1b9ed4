package pushpackage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

// A login puts the credentials on a request with the given body. The key lives in the closure alone,
// where no printing of a Client finds it.
type login func(h http.Header, body []byte)

func basicLogin(accessID string, key Secret) login {
	value := "Basic " + base64.StdEncoding.EncodeToString([]byte(accessID+":"+string(key)))
	return func(h http.Header, _ []byte) { h.Set("Authorization", value) }
}

// signedLogin spells the headers as documented, which Header.Set would not.
func signedLogin(accessID string, key Secret) login {
	return func(h http.Header, body []byte) {
		now := strconv.FormatInt(time.Now().Unix(), 10)
		h["AccessId"] = []string{accessID}
		h["TimeStamp"] = []string{now}
		h["Sign"] = []string{sign(key, now, accessID, body)}
	}
}

// sign is the Base64 of the hexadecimal text of the HMAC, not of the HMAC itself.
func sign(key Secret, timeStamp, accessID string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timeStamp))
	mac.Write([]byte(accessID))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(mac.Sum(nil))))
}
