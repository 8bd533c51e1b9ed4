package postgres_test

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
)

func work(ctx context.Context, url string, clients map[string]*wxpay.Client) error {
	store, err := postgres.Open(ctx, url)
	if err != nil {
		return err
	}
	defer store.Close()
	return bulk.Worker{Store: store, Operation: func(_ context.Context, _ string, h ledger.Head) (bulk.Operation, func(context.Context) ([]byte, error), error) {
		client, ok := clients[h.Sender]
		if !ok || h.Operation != "member-import-by-phone" {
			return nil, nil, nil
		}
		return members.ByPhone{Client: client, CardID: h.Settings["card_id"]}, bulk.ClientKey(client), nil
	}}.Run(ctx)
}

// A worker of two merchants, until it is told to end.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var spring, autumn *wxpay.Client // made of the merchants' keys
	_ = work(ctx, os.Getenv("WXPAY_STORE"), map[string]*wxpay.Client{"1900000109": spring, "1900000110": autumn})
}

// Every block of Go in the guide is part of the example.
func TestPapers(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	for _, path := range []string{"../../../docs/many-machines.md", "../../../docs/many-machines.zh-CN.md"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		blocks := strings.Split(string(text), "```go\n")[1:]
		assert.Len(t, blocks, 1, path)
		for _, block := range blocks {
			code, _, _ := strings.Cut(block, "```\n")
			assert.Contains(t, string(example), code, path)
		}
	}
}
