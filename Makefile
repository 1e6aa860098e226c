# The project's commands. Results go to stdout, progress to stderr.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Caches are keyed by the hash of their inputs, reused where they exist, never depended on.
export MCP_CACHE ?= $(HOME)/.cache/mcp-runtime
ifdef CI
export CARGO_TARGET_DIR ?= $(MCP_CACHE)/target
endif

# release, or dev: what tests and the demo run, because it builds in a third of the time.
PROFILE ?= release
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)/$(shell rustc -vV | sed -n 's/^host: //p')
OUT := $(TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
CLUSTER := cargo run --quiet --package mcp-e2e-cluster --bin cluster --
IMAGE ?= dist/mcp-runtime.tar
REF ?= mcp-runtime:dev

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/mcp-runtime and bin/mcp-proxy, static (PROFILE=release|dev)
	cargo build --profile $(PROFILE) --package mcp-cli --package mcp-proxy
	mkdir -p bin
	install -m 755 $(OUT)/mcp-runtime $(OUT)/mcp-proxy bin/

.PHONY: image
image: build ## dist/mcp-runtime.tar, an OCI archive of both programs (PROFILE=release|dev)
	mkdir -p dist
	strip --strip-debug -o dist/mcp-runtime bin/mcp-runtime
	strip --strip-debug -o dist/mcp-proxy bin/mcp-proxy
	$(CLUSTER) image --ref $(REF) --add /mcp-runtime=dist/mcp-runtime --add /mcp-proxy=dist/mcp-proxy \
	  --user 65532 --entrypoint /mcp-runtime -o dist/mcp-runtime.tar

.PHONY: lint
lint: ## Formatting, clippy, the directions between crates, licences and bans where cargo-deny is there
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	.ci/arrows
	if command -v cargo-deny >/dev/null; then cargo deny --log-level error check bans licenses sources; fi

.PHONY: unit
unit: ## Tests that need no cluster
	cargo test --workspace --exclude mcp-e2e
	cargo test --package mcp-e2e --lib
	cd e2e/kube && CGO_ENABLED=0 go test -trimpath ./netpol/...

.PHONY: laptop
laptop: ## A real MCP server behind bin/mcp-proxy, driven by the official SDK, no cluster
	$(MAKE) build PROFILE=dev
	e2e/laptop/run

.PHONY: test
test: ## Everything: lint, unit, laptop, and the tests on a real cluster
	e2e/run-tests

.PHONY: cluster
cluster: ## Boot a local Kubernetes cluster; writes .cluster/env
	$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## Stop it and leave nothing behind
	$(CLUSTER) down

.PHONY: cluster-load
cluster-load: ## Load an image into it (IMAGE=FILE.tar)
	$(CLUSTER) load $(IMAGE)

.PHONY: demo
demo: ## The main job as a transcript on a local cluster; leaves it running
	e2e/run-demo

.PHONY: demo-down
demo-down: cluster-down ## Stop what the demo left running

.PHONY: gen
gen: golden ## Generated files (resources, admission objects): same as golden

.PHONY: golden
golden: ## Rewrite generated and golden files
	UPDATE_GOLDEN=1 cargo test --workspace --exclude mcp-e2e --quiet

.PHONY: deny
deny: ## Licences, sources and banned crates (needs cargo-deny)
	cargo deny --log-level error check bans licenses sources

.PHONY: fuzz
fuzz: ## Arbitrary pods through the injector, changed reviews through the webhook (MCP_CASES, MCP_FUZZ_SECONDS)
	MCP_CASES=$${MCP_CASES:-100000} cargo test --quiet --release --package mcp-injector --test main properties::
	MCP_CASES=$${MCP_CASES:-20000} cargo test --quiet --release --package mcp-webhook --test main fuzz::

.PHONY: soak
soak: ## What takes minutes on a real cluster: chaos, a long outage, load, 10,000 objects judged twice (MCP_CASES)
	e2e/run-soak

.PHONY: bench-revoke
bench-revoke: ## Milliseconds from revoking a session to its denial on every pod (needs the demo's cluster)
	cargo run --quiet --package mcp-e2e --bin bench-revoke

.PHONY: bench-proxy
bench-proxy: ## What the proxy adds to a call, beside a direct call and a floor (MCP_BENCH_SECONDS)
	cargo bench --quiet --package mcp-proxy --bench proxy

.PHONY: bench-admission
bench-admission: build ## What an admission costs, beside a server that parses and allows (MCP_BENCH_SECONDS)
	MCP_PROFILE=$(PROFILE) MCP_RUNTIME=$(CURDIR)/bin/mcp-runtime cargo bench --quiet --package mcp-webhook --bench admission

.PHONY: bench-decide
bench-decide: ## Nanoseconds a decision, at 10, 1,000 and 100,000 sessions
	mkdir -p target/bench
	MCP_COMMIT=$$(git rev-parse --short HEAD) cargo bench --quiet --package mcp-policy --bench decide \
	  | tee target/bench/decide.jsonl
