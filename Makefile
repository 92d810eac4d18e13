# Everything is done from here. `make help` lists the targets; `make demo` is the place to begin.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The sandbox's SQL engine wants cgo and ICU unless this tag asks for its pure Go twin. Tools get the same flags, so that
# nothing is ever compiled twice.
export GOFLAGS := -tags=gms_pure_go -buildvcs=false
export PATH    := $(CURDIR)/.tools/bin:$(PATH)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# Tools stay out of go.mod, which is the product's own. A change of version here is a change of stamp: it builds anew.
TEMPORAL      := v1.5.1
STATICCHECK   := v0.8.2
WORKFLOWCHECK := v0.6.0
GOVULNCHECK   := v1.8.0
STAMPS        := .tools/stamps
MINIO         := v0.0.0-20260212201848-7aac2a2c5b7c
HADOOP        := 3.4.1
LINTERS       := $(STAMPS)/staticcheck-$(STATICCHECK) $(STAMPS)/workflowcheck-$(WORKFLOWCHECK) $(STAMPS)/govulncheck-$(GOVULNCHECK)
TEMPORAL_CLI  := $(STAMPS)/temporal-$(TEMPORAL)
SERVERS       := $(STAMPS)/minio-$(MINIO) $(STAMPS)/hadoop-$(HADOOP)
install        = GOBIN=$(CURDIR)/.tools/bin go install

.PHONY: help demo dev build test check bench bench-mysql soak fixtures tools servers packages clean go
.PHONY: fmt vet staticcheck workflowcheck imports tidy vuln

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

demo: $(TEMPORAL_CLI) build ## back up, damage, restore and prove a database, then clean up (ARGS=--keep leaves it running)
	@bin/starter demo $(ARGS)

dev: $(TEMPORAL_CLI) build ## start Temporal, its UI, a sandbox cluster and a worker to play with, until Ctrl-C
	@bin/starter dev $(ARGS)

build: go ## build bin/starter, bin/worker and bin/sandbox
	@mkdir -p bin
	@go build -ldflags '-X main.version=$(VERSION)' -o bin/ ./starter ./worker
	@go build -o bin/sandbox ./sandbox/cmd

test: tools servers packages build ## run all tests, against real servers, with the race detector
	go test -race -timeout 40m -parallel 4 ./...
	go test -count 1 -run '^TestMemory|^TestCutObject|^TestChangedByte' ./snapshot/dataobject

check: fmt vet staticcheck workflowcheck imports tidy vuln ## run everything that reads the code without running it

bench: servers packages $(TEMPORAL_CLI) build ## run the benchmarks, one by one; figures are ratios to limits measured in the same run
	go test -p 1 -run '^$$' -bench . -benchmem -timeout 30m ./snapshot/dataobject ./cluster/wire ./cluster/starrocks ./cluster/mysql ./storage/s3 ./storage/gcs ./storage/hdfs ./sandbox/... ./tests

bench-mysql: servers packages $(TEMPORAL_CLI) build ## measure MySQL beside mydumper, myloader, mariadb-dump and the raw limits (LINES=6000000)
	STARKEEP_LINES=$(or $(LINES),6000000) go test -p 1 -run '^$$' -bench '^BenchmarkMySQL$$' -benchtime 1x -timeout 60m ./tests

soak: servers packages $(TEMPORAL_CLI) build ## back up and restore, and use every storage, under faults for a long time (SOAK=1h, NEMESIS=2m)
	STARKEEP_NEMESIS=$(or $(NEMESIS),2m) go test -p 1 -run 'Nemesis' -count 1 -timeout 1h -v ./storage/...
	STARKEEP_SOAK=$(or $(SOAK),1h) go test -run '^TestSoak|^TestRandom' -count 1 -timeout 0 -v ./tests/...

fixtures: $(TEMPORAL_CLI) build ## record histories of the committed code for the replay tests
	@test -z "$$(git status --porcelain)" || { echo 'fixtures are recorded from committed code: commit first' >&2; exit 1; }
	STARKEEP_FIXTURES=$(CURDIR)/tests/testdata/replay/$(VERSION) go test -run '^TestRecord' -count 1 -timeout 20m -v ./tests/...

clean: ## remove what was built and the state of make dev, but not the tools
	rm -rf bin .dev

# --- checks ---------------------------------------------------------------------------------------------------------

fmt: go
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l); \
	test -z "$$unformatted" || { echo "gofmt -w $$unformatted" >&2; exit 1; }

vet: go
	@go vet ./...

staticcheck: $(STAMPS)/staticcheck-$(STATICCHECK)
	@staticcheck ./...

workflowcheck: $(STAMPS)/workflowcheck-$(WORKFLOWCHECK)
	@workflowcheck ./workflows/...

imports: go
	@go run ./tools/imports .

tidy: go
	@go mod tidy -diff

vuln: $(STAMPS)/govulncheck-$(GOVULNCHECK)
	@tools/vuln.sh

# --- tools ----------------------------------------------------------------------------------------------------------

tools: $(TEMPORAL_CLI) $(LINTERS) ## build the tools that the machine lacks into .tools (once)

$(TEMPORAL_CLI): tools/temporal.sh | go
	@tools/temporal.sh $(TEMPORAL)
	@mkdir -p $(STAMPS) && touch $@

servers: $(SERVERS) ## install the servers that tests run (MinIO, HDFS) into .tools (once)

$(STAMPS)/minio-$(MINIO): tools/minio.sh | go
	@tools/minio.sh $(MINIO)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/hadoop-$(HADOOP): tools/hadoop.sh | packages
	@tools/hadoop.sh $(HADOOP)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/staticcheck-$(STATICCHECK): | go
	@echo 'building staticcheck $(STATICCHECK)'
	@$(install) honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/workflowcheck-$(WORKFLOWCHECK): | go
	@echo 'building workflowcheck $(WORKFLOWCHECK)'
	@$(install) go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/govulncheck-$(GOVULNCHECK): | go
	@echo 'building govulncheck $(GOVULNCHECK)'
	@$(install) golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	@mkdir -p $(STAMPS) && touch $@

packages: ## install the Debian packages that tests need (MariaDB and its tools, Java, zstd, unicode-data)
	@tools/packages.sh

go:
	@command -v go >/dev/null || { echo 'Go is missing: install Go 1.26 or newer, see https://go.dev/doc/install' >&2; exit 1; }
