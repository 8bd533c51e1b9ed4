package wxpay_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	routeTasks  = "GET /v3/marketing/bank/packages/{package_id}/tasks"
	routeImport = "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import"
)

// An outcome is the class of an error: what may be done next.
type outcome int

const (
	ok      outcome = iota
	refusal         // *Error, not done
	unknown         // it may have happened
	never           // it never left
)

func outcomeOf(err error) outcome {
	_, isRefusal := errors.AsType[*wxpay.Error](err)
	switch {
	case err == nil:
		return ok
	case wxpay.OutcomeUnknown(err):
		return unknown
	case isRefusal:
		return refusal
	}
	return never
}

// faultTable says for every fault of wxpaytest what a caller sees while it lasts, and how often a read,
// a write that may be repeated and another write are sent.
var faultTable = map[string]struct {
	outcome  outcome
	attempts [3]int64
	is       error
}{
	"dial-refused":         {never, [3]int64{3, 3, 3}, nil},
	"dial-black-hole":      {never, [3]int64{3, 3, 3}, nil},
	"dns":                  {never, [3]int64{3, 3, 3}, nil},
	"reset-before-read":    {unknown, [3]int64{3, 3, 1}, nil},
	"keep-alive-closed":    {unknown, [3]int64{3, 3, 1}, nil},
	"reset-while-read":     {unknown, [3]int64{3, 3, 1}, nil},
	"reset-after-read":     {unknown, [3]int64{3, 3, 1}, nil},
	"hang":                 {unknown, [3]int64{1, 1, 1}, context.DeadlineExceeded},
	"429":                  {refusal, [3]int64{3, 3, 3}, wxpay.CodeFrequencyLimited},
	"429-retry-after":      {refusal, [3]int64{3, 3, 3}, wxpay.CodeRateLimitExceeded},
	"500":                  {unknown, [3]int64{3, 3, 1}, wxpay.CodeSystemError},
	"502-html":             {unknown, [3]int64{3, 3, 1}, nil},
	"503":                  {unknown, [3]int64{3, 3, 1}, wxpay.CodeServiceUnavailable},
	"202":                  {unknown, [3]int64{3, 3, 1}, nil},
	"refusal-unsigned":     {refusal, [3]int64{1, 1, 1}, wxpay.CodeNoAuth},
	"refusal-forged":       {unknown, [3]int64{3, 3, 1}, auth.ErrForged},
	"redirect":             {unknown, [3]int64{1, 1, 1}, nil},
	"reset-after-effect":   {unknown, [3]int64{3, 3, 1}, nil},
	"hang-after-effect":    {unknown, [3]int64{1, 1, 1}, context.DeadlineExceeded},
	"500-after-effect":     {unknown, [3]int64{3, 3, 1}, wxpay.CodeSystemError},
	"reset":                {unknown, [3]int64{3, 3, 1}, nil},
	"204":                  {unknown, [3]int64{3, 3, 1}, nil},
	"skew":                 {unknown, [3]int64{1, 1, 1}, wxpay.ErrUnverified},
	"truncated-gzip":       {unknown, [3]int64{1, 1, 1}, httpx.ErrEncoded},
	"keep-alive":           {ok, [3]int64{1, 1, 1}, nil},
	"slow":                 {ok, [3]int64{1, 1, 1}, nil},
	"slow-body":            {ok, [3]int64{1, 1, 1}, nil},
	"truncated-body":       {unknown, [3]int64{3, 3, 1}, nil},
	"unsigned":             {unknown, [3]int64{3, 3, 1}, auth.ErrUnsigned},
	"forged":               {unknown, [3]int64{3, 3, 1}, auth.ErrForged},
	"tampered":             {unknown, [3]int64{3, 3, 1}, auth.ErrForged},
	"stale":                {unknown, [3]int64{1, 1, 1}, wxpay.ErrUnverified},
	"unknown-serial":       {unknown, [3]int64{3, 3, 1}, auth.ErrUnknownSerial},
	"wrong-signature-type": {unknown, [3]int64{3, 3, 1}, wxpay.ErrUnverified},
	"signtest":             {unknown, [3]int64{3, 3, 1}, wxpay.ErrSignatureProbe},
	"wrong-content-type":   {ok, [3]int64{1, 1, 1}, nil},
	"gzip-bomb":            {unknown, [3]int64{1, 1, 1}, httpx.ErrEncoded},
	"huge-body":            {unknown, [3]int64{1, 1, 1}, httpx.ErrTooLarge},
	"endless-body":         {unknown, [3]int64{1, 1, 1}, httpx.ErrTooLarge},
}

