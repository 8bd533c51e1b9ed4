package mchtransfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

// makes is the answer of a creation, finds that of a query, both about the bill that was asked for.
func makes(state string) responder {
	return signed(200, `{"out_bill_no":"plfk2020042013","transfer_bill_no":"1","state":"`+state+`","package_info":"ticket"}`)
}

func finds(state string) responder { return findsWith(state, "400000", "") }

func findsWith(state, amount, more string) responder {
	return signed(200, found(state, amount, more))
}

func found(state, amount, more string) string {
	return `{"mch_id":"1900000100","out_bill_no":"plfk2020042013","transfer_bill_no":"1","appid":"wxf636efh567hg4356","openid":"o-MYE42l80oelYMDE34nYD456Xoy","state":"` + state +
		`","transfer_amount":` + amount + more + `}`
}

// What comes of a transfer.
const (
	unknown = "unknown"    // it may have been made
	never   = "never left" // it was not made
)

// Each way in which an answer can fail to come, to be genuine, or to be about the bill.
func TestTransfer(t *testing.T) {
	t.Parallel()
	none, other := refused(404, "NOT_FOUND"), signed(200, strings.Replace(found("SUCCESS", "400000", ""), "plfk2020042013", "other1", 1))
	type R = []responder
	for name, tt := range map[string]struct {
		creates, queries R
		want             string // a state, a code of a refusal, or one of the above
		ticket           string
		chain            error // also in the error
	}{
		"made":                        {R{makes("WAIT_USER_CONFIRM")}, nil, "WAIT_USER_CONFIRM", "ticket", nil},
		"made, of no known state":     {R{makes("FROZEN")}, nil, "FROZEN", "ticket", nil},
		"lost, paid":                  {R{lost}, R{finds("SUCCESS")}, "SUCCESS", "", nil},
		"lost, failed":                {R{lost}, R{finds("FAIL")}, "FAIL", "", nil},
		"lost, of no known state":     {R{lost}, R{finds("FROZEN")}, "FROZEN", "", nil},
		"lost, with a ticket":         {R{lost}, R{findsWith("WAIT_USER_CONFIRM", "400000", `,"package_info":"first"`)}, "WAIT_USER_CONFIRM", "first", nil},
		"lost, its ticket fetched":    {R{lost, makes("WAIT_USER_CONFIRM")}, R{finds("WAIT_USER_CONFIRM")}, "WAIT_USER_CONFIRM", "ticket", nil},
		"lost, its ticket lost":       {R{lost, lost}, R{finds("WAIT_USER_CONFIRM")}, "WAIT_USER_CONFIRM", "", nil},
		"lost, its ticket forged":     {R{lost, unsigned(200, `{"out_bill_no":"plfk2020042013","state":"SUCCESS"}`)}, R{finds("WAIT_USER_CONFIRM")}, "WAIT_USER_CONFIRM", "", nil},
		"lost, paid meanwhile":        {R{lost, makes("SUCCESS")}, R{finds("WAIT_USER_CONFIRM")}, "WAIT_USER_CONFIRM", "", nil},
		"lost, ticket of another":     {R{lost, signed(200, `{"out_bill_no":"plfk2020042013","transfer_bill_no":"2","state":"WAIT_USER_CONFIRM","package_info":"ticket"}`)}, R{finds("WAIT_USER_CONFIRM")}, "WAIT_USER_CONFIRM", "", nil},
		"made, paid at once":          {R{makes("SUCCESS")}, R{finds("SUCCESS")}, "SUCCESS", "", nil},
		"made, failed":                {R{makes("FAIL")}, R{finds("PROCESSING")}, "PROCESSING", "", nil},
		"made, paid, query lost":      {R{makes("SUCCESS")}, R{lost}, unknown, "", nil},
		"made, cancelled, none":       {R{makes("CANCELLED")}, R{none}, unknown, "", wxpay.CodeNotFound},
		"made, paid, of more":         {R{makes("SUCCESS")}, R{findsWith("SUCCESS", "400001", "")}, unknown, "", mchtransfer.ErrOtherBill},
		"made, without a state":       {R{makes("")}, R{finds("ACCEPTED")}, "ACCEPTED", "", nil},
		"made, a query's answer":      {R{signed(200, found("SUCCESS", "1", ""))}, R{finds("PROCESSING")}, "PROCESSING", "", nil},
		"made, for another user":      {R{signed(200, found("PROCESSING", "400000", `,"openid":"o2"`))}, R{lost}, unknown, "", nil},
		"made, of another AppID":      {R{signed(200, found("PROCESSING", "400000", `,"appid":"wx2"`))}, R{lost}, unknown, "", nil},
		"made, of another merchant":   {R{signed(200, found("PROCESSING", "400000", `,"mch_id":"1"`))}, R{lost}, unknown, "", nil},
		"lost, none, paid, lost":      {R{lost, makes("SUCCESS")}, R{none, lost}, unknown, "", nil},
		"lost, none, made":            {R{lost, makes("ACCEPTED")}, R{none}, "ACCEPTED", "ticket", nil},
		"lost, none, lost, there":     {R{lost, lost}, R{none, finds("PROCESSING")}, "PROCESSING", "", nil},
		"lost, none, lost, none":      {R{lost, lost}, R{none, none}, unknown, "", wxpay.CodeNotFound},
		"lost, none, lost, lost":      {R{lost, lost}, R{none, lost}, unknown, "", nil},
		"lost, none, refused, none":   {R{lost, refused(403, "NOT_ENOUGH")}, R{none, none}, "NOT_ENOUGH", "", nil},
		"lost, none, refused, there":  {R{lost, refused(403, "NOT_ENOUGH")}, R{none, finds("SUCCESS")}, "SUCCESS", "", nil},
		"lost, none, refused, lost":   {R{lost, refused(403, "NOT_ENOUGH")}, R{none, lost}, unknown, "", wxpay.CodeNotEnough},
		"lost, none, does not leave":  {R{lost, unreached}, R{none}, unknown, "", nil},
		"lost, none, exists, none":    {R{lost, refused(400, "ALREADY_EXISTS")}, R{none, none}, unknown, "", wxpay.CodeAlreadyExists},
		"lost, none by a proxy":       {R{lost}, R{unsigned(404, `{"code":"NOT_FOUND","message":"no"}`)}, unknown, "", nil},
		"lost, none by a forger":      {R{lost}, R{forged(404, `{"code":"NOT_FOUND","message":"no"}`)}, unknown, "", wxpay.ErrUnverified},
		"lost, none by a stranger":    {R{lost}, R{strange(404, `{"code":"NOT_FOUND","message":"no"}`)}, unknown, "", wxpay.ErrUnverified},
		"lost, a page of nothing":     {R{lost}, R{signed(404, ``)}, unknown, "", nil},
		"lost, none with status 500":  {R{lost}, R{refused(500, "NOT_FOUND")}, unknown, "", nil},
		"lost, another thing missing": {R{lost}, R{refused(404, "RESOURCE_NOT_EXISTS")}, unknown, "", nil},
		"lost, query lost":            {R{lost}, R{lost}, unknown, "", nil},
		"lost, query does not leave":  {R{lost}, R{unreached}, unknown, "", nil},
		"lost, query fails":           {R{lost}, R{refused(500, "SYSTEM_ERROR")}, unknown, "", nil},
		"lost, query throttled":       {R{lost}, R{refused(429, "FREQUENCY_LIMITED")}, unknown, "", wxpay.CodeFrequencyLimited},
		"lost, query refused":         {R{lost}, R{refused(403, "NO_AUTH")}, unknown, "", wxpay.CodeNoAuth},
		"lost, paid by a proxy":       {R{lost}, R{unsigned(200, found("SUCCESS", "400000", ""))}, unknown, "", wxpay.ErrUnverified},
		"lost, paid by a forger":      {R{lost}, R{forged(200, found("SUCCESS", "400000", ""))}, unknown, "", wxpay.ErrUnverified},
		"lost, paid by a stranger":    {R{lost}, R{strange(200, found("SUCCESS", "400000", ""))}, unknown, "", wxpay.ErrUnverified},
		"lost, another bill paid":     {R{lost}, R{other}, unknown, "", nil},
		"lost, refusal as a success":  {R{lost}, R{signed(200, `{"code":"NOT_FOUND","message":"no"}`)}, unknown, "", nil},
		"lost, no JSON":               {R{lost}, R{signed(200, `paid`)}, unknown, "", nil},
		"lost, accepted only":         {R{lost}, R{signed(202, found("SUCCESS", "400000", ""))}, unknown, "", nil},
		"lost, more":                  {R{lost}, R{findsWith("SUCCESS", "400001", "")}, unknown, "", mchtransfer.ErrOtherBill},
		"lost, less":                  {R{lost}, R{findsWith("FAIL", "1", "")}, unknown, "", mchtransfer.ErrOtherBill},
		"lost, no amount":             {R{lost}, R{signed(200, `{"out_bill_no":"plfk2020042013","state":"SUCCESS"}`)}, unknown, "", mchtransfer.ErrOtherBill},
		"lost, an odd amount":         {R{lost}, R{findsWith("SUCCESS", `"many"`, "")}, unknown, "", nil},
		"lost, another user":          {R{lost}, R{findsWith("SUCCESS", "400000", `,"openid":"o2"`)}, unknown, "", mchtransfer.ErrOtherBill},
		"lost, another AppID":         {R{lost}, R{findsWith("SUCCESS", "400000", `,"appid":"wx2"`)}, unknown, "", mchtransfer.ErrOtherBill},
		"lost, another merchant":      {R{lost}, R{findsWith("SUCCESS", "400000", `,"mch_id":"1900000999"`)}, unknown, "", mchtransfer.ErrOtherBill},
		"lost, the user left out":     {R{lost}, R{signed(200, `{"out_bill_no":"plfk2020042013","state":"SUCCESS","transfer_amount":400000}`)}, "SUCCESS", "", nil},
		"fails, there":                {R{refused(500, "SYSTEM_ERROR")}, R{finds("SUCCESS")}, "SUCCESS", "", nil},
		"fails, none, made":           {R{refused(500, "SYSTEM_ERROR"), makes("ACCEPTED")}, R{none}, "ACCEPTED", "ticket", nil},
		"fails, query lost":           {R{refused(502, "")}, R{lost}, unknown, "", nil},
		"made by a proxy":             {R{unsigned(200, `{"out_bill_no":"plfk2020042013","state":"SUCCESS"}`)}, R{lost}, unknown, "", wxpay.ErrUnverified},
		"made by a forger, there":     {R{forged(200, `{"out_bill_no":"plfk2020042013","state":"SUCCESS"}`)}, R{finds("PROCESSING")}, "PROCESSING", "", nil},
		"made by a stranger":          {R{strange(200, `{"out_bill_no":"plfk2020042013","state":"SUCCESS"}`)}, R{lost}, unknown, "", wxpay.ErrUnverified},
		"another bill made":           {R{signed(200, `{"out_bill_no":"other1","state":"SUCCESS"}`)}, R{lost}, unknown, "", nil},
		"a bill without number":       {R{signed(200, `{"state":"SUCCESS"}`)}, R{finds("PROCESSING")}, "PROCESSING", "", nil},
		"refusal as a success":        {R{signed(200, `{"code":"PARAM_ERROR","message":"no"}`)}, R{lost}, unknown, "", nil},
		"refused by a proxy":          {R{unsigned(403, `{"code":"NO_AUTH","message":"no"}`), makes("ACCEPTED")}, R{none}, "ACCEPTED", "ticket", nil},
		"refused by a proxy, lost":    {R{unsigned(403, `{"code":"NO_AUTH","message":"no"}`)}, R{lost}, unknown, "", nil},
		"exists, by a proxy":          {R{unsigned(400, `{"code":"ALREADY_EXISTS","message":"no"}`), makes("ACCEPTED")}, R{none}, "ACCEPTED", "ticket", nil},
		"refused":                     {R{refused(400, "INVALID_REQUEST")}, R{none}, "INVALID_REQUEST", "", nil},
		"too little money":            {R{refused(403, "NOT_ENOUGH")}, R{none}, "NOT_ENOUGH", "", nil},
		"too little money, there":     {R{refused(403, "NOT_ENOUGH")}, R{finds("PROCESSING")}, "PROCESSING", "", nil},
		"throttled":                   {R{refused(429, "FREQUENCY_LIMITED")}, R{none}, "FREQUENCY_LIMITED", "", nil},
		"refused, paid before":        {R{refused(400, "INVALID_REQUEST")}, R{finds("SUCCESS")}, "SUCCESS", "", nil},
		"refused, query lost":         {R{refused(400, "INVALID_REQUEST")}, R{lost}, unknown, "", wxpay.CodeInvalidRequest},
		"refused, query refused":      {R{refused(403, "NO_AUTH")}, R{refused(403, "NO_AUTH")}, unknown, "", wxpay.CodeNoAuth},
		"refused, none by a proxy":    {R{refused(400, "INVALID_REQUEST")}, R{unsigned(404, `{"code":"NOT_FOUND","message":"no"}`)}, unknown, "", wxpay.CodeInvalidRequest},
		"refused, another bill":       {R{refused(400, "INVALID_REQUEST")}, R{other}, unknown, "", wxpay.CodeInvalidRequest},
		"exists":                      {R{refused(400, "ALREADY_EXISTS")}, R{finds("SUCCESS")}, "SUCCESS", "", nil},
		"exists, of more":             {R{refused(400, "ALREADY_EXISTS")}, R{findsWith("SUCCESS", "400001", "")}, unknown, "", mchtransfer.ErrOtherBill},
		"exists, of another user":     {R{refused(400, "ALREADY_EXISTS")}, R{findsWith("FAIL", "400000", `,"openid":"o2"`)}, unknown, "", mchtransfer.ErrOtherBill},
		"exists, too old to be seen":  {R{refused(400, "ALREADY_EXISTS")}, R{none}, unknown, "", wxpay.CodeAlreadyExists},
		"never left":                  {R{unreached}, nil, never, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{t: t, answers: map[string][]responder{"POST " + transferBills: tt.creates, "GET " + byOutBillNo: tt.queries}}
			got, err := newService(p).Transfer(t.Context(), transfer())
			creates := p.sent["POST "+transferBills]
			assert.Len(t, creates, len(tt.creates))
			assert.Len(t, p.sent["GET "+byOutBillNo], len(tt.queries))
			for _, again := range creates {
				assert.True(t, again == creates[0], "the same bytes")
				assert.NotContains(t, again, "张三")
			}
			e, isRefusal := errors.AsType[*wxpay.Error](err)
			if tt.chain != nil {
				require.ErrorIs(t, err, tt.chain)
			}
			switch tt.want {
			case unknown:
				require.True(t, wxpay.OutcomeUnknown(err), "%v", err)
				assert.Nil(t, got)
				assert.NotContains(t, err.Error(), "\n")
				assert.Less(t, len(err.Error()), 2<<10)
			case never:
				require.ErrorContains(t, err, "not sent")
				assert.False(t, wxpay.OutcomeUnknown(err))
			default:
				if err != nil {
					require.True(t, isRefusal && e.Verified && e.Code == wxpay.Code(tt.want) && !wxpay.OutcomeUnknown(err), "%v", err)
					assert.Nil(t, got)
					return
				}
				assert.Equal(t, mchtransfer.TransferState(tt.want), got.State)
				assert.Equal(t, tt.ticket, got.PackageInfo)
				assert.Equal(t, []any{"plfk2020042013", wxpay.Fen(400000)}, []any{got.OutBillNo, got.TransferAmount})
			}
		})
	}
}

