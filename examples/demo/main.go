// Command demo does the main job of every product end to end, against a fake WeChat Pay on a loopback
// socket, and shows what went over the wire and what came back. It needs no key, no account and no
// network.
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// A stage is the fake and the clients that talk to it over the socket.
type stage struct {
	fake   *wxpaytest.Server
	client *wxpay.Client
	push   *pushpackage.Client
	shown  int // requests of the journal that were shown
}

func run(ctx context.Context) error {
	s, stop, err := open()
	if err != nil {
		return err
	}
	defer stop()
	start := time.Now()
	for _, act := range []func(context.Context) error{s.bankPackage, s.memberCard, s.contracts, s.accounts} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("\nAll of it worked, in %s.\n", time.Since(start).Round(time.Millisecond))
	return nil
}

// open starts the fake on a loopback socket and makes clients for it.
func open() (*stage, func(), error) {
	fake, err := wxpaytest.NewServer(wxpaytest.Options{
		TaskDuration: 300 * time.Millisecond,
		Match:        func(number string) bool { return !strings.HasSuffix(number, "7") }, // one in ten has no user
	})
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	server := &http.Server{Handler: fake, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	base := "http://" + listener.Addr().String()
	fmt.Printf("A fake WeChat Pay listens on %s.\n", base)

	config := fake.Config()
	config.BaseURL, config.BackupURL, config.HTTPClient = base, "", nil
	client, err := wxpay.New(config)
	if err != nil {
		return nil, nil, err
	}
	push, err := pushpackage.New(pushpackage.Config{AccessID: wxpaytest.TPNSAccessID, SecretKey: wxpaytest.TPNSSecretKey, BaseURL: base})
	return &stage{fake: fake, client: client, push: push}, func() { server.Close() }, err
}

func (s *stage) bankPackage(ctx context.Context) error {
	const count = 12_000
	title("Bank package (号码包): a list of %d agreement numbers", count)
	numbers := func(yield func(string) bool) {
		for i := range count {
			if !yield(fmt.Sprintf("20260000%06d", i)) {
				return
			}
		}
	}
	result, err := bankpackages.New(s.client).Import(ctx, bankpackages.ImportParams{
		PackageID: "8473295", BankType: "ICBC_DEBIT", Name: "demo", Numbers: numbers, Wait: true, Every: 100 * time.Millisecond,
		Progress: func(task bankpackages.Task) {
			fmt.Printf("  task %s %-10s %s\n", task.TaskID, task.Status, task.Filename)
		},
	})
	if err != nil {
		return err
	}
	s.wire()
	fmt.Printf("  = %d numbers in %d files: %d matched, %d did not, %d users in the package\n",
		result.Lines, result.Sent, result.SuccessCount, result.FailCount, s.fake.PackageUsers("8473295"))
	return want("matched numbers", result.SuccessCount, count*9/10)
}

func (s *stage) memberCard(ctx context.Context) error {
	title("Member card (会员卡): import of a member by phone number, and the same again")
	service := membercard.New(s.client)
	params := membercard.ImportUserByPhoneParams{CardID: s.fake.AddCard("SYSTEM_ALLOCATE"), PhoneNumber: "13800138000", OutRequestNo: "demo-0001"}
	first, err := service.ImportUserByPhone(ctx, params)
	if err != nil {
		return err
	}
	again, err := service.ImportUserByPhone(ctx, params)
	if err != nil {
		return err
	}
	s.wire()
	fmt.Printf("  = card code %s, and with the same request number %s\n", first.Code, again.Code)
	return want("card code", again.Code, first.Code)
}

func (s *stage) contracts(ctx context.Context) error {
	title("Education auto-renewal (教育续费通): the contracts of a user, page by page")
	s.fake.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 45)
	count := 0
	for _, err := range edupapay.New(s.client).AllUserContracts(ctx, edupapay.ListUserContractsParams{
		OpenID: "oUpF8uMuAJOM2pxb1Q", AppID: "wx8888888888888888", PlanID: "101164396123311331",
	}) {
		if err != nil {
			return err
		}
		count++
	}
	s.wire()
	fmt.Printf("  = %d contracts\n", count)
	return want("contracts", count, 45)
}

func (s *stage) accounts(ctx context.Context) error {
	title("TPNS (腾讯移动推送): upload of a package of accounts")
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	list, err := archive.Create("accounts.txt")
	if err != nil {
		return err
	}
	for i := range 50_000 {
		fmt.Fprintf(list, "account%06d\n", i)
	}
	if err := archive.Close(); err != nil {
		return err
	}
	upload, err := s.push.Upload(ctx, pushpackage.UploadParams{File: media.Bytes("accounts.zip", packed.Bytes())})
	if err != nil {
		return err
	}
	s.wire()
	fmt.Printf("  = upload %d of %d accounts\n", upload.UploadID, s.fake.PackageAccounts(upload.UploadID))
	return want("accounts", s.fake.PackageAccounts(upload.UploadID), 50_000)
}

// wire shows the requests since the last time, as the fake saw them.
func (s *stage) wire() {
	all := s.fake.Requests()
	for _, r := range all[s.shown:] {
		fmt.Printf("  → %-4s %s (%d bytes)\n", r.Method, r.URI, r.BodySize)
		if len(r.Checks) > 0 {
			fmt.Printf("      checked: %s\n", strings.Join(r.Checks, ", "))
		}
		for member, value := range r.Sensitive {
			fmt.Printf("      decrypted: %s = %s\n", member, value)
		}
		fmt.Printf("  ← %d %s\n", r.Status, short(r.Answer))
	}
	s.shown = len(all)
}

func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 160 {
		return string(r[:160]) + "…"
	}
	return text
}

func title(format string, a ...any) { io.WriteString(os.Stdout, "\n"+fmt.Sprintf(format, a...)+"\n") }

func want[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}
