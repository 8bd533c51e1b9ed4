// Command pushpackage uploads a list of accounts or device tokens (号码包) to TPNS and prints the id that a
// push names.
//
//	TPNS_ACCESS_ID=… TPNS_SECRET_KEY=… go run ./examples/pushpackage -file accounts.txt
//
// TPNS_BASE_URL chooses another access point than Guangzhou.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func main() {
	path := flag.String("file", "", "list to upload: .txt, .csv or .zip, one account a line")
	flag.Parse()
	if *path == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	id, err := upload(ctx, *path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(id)
}

func upload(ctx context.Context, path string) (int64, error) {
	client, err := pushpackage.New(pushpackage.ConfigFromEnv())
	if err != nil {
		return 0, err
	}
	file, err := media.File(path)
	if err != nil {
		return 0, err
	}
	upload, err := client.Upload(ctx, pushpackage.UploadParams{File: file})
	if err != nil {
		return 0, err
	}
	return upload.UploadID, nil
}
