package clients

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/fileuploader"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A selfTest is the body of the self-test as a user of wechatpay-go declares it: what is sealed has a tag.
type selfTest struct {
	EchoMessage          *string `json:"echo_message"`
	EncryptedEchoMessage *string `json:"encrypted_echo_message,omitempty" encryption:"EM_APIV3"`
}

// officialWays are the three ways of wechatpay-go to know the platform, with what verifies notifications.
var officialWays = map[string]struct {
	mode wxpaytest.Mode
	make func(s *stand) (*core.Client, auth.Verifier)
}{
	"public key": {wxpaytest.PublicKey, func(s *stand) (*core.Client, auth.Verifier) {
		id, key := s.publicKey()
		client, err := core.NewClient(s.t.Context(), option.WithWechatPayPublicKeyAuthCipher(s.env["WXPAY_MCH_ID"], s.env["WXPAY_SERIAL_NO"], s.privateKey(), id, key))
		require.NoError(s.t, err)
		return client, verifiers.NewSHA256WithRSAPubkeyVerifier(id, *key)
	}},
	"certificates": {wxpaytest.Certificates, (*stand).officialDownloader},
	"both, by certificates": {wxpaytest.Both, func(s *stand) (*core.Client, auth.Verifier) {
		s.fake.SetPublicKeyShare(0)
		return s.officialDownloader()
	}},
}

// officialDownloader is a client in certificate mode: a first client, without verification, to download the
// certificates from the platform's own host, which wechatpay-go has built in, and a second one that uses them.
func (s *stand) officialDownloader() (*core.Client, auth.Verifier) {
	mchID, serial, key := s.env["WXPAY_MCH_ID"], s.env["WXPAY_SERIAL_NO"], s.privateKey()
	first, err := core.NewClient(s.t.Context(), option.WithMerchantCredential(mchID, serial, key), option.WithoutValidator(), option.WithHTTPClient(&http.Client{Transport: s.platform()}))
	require.NoError(s.t, err)
	manager := downloader.NewCertificateDownloaderMgr(s.t.Context())
	s.t.Cleanup(manager.Stop)
	require.NoError(s.t, manager.RegisterDownloaderWithClient(s.t.Context(), first, mchID, s.env["WXPAY_APIV3_KEY"]))
	s.accepted()
	client, err := core.NewClient(s.t.Context(), option.WithWechatPayAutoAuthCipherUsingDownloaderMgr(mchID, serial, key, manager))
	require.NoError(s.t, err)
	return client, verifiers.NewSHA256WithRSAVerifier(manager.GetCertificateVisitor(mchID))
}

func TestOfficialGo(t *testing.T) {
	t.Parallel()
	for name, way := range officialWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, way.mode)
			client, verifier := way.make(s)
			ctx := t.Context()

			result, err := client.Get(ctx, s.url+bank+"?offset=0&limit=5")
			require.NoError(t, err)
			var list struct{ Data []any }
			require.NoError(t, core.UnMarshalResponse(result.Response, &list))
			assert.Empty(t, list.Data)
			s.accepted()

			// Sealed on the way out and in the answer.
			body := selfTest{new("hello"), new("13800138000")}
			serial, err := client.EncryptRequest(ctx, &body)
			require.NoError(t, err)
			header := http.Header{"Wechatpay-Serial": {serial}}
			result, err = client.Request(ctx, "POST", s.url+echo, header, nil, body, "application/json")
			require.NoError(t, err)
			var said selfTest
			require.NoError(t, core.UnMarshalResponse(result.Response, &said))
			require.NoError(t, client.DecryptResponse(ctx, &said))
			assert.Equal(t, []string{"hello", "13800138000"}, []string{*said.EchoMessage, *said.EncryptedEchoMessage})
			s.accepted()

			card := s.fake.AddCard("SYSTEM_ALLOCATE")
			result, err = client.Patch(ctx, s.url+cards+"/"+card, map[string]string{"title": "New title"})
			require.NoError(t, err)
			require.NoError(t, result.Response.Body.Close())
			assert.Equal(t, http.StatusNoContent, result.Response.StatusCode)
			s.accepted()

			// A bank file as the uploader of wechatpay-go frames its files.
			line := selfTest{new(""), new("62260001")}
			_, err = client.EncryptRequest(ctx, &line)
			require.NoError(t, err)
			file := *line.EncryptedEchoMessage + "\n"
			form, meta, contentType := officialForm(t, "autumn.csv", file, map[string]any{"bank_type": "ICBC_DEBIT"})
			result, err = client.Upload(ctx, s.url+bank, meta, form, contentType)
			require.NoError(t, err)
			require.NoError(t, result.Response.Body.Close())
			s.accepted()
			assert.Equal(t, 1, s.fake.PackageUsers("8473295"))

			_, err = client.Get(ctx, s.url+bank+"?limit=21")
			refusal, ok := errors.AsType[*core.APIError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, []any{400, "PARAM_ERROR"}, []any{refusal.StatusCode, refusal.Code})
			assert.Contains(t, refusal.Body, `"field":"/limit"`)
			s.refused("PARAM_ERROR")

			handler, err := notify.NewRSANotifyHandler(s.env["WXPAY_APIV3_KEY"], verifier)
			require.NoError(t, err)
			box := receive(t, func(r *http.Request) error {
				var content struct {
					EchoMessage string `json:"echo_message"`
				}
				got, err := handler.ParseNotifyRequest(r.Context(), r, &content)
				if err == nil && (got.EventType != "SECURITY_ECHO.SUCCESS" || content.EchoMessage != "hello") {
					err = fmt.Errorf("opened %s %q", got.EventType, content.EchoMessage)
				}
				return err
			})
			s.notified(box)
		})
	}
}

