package bankpackages

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"hash"
	"strings"
	"sync"
)

// names makes the names of the files of one list.
type names struct {
	name  string
	index int
	sofar hash.Hash // keyed, over name and the numbers so far
	line  []byte
}

// naming starts the names of a list.
type naming func(context.Context) (*names, error)

func newNames(name string, key []byte) *names {
	n := &names{name: name, sofar: hmac.New(sha256.New, key)}
	n.add(name)
	return n
}

func (n *names) add(number string) {
	n.line = append(append(n.line[:0], number...), '\n')
	n.sofar.Write(n.line)
}

// next is the name of the file that ends with the number added last: 80 bits of the digest, in 16 characters,
// so that a list name of 100 characters fits into the 128 that a file name may have.
func (n *names) next() string {
	n.index++
	mark := base32.StdEncoding.EncodeToString(n.sofar.Sum(nil)[:10])
	return fmt.Sprintf("%s-%05d-%s.txt", n.name, n.index, strings.ToLower(mark))
}

func checkListName(name string) error {
	if !listName.MatchString(name) {
		return refuse("name", "must have 1 to 100 of the characters A-Z a-z 0-9 _ . -")
	}
	return nil
}

var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
})

// unkeyed is for those who have no key of the merchant: a secret of this process stands for it.
func unkeyed(name string) naming {
	return func(context.Context) (*names, error) {
		if err := checkListName(name); err != nil {
			return nil, err
		}
		return newNames(name, processKey()), nil
	}
}

// keyed makes names that nobody without the merchant's private key can compute, and every process with it
// can: the key of the digest is a signature. The text signed is no request, so no request shows it.
func (s *Service) keyed(name string) naming {
	const text = "wxpay: services/bankpackages: names of files"
	return func(ctx context.Context) (*names, error) {
		if err := checkListName(name); err != nil {
			return nil, err
		}
		var signatures [2]string
		for i := range signatures {
			result, err := s.client.Signer().Sign(ctx, text)
			if err != nil {
				return nil, fmt.Errorf("bankpackages: names of files need a signature: %w", err)
			}
			if result != nil {
				signatures[i] = result.Signature
			}
		}
		if signatures[0] == "" || signatures[0] != signatures[1] {
			return nil, refuse("Signer", "gives no signature or another one each time, so that no name of a file would be found again; "+
				"it must be RSA with PKCS #1 v1.5, as WeChat Pay has it (SHA256-RSA2048), not PSS")
		}
		key := sha256.Sum256([]byte(signatures[0]))
		return newNames(name, key[:]), nil
	}
}
