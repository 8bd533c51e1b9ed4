// Command bankpackages puts a list of agreement numbers into a bank package, or lists its tasks.
//
//	go run ./examples/bankpackages -package 8473295 -bank-type ICBC_DEBIT -numbers numbers.txt -wait
//	go run ./examples/bankpackages -package 8473295 -list -status PROCESSING
//
// The list has one plain number a line and may be of any length. Tasks come as JSON lines on standard
// output. Who calls is set by the environment; see wxpay.ConfigFromEnv. If it fails or is stopped, the list
// is not done: run it again with the same list. Files that were taken are not sent twice.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/examples/internal/program"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/bankpackages"
)

var (
	packageID = flag.String("package", "", "number package `ID`")
	bankType  = flag.String("bank-type", "", "bank and card `kind`, such as ICBC_DEBIT")
	numbers   = flag.String("numbers", "", "`file` of plain agreement numbers, one a line")
	wait      = flag.Bool("wait", false, "wait until every task is finished, then print it; about 40 minutes a file")
	every     = flag.Duration("every", 30*time.Second, "time between two looks while waiting")
	list      = flag.Bool("list", false, "list the tasks of the package instead")
	status    = flag.String("status", "", "with -list: only tasks in this `state`, PROCESSING or FINISHED")
)

func main() {
	program.Need("package")
	if *list {
		program.Run(listTasks)
		return
	}
	program.Need("bank-type", "numbers")
	program.Run(importList)
}

func service() (*bankpackages.Service, error) {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return nil, err
	}
	client, err := wxpay.New(config)
	if err != nil {
		return nil, err
	}
	return bankpackages.New(client), nil
}

func listTasks(ctx context.Context) error {
	service, err := service()
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
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

func importList(ctx context.Context) error {
	service, err := service()
	if err != nil {
		return err
	}
	file, err := media.File(*numbers)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	var unwritten error
	result, err := service.Import(ctx, bankpackages.ImportParams{
		PackageID: *packageID,
		BankType:  *bankType,
		Name:      listName(*numbers),
		Lines:     file,
		Wait:      *wait,
		Every:     *every,
		Progress: func(task bankpackages.Task) {
			if !*wait || task.Status == bankpackages.TaskFinished {
				unwritten = out.Encode(task)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("the list is not done, %d of its files are in the package; run this again with the same list: %w", len(result.Tasks), err)
	}
	fmt.Fprintf(os.Stderr, "%d numbers, %d files sent, %d there already; matched %d, not matched %d, users %d\n",
		result.Lines, result.Sent, result.Present, result.SuccessCount, result.FailCount, result.SuccessUserCount)
	return unwritten
}

// listName makes a name for the list out of the name of its file.
func listName(path string) string {
	base := filepath.Base(path)
	name := regexp.MustCompile(`[^0-9A-Za-z_-]+`).ReplaceAllString(strings.TrimSuffix(base, filepath.Ext(base)), "-")
	return cmp.Or(name[:min(len(name), 100)], "list")
}