// An answer that somebody recorded says nothing today.
func TestTransferAndARecordedAnswer(t *testing.T) {
	t.Parallel()
	recorded := twice(finds("SUCCESS"))
	p := &platform{t: t, answers: map[string][]responder{"POST " + transferBills: {lost, makes("ACCEPTED")}, "GET " + byOutBillNo: {recorded, recorded, refused(404, "NOT_FOUND")}}}
	s := newService(p)
	_, err := s.GetTransferBillByOutBillNo(t.Context(), mchtransfer.GetTransferBillByOutBillNoParams{OutBillNo: "plfk2020042013"})
	require.NoError(t, err)
	got, err := s.Transfer(t.Context(), transfer())
	assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
	assert.ErrorIs(t, err, wxpay.ErrUnverified)
	assert.Nil(t, got)
	created := twice(makes("PROCESSING"))
	p.answers["POST "+transferBills] = []responder{lost, created, created}
	got, err = s.Transfer(t.Context(), transfer()) // its creation is answered genuinely, once
	require.NoError(t, err)
	assert.Equal(t, mchtransfer.TransferProcessing, got.State)
	p.answers["GET "+byOutBillNo] = []responder{nil, nil, lost}
	got, err = s.Transfer(t.Context(), transfer())
	assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
	assert.Nil(t, got)
}

