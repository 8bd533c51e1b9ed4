// Package claims is what the stores of handled notifications have in common: which claims are this instance's own. Each has a
// token, so that a late End touches no claim of another.
package claims

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/wxpay-go/wxpay/notify"
)

// Done is the holder of an id that was handled.
const Done = "done"

// Claims are those of an instance that have not ended. The zero value serves.
type Claims struct{ tokens sync.Map } // by id

// Begin claims id by claim, which takes it for the token if nobody holds it, and returns who does. A claim of this instance
// keeps others of it out until its End, however long that takes, so that there is never a doubt whose End it is.
func (c *Claims) Begin(ctx context.Context, id string, claim func(ctx context.Context, id, token string) (holder string, err error)) (done bool, err error) {
	token := rand.Text()
	if _, claimed := c.tokens.LoadOrStore(id, token); claimed {
		return false, notify.ErrInProgress
	}
	holder, err := claim(ctx, id, token)
	if err == nil && holder == token {
		return false, nil
	}
	c.tokens.Delete(id)
	switch {
	case err != nil: // if it was claimed all the same, the claim expires
		return false, err
	case holder == Done:
		return true, nil
	}
	return false, notify.ErrInProgress
}

// End gives the claim of id up by release, which leaves that of another token alone, or records that it is done, even if the
// claim had expired.
func (c *Claims) End(ctx context.Context, id string, done bool, release func(ctx context.Context, id, token string) error, record func(ctx context.Context, id string) error) error {
	token, claimed := c.tokens.LoadAndDelete(id)
	switch {
	case done:
		return record(ctx, id)
	case claimed:
		return release(ctx, id, token.(string))
	}
	return nil
}
