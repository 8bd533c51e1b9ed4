package bankpackages

import "sync"

// An aside is work on a goroutine of its own.
type aside[T any] struct {
	ended  <-chan struct{}
	result func() (T, error)
}

// beside starts f. Code of the caller's runs in it, such as an encryptor or a transport: when that panics, the
// panic comes up where the result is asked for, on the caller's goroutine, instead of ending the process.
func beside[T any](f func() (T, error)) *aside[T] {
	result, ended := sync.OnceValues(f), make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = recover() }() // result panics again, with the same value
		_, _ = result()
	}()
	return &aside[T]{ended, result}
}

// wait returns what f returned.
func (a *aside[T]) wait() (T, error) {
	<-a.ended
	return a.result()
}
