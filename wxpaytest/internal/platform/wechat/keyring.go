package wechat

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha3"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"
)

// A keyOf returns a key, made when it is first asked for.
type keyOf = func() (*rsa.PrivateKey, error)

// A keyring makes the RSA keys of a fake by their names, each when it is first asked for, since that takes long.
type keyring struct {
	make func(name string) (*rsa.PrivateKey, error)

	mu   sync.Mutex
	keys map[string]keyOf
}

// key returns the key of that name.
func (r *keyring) key(name string) keyOf {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		r.keys = map[string]keyOf{}
	}
	if r.keys[name] == nil {
		r.keys[name] = sync.OnceValues(func() (*rsa.PrivateKey, error) { return r.make(name) })
	}
	return r.keys[name]
}

// keyrings are those of this process by their seeds; the one without is of keys that nobody can make again.
type keyrings struct {
	mu     sync.Mutex
	bySeed map[string]*keyring
}

// rings lets the servers of a process share keys.
var rings keyrings

// of returns the keyring of a seed. It forgets the others when there are many.
func (r *keyrings) of(seed string) *keyring {
	const many = 16
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bySeed == nil {
		r.bySeed = map[string]*keyring{"": {make: func(string) (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keySize) }}}
	}
	if r.bySeed[seed] == nil {
		if len(r.bySeed) == many {
			r.bySeed = map[string]*keyring{"": r.bySeed[""]}
		}
		r.bySeed[seed] = &keyring{make: func(name string) (*rsa.PrivateKey, error) { return seededKey(seed, name) }}
	}
	return r.bySeed[seed]
}

const (
	keySize  = 2048
	exponent = 65537
)

// seededKey makes the key that follows from a seed and a name. Who knows the seed knows the key: it is for the fake
// alone, whose keys protect nothing, and must not be used anywhere else. (rsa.GenerateKey cannot do it: it
// takes its randomness from the system, whatever reader it is given.)
func seededKey(seed, name string) (*rsa.PrivateKey, error) {
	var primes [2]*big.Int
	var wg sync.WaitGroup
	for i := range primes {
		wg.Go(func() {
			stream := sha3.NewSHAKE256()
			fmt.Fprintf(stream, "wxpaytest key %q %q, prime %d", seed, name, i)
			primes[i] = nextPrime(stream)
		})
	}
	wg.Wait()
	p, q := primes[0], primes[1]
	one := big.NewInt(1)
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	lambda := new(big.Int).Mul(p1, q1)
	lambda.Div(lambda, new(big.Int).GCD(nil, nil, p1, q1))
	d := new(big.Int).ModInverse(big.NewInt(exponent), lambda)
	if d == nil {
		return nil, errors.New("wxpaytest: this seed makes no RSA key; take another one")
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent}, D: d, Primes: primes[:]}
	key.Precompute()
	return key, key.Validate()
}

// nextPrime reads the next prime for half a key from a stream that does not end. Its two highest bits are set, so
// that the product of two has the size of the key.
func nextPrime(stream io.Reader) *big.Int {
	const rounds = 20
	b := make([]byte, keySize/2/8)
	for p := new(big.Int); ; {
		_, _ = io.ReadFull(stream, b)
		b[0] |= 0xc0
		b[len(b)-1] |= 1
		if p.SetBytes(b); p.ProbablyPrime(rounds) {
			return p
		}
	}
}
