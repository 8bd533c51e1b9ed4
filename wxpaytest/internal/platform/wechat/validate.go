package wechat

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// Validate checks headers, path, query and body by the documents. It finds all that is wrong with them, and refuses
// the first.
func (p *Platform) Validate(tx *engine.Tx) (first error) {
	wrong := func(where string, errs ...error) {
		for _, err := range errs {
			if err != nil {
				first = cmp.Or(first, tx.Found(where, err))
			}
		}
	}
	wrong("header", p.platformKey(tx))
	if accept := strings.Join(tx.Header.Values("Accept"), ","); !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
		wrong("header", engine.Bad("header", "Accept", "does not take application/json"))
	}
	check := func() *schema.Check {
		c := &schema.Check{Strict: true, Secrets: tx.Secrets, Open: open(tx)}
		if tx.Caller == p.Brand.ID {
			c.Without = p.Brand.Member
		}
		return c
	}
	path := check()
	_ = path.Query(tx.Vars, tx.Op.Params, "path") // what is found is in it
	wrong("path", path.Found...)
	var found []error
	tx.Query, found = queryOf(tx.URI)
	wrong("query", found...)
	if tx.Query != nil {
		query := check()
		_ = query.Query(tx.Query, tx.Op.Params, "query")
		wrong("query", query.Found...)
	}
	wrong("query", checkPage(tx))
	if first == nil {
		tx.Checked("query")
	}
	switch {
	case tx.Op.Body != nil:
		wrong("body", checkBody(tx, check())...)
	case len(tx.Sent) == 0:
	case tx.Method != http.MethodGet && string(tx.Sent) == "{}": // as clients write that always send JSON
		tx.Advise("the body {} is not needed; the documents have none here")
	default:
		wrong("body", engine.Bad("body", "", "must be empty"))
	}
	if tx.Op.Body != nil && first == nil {
		tx.Checked("body")
	}
	if tx.Op.Upload != nil {
		wrong("body", checkFile(tx))
	}
	return first
}

// checkBody holds a body to the documents.
func checkBody(tx *engine.Tx, c *schema.Check) (found []error) {
	if tx.Op.Upload == nil && engine.MediaType(tx.Header) != "application/json" {
		found = append(found, engine.Bad("header", "Content-Type", "is not application/json"))
	}
	var unread []error
	if tx.Body, unread = (schema.Reader{Strict: true}).All(tx.Signed); tx.Body != nil {
		_ = c.Object(tx.Body, tx.Op.Body, "")
	}
	return slices.Concat(found, unread, c.Found)
}

// checkFile holds the file of an upload to what the documents and the meta say of it.
func checkFile(tx *engine.Tx) error {
	file, doc := tx.File.Body, tx.Op.Upload
	switch sum := sha256.Sum256(file); {
	case doc.MaxBytes > 0 && int64(len(file)) > doc.MaxBytes:
		return engine.Invalid("the file has %d bytes, more than %d MB", len(file), doc.MaxBytes/1_000_000)
	case tx.Body != nil && tx.Op.Body.Property("sha256") != nil && hex.EncodeToString(sum[:]) != tx.Body.Text("sha256"):
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
	for _, bound := range []struct {
		name  string
		least int64
	}{{p.Limit, 1}, {p.Offset, p.First}} {
		if _, number := tx.Query[bound.name].(json.Number); number && tx.Query.Number(bound.name) < bound.least {
			return engine.Bad("query", bound.name, fmt.Sprintf("is out of range: it is at least %d", bound.least))
		}
	}
	return nil
}

// open opens what is encrypted, if the request names the key of it.
func open(tx *engine.Tx) func(string) (string, error) {
	if tx.Open != nil {
		return tx.Open
	}
	return func(string) (string, error) { return "", engine.ErrNoSerial() }
}

// queryOf reads a query; a name may come once. It is nil if it cannot be read.
func queryOf(uri string) (schema.Object, []error) {
	_, raw, _ := strings.Cut(uri, "?")
	o := schema.Object{}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, []error{&schema.Violation{Issue: "is not a query: " + err.Error()}}
	}
	var found []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if o[name] = values.Get(name); len(values[name]) != 1 {
			found = append(found, &schema.Violation{Field: "/" + name, Issue: "comes more than once"})
		}
	}
	return o, found
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
