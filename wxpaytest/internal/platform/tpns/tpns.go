// Package tpns is Tencent's push service as a platform of the fake: credentials of its own, no signatures of
// answers, and return codes instead of statuses.
package tpns

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// What TPNS knows its application by.
const (
	AccessID  = "1500001048"
	SecretKey = "wxpaytest0secret0key0of0tpns0000"
)

// A Platform is TPNS. Host is the access point of the application; empty: any.
type Platform struct{ Host string }

// Name is what the catalog calls the platform.
func (*Platform) Name() string { return "tpns" }

// Hosts are those that the documents name.
func (*Platform) Hosts() []string {
	return []string{"api.tpns.tencent.com", "api.tpns.sh.tencent.com", "api.tpns.hk.tencent.com", "api.tpns.sgp.tencent.com"}
}

// Owns reports whether a path that no document knows is one of TPNS.
func (*Platform) Owns(path string) bool {
	return strings.HasPrefix(path, "/v3/push/") || strings.HasPrefix(path, "/v3/statistics/") || strings.HasPrefix(path, "/v3/device/")
}

// codes are the return codes that the service sends, with what it says then.
var codes = sync.OnceValue(func() (all []code) {
	text, _ := api.FS.ReadFile("tpns-return-codes.csv")
	rows, _ := csv.NewReader(bytes.NewReader(text)).ReadAll() // a test wants them all
	for _, row := range rows[min(1, len(rows)):] {            // code, meaning, retryable, applies_to, server_text, note
		if row[0] != success && row[3] != "Java samples only" {
			all = append(all, code{row[0], cmp.Or(row[4], row[1])})
		}
	}
	return all
})

// A code is a return code and its text.
type code struct{ number, text string }

const (
	success       = "0"
	parseError    = "1008001"
	missing       = "1008002"
	noAuth        = "1008003"
	broken        = "1008004"
	invalid       = "1008007"
	uploadError   = "1008011"
	emptyFile     = "1008012"
	tooFast       = "1008028"
	wrongHost     = "1008035"
	maxAge        = 5 * time.Minute
	defaultMember = "retCode"
)

func refuse(code, detail string) error { return &engine.Refusal{Code: code, Message: detail} }

// Admit checks the host and the credentials.
func (p *Platform) Admit(tx *engine.Tx) error {
	if tx.Route == "" {
		return &engine.Refusal{Status: http.StatusNotFound, Code: "NOT_FOUND", Message: "TPNS has no such call here"}
	}
	if p.Host != "" && p.Host != tx.Host {
		return refuse(wrongHost, "")
	}
	if err := authenticate(tx); err != nil {
		return err
	}
	tx.Caller = AccessID
	tx.Checked("credentials")
	return nil
}

// authenticate takes Basic, or the signature over TimeStamp, AccessId and body.
func authenticate(tx *engine.Tx) error {
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	if basic, ok := strings.CutPrefix(tx.Header.Get("Authorization"), "Basic "); ok {
		if same(basic, base64.StdEncoding.EncodeToString([]byte(AccessID+":"+SecretKey))) {
			return nil
		}
		return refuse(noAuth, "")
	}
	id, at, got := tx.Header.Get("AccessId"), tx.Header.Get("TimeStamp"), tx.Header.Get("Sign")
	h := hmac.New(sha256.New, []byte(SecretKey))
	h.Write([]byte(at + id))
	h.Write(tx.Sent)
	want := base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(h.Sum(nil))))
	if id != AccessID || !same(got, want) {
		return refuse(noAuth, "")
	}
	if unix, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(unix, 0)).Abs() > maxAge {
		return refuse(noAuth, "TimeStamp is off")
	}
	return nil
}

