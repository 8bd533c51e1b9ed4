# Tools, pinned; run without being installed.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
APIDIFF     = golang.org/x/exp/cmd/apidiff@v0.0.0-20261113113407-e3970619a1a4

MODULES = . ops bench
# The SDK is vetted for these too: 32 bits, and systems whose files and sockets differ.
PLATFORMS = linux/386 linux/arm windows/amd64 darwin/arm64
SDK     = . ./auth ./media ./notify ./services/... ./push/... ./wxpaytest ./internal/...

.PHONY: help demo build test quick check generate bench fuzz format vet lint modern imports examples contract vuln api-diff

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: ## the main job end to end against the emulator, on a loopback socket
	@echo "Building; the first time that takes some minutes, and loads modules."
	@cd ops && go run ./demo

.PHONY: emulate
emulate: ## the emulator with its page, on 127.0.0.1:8089: make emulate args='--dir emulator'
	@cd ops && go run ./cmd/wxpay emulate $(args)

race = -race
test: ## every test of every module, with the race detector; make test race= is without
	@for m in $(MODULES); do [ ! -f $$m/go.mod ] || (cd $$m && go test $(race) ./...) || exit 1; done

build: ## the command wxpay, one static binary, as bin/wxpay
	@cd ops && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(or $(version),$$(git describe --tags --always --dirty 2>/dev/null))" -o ../bin/wxpay ./cmd/wxpay

.PHONY: install-check
install-check: ## go install of the command works once a version is tagged
	@cd ops && go run ./installcheck

quick: ## tests of one package without the race detector: make quick p=./auth
	@go test $(or $(p),.)

check: format vet lint modern imports examples generate-check vuln test ## everything that a change must pass

format: ## gofmt
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "gofmt: $$bad"; exit 1; }

vet: ## go vet, also for machines that the tests do not run on
	@for m in $(MODULES); do [ ! -f $$m/go.mod ] || (cd $$m && go vet ./...) || exit 1; done
	@for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go vet ./... || { echo "vet for $$p"; exit 1; }; done

lint: ## staticcheck
	@for m in $(MODULES); do [ ! -f $$m/go.mod ] || (cd $$m && go run $(STATICCHECK) ./...) || exit 1; done

modern: ## nothing left for go fix to do
	@for m in $(MODULES); do [ ! -f $$m/go.mod ] || (cd $$m && go fix -diff ./...) || exit 1; done

vuln: ## known vulnerabilities in what the SDK is made of, where their list can be had
	@said=$$(go run $(GOVULNCHECK) ./... 2>&1) || case "$$said" in \
		*"fetching vulnerabilities"*) echo "govulncheck: NOT CHECKED, the list of vulnerabilities cannot be reached";; \
		*) echo "$$said"; exit 1;; \
	esac

api-diff: ## what users would have to change since the last tag: make api-diff, or base=COMMIT
	@base=$(or $(base),$$(git describe --tags --abbrev=0 2>/dev/null)); \
	[ -n "$$base" ] || { echo "no tag yet; name a commit: make api-diff base=HEAD~10"; exit 0; }; \
	old=$$(mktemp -d) && trap 'git worktree remove --force '$$old EXIT && git worktree add -q --detach $$old $$base && \
	(cd $$old && go run $(APIDIFF) -m -w $$old/.old.export github.com/wxpay-go/wxpay) && \
	go run $(APIDIFF) -m -w $$old/.new.export github.com/wxpay-go/wxpay && \
	go run $(APIDIFF) -m -incompatible $$old/.old.export $$old/.new.export

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

.PHONY: test-browser test-clients screenshots
test-browser: ## the emulator's page in Chromium
	@cd ops && go vet -tags browser ./emulator/... && go test -count=1 -tags browser -run Browser ./emulator/inspector

test-clients: ## clients in PHP, Java, Node and Python, and the commands of docs/emulator.md, against the emulator; npm fetches two of them
	@cd ops && go vet -tags clients ./emulator/... && go test -count=1 -tags clients ./emulator/clients

screenshots: ## pictures of the emulator's page for docs/emulator.md
	@cd ops && go test -count=1 -tags browser -run TestBrowserPictures ./emulator/inspector -args -screenshots $(CURDIR)/docs

.PHONY: simulate
simulate: ## 1,000 merchants on 100 workers with 10⁹ rows, in virtual time; some minutes: make simulate args='-scenario sizes -v'
	@cd ops && go run ./bulk/fair/simulate $(args)

.PHONY: test-services
test-services: ## jobs and notifications on many machines, against PostgreSQL, Redis and Prometheus; from the system's packages, or DATABASE_URL and REDIS_URL
	@cd ops && go vet -tags services ./... && go run ./services sh -c '\
		go test -count=1 -parallel 6 -tags services ./bulk/postgres/... ./seen/... ./otel/... && go test -count=1 -parallel 6 -tags services -run Store ./cmd/wxpay'

.PHONY: soak
soak: ## bulk jobs killed again and again at full size, with their figures; some minutes
	@cd ops && go test -count=1 -timeout 30m -run Crash ./bulk -soak -v && go test -count=1 -run Model ./bulk/ledger -rapid.checks 350

bench: ## ratios against the floor and the peers, into docs/performance.md
	@cd bench && go run ./cmd/table

fuzz: ## every fuzz target for 30 s
	@all=$$(go list ./...) || exit 1; for p in $$all; do \
		for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime 30s -fuzzminimizetime 1s $$p || exit 1; \
		done; \
	done
