// Fake serves a fake WeChat Pay on a loopback address, to try a program or the command wxpay without an account. It
// writes keys, a list of members and a debit run into a folder, and prints the environment to set. A line on its standard
// input (Enter) is a day that goes by.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

const appID = "wx8888888888888888"

func main() {
	listen := flag.String("listen", "127.0.0.1:8089", "loopback address")
	dir := flag.String("dir", "fake", "folder for keys and files")
	members := flag.Int("members", 20_000, "rows of members.csv")
	contracts := flag.Int("contracts", 200, "rows of debits.csv")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen, *dir, *members, *contracts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, dir string, members, contracts int) error {
	fake, err := wxpaytest.NewServer(wxpaytest.Options{})
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	env, err := fake.WriteKeys(dir)
	if err != nil {
		return err
	}
	var people, debits strings.Builder
	people.WriteString("手机号\n")
	for i := range members {
		fmt.Fprintf(&people, "138%08d\n", i)
	}
	debits.WriteString("contract_id,out_trade_no,amount,description\n")
	for i, id := range fake.AddContracts("oUpF8uMuAJOM2pxb1Q", appID, "101164396123311331", contracts) {
		fmt.Fprintf(&debits, "%s,2026-09-%05d,888.00,Chinese lessons\n", id, i)
	}
	for name, text := range map[string]string{"members.csv": people.String(), "debits.csv": debits.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	for _, variable := range append(env, "WXPAY_BASE_URL=http://"+listener.Addr().String(), "TPNS_BASE_URL=http://"+listener.Addr().String(), "CARD="+fake.AddCard("SYSTEM_ALLOCATE"), "APPID="+appID) {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Printf("export %s='%s'\n", name, value)
	}
	go func() {
		for days := bufio.NewScanner(os.Stdin); days.Scan(); {
			fake.Advance(24 * time.Hour)
			fmt.Fprintln(os.Stderr, "a day went by")
		}
	}()
	server := &http.Server{Handler: fake, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