// The bill that was made has what was asked for, since the answer repeats the number alone.
func TestTransferReturnsTheBill(t *testing.T) {
	t.Parallel()
	p := &platform{t: t, answers: map[string][]responder{"POST " + transferBills: {signed(200, createdJSON)}}}
	got, err := newService(p).Transfer(t.Context(), transfer())
	require.NoError(t, err)
	want := bill()
	want.State, want.UserName, want.UpdateTime = mchtransfer.TransferAccepted, "", wxpay.Time{}
	assert.Equal(t, want, got)
}

// Who keeps calls, as a job does, is given each of them, the one that is sent again as it was.
func TestTransferIsKept(t *testing.T) {
	t.Parallel()
	p := &platform{t: t, answers: map[string][]responder{"POST " + transferBills: {lost, makes("ACCEPTED")}, "GET " + byOutBillNo: {refused(404, "NOT_FOUND")}}}
	var kept []wxpay.Prepared
	ctx := wxpay.WithPrepared(t.Context(), func(_ context.Context, call wxpay.Prepared) error {
		kept = append(kept, call)
		return nil
	})
	_, err := newService(p).Transfer(ctx, transfer())
	require.NoError(t, err)
	require.Len(t, kept, 3)
	assert.Equal(t, "GET "+transferBills+"/out-bill-no/{out_bill_no}", kept[1].Route)
	assert.True(t, bytes.Equal(kept[0].Body, kept[2].Body))
	assert.True(t, kept[2].Idempotent)

	full := errors.New("disk is full")
	for n := range 2 { // whatever cannot be kept is not sent, and that a bill was lost is not forgotten
		p := &platform{t: t, answers: map[string][]responder{"POST " + transferBills: {lost}, "GET " + byOutBillNo: {lost}}}
		calls := 0
		_, err = newService(p).Transfer(wxpay.WithPrepared(t.Context(), func(context.Context, wxpay.Prepared) error {
			if calls++; calls > n {
				return full
			}
			return nil
		}), transfer())
		require.ErrorIs(t, err, full)
		assert.Equal(t, n == 1, wxpay.OutcomeUnknown(err), "%v", err)
		assert.Len(t, p.sent["POST "+transferBills], n)
		assert.Empty(t, p.sent["GET "+byOutBillNo])
	}
}