// faultCall makes a read (0), a write that may be repeated (1) or another write (2) at the fake.
func faultCall(t testing.TB, client *wxpay.Client, card string, kind int) wxpay.Call {
	if kind == 0 {
		return wxpay.Call{Route: routeTasks, Vars: wxpay.Vars{"package_id": "8473295"}}
	}
	phone, serial, err := client.Encrypt(t.Context(), "13800138000")
	require.NoError(t, err)
	return wxpay.Call{
		Route: routeImport, Vars: wxpay.Vars{"card_id": card}, Serial: serial, Idempotent: kind == 1,
		Body: map[string]string{"encrypted_phone_number": phone, "out_request_no": "no-1"},
	}
}

func TestFaultTable(t *testing.T) {
	t.Parallel()
	for _, fault := range wxpaytest.Faults {
		want, listed := faultTable[fault.Name]
		require.True(t, listed, "fault %s has no row", fault.Name)
		for kind, name := range []string{"read", "idempotent write", "write"} {
			t.Run(fault.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				server := wxpaytest.New(t) // fails the test if a fault is left over
				synctest.Test(t, func(t *testing.T) {
					client, card := server.Client(), server.AddCard("SYSTEM_ALLOCATE")
					call := faultCall(t, client, card, kind)
					attempts := want.attempts[kind]
					want := want
					if kind > 0 && fault.Name == "refusal-unsigned" { // whether a write was refused, only the platform can say
						want.outcome = unknown
					}
					require.NoError(t, server.Inject(call.Route, fault.Name, int(attempts)))
					before := len(server.Requests())
					_, err := wxpay.Do[map[string]any](t.Context(), client, call)
					assert.Equal(t, want.outcome, outcomeOf(err), "%v", err)
					if want.is != nil {
						assert.ErrorIs(t, err, want.is)
					}
					assert.LessOrEqual(t, int64(len(server.Requests())-before), attempts)

					// One fault, and then the call made again as the error allows: it succeeds, and once.
					if want.outcome != ok {
						require.NoError(t, server.Inject(call.Route, fault.Name, 1))
					}
					for range 3 {
						if _, err = wxpay.Do[map[string]any](t.Context(), client, call); err == nil {
							break
						}
					}
					assert.NoError(t, err)
				})
			})
		}
	}
	assert.Len(t, faultTable, len(wxpaytest.Faults), "a row without a fault")
}

// S7: answers that would not fit are given up before they take memory.
func TestS7BombsStopEarly(t *testing.T) {
	for _, fault := range []string{"gzip-bomb", "huge-body", "endless-body"} {
		server := wxpaytest.New(t)
		require.NoError(t, server.Inject("", fault, 1))
		client := server.Client()
		call := faultCall(t, client, "", 0)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := wxpay.Do[map[string]any](t.Context(), client, call)
		runtime.ReadMemStats(&after)
		assert.Equal(t, unknown, outcomeOf(err), "%v", err)
		if fault != "gzip-bomb" { // whose making in the fake takes memory of its own
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(6<<20), fault)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(2<<20), fault)
	}
}

// R21: a resolver that fails for a while is outlived by the next attempt.
func TestR21ResolverComesBack(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, server.Inject("", "dns", 2))
		_, err := wxpay.Do[map[string]any](t.Context(), server.Client(), faultCall(t, server.Client(), "", 0))
		assert.NoError(t, err)
	})
}

// R10: one answer in a hundred is a probe; none is believed, and every import succeeds and happens once.
func TestR10Probes(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		client, card := server.Client(), server.AddCard("SYSTEM_ALLOCATE")
		codes := map[string]bool{}
		for i := range 500 {
			phone, serial, err := client.Encrypt(t.Context(), wxpay.Secret(fmt.Sprintf("138%08d", i)))
			require.NoError(t, err)
			if i%100 == 7 {
				require.NoError(t, server.Inject(routeImport, "signtest", 1))
			}
			got, err := wxpay.Do[struct {
				Code string `json:"code"`
			}](t.Context(), client, wxpay.Call{
				Route: routeImport, Vars: wxpay.Vars{"card_id": card}, Serial: serial, Idempotent: true,
				Body: map[string]string{"encrypted_phone_number": phone, "out_request_no": fmt.Sprintf("no-%d", i)},
			})
			require.NoError(t, err)
			codes[got.Code] = true
		}
		assert.Len(t, codes, 500)
	})
}
