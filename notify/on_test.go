package notify_test

import (
	"context"
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/notify"
)

// The type of an event says what its function takes.
func TestWrongTypesDoNotCompile(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "vet", "./testdata/compiles").CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.CommandContext(t.Context(), "go", "vet", "./testdata/mismatch").CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "main.go:12:")
	assert.Contains(t, string(out), "edupapay.TransactionEvent")
}

// An event that no package has: its function gets the plaintext as it is.
func TestEventWithoutAType(t *testing.T) {
	t.Parallel()
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	var got string
	notify.On(h, "REFUND.SUCCESS", func(_ context.Context, _ *notify.Event, v *json.RawMessage) error {
		got = string(*v)
		return nil
	})
	const plain = `{"id": "1", "more":[2]}`
	require.Equal(t, 204, serve(h, signed(message{event: "REFUND.SUCCESS", plain: plain}.String())).Code)
	assert.JSONEq(t, plain, got)
}
