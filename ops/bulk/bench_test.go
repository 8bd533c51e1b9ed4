package bulk_test

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// BenchmarkJob is a job against the fake on a socket, and the same calls without a job as its floor, in turns. Both
// sides are in one process, and each row costs three private operations of RSA: one to ask, two to answer.
func BenchmarkJob(b *testing.B) {
	const rows, workers = 1000, 16
	s, err := wxpaytest.NewServer(wxpaytest.Options{Unlimited: true})
	if err != nil {
		b.Fatal(err)
	}
	socket := httptest.NewServer(s)
	defer socket.Close()
	config := s.Config()
	config.BaseURL, config.BackupURL, config.HTTPClient = socket.URL, "", nil
	client, err := wxpay.New(config)
	if err != nil {
		b.Fatal(err)
	}
	service, card := membercard.New(client), s.AddCard("SYSTEM_ALLOCATE")
	var floor, job time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for n := w; n < rows; n += workers {
					_, err := service.ImportUserByPhone(b.Context(), membercard.ImportUserByPhoneParams{
						CardID: card, PhoneNumber: wxpay.Secret(fmt.Sprintf("138%08d", i*rows+n)), OutRequestNo: fmt.Sprintf("floor-%d-%d", i, n),
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
		floor += time.Since(start)

		start = time.Now()
		summary, err := bulk.Job{
			Ledger: filepath.Join(b.TempDir(), fmt.Sprint(i, ".ledger")), Key: bulk.ClientKey(client), Rate: -1, Concurrency: workers,
			Source: phonesFrom("x", 50_000_000+i*rows, rows), Operation: imports{client: client, card: card},
		}.Run(b.Context())
		if err != nil || summary.Done != rows {
			b.Fatal(summary, err)
		}
		job += time.Since(start)
	}
	b.ReportMetric(float64(b.N*rows)/job.Seconds(), "rows/s")
	b.ReportMetric(float64(b.N*rows)/floor.Seconds(), "floor-rows/s")
	b.ReportMetric(job.Seconds()/floor.Seconds(), "of-floor")
}
