package notify_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

// R12: ten thousand deliveries, of which one in five is a repeat and one in twenty comes out of order,
// through a function that fails, panics or breaks off once in a hundred runs. What is not taken is sent
// again, as the platform does. Every notification has its effect once.
func TestR12Storm(t *testing.T) {
	t.Parallel()
	const distinct = 8_000
	random := rand.New(rand.NewPCG(5, 6))
	order := make([]int, 0, distinct*5/4)
	for i := range distinct {
		order = append(order, i)
		if random.IntN(4) == 0 {
			order = append(order, i)
		}
	}
	for range len(order) / 20 {
		i, j := random.IntN(len(order)), random.IntN(len(order))
		order[i], order[j] = order[j], order[i]
	}

	var mu sync.Mutex
	effects, runs := map[string]int{}, 0
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	notify.On(h, "ENTRUST.SIGNING", func(_ context.Context, e *notify.Event, _ *edupapay.ContractEvent) error {
		mu.Lock()
		defer mu.Unlock()
		switch runs++; runs % 100 {
		case 33:
			return errors.New("no connection")
		case 66:
			panic("bug")
		}
		effects[e.ID]++
		return nil
	})

	deliveries := make(chan int)
	var team sync.WaitGroup
	for range 8 {
		team.Go(func() {
			for i := range deliveries {
				body := message{id: fmt.Sprintf("EV-%d", i)}.String()
				tries, waits := 0, 0
				for code := 0; code != 204; {
					switch code = serve(h, signed(body)).Code; code {
					case 204:
					case 409: // its twin is being handled by another of the team
						waits++
						time.Sleep(time.Millisecond)
					default:
						tries++
					}
					if tries == 50 || waits == 60_000 {
						t.Errorf("EV-%d is never taken: %d tries, %d waits", i, tries, waits)
						return
					}
				}
			}
		})
	}
	for _, i := range order {
		deliveries <- i
	}
	close(deliveries)
	team.Wait()
	assert.Len(t, effects, distinct)
	for id, n := range effects {
		assert.Equal(t, 1, n, id)
	}
}
