# Tools, pinned; run without being installed.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

MODULES = . ops bench
# The SDK is vetted for these too: 32 bits, and systems whose files and sockets differ.
PLATFORMS = linux/386 linux/arm windows/amd64 darwin/arm64
SDK     = . ./auth ./media ./notify ./services/... ./push/... ./wxpaytest ./internal/...

.PHONY: help demo test check generate bench fuzz format vet lint modern imports examples contract

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: ## the main job end to end against the fake, on a loopback socket
	@echo "Building; the first time that takes about a minute, and loads modules."
	@go run ./examples/demo

test: ## every test of every module, with the race detector
	@for m in $(MODULES); do [ ! -f $$m/go.mod ] || (cd $$m && go test -race ./...) || exit 1; done

check: format vet lint modern imports examples generate-check test ## everything that a change must pass

format: ## gofmt
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "gofmt: $$bad"; exit 1; }

vet: ## go vet, also for machines that the tests do not run on
	@for m in $(MODULES); do [ ! -f $$m/go.mod ] || (cd $$m && go vet ./...) || exit 1; done
	@for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go vet ./... || { echo "vet for $$p"; exit 1; }; done

lint: ## staticcheck
	@for m in $(MODULES); do [ ! -f $$m/go.mod ] || (cd $$m && go run $(STATICCHECK) ./...) || exit 1; done

modern: ## nothing left for go fix to do
	@for m in $(MODULES); do [ ! -f $$m/go.mod ] || (cd $$m && go fix -diff ./...) || exit 1; done

imports: ## the SDK needs wechatpay-go and the standard library alone
	@all=$$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' $(SDK)) || exit 1; \
	bad=$$(echo "$$all" | grep -vE '^github.com/(wxpay-go/wxpay|wechatpay-apiv3/wechatpay-go)(/|$$)'); \
	[ -z "$$bad" ] || { echo "imports that the SDK must not have: $$bad"; exit 1; }

examples: ## the examples build
	@go build -o /dev/null ./examples/...

generate: ## make what follows from the API documents
	@cd ops && go run ./gen

.PHONY: generate-check
generate-check:
	@cd ops && go run ./gen -check

contract: ## every call and notification against the API description, as a table
	@cd ops && go test -count=1 -v -run . ./contract

bench: ## ratios against the floor and the peers, into docs/performance.md
	@cd bench && go run ./cmd/table

fuzz: ## every fuzz target for 30 s
	@all=$$(go list ./...) || exit 1; for p in $$all; do \
		for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime 30s -fuzzminimizetime 1s $$p || exit 1; \
		done; \
	done