// Validate checks what a request asks for, more leniently than WeChat Pay does.
func (p *Platform) Validate(tx *engine.Tx) (err error) {
	if tx.Op.Upload != nil {
		return readFile(tx, tx.Op.Upload)
	}
	var found []error
	tx.Body, found = (schema.Reader{}).All(tx.Sent)
	if engine.MediaType(tx.Header) != "application/json" {
		_ = tx.Found("header", engine.Bad("header", "Content-Type", "is not application/json"))
		err = refuse(parseError, "Content-Type is not application/json")
	}
	for _, one := range found {
		_ = tx.Found("body", one)
		err = cmp.Or(err, refuse(parseError, one.Error()))
	}
	if tx.Body == nil {
		return err
	}
	for _, name := range []string{"pushId", "groupId"} { // the samples write them in small letters
		if v, ok := tx.Body[strings.ToLower(name)]; ok && tx.Body[name] == nil {
			tx.Body[name] = v
		}
	}
	if tx.Op.Body != nil {
		var c schema.Check
		_ = c.Object(tx.Body, tx.Op.Body, "")
		for _, one := range c.Found {
			err = cmp.Or(err, tx.Found("body", one))
		}
		if err == nil {
			tx.Checked("body")
		}
	}
	return err
}

func readFile(tx *engine.Tx, doc *api.Upload) error {
	parts, err := tx.Parts(doc.Part)
	if err != nil {
		return refuse(parseError, err.Error())
	}
	tx.Checked("multipart")
	tx.File = &parts[0]
	switch n := int64(utf8.RuneCountInString(tx.File.Name)); {
	case n < doc.MinName || doc.MaxName > 0 && n > doc.MaxName:
		return refuse(invalid, fmt.Sprintf("the file name has %d characters", n))
	case len(tx.File.Body) == 0:
		return refuse(emptyFile, "")
	case doc.MaxBytes > 0 && int64(len(tx.File.Body)) > doc.MaxBytes:
		return refuse(uploadError, fmt.Sprintf("the file has more than %d bytes", doc.MaxBytes))
	}
	return nil
}

// Refuse writes a failure as TPNS does: with status 200, and with members that each call spells in its own
// way.
func (p *Platform) Refuse(tx *engine.Tx, a *engine.Answer, err error) {
	code, detail := broken, err.Error()
	if w, ok := errors.AsType[*engine.Wrong](err); ok {
		if code, detail = invalid, w.Violation.Error(); w.Issue == "is required" || w.Issue == "is empty" {
			code, detail = missing, w.Field
		}
	} else if _, ok := errors.AsType[*engine.TooFast](err); ok {
		code, detail = tooFast, ""
	} else if r, ok := errors.AsType[*engine.Refusal](err); ok {
		if r.Status != 0 {
			a.Refuse(r)
			return
		}
		code, detail = r.Code, r.Message
	}
	text := textOf(code)
	if detail != "" {
		text += ": " + detail
	}
	number, _ := strconv.ParseInt(code, 10, 64)
	o := engine.Object{}
	for member, value := range map[string]any{"ret_code": number, "err_msg": text, "seq": 0, defaultMember: number, "errMsg": text, "uploadId": 0} {
		if answers(tx, member) {
			o[member] = value
		}
	}
	a.Status, a.Verdict = http.StatusOK, code+" "+text
	a.JSON([]byte(schema.Canonical(o)))
}

// answers reports whether the answer of a call has a member; of the two spellings of the code and its text it has
// one.
func answers(tx *engine.Tx, member string) bool {
	camel := tx.Op == nil || tx.Op.Answer == nil || tx.Op.Answer.Property(defaultMember) != nil
	switch member {
	case defaultMember, "errMsg":
		return camel
	case "ret_code", "err_msg":
		return !camel
	}
	return tx.Op != nil && tx.Op.Answer != nil && tx.Op.Answer.Property(member) != nil
}

func textOf(number string) string {
	if i := slices.IndexFunc(codes(), func(c code) bool { return c.number == number }); i >= 0 {
		return codes()[i].text
	}
	return ""
}

// Seal has nothing to do: answers of TPNS are not signed.
func (*Platform) Seal(*engine.Tx, *engine.Answer) error { return nil }

// Faults are the failures of TPNS, called tpns-1008003 and so on.
func Faults() (faults []engine.Fault) {
	for _, c := range codes() {
		faults = append(faults, engine.Fault{
			Name: "tpns-" + c.number, Doc: fmt.Sprintf("return code %s of TPNS, %s; nothing was done", c.number, c.text), Zh: fmt.Sprintf("TPNS 返回码 %s（%s），未执行", c.number, c.text), Stage: engine.Acting, Platform: "tpns",
			Change: func(tx *engine.Tx, a *engine.Answer) { tx.Platform.Refuse(tx, a, refuse(c.number, "")) },
		})
	}
	return faults
}
