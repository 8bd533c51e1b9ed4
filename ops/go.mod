module github.com/wxpay-go/wxpay/ops

go 1.26

require (
	github.com/getkin/kin-openapi v0.152.0
	github.com/stretchr/testify v1.12.1
	github.com/wxpay-go/wxpay v0.0.0
)

require (
	github.com/go-openapi/jsonpointer v0.22.5 // indirect
	github.com/go-openapi/swag/jsonname v0.25.5 // indirect
	github.com/kr/pretty v0.3.1 // indirect
	github.com/oasdiff/yaml v0.1.1 // indirect
	github.com/oasdiff/yaml3 v0.0.14 // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // indirect
	github.com/wechatpay-apiv3/wechatpay-go v0.2.21 // indirect
	go.yaml.in/yaml/v3 v3.0.5
	golang.org/x/text v0.14.0 // indirect
)

replace github.com/wxpay-go/wxpay => ../
