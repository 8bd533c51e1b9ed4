// Package pushpackage is a client of TPNS (腾讯移动推送), Tencent's push service for apps: it uploads a
// list of accounts or device tokens (号码包, Token 包), pushes a message to everybody on it, and follows,
// stops and counts that push.
//
// TPNS is no longer sold. This package is for applications that are connected already; a new one should
// look at Tencent's current Push (TIMPush), which has other hosts, another login and other paths. No
// end of the service itself has been found announced.
//
//	client, err := pushpackage.New(pushpackage.ConfigFromEnv())
//	file, err := media.File("accounts.txt")
//	upload, err := client.Upload(ctx, pushpackage.UploadParams{File: file})
//	push, err := client.Push(ctx, pushpackage.PushParams{
//		AudienceType: pushpackage.AccountPackage,
//		UploadID:     upload.UploadID,
//		MessageType:  pushpackage.Notify,
//		Message:      pushpackage.Message{Title: "…", Content: "…"},
//	})
//	record, err := client.WaitPush(ctx, pushpackage.WaitPushParams{PushID: push.PushID[0]})
//
// Read next: [Config] for access points and login, [Client.Upload] for what a list must look like,
// [Client.Push] for why a push is not simply sent again, [OutcomeUnknown] for what to do after an error.
//
// An error says what may safely be done next:
//
//   - [ParamError]: refused here, nothing was sent
//   - [Error]: TPNS refused; branch on its RetCode with errors.Is
//   - [UnknownError]: it may have happened; look before sending again
//   - any other: it never left, or not whole; repeat freely
//
// TPNS is another platform than WeChat Pay: nothing here is signed with a merchant's key.
//
// What Tencent's pages leave open is "not documented" in the comments here; what was seen and where stands in
// https://github.com/wxpay-go/wxpay/blob/main/api/tpns.md
package pushpackage

import (
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay/internal/attempt"
)

// A Client makes calls for one application. It is safe for concurrent use, starts no goroutine and needs
// no Close.
type Client struct {
	config Config // without the secret, which only the logins know
	json   login
	upload login
	pace   *pace
	engine *attempt.Engine
}

// New returns a client, or a [ParamError] that names the field of config that is wrong. Nothing is sent
// before the first call.
func New(config Config) (*Client, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	basic := basicLogin(config.AccessID, config.SecretKey)
	c := &Client{json: basic, upload: basic, pace: new(pace)}
	if config.Signed {
		c.json = signedLogin(config.AccessID, config.SecretKey)
	}
	config.SecretKey = ""
	c.config = config
	// Few connections: TPNS takes one package push a second, which is also what it wants to be asked after it
	// turned one away.
	c.engine = attempt.New(attempt.Policy{Client: config.HTTPClient, Concurrency: 4, Header: time.Minute, Attempts: config.MaxAttempts, Pause: time.Second,
		Package: "pushpackage", Unknown: OutcomeUnknown, Lost: func(route string, err error) error { return &UnknownError{route, err} }})
	return c, nil
}

// Format shows the application and never its key, whatever the verb.
func (c Client) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "pushpackage.Client(%s %s ***)", c.config.AccessID, c.config.BaseURL)
}

// MarshalText is what JSON and slog show.
func (c Client) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }
