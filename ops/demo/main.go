// Command demo does the main job of every product end to end, against the emulator on a loopback socket, and shows
// what went over the wire and what came back. It needs no key, no account and no network, and takes less than a
// minute. Who looks at it in a terminal can look at every exchange on the emulator's page afterwards.
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/emulator"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/productcoupon"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "demo: takes no arguments, and "+os.Args[1]+" is one")
		os.Exit(2)
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// A stage is the emulator, what is behind it, the merchant who hears of things, and the clients that talk to it over
// the socket.
type stage struct {
	emulator *emulator.Emulator
	client   *wxpay.Client
	tpns     *pushpackage.Client
	merchant *merchant
}

func run(ctx context.Context) (err error) {
	fmt.Println("Making keys for a merchant and a platform …")
	serving, stop := context.WithCancel(ctx)
	s, ended, err := open(serving)
	defer func() {
		stop()
		if ended != nil {
			err = cmp.Or(err, <-ended)
		}
	}()
	if err != nil {
		return err
	}
	start := time.Now()
	for _, act := range []func(context.Context) error{s.bankPackage, s.memberCard, s.contracts, s.debit, s.transfer, s.coupon, s.brandCoupon, s.push} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("\nAll of it worked, in %s.\n", time.Since(start).Round(time.Millisecond))
	if term.IsTerminal(int(os.Stdout.Fd())) {
		fmt.Printf("Every exchange is on %s%s until Ctrl-C.\n", s.emulator.BaseURL(), inspector.Root)
		<-ctx.Done()
	}
	return nil
}

// open starts the emulator and a merchant on loopback sockets, and makes clients for it.
func open(ctx context.Context) (*stage, <-chan error, error) {
	shop, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	e, err := emulator.New(emulator.Config{ForwardTo: "http://" + shop.Addr().String(), Fake: wxpaytest.Options{
		TaskDuration: 300 * time.Millisecond,
		Match:        func(number string) bool { return !strings.HasSuffix(number, "7") }, // one in ten has no user
		Observe:      wire,
	}})
	if err != nil {
		return nil, nil, err
	}
	listener, err := emulator.Listen(ctx, "127.0.0.1:0", false)
	if err != nil {
		return nil, nil, err
	}
	base := emulator.BaseOf(listener)
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(ctx, listener) }()
	fmt.Printf("A fake WeChat Pay listens on %s. Its page, with every exchange: %s%s\n", base, base, inspector.Root)

	config := e.Fake().Config()
	config.BaseURL, config.BackupURL, config.HTTPClient = base, "", nil
	client, err := wxpay.New(config)
	if err != nil {
		return nil, ended, err
	}
	m := &merchant{heard: make(chan notice, 10)}
	server := &http.Server{Handler: m.handler(client), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(shop)
	context.AfterFunc(ctx, func() { server.Close() })
	tpns, err := pushpackage.New(pushpackage.Config{AccessID: wxpaytest.TPNSAccessID, SecretKey: wxpaytest.TPNSSecretKey, BaseURL: base})
	return &stage{emulator: e, client: client, tpns: tpns, merchant: m}, ended, err
}

// A merchant hears of what happens by notifications.
type merchant struct{ heard chan notice }

type notice struct{ event, about string }

func (m *merchant) handler(client *wxpay.Client) http.Handler {
	h := notify.New(client, notify.Config{})
	notify.On(h, edupapay.EventContractSigned, func(_ context.Context, e *notify.Event, c *edupapay.ContractEvent) error {
		m.heard <- notice{e.EventType, c.ContractInformation.ContractID}
		return nil
	})
	notify.On(h, mchtransfer.EventBillFinished, func(_ context.Context, e *notify.Event, b *mchtransfer.BillFinishedEvent) error {
		m.heard <- notice{e.EventType, b.OutBillNo}
		return nil
	})
	notify.On(h, productcoupon.EventCouponSent, func(_ context.Context, e *notify.Event, c *productcoupon.CouponSentEvent) error {
		m.heard <- notice{e.EventType, c.CouponCode}
		return nil
	})
	notify.On(h, edupapay.EventTransactionSucceeded, func(_ context.Context, e *notify.Event, t *edupapay.TransactionEvent) error {
		m.heard <- notice{e.EventType, t.OutTradeNo}
		return nil
	})
	return h
}

