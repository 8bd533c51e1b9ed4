package media_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/wxpay-go/wxpay/media"
)

// A form has a length before it is sent, and the same bytes whenever it is opened.
func ExampleNewForm() {
	file := media.Bytes("numbers.txt", []byte("first\nsecond\n"))
	digest, err := file.Digest()
	if err != nil {
		fmt.Println(err)
		return
	}
	form, err := media.NewForm([]byte(`{"sha256":"`+digest.Hex()+`"}`), file, &digest)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := form.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	fmt.Println(int64(len(text)) == form.Size(), strings.Count(string(text), "Content-Type"), "parts", err)
	// Output: true 2 parts <nil>
}
