// Package api holds the OpenAPI descriptions of every call and notification this module covers.
//
// They are the facts that tests, the fake and the coverage table are held to. README.md in this
// folder explains the x-wechatpay-… members. [Load] gives what they say in a form that needs no reader of
// YAML or OpenAPI: catalog.json, which `make generate` makes of them. Nothing at run time needs this package.
package api

import "embed"

// FS holds the documents: bankpackages.yaml, membercard.yaml, edupapay.yaml, certificates.yaml,
// security.yaml, tpns.yaml and tpns-return-codes.csv.
//
//go:embed *.yaml *.csv
var FS embed.FS