// hear waits for a notification.
func (m *merchant) hear(ctx context.Context, event, about string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case n := <-m.heard:
		fmt.Printf("  ⇠ notification %s about %s: verified, opened, answered with 204\n", n.event, n.about)
		return want("notification", n, notice{event, about})
	}
}

func (s *stage) bankPackage(ctx context.Context) error {
	const count = 12_000
	title("Bank package (号码包): a list of %d agreement numbers", count)
	fmt.Println("  encrypting and uploading, 5500 numbers a file; the fake opens every one, which takes some seconds …")
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
	fmt.Printf("  = %d numbers in %d files: %d matched, %d did not, %d users in the package\n",
		result.Lines, result.Sent, result.SuccessCount, result.FailCount, s.emulator.Fake().PackageUsers("8473295"))
	return want("matched numbers", result.SuccessCount, count*9/10)
}

func (s *stage) memberCard(ctx context.Context) error {
	title("Member card (会员卡): import of a member by phone number, and the same again")
	service := membercard.New(s.client)
	params := membercard.ImportUserByPhoneParams{CardID: s.emulator.Fake().AddCard("SYSTEM_ALLOCATE"), PhoneNumber: "13800138000", OutRequestNo: "demo-0001"}
	first, err := service.ImportUserByPhone(ctx, params)
	if err != nil {
		return err
	}
	again, err := service.ImportUserByPhone(ctx, params)
	if err != nil {
		return err
	}
	fmt.Printf("  = card code %s, and with the same request number %s\n", first.Code, again.Code)
	return want("card code", again.Code, first.Code)
}

func (s *stage) contracts(ctx context.Context) error {
	title("Education auto-renewal (教育续费通): the contracts of a user, page by page")
	s.emulator.Fake().AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 45)
	count := 0
	for _, err := range edupapay.New(s.client).AllUserContracts(ctx, edupapay.ListUserContractsParams{
		OpenID: "oUpF8uMuAJOM2pxb1Q", AppID: "wx8888888888888888", PlanID: "101164396123311331",
	}) {
		if err != nil {
			return err
		}
		count++
	}
	fmt.Printf("  = %d contracts\n", count)
	return want("contracts", count, 45)
}