// What is wrong with the params, and a context that ended, send nothing; one that ends while the bill is made leaves it open.
func TestTransferThatIsNotMade(t *testing.T) {
	t.Parallel()
	p := &platform{t: t}
	wrong := transfer()
	wrong.UserName = ""
	_, err := newService(p).Transfer(t.Context(), wrong)
	_, ok := errors.AsType[*wxpay.ParamError](err)
	assert.True(t, ok, "%v", err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newService(p).Transfer(ctx, transfer())
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, wxpay.OutcomeUnknown(err))

	ctx, cancel = context.WithCancel(t.Context())
	p.answers = map[string][]responder{"POST " + transferBills: {func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, context.Canceled
	}}}
	_, err = newService(p).Transfer(ctx, transfer())
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
	_, err = mchtransfer.New(platformtest.BrandClient(t, p)).Transfer(t.Context(), transfer())
	require.ErrorContains(t, err, "is not open to brands")
}

// A keyless is an Encryptor whose platform refuses to give a key.
type keyless struct{ cipher.Encryptor }

func (keyless) SelectCertificate(context.Context) (string, error) {
	return "", &wxpay.Error{Route: "GET /v3/certificates", StatusCode: 403, Code: wxpay.CodeNoAuth, Verified: true}
}

// That there is no key to seal with is no refusal of the bill, and no reason to ask for it.
func TestTransferWithoutAKey(t *testing.T) {
	t.Parallel()
	config := platformtest.Config(&platform{t: t})
	config.PublicKeyID, config.PublicKey, config.Verifier, config.Encryptor = "", nil, platformtest.Client(t, nil).Verifier(), keyless{}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = mchtransfer.New(client).Transfer(t.Context(), transfer())
	require.ErrorIs(t, err, wxpay.CodeNoAuth)
	assert.ErrorContains(t, err, "not sent")
	assert.False(t, wxpay.OutcomeUnknown(err), "%v", err)
}

