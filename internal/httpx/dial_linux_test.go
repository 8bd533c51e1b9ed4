package httpx

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A host that drops what is sent to it is given up after 3 s.
func TestDialIsBounded(t *testing.T) {
	t.Parallel()
	l, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer syscall.Close(l)
	require.NoError(t, syscall.Bind(l, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(l, 0)) // nobody accepts, so the queue is soon full
	name, err := syscall.Getsockname(l)
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			break
		}
		defer c.Close()
	}
	c := client(nil, 1, time.Minute)
	start := time.Now()
	_, err = c.Get("http://" + address)
	assert.True(t, NeverSent(err), "%v", err)
	assert.InDelta(t, 3, time.Since(start).Seconds(), 1)
}
