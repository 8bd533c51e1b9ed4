package wechat

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// Validate checks headers, path, query and body by the documents.
func (p *Platform) Validate(tx *engine.Tx) error {
	if err := p.platformKey(tx); err != nil {
		return err
	}
	if accept := strings.Join(tx.Header.Values("Accept"), ","); !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
		return engine.Bad("header", "Accept", "does not take application/json")
	}
	c := &schema.Check{Strict: true, Secrets: tx.Secrets, Open: open(tx)}
	if tx.Caller == p.Brand.ID {
		c.Without = p.Brand.Member
	}
	if err := c.Query(tx.Vars, tx.Op.Params, "path"); err != nil {
		return wrong("path", err)
	}
	query, err := queryOf(tx.URI)
	if err == nil {
		tx.Query, err = query, c.Query(query, tx.Op.Params, "query")
	}
	if err != nil {
		return wrong("query", err)
	}
	if err := checkPage(tx); err != nil {
		return err
	}
	tx.Checked("query")
	switch {
	case tx.Op.Body != nil:
	case len(tx.Sent) == 0:
		return nil
	case tx.Method != http.MethodGet && string(tx.Sent) == "{}": // as clients write that always send JSON
		tx.Advise("the body {} is not needed; the documents have none here")
		return nil
	default:
		return engine.Bad("body", "", "must be empty")
	}
	if tx.Op.Upload == nil && engine.MediaType(tx.Header) != "application/json" {
		return engine.Bad("header", "Content-Type", "is not application/json")
	}
	if tx.Body, err = (schema.Reader{Strict: true}).Object(tx.Signed); err == nil {
		err = c.Object(tx.Body, tx.Op.Body, "")
	}
	if err != nil {
		return wrong("body", err)
	}
	tx.Checked("body")
	if tx.Op.Upload != nil {
		return checkFile(tx)
	}
	return nil
}

// checkFile holds the file of an upload to what the documents and the meta say of it.
func checkFile(tx *engine.Tx) error {
	file, doc := tx.File.Body, tx.Op.Upload
	switch sum := sha256.Sum256(file); {
	case doc.MaxBytes > 0 && int64(len(file)) > doc.MaxBytes:
		return engine.Invalid("the file has %d bytes, more than %d MB", len(file), doc.MaxBytes/1_000_000)
	case tx.Op.Body.Property("sha256") != nil && hex.EncodeToString(sum[:]) != tx.Body.Text("sha256"):
		return engine.BadParam("sha256", "is not that of the file received, "+hex.EncodeToString(sum[:]))
	case len(file) == 0:
		return engine.Invalid("the file is empty")
	}
	tx.Checked("sha256")
	return nil
}

// checkPage refuses pages that cannot be, where the documents name no bounds.
func checkPage(tx *engine.Tx) error {
	p := tx.Op.Pagination
	if p == nil {
		return nil
	}
	for name, least := range map[string]int64{p.Limit: 1, p.Offset: p.First} {
		if _, set := tx.Query[name]; set && tx.Query.Number(name) < least {
			return engine.Bad("query", name, "is out of range")
		}
	}
	return nil
}

// wrong says where the request is not as the documents have it.
func wrong(where string, err error) error {
	if v, ok := errors.AsType[*schema.Violation](err); ok {
		return &engine.Wrong{Where: where, Violation: v}
	}
	return err
}

// open opens what is encrypted, if the request names the key of it.
func open(tx *engine.Tx) func(string) (string, error) {
	if tx.Open != nil {
		return tx.Open
	}
	return func(string) (string, error) { return "", engine.ErrNoSerial() }
}

// queryOf reads a query; a name may come once.
func queryOf(uri string) (schema.Object, error) {
	_, raw, _ := strings.Cut(uri, "?")
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &schema.Violation{Issue: "is not a query"}
	}
	o := schema.Object{}
	for name, all := range values {
		if len(all) != 1 {
			return nil, &schema.Violation{Field: "/" + name, Issue: "comes more than once"}
		}
		o[name] = all[0]
	}
	return o, nil
}

const listCertificates = "listCertificates" // the one call that those make who know no key yet

func isList(tx *engine.Tx) bool { return tx.Op != nil && tx.Op.ID == listCertificates }

// platformKey finds the key that the request names. A request that encrypts nothing need not name one, and
// the download of certificates may name anything.
func (p *Platform) platformKey(tx *engine.Tx) error {
	serial, list, caller := tx.Header.Get("Wechatpay-Serial"), isList(tx), p.IdentityOf(tx.Caller)
	if k := caller.vault.find(serial); k != nil {
		tx.Open = k.open
		tx.Checked("Wechatpay-Serial")
		return nil
	}
	hasPublic := caller.vault.public != nil
	switch {
	case serial == "" && hasPublic && !list:
		tx.Advise("Wechatpay-Serial is missing; WeChat Pay counts a call for the switch to its public key only if the call names that key")
	case serial == "":
	case list:
		tx.Advise("Wechatpay-Serial names no key of the platform; leave it out until one is known")
	case !hasPublic && strings.HasPrefix(serial, "PUB_KEY_ID_"):
		tx.Advise("Wechatpay-Serial names a public key, and none is switched on for this merchant; it is not looked at")
	case caller == p.Brand && strings.HasPrefix(serial, "PUB_KEY_ID_"):
		return engine.Invalid("the public key that Wechatpay-Serial names is not of this brand")
	default:
		return engine.Bad("header", "Wechatpay-Serial", "names no key of the platform")
	}
	return nil
}