func TestWaitBill(t *testing.T) {
	t.Parallel()
	platformtest.MerchantKey()
	platformtest.PlatformKey()
	type R = []responder
	for name, tt := range map[string]struct {
		every time.Duration
		looks R
		want  mchtransfer.TransferState // with an error: the last that was seen
		err   error
		open  bool // the outcome
		after time.Duration
	}{
		"at once":             {0, R{finds("SUCCESS")}, "SUCCESS", nil, false, 0},
		"failed":              {0, R{finds("ACCEPTED"), finds("PROCESSING"), finds("FAIL")}, "FAIL", nil, false, 10 * time.Second},
		"cancelled":           {time.Minute, R{finds("CANCELING"), finds("CANCELLED")}, "CANCELLED", nil, false, time.Minute},
		"waiting for a user":  {time.Hour, R{finds("WAIT_USER_CONFIRM"), finds("WAIT_USER_CONFIRM"), finds("TRANSFERING"), finds("SUCCESS")}, "SUCCESS", nil, false, 3 * time.Hour},
		"states not known":    {0, R{finds("FROZEN"), finds(""), finds("success"), finds("SUCCESS")}, "SUCCESS", nil, false, 15 * time.Second},
		"passing failures":    {0, R{lost, refused(429, "FREQUENCY_LIMITED"), refused(500, "SYSTEM_ERROR"), unreached, finds("SUCCESS")}, "SUCCESS", nil, false, 20 * time.Second},
		"none":                {0, R{finds("ACCEPTED"), refused(404, "NOT_FOUND")}, "ACCEPTED", wxpay.CodeNotFound, false, 5 * time.Second},
		"none, by a proxy":    {0, R{finds("ACCEPTED"), unsigned(404, `{"code":"NOT_FOUND","message":"no"}`)}, "ACCEPTED", wxpay.CodeNotFound, true, 5 * time.Second},
		"none, by a forger":   {0, R{forged(404, `{"code":"NOT_FOUND","message":"no"}`)}, "", wxpay.ErrUnverified, true, 0},
		"paid, by a proxy":    {0, R{finds("ACCEPTED"), unsigned(200, found("SUCCESS", "400000", ""))}, "ACCEPTED", wxpay.ErrUnverified, true, 5 * time.Second},
		"paid, by a forger":   {0, R{finds("ACCEPTED"), forged(200, found("SUCCESS", "400000", ""))}, "ACCEPTED", wxpay.ErrUnverified, true, 5 * time.Second},
		"paid, by a stranger": {0, R{strange(200, found("SUCCESS", "400000", ""))}, "", wxpay.ErrUnverified, true, 0},
		"refused":             {0, R{finds("ACCEPTED"), refused(403, "NO_AUTH")}, "ACCEPTED", wxpay.CodeNoAuth, false, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &platform{t: t, answers: map[string][]responder{"GET " + byOutBillNo: tt.looks}}
				start := time.Now()
				got, err := newService(p).WaitBill(t.Context(), mchtransfer.WaitBillParams{OutBillNo: "plfk2020042013", Every: tt.every})
				assert.ErrorIs(t, err, tt.err)
				assert.Equal(t, tt.open, wxpay.OutcomeUnknown(err), "%v", err)
				assert.Equal(t, tt.after, time.Since(start))
				if tt.want == "" {
					assert.Nil(t, got)
				} else if assert.NotNil(t, got) {
					assert.Equal(t, tt.want, got.State)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // another bill is passed over, a recorded answer ends the wait
		other := signed(200, strings.Replace(found("SUCCESS", "400000", ""), "plfk2020042013", "other1", 1))
		p := &platform{t: t, answers: map[string][]responder{"GET " + byOutBillNo: {finds("PROCESSING"), other, other}}}
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second)
		defer cancel()
		got, err := newService(p).WaitBill(ctx, mchtransfer.WaitBillParams{OutBillNo: "plfk2020042013"})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
		assert.Equal(t, mchtransfer.TransferProcessing, got.State)

		recorded := twice(finds("PROCESSING"))
		p = &platform{t: t, answers: map[string][]responder{"GET " + byOutBillNo: {recorded, recorded}}}
		got, err = newService(p).WaitBill(t.Context(), mchtransfer.WaitBillParams{OutBillNo: "plfk2020042013"})
		assert.ErrorIs(t, err, wxpay.ErrUnverified)
		assert.Equal(t, mchtransfer.TransferProcessing, got.State)
	})
}

