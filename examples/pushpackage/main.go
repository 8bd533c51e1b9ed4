// Command pushpackage uploads a list of accounts or device tokens (号码包) to TPNS and prints the id that a
// push names. With a title it also pushes to everybody on the list and prints the id of the push, and
// with -wait how the push ended:
//
//	TPNS_ACCESS_ID=… TPNS_SECRET_KEY=… go run ./examples/pushpackage -file accounts.txt
//	TPNS_ACCESS_ID=… TPNS_SECRET_KEY=… go run ./examples/pushpackage -file accounts.txt -title Hello -content World -wait
//
// TPNS_BASE_URL chooses another access point than Guangzhou. A push has no number that would make two of
// them one: if its outcome is unknown, look for it in the console before running this again.
package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/wxpay-go/wxpay/examples/internal/program"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

var (
	path        = flag.String("file", "", "`list` to upload: .txt, .csv or .zip, one account or token a line")
	tokens      = flag.Bool("tokens", false, "the list holds device tokens, not accounts")
	title       = flag.String("title", "", "`title` of the message; without it nothing is pushed")
	content     = flag.String("content", "", "`text` of the message")
	environment = flag.String("environment", "", "for iOS applications: product or dev")
	wait        = flag.Bool("wait", false, "wait until the push has ended; reads once in 18 seconds")
)

func main() {
	program.Need("file")
	switch {
	case *title != "":
		program.Need("content")
	case *content != "" || *wait:
		program.Need("title")
	}
	program.Run(run)
}

func run(ctx context.Context) error {
	client, err := pushpackage.New(pushpackage.ConfigFromEnv())
	if err != nil {
		return err
	}
	file, err := media.File(*path)
	if err != nil {
		return err
	}
	upload, err := client.Upload(ctx, pushpackage.UploadParams{File: file})
	if err != nil {
		return err
	}
	fmt.Println(upload.UploadID)
	if *title == "" {
		return nil
	}
	audience := pushpackage.AccountPackage
	if *tokens {
		audience = pushpackage.TokenPackage
	}
	push, err := client.Push(ctx, pushpackage.PushParams{
		AudienceType: audience,
		UploadID:     upload.UploadID,
		MessageType:  pushpackage.Notify,
		Message:      pushpackage.Message{Title: *title, Content: *content},
		Environment:  pushpackage.Environment(*environment),
	})
	if pushpackage.OutcomeUnknown(err) {
		return fmt.Errorf("look for the push in the console before you push again: %w", err)
	}
	if err != nil {
		return err
	}
	fmt.Println(push.PushID)
	if !*wait {
		return nil
	}
	record, err := client.WaitPush(ctx, pushpackage.WaitPushParams{PushID: push.PushID[0]})
	if err != nil {
		return fmt.Errorf("the push was made, how it ended is not known: %w", err)
	}
	fmt.Println(record.Status)
	return nil
}
