# The only commands to remember; CI runs the same ones.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
BENCH_ARGS ?= --peers
BENCH_TRAINING_ARGS ?=
SOURCES := $(shell find crates src/mlwright -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

# How often each path is taken, as recorded by `make profile`. Other compilers name functions differently: they build
# without it.
PROFILE := crates/mlwright-python/profile
FITS := $(shell rustc --version 2>/dev/null | cmp -s - $(PROFILE)/compiler.txt && echo yes)
FLAGS := $(if $(FITS),-Cprofile-use=$(CURDIR)/$(PROFILE)/paths.profdata -Cllvm-args=-no-pgo-warn-mismatch)
COUNTS := $(CURDIR)/target/profile/counts

.PHONY: help install check test test-full demo docs bench bench-training profile lock clean

help: ## show these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.built ## make the environment and build mlwright into it

$(VENV)/.tools: requirements/bootstrap.lock requirements/dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "mlwright needs Python 3.11 or newer; name one with: make install PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.lock
	@touch $@

$(VENV)/.built: $(VENV)/.tools $(SOURCES) pyproject.toml $(wildcard $(PROFILE)/*)
	@command -v cargo >/dev/null || { \
	  echo "mlwright's server is written in Rust, and there is no cargo here."; \
	  echo "Install Rust from https://rustup.rs (or your system's rustup or cargo package), open a new shell, and run make again."; \
	  exit 1; }
	RUSTFLAGS="$(FLAGS)" VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --uv --quiet
	$(BIN)/python -m compileall -q src
	@touch $@

check: install ## format, lint, types, import contracts, clippy, links, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(BIN)/python docs/generate.py --check
	$(BIN)/python docs/check.py

test: install ## the whole suite, except what test-full adds
	cargo test --workspace --exclude mlwright-python --locked --quiet
	$(BIN)/python -m pytest -m "not slow"

test-full: install ## everything: full statistics and long runs too
	cargo test --workspace --exclude mlwright-python --locked --quiet -- --include-ignored
	$(BIN)/python -m pytest

demo: install ## the fraud story on generated data: trained, served, watched, renewed
	$(BIN)/python examples/fraud/demo.py $(DEMO_ARGS)

docs: install ## write the generated reference pages and schemas
	$(BIN)/python docs/generate.py

bench: install ## measure the server beside nginx and peers (needs wrk, nginx, h2load); BENCH_ARGS="--only one-row"
	RUSTFLAGS="$(FLAGS)" $(BIN)/python benchmarks/serving/run.py $(BENCH_ARGS)

bench-training: install ## train beside AutoGluon, FLAML and others (hours); BENCH_TRAINING_ARGS="--only adult --budget 10"
	$(BIN)/python benchmarks/training/run.py $(BENCH_TRAINING_ARGS)

profile: $(VENV)/.tools ## record anew which paths are hot, then build with that (needs wrk, nginx, h2load, llvm-tools of rustup)
	rm -rf $(COUNTS)
	RUSTFLAGS="-Cprofile-generate=$(COUNTS)" CARGO_TARGET_DIR=target/profile VIRTUAL_ENV=$(CURDIR)/$(VENV) \
	  $(BIN)/maturin develop --release --locked --uv --quiet
	LLVM_PROFILE_FILE="$(COUNTS)/run/%4m.profraw" $(BIN)/python benchmarks/serving/record.py
	"$$(find "$$(rustc --print sysroot)" -name llvm-profdata)" merge --sparse \
	  --output=$(PROFILE)/paths.profdata $(COUNTS)/run/*.profraw
	rustc --version > $(PROFILE)/compiler.txt
	$(MAKE) install

lock: ## resolve the Python dependencies again, with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --upgrade pyproject.toml --group dev -o requirements/dev.lock
	echo uv | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --upgrade - -o requirements/bootstrap.lock

clean: ## remove the environment and all build results
	rm -rf $(VENV) target src/mlwright/*.so