// A day of waiting for the user ends with the context, and hands over the last state and the caller's own cause.
func TestWaitBillEndsWithContext(t *testing.T) {
	t.Parallel()
	platformtest.MerchantKey()
	platformtest.PlatformKey()
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("shop closes")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(12*time.Hour+time.Second, func() { cancel(cause) })
		var looks []responder
		for range 13 {
			looks = append(looks, finds("WAIT_USER_CONFIRM"))
		}
		p := &platform{t: t, answers: map[string][]responder{"GET " + byOutBillNo: looks}}
		start := time.Now()
		got, err := newService(p).WaitBill(ctx, mchtransfer.WaitBillParams{OutBillNo: "plfk2020042013", Every: time.Hour})
		require.ErrorIs(t, err, cause)
		require.NotNil(t, got)
		assert.Equal(t, mchtransfer.TransferWaitUserConfirm, got.State)
		assert.Equal(t, 12*time.Hour+time.Second, time.Since(start))
	})
	_, err := newService(&platform{t: t}).WaitBill(t.Context(), mchtransfer.WaitBillParams{OutBillNo: "a b"})
	_, ok := errors.AsType[*wxpay.ParamError](err)
	assert.True(t, ok, "%v", err)
	assert.NotContains(t, fmt.Sprint(err), "a b")
}
