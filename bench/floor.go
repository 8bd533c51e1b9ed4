package bench

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
)

// floor is the least that a job takes: each primitive once, and a bare round trip with the same headers
// and bodies. It encodes and decodes no JSON and checks nothing but signatures.
type floor struct {
	Access
	client *http.Client
	signed [sha256.Size]byte // digest of what would be signed; a fixed one costs the same
	pipe   bool              // uploads go through io.Pipe, without a length
}

// Floor is the standard library alone. Its uploads have a known length, or go through an io.Pipe, as is
// usual for multipart.Writer.
func Floor(a Access, pipe bool) Contender {
	name := "floor"
	if pipe {
		name = "floor, io.Pipe"
	}
	f := &floor{a, a.httpClient(0), sha256.Sum256([]byte("request")), pipe}
	return Contender{name, f.get, f.post, f.upload, f.notify}
}

func (f *floor) get(ctx context.Context) error {
	return f.roundTrip(ctx, "GET", "/v3/marketing/membercard-open/cards/pbLatjvFdsLDBvnL6CFzzqx2pSEM/codes/478515832665", nil, 0, "")
}

func (f *floor) post(ctx context.Context) error {
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, f.Platform, []byte("hello"), nil)
	if err != nil {
		return err
	}
	body := make([]byte, 0, 512)
	body = append(body, `{"echo_message":"hello","encrypted_echo_message":"`...)
	body = base64.StdEncoding.AppendEncode(body, sealed)
	body = append(body, `"}`...)
	return f.roundTrip(ctx, "POST", "/v3/security/echo", bytes.NewReader(body), int64(len(body)), "application/json")
}

// roundTrip signs, sends and verifies.
func (f *floor) roundTrip(ctx context.Context, method, path string, body io.Reader, size int64, contentType string) error {
	if _, err := rsa.SignPKCS1v15(nil, f.Merchant, crypto.SHA256, f.signed[:]); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://api.mch.weixin.qq.com"+path, body)
	if err != nil {
		return err
	}
	req.ContentLength = size
	req.Header = http.Header{
		"Authorization": {authorization}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"},
		"User-Agent": {"wxpay-go"}, "Wechatpay-Serial": {publicKeyID},
	}
	if contentType != "" {
		req.Header["Content-Type"] = []string{contentType}
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return verify(f.Platform, resp.Header, answer)
}

// authorization has the length of a true one.
var authorization = fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="1768876496",serial_no="%s",signature="%344s"`, mchID, nonce, serialNo, "")

func verify(key *rsa.PublicKey, h http.Header, body []byte) error {
	signature, err := base64.StdEncoding.DecodeString(h.Get("Wechatpay-Signature"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(h.Get("Wechatpay-Timestamp") + "\n" + h.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}

func (f *floor) upload(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sha := sha256.New()
	size, err := io.Copy(sha, file)
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	meta := `{"filename":"upload.bin","sha256":"` + hex.EncodeToString(sha.Sum(nil)) + `"}`
	if f.pipe {
		return f.uploadPipe(ctx, file, meta)
	}
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	if err := parts(form, meta, nil); err != nil {
		return err
	}
	tail := "\r\n--" + form.Boundary() + "--\r\n"
	body := io.MultiReader(&head, file, bytes.NewReader([]byte(tail)))
	return f.roundTrip(ctx, "POST", "/v3/merchant/media/upload", body, int64(head.Len())+size+int64(len(tail)), form.FormDataContentType())
}

func (f *floor) uploadPipe(ctx context.Context, file io.Reader, meta string) error {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		err := parts(form, meta, file)
		w.CloseWithError(errors.Join(err, form.Close()))
	}()
	return f.roundTrip(ctx, "POST", "/v3/merchant/media/upload", r, -1, form.FormDataContentType())
}

// parts writes meta and the head of file, and file itself unless it is nil.
func parts(form *multipart.Writer, meta string, file io.Reader) error {
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="meta"`}, "Content-Type": {"application/json"}})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(part, meta); err != nil {
		return err
	}
	part, err = form.CreateFormFile("file", "upload.bin")
	if err != nil || file == nil {
		return err
	}
	_, err = io.Copy(part, file)
	return err
}

// notify verifies the body and decrypts a ciphertext found beforehand.
func (f *floor) notify(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := verify(f.Platform, r.Header, body); err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(body, []byte(`"ciphertext":"`))
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	sealed, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher([]byte(apiV3Key))
	if err != nil {
		return err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	_, err = gcm.Open(nil, []byte("fdasflkja484"), sealed, []byte("transaction"))
	return err
}
