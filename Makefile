# Everything that is done to this project, by name. `make demo` and `make test` start from a bare
# Debian with Rust, Python and make, and install the rest themselves (tools/setup.sh).

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# rustup's folder is not on the PATH of every shell.
export PATH := $(PATH):$(HOME)/.cargo/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHON

# One profile for all: the wheel, the Rust tests and clippy share the built dependencies.
CARGO_FLAGS := --release --locked

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup setup-interop build test test-rust test-python lint fmt typecheck \
	fuzz demo gallery bench bench-peers wheel clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.ready ## Install what the build and the tests need (compilers, .venv)

setup-interop: $(VENV)/.ready ## Install the other implementations that tests talk to (Chromium, .venv-interop)
	@tools/setup.sh interop

build: setup ## Build the Rust core and install the package into .venv
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked

test: setup-interop build lint typecheck test-rust test-python ## Run all checks and tests (pytest comes last)

test-rust: setup ## Run the Rust tests
	cargo test $(CARGO_FLAGS) --workspace --quiet

test-python: build ## Run the Python tests; ARGS="-k name" selects
	@$(BIN)/python -m pytest $(ARGS)

fuzz: setup ## Feed hostile bytes with libFuzzer; ARGS="rtp 600": target and seconds
	@tools/fuzz.sh $(ARGS)

lint: build ## Check format and lints of Rust and Python
	cargo fmt --check
	@# With what maturin sets, so that neither makes the other build again.
	PYO3_BUILD_EXTENSION_MODULE=1 \
		PYO3_CONFIG_FILE=$$(ls $(CURDIR)/target/maturin/pyo3-config-*.txt | head -n 1) \
		cargo clippy $(CARGO_FLAGS) --workspace --all-targets --features python --quiet -- -D warnings
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet

fmt: setup ## Format Rust and Python
	cargo fmt
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format --quiet

typecheck: build ## Check the types, and the stubs against the built module
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy.stubtest parhelion --mypy-config-file pyproject.toml \
		--allowlist tools/stubtest-allowlist.txt

demo: build ## Transform a real clip live; writes demo/output.mp4 and demo/contact-sheet.png
	@$(BIN)/python examples/demo.py $(ARGS)

gallery: build ## Paint every style and modifier into docs/gallery
	@$(BIN)/python tools/requirements.py gallery >$(VENV)/gallery.txt
	@$(BIN)/python -m pip install --quiet --requirement $(VENV)/gallery.txt
	@cargo build $(CARGO_FLAGS) --example paint --example portrait --quiet
	@$(BIN)/python examples/gallery.py
	@$(BIN)/python examples/avatar_gallery.py

bench: build ## Measure the round trip; ARGS="--case steady --seconds 10" selects
	@cargo build $(CARGO_FLAGS) --example codec_floor --example viewers --example link-emulator --example paint --example portrait --quiet
	@$(BIN)/python benches/roundtrip.py $(ARGS)

bench-peers: build ## Measure next to aiortc
	@$(BIN)/python benches/peers.py $(ARGS)

wheel: setup ## Build the wheel into dist/
	$(BIN)/maturin build --release --locked --strip --out dist

clean: ## Remove everything that was built or installed here
	rm -rf target dist demo .venv .venv-interop .mypy_cache .pytest_cache .ruff_cache
	rm -f python/parhelion/*.so

$(VENV)/.ready: pyproject.toml tools/setup.sh tools/requirements.py
	@tools/setup.sh base
	@touch $@