// debit goes the whole way of one period: the user signs, is told of the debit, is debited, and the merchant
// hears of both by notification.
func (s *stage) debit(ctx context.Context) error {
	title("Education auto-renewal (教育续费通): a contract, a debit, and the notifications of both")
	const appid, order = "wx8888888888888888", "demo-2026-09-0001"
	service := edupapay.New(s.client)
	presign, err := service.PresignContract(ctx, edupapay.PresignContractParams{
		AppID: appid, OpenID: "oUpF8uMuAJOM2pxb1R", PlanID: "101164396123311331", UserID: "tony", PeriodStartDate: wxpay.Date{Year: 2026, Month: time.September, Day: 1},
	})
	if err != nil {
		return err
	}
	contract, err := s.emulator.Fake().SignContract(presign.PresignToken) // what the user does in WeChat
	if err != nil {
		return err
	}
	if err := s.merchant.hear(ctx, string(edupapay.EventContractSigned), contract); err != nil {
		return err
	}
	if err := service.SendDebitNotice(ctx, edupapay.SendDebitNoticeParams{ContractID: contract, AppID: appid}); err != nil {
		return err
	}
	s.emulator.Fake().Advance(48 * time.Hour) // the notice has to come 1 to 3 days before
	if err := service.CreateTransaction(ctx, edupapay.CreateTransactionParams{
		AppID: appid, Body: "Chinese lessons, September", OutTradeNo: order, NotifyURL: "https://shop.example/wxpay/notify", ContractID: contract,
		Amount: edupapay.DebitAmount{Total: 88800}, DeviceInformation: edupapay.DeviceInformation{DeviceIP: "203.0.113.7"},
	}); err != nil {
		return err
	}
	paid, err := service.WaitTransaction(ctx, edupapay.WaitTransactionParams{OutTradeNo: order, Every: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	fmt.Printf("  = order %s: %s, %s yuan\n", paid.OutTradeNo, paid.TradeState, paid.Amount.PayerTotal)
	return s.merchant.hear(ctx, string(edupapay.EventTransactionSucceeded), order)
}

// transfer pays a user whose first answer is lost; the user takes the money, and the merchant hears of it.
func (s *stage) transfer(ctx context.Context) error {
	title("Merchant transfer (商家转账): a bill whose answer is lost, and the money that moves once")
	service := mchtransfer.New(s.client)
	if err := s.emulator.Fake().Inject("POST /v3/fund-app/mch-transfer/transfer-bills", "reset-after-effect", 1); err != nil {
		return err
	}
	const number = "demo2026120001"
	params := mchtransfer.CreateTransferBillParams{
		AppID: "wx8888888888888888", OutBillNo: number, TransferSceneID: mchtransfer.Scene1000, OpenID: "oUpF8uMuAJOM2pxb1Q", UserName: "张三",
		TransferAmount: 880, TransferRemark: "Autumn lottery", NotifyURL: "https://shop.example/wxpay/notify",
		TransferSceneReportInfos: []mchtransfer.SceneReportInfo{{InfoType: "活动名称", InfoContent: "Autumn lottery"}, {InfoType: "奖励说明", InfoContent: "Second prize"}},
	}
	if _, err := wxpay.Wait(ctx, 100*time.Millisecond, func(ctx context.Context) (*mchtransfer.TransferBill, bool, error) {
		bill, err := service.Transfer(ctx, params) // the same bill each time
		return bill, err == nil && bill.State == mchtransfer.TransferWaitUserConfirm, err
	}); err != nil {
		return err
	}
	if err := s.emulator.Fake().ConfirmTransfer(number); err != nil { // what the user does in WeChat
		return err
	}
	paid, err := service.WaitBill(ctx, mchtransfer.WaitBillParams{OutBillNo: number, Every: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	fmt.Printf("  = bill %s: %s, %s yuan\n", paid.OutBillNo, paid.State, paid.TransferAmount)
	if err := want("bill", paid.State, mchtransfer.TransferSuccess); err != nil {
		return err
	}
	return s.merchant.hear(ctx, string(mchtransfer.EventBillFinished), number)
}

// coupon goes the way of a coupon as a service provider: sent, booked, used and given back.
func (s *stage) coupon(ctx context.Context) error {
	title("Product coupon (商品券): sent to a user, confirmed, used, and given back")
	if _, err := productcoupon.New(s.client).SetNotifyConfig(ctx, productcoupon.SetNotifyConfigParams{NotifyURL: "https://shop.example/wxpay/notify"}); err != nil {
		return err
	}
	coupon, err := s.sendCoupon(ctx, s.client, "demo_coupon_1")
	if err != nil {
		return err
	}
	if err := s.merchant.hear(ctx, string(productcoupon.EventCouponSent), coupon.CouponCode); err != nil {
		return err
	}
	service, ids := productcoupon.New(s.client), idsOf(coupon)
	confirmed, err := service.ConfirmCoupon(ctx, productcoupon.ConfirmCouponParams{
		OpenID: couponUser, CouponCode: coupon.CouponCode, BrandID: ids.brand, ProductCouponID: ids.coupon, StockID: ids.stock, AppID: couponApp, OutRequestNo: "demo_confirm_1",
	})
	if err != nil {
		return err
	}
	used, err := service.UseCoupon(ctx, productcoupon.UseCouponParams{
		OpenID: couponUser, CouponCode: coupon.CouponCode, BrandID: ids.brand, ProductCouponID: ids.coupon, StockID: ids.stock, AppID: couponApp,
		UseTime: wxpay.TimeOf(time.Now()), OutRequestNo: "demo_use_1", AssociatedOrderInfo: productcoupon.OrderInfo{TransactionID: "4200000000123456789012345678"},
	})
	if err != nil {
		return err
	}
	returned, err := service.ReturnCoupon(ctx, productcoupon.ReturnCouponParams{
		OpenID: couponUser, CouponCode: coupon.CouponCode, BrandID: ids.brand, ProductCouponID: ids.coupon, StockID: ids.stock, AppID: couponApp, OutRequestNo: "demo_return_1",
	})
	if err != nil {
		return err
	}
	fmt.Printf("  = coupon %s: %s, %s, %s, %s\n", coupon.CouponCode, coupon.CouponState, confirmed.CouponState, used.CouponState, returned.CouponState)
	return want("coupon", returned.CouponState, productcoupon.UserCouponEffective)
}

// brandCoupon sends a coupon by the door of brands, with the same method.
func (s *stage) brandCoupon(ctx context.Context) error {
	title("Product coupon (商品券): a brand sends one in its own name")
	config := s.emulator.Fake().BrandConfig()
	config.BaseURL, config.BackupURL, config.HTTPClient = s.emulator.BaseURL(), "", nil
	brand, err := wxpay.New(config)
	if err != nil {
		return err
	}
	coupon, err := s.sendCoupon(ctx, brand, "demo_coupon_2")
	if err != nil {
		return err
	}
	fmt.Printf("  = coupon %s: %s\n", coupon.CouponCode, coupon.CouponState)
	return want("coupon", coupon.CouponState, productcoupon.UserCouponConfirming)
}

const couponUser, couponApp = "oh-394z-6CGkNoJrsDLTTUKiAnp4", "wx233544546545989"

type couponIDs struct{ brand, coupon, stock string }

func idsOf(c *productcoupon.UserCoupon) couponIDs {
	return couponIDs{c.BrandID, c.ProductCoupon.ProductCouponID, c.Stock.StockID}
}

// sendCoupon sends a coupon of a new stock.
func (s *stage) sendCoupon(ctx context.Context, client *wxpay.Client, number string) (*productcoupon.UserCoupon, error) {
	coupon, stock := s.emulator.Fake().AddProductCoupon("WECHATPAY")
	return productcoupon.New(client).SendCoupon(ctx, productcoupon.SendCouponParams{
		OpenID: couponUser, BrandID: wxpaytest.BrandID, ProductCouponID: coupon, StockID: stock, AppID: couponApp, SendRequestNo: number,
	})
}

func (s *stage) push(ctx context.Context) error {
	title("TPNS (腾讯移动推送): upload of a package of accounts, and a push to it")
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
	upload, err := s.tpns.Upload(ctx, pushpackage.UploadParams{File: media.Bytes("accounts.zip", packed.Bytes())})
	if err != nil {
		return err
	}
	push, err := s.tpns.Push(ctx, pushpackage.PushParams{
		AudienceType: pushpackage.AccountPackage, UploadID: upload.UploadID,
		MessageType: pushpackage.Notify, Message: pushpackage.Message{Title: "Hello", Content: "to fifty thousand"},
	})
	if err != nil {
		return err
	}
	s.emulator.Fake().Advance(10 * time.Minute) // or it would take that long
	record, err := s.tpns.WaitPush(ctx, pushpackage.WaitPushParams{PushID: push.PushID[0]})
	if err != nil {
		return err
	}
	fmt.Printf("  = upload %d of %d accounts, push %s %s\n", upload.UploadID, s.emulator.Fake().PackageAccounts(upload.UploadID), push.PushID, record.Status)
	if err := want("accounts", s.emulator.Fake().PackageAccounts(upload.UploadID), 50_000); err != nil {
		return err
	}
	return want("push", record.Status, pushpackage.PushFinished)
}

// wire shows a request as the fake saw it, and its answer, in one piece.
func wire(r wxpaytest.Request) {
	var b strings.Builder
	fmt.Fprintf(&b, "  → %-4s %s (%d bytes)\n", r.Method, r.URI, r.BodySize)
	if len(r.Checks) > 0 {
		fmt.Fprintf(&b, "      checked: %s\n", strings.Join(r.Checks, ", "))
	}
	for member, value := range r.Sensitive {
		fmt.Fprintf(&b, "      decrypted: %s = %s\n", member, value)
	}
	fmt.Fprintf(&b, "  ← %d %s\n", r.Status, short(r.Answer))
	io.WriteString(os.Stdout, b.String())
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
