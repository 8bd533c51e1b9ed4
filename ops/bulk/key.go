package bulk

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// ClientKey makes the Key of a [Job] of the merchant's private key: by a signature, which must be the same each time,
// as RSA with PKCS #1 v1.5 is in a file, KMS or HSM. What was signed is no request, so no request shows it. With
// another private key a job cannot go on: finish it before the key changes.
func ClientKey(client *wxpay.Client) func(context.Context) ([]byte, error) {
	const text = "wxpay: ops/bulk: key of the ledger"
	return func(ctx context.Context) ([]byte, error) {
		var signatures [2]string
		for i := range signatures {
			result, err := client.Signer().Sign(ctx, text)
			if err != nil {
				return nil, fmt.Errorf("bulk: the key of the ledger needs a signature: %w", err)
			}
			signatures[i] = result.Signature
		}
		if signatures[0] == "" || signatures[0] != signatures[1] {
			return nil, errors.New("bulk: the Signer gives no signature or another one each time; it must be RSA with PKCS #1 v1.5, as WeChat Pay has it (SHA256-RSA2048)")
		}
		return []byte(signatures[0]), nil
	}
}

// SecretKey makes the Key of a [Job] of a secret, such as that of a TPNS application. With another one a job cannot go
// on.
func SecretKey(secret wxpay.Secret) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		if secret == "" {
			return nil, errors.New("bulk: the secret for the key of the ledger is empty")
		}
		return []byte(secret), nil
	}
}

// keys are what follow from the Key of a job and the salt of its ledger.
type keys struct {
	numbers, contents []byte
	kept              cipher.AEAD
	check             []byte // kept in the ledger: tells another key
}

func newKeys(ctx context.Context, key func(context.Context) ([]byte, error), salt []byte) (*keys, error) {
	if key == nil {
		return nil, &wxpay.ParamError{Route: "Job", Param: "Key", Reason: "is missing; ClientKey makes one"}
	}
	secret, err := key(ctx)
	if err != nil {
		return nil, err
	}
	parts := make([][]byte, 4)
	for i, use := range []string{"numbers", "contents", "kept", "check"} {
		if parts[i], err = hkdf.Key(sha256.New, secret, salt, "wxpay ops/bulk "+use, 32); err != nil {
			return nil, fmt.Errorf("bulk: key: %w", err)
		}
	}
	block, err := aes.NewCipher(parts[2])
	if err != nil {
		return nil, fmt.Errorf("bulk: key: %w", err)
	}
	kept, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("bulk: key: %w", err)
	}
	return &keys{numbers: parts[0], contents: parts[1], kept: kept, check: parts[3]}, nil
}

// A number is the same for the same row in every file of a job. Its last bit says, for an operation that [Corrects],
// whether the row has a number of its own.
type number = [20]byte

const lastByte, ownBit = 19, 1

// marked is a number that says whether its row has one of its own.
func marked(n number, own bool) number {
	if n[lastByte] &^= ownBit; own {
		n[lastByte] |= ownBit
	}
	return n
}

// HasOwnNumber reports whether the row of an item has a number of its own, and is not sent under [NumberOf]. Only items of an
// operation that [Corrects] know that.
func HasOwnNumber(item ledger.Item) bool { return item.Key[lastByte]&ownBit != 0 }

// number of what an identity stands for, under an operation with its settings.
func (k *keys) number(about *About, identity string) (n number) {
	h := hmac.New(sha256.New, k.numbers)
	fmt.Fprintf(h, "%q", about.Name)
	for _, name := range slices.Sorted(maps.Keys(about.Settings)) {
		fmt.Fprintf(h, " %q=%q", name, about.Settings[name])
	}
	fmt.Fprintf(h, " %q", identity)
	copy(n[:], h.Sum(nil))
	return n
}

// content stands for the cells of rows.
func (k *keys) content(rows []table.Row) (c [8]byte) {
	h := hmac.New(sha256.New, k.contents)
	for _, r := range rows {
		fmt.Fprintf(h, "%q\n", r.Cells)
	}
	copy(c[:], h.Sum(nil))
	return c
}

// NumberOf is the [Item.Number] under which an item of a ledger is sent; empty if it is skipped.
func NumberOf(item ledger.Item) string {
	if item.Key == (number{}) {
		return ""
	}
	return spell(item.Key)
}

// spell writes a number as a request number: 32 small letters and digits.
func spell(n number) string { return strings.ToLower(base32.StdEncoding.EncodeToString(n[:])) }

// lock encrypts a call for the ledger, open undoes it. The number ties it to its row.
func (k *keys) lock(n number, call wxpay.Prepared) ([]byte, error) {
	text, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	return k.kept.Seal(nil, nil, text, n[:]), nil
}

func (k *keys) open(n number, kept []byte) (call wxpay.Prepared, err error) {
	if len(kept) == 0 {
		return call, nil
	}
	text, err := k.kept.Open(nil, nil, kept, n[:])
	if err == nil {
		err = json.Unmarshal(text, &call)
	}
	return call, err
}

// seal encrypts the rows of a chunk for a store. In a file there are none: it has its input beside it.
func (r *run) seal(entries []ledger.Entry, rows []table.Row) ([]byte, error) {
	if r.Store == nil || len(entries) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return nil, err
	}
	return r.keys.kept.Seal(nil, nil, text, []byte(sealedRows)), nil
}

// sealedRows tells sealed rows from sealed calls. That they are the rows of their chunk their numbers tell.
const sealedRows = "rows"

func (k *keys) unseal(sealed []byte) (rows []table.Row, err error) {
	text, err := k.kept.Open(nil, nil, sealed, []byte(sealedRows))
	if err == nil {
		err = json.Unmarshal(text, &rows)
	}
	return rows, err
}

// salt of a new ledger.
func salt() []byte {
	s := make([]byte, 32)
	_, _ = rand.Read(s) // never fails
	return s
}