// officialForm is the form of wechatpay-go's uploader, which is not exported.
func officialForm(t *testing.T, name, file string, extra map[string]any) (form, meta, contentType string) {
	t.Helper()
	sum := sha256.Sum256([]byte(file))
	members := map[string]any{"filename": name, "sha256": hex.EncodeToString(sum[:])}
	maps.Copy(members, extra)
	text, err := core.ParameterToJSON(members)
	require.NoError(t, err)
	body := new(bytes.Buffer)
	w := multipart.NewWriter(body)
	require.NoError(t, core.CreateFormField(w, "meta", "application/json", []byte(text)))
	require.NoError(t, core.CreateFormFile(w, name, "text/csv", []byte(file)))
	require.NoError(t, w.Close())
	return body.String(), text, w.FormDataContentType()
}

// The services of wechatpay-go go to the platform's own host. A call of a product that the emulator does not
// know is answered by what the test says, and refused otherwise.
func TestOfficialGoToThePlatformsHost(t *testing.T) {
	t.Parallel()
	s := start(t, wxpaytest.PublicKey)
	id, key := s.publicKey()
	client, err := core.NewClient(t.Context(), option.WithWechatPayPublicKeyAuthCipher(s.env["WXPAY_MCH_ID"], s.env["WXPAY_SERIAL_NO"], s.privateKey(), id, key),
		option.WithHTTPClient(&http.Client{Transport: s.platform()}))
	require.NoError(t, err)
	uploader := fileuploader.ImageUploader{Client: client}
	upload := func() (*fileuploader.ImageUploadResponse, error) {
		got, _, err := uploader.Upload(t.Context(), bytes.NewReader([]byte("an image")), "a.jpg", "image/jpeg")
		return got, err
	}

	_, err = upload()
	refusal, ok := errors.AsType[*core.APIError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, http.StatusNotFound, refusal.StatusCode)

	require.NoError(t, s.fake.Reply("POST /v3/merchant/media/upload", 200, map[string]string{"media_id": "m-1"}))
	got, err := upload()
	require.NoError(t, err)
	assert.Equal(t, "m-1", *got.MediaId)
}

// A wrong key is told from a wrong request.
func TestOfficialGoWithAStrangersKey(t *testing.T) {
	t.Parallel()
	s := start(t, wxpaytest.PublicKey)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	id, key := s.publicKey()
	client, err := core.NewClient(t.Context(), option.WithWechatPayPublicKeyAuthCipher(s.env["WXPAY_MCH_ID"], s.env["WXPAY_SERIAL_NO"], stranger, id, key))
	require.NoError(t, err)
	_, err = client.Get(t.Context(), s.url+bank)
	refusal, ok := errors.AsType[*core.APIError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, []any{401, "SIGN_ERROR"}, []any{refusal.StatusCode, refusal.Code})
	s.refused("SIGN_ERROR")

	// And answers that the platform did not sign are not believed.
	client, err = core.NewClient(t.Context(), option.WithWechatPayPublicKeyAuthCipher(s.env["WXPAY_MCH_ID"], s.env["WXPAY_SERIAL_NO"], s.privateKey(), id, &stranger.PublicKey))
	require.NoError(t, err)
	result, err := client.Get(t.Context(), s.url+bank)
	assert.Error(t, err)
	_, refusedToo := errors.AsType[*core.APIError](err)
	assert.False(t, refusedToo)
	if result != nil {
		_, _ = io.Copy(io.Discard, result.Response.Body)
		_ = result.Response.Body.Close()
	}
}

// utils of wechatpay-go open what the platform seals with the APIv3 key.
func TestOfficialGoOpensCertificates(t *testing.T) {
	t.Parallel()
	s := start(t, wxpaytest.Certificates)
	client, err := core.NewClient(t.Context(), option.WithMerchantCredential(s.env["WXPAY_MCH_ID"], s.env["WXPAY_SERIAL_NO"], s.privateKey()), option.WithoutValidator())
	require.NoError(t, err)
	result, err := client.Get(t.Context(), s.url+"/v3/certificates")
	require.NoError(t, err)
	var list struct {
		Data []struct {
			SerialNo           string `json:"serial_no"`
			EncryptCertificate struct {
				Nonce, Ciphertext string
				AssociatedData    string `json:"associated_data"`
			} `json:"encrypt_certificate"`
		}
	}
	require.NoError(t, json.NewDecoder(result.Response.Body).Decode(&list))
	require.NoError(t, result.Response.Body.Close())
	require.Len(t, list.Data, 1)
	sealed := list.Data[0].EncryptCertificate
	text, err := utils.DecryptAES256GCM(s.env["WXPAY_APIV3_KEY"], sealed.AssociatedData, sealed.Nonce, sealed.Ciphertext)
	require.NoError(t, err)
	certificate, err := utils.LoadCertificate(text)
	require.NoError(t, err)
	assert.Equal(t, list.Data[0].SerialNo, utils.GetCertificateSerialNumber(*certificate))
	s.accepted()
}
