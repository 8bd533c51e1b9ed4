// Command bankpackages puts a list of agreement numbers into a bank package, or lists its tasks.
//
//	go run ./examples/bankpackages -package 8473295 -bank-type ICBC_DEBIT -numbers numbers.txt -wait
//	go run ./examples/bankpackages -package 8473295 -list -status PROCESSING
//
// The list has one plain number a line and may be of any length. Tasks come as JSON lines on standard
// output. Who calls is set by the environment; see wxpay.ConfigFromEnv. If it fails, run it again with
// the same list: files that were taken are not sent twice.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/bankpackages"
)

var (
	packageID = flag.String("package", "", "number package `ID`")
	bankType  = flag.String("bank-type", "", "bank and card kind, such as ICBC_DEBIT")
	numbers   = flag.String("numbers", "", "`file` of plain agreement numbers, one a line")
	wait      = flag.Bool("wait", false, "wait until every task is finished, then print it")
	every     = flag.Duration("every", 30*time.Second, "time between two looks while waiting")
	list      = flag.Bool("list", false, "list the tasks of the package instead")
	status    = flag.String("status", "", "with -list: only tasks in this state")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bankpackages:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	client, err := wxpay.New(config)
	if err != nil {
		return err
	}
	service := bankpackages.New(client)
	out := json.NewEncoder(os.Stdout)
	if *list {
		for task, err := range service.AllTasks(ctx, bankpackages.ListTasksParams{PackageID: *packageID, Status: bankpackages.TaskStatus(*status)}) {
			if err != nil {
				return err
			}
			if err := out.Encode(task); err != nil {
				return err
			}
		}
		return nil
	}
	file, err := media.File(*numbers)
	if err != nil {
		return err
	}
	var written error
	result, err := service.Import(ctx, bankpackages.ImportParams{
		PackageID: *packageID,
		BankType:  *bankType,
		Name:      listName(*numbers),
		Lines:     file,
		Wait:      *wait,
		Every:     *every,
		Progress: func(task bankpackages.Task) {
			if !*wait || task.Status == bankpackages.TaskFinished {
				written = out.Encode(task)
			}
		},
	})
	if err = errors.Join(err, written); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d numbers, %d files sent, %d there already; matched %d, not matched %d, users %d\n",
		result.Lines, result.Sent, result.Present, result.SuccessCount, result.FailCount, result.SuccessUserCount)
	return nil
}

// listName makes a name for the list out of the name of its file.
func listName(path string) string {
	base := filepath.Base(path)
	name := regexp.MustCompile(`[^0-9A-Za-z_-]+`).ReplaceAllString(strings.TrimSuffix(base, filepath.Ext(base)), "-")
	return name[:min(len(name), 100)]
}
