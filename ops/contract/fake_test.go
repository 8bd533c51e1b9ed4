package contract

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// TestPhonesHereAndThere holds the forms of phone numbers that the SDK lets pass against those that the fake
// takes: each call must know the same ones.
func TestPhonesHereAndThere(t *testing.T) {
	t.Parallel()
	fake := wxpaytest.New(t)
	client, card, n := fake.Client(), fake.AddCard("SYSTEM_ALLOCATE"), 0
	service := membercard.New(client)
	const product = "/v3/marketing/membercard-open/"
	calls := map[string]struct {
		sdk  func(phone wxpay.Secret) error
		wire func(sealed string) wxpay.Call
	}{
		"importUserByPhone": {func(phone wxpay.Secret) error {
			_, err := service.ImportUserByPhone(t.Context(), membercard.ImportUserByPhoneParams{CardID: card, PhoneNumber: phone, OutRequestNo: fmt.Sprint(n)})
			return err
		}, func(sealed string) wxpay.Call {
			return wxpay.Call{Route: "POST " + product + "cards/{card_id}/phone-membercard/import", Vars: wxpay.Vars{"card_id": card},
				Body: map[string]any{"encrypted_phone_number": sealed, "out_request_no": fmt.Sprint(n)}}
		}},
		"importPhoneNumber": {func(phone wxpay.Secret) error {
			p, err := params[membercard.ImportPhoneNumberParams](input{body: map[string]any{
				"member_information": map[string]any{"card_id": card, "registration_time": "2015-05-20T13:29:35+08:00"}}})
			require.NoError(t, err)
			p.PhoneNumber = phone
			return service.ImportPhoneNumber(t.Context(), p)
		}, func(sealed string) wxpay.Call {
			return wxpay.Call{Route: "POST " + product + "phonenumber-member/import", Body: map[string]any{"encrypted_phone_number": sealed,
				"member_information": map[string]any{"card_id": card, "registration_time": "2015-05-20T13:29:35+08:00"}}}
		}},
		"searchPhoneNumber": {func(phone wxpay.Secret) error {
			_, err := service.SearchPhoneNumber(t.Context(), membercard.SearchPhoneNumberParams{CardID: card, PhoneNumber: phone})
			return err
		}, func(sealed string) wxpay.Call {
			return wxpay.Call{Route: "GET " + product + "phonenumber-member/search", Query: map[string][]string{"card_id": {card}, "encrypted_phone_number": {sealed}}}
		}},
	}
	for _, phone := range []wxpay.Secret{
		"13800138000", "+8613800138001", "8613800138002", "+85223456789", "85223456789", "+12025550123", "2345678",
		"1380013800", "138001380000", "+", "+86", "00861380013800", "0138001380", "+-13800138000", "１３８００１３８０００", "138 0013 8000", "123456", "2345678901234567",
	} {
		for name, call := range calls {
			n++
			err := call.sdk(phone)
			_, refused := errors.AsType[*wxpay.ParamError](err)
			assert.False(t, errors.Is(err, wxpay.CodeParamError), "%s lets %s pass and the fake does not", name, phone)
			sealed, serial, err := client.Encrypt(t.Context(), phone)
			require.NoError(t, err)
			wire := call.wire(sealed)
			wire.Serial = serial
			n++
			_, err = wxpay.Do[struct{}](t.Context(), client, wire)
			assert.Equal(t, refused, errors.Is(err, wxpay.CodeParamError), "%s %s: %v", name, phone, err)
		}
	}
}

// TestFakeHasNoAdvice makes every call of WeChat Pay against the fake. It may refuse one whose card or contract
// it does not have, but finds each genuine and nothing unwise in it.
func TestFakeHasNoAdvice(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		if doc.Name == "tpns.yaml" || doc.Name == "certificates.yaml" { // no advice there; made by a client of its own
			continue
		}
		for _, op := range doc.Operations {
			t.Run(op.Title(), func(t *testing.T) {
				fake := wxpaytest.New(t)
				inputs := inputs(t, op)
				for _, in := range inputs {
					_, _ = (&exchange{doc: doc, op: op, want: in, fake: fake}).send(t.Context())
				}
				seen := fake.Requests()
				require.GreaterOrEqual(t, len(seen), len(inputs))
				for _, r := range seen {
					require.Equal(t, op.Route(), r.Route)
					require.Contains(t, r.Checks, "signature", r.Verdict)
					require.Empty(t, r.Advice)
				}
			})
		}
	}
}
