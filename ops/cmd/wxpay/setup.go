package main

import (
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// A setup is what the command is set up with, made when first asked for.
type setup struct {
	client *wxpay.Client
	tpns   *pushpackage.Client
}

// lookup is a variable of the set-up, wherever it comes from.
func (a *app) lookup(name string) string { return a.env(name) }

// config is the configuration for WeChat Pay.
func (a *app) config() (wxpay.Config, error) { return wxpay.ConfigFrom(a.lookup) }

// client is the client for WeChat Pay.
func (a *app) client() (*wxpay.Client, error) {
	if a.set.client != nil {
		return a.set.client, nil
	}
	config, err := a.config()
	if err != nil {
		return nil, err
	}
	a.set.client, err = wxpay.New(config)
	return a.set.client, err
}

// tpns is the client for TPNS.
func (a *app) tpns() (*pushpackage.Client, error) {
	if a.set.tpns != nil {
		return a.set.tpns, nil
	}
	var err error
	a.set.tpns, err = pushpackage.New(pushpackage.Config{
		AccessID: a.lookup("TPNS_ACCESS_ID"), SecretKey: pushpackage.Secret(a.lookup("TPNS_SECRET_KEY")), BaseURL: a.lookup("TPNS_BASE_URL"),
	})
	return a.set.tpns, err
}
