//go:build race

package wxpaytest_test

const racing = true
