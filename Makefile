# Everything runs in .venv, which these targets make and keep up to date. Needs Python 3.11+, a Rust toolchain, make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EUROTOK_CORPUS ?= $(abspath $(wildcard ../shared/corpus))

EUROTOK_TOKENIZERS ?= $(abspath $(wildcard ../shared/tokenizers))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifneq ($(EUROTOK_CORPUS),)
export EUROTOK_CORPUS
endif
ifneq ($(EUROTOK_TOKENIZERS),)
export EUROTOK_TOKENIZERS
endif

RUST := Cargo.toml $(wildcard Cargo.lock) $(shell find rust -name target -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print)

.PHONY: help demo test docs test-ecosystem ecosystem bench fuzz sanitize differential models ablations format clean

MINUTES ?= 1

# Where somebody watches, cargo shows which crate it compiles.
TOLD := $(if $(MAKE_TERMERR),,--quiet)

# Libraries that read our files, old and new: an environment for each of these lists of requirements.
ECOSYSTEM := $(patsubst tests/ecosystem/%.txt,$(VENV)/ecosystem-%/installed,$(wildcard tests/ecosystem/*.txt))

MODELS := EUROTOK_CODE=target/code $(BIN)/python -m scripts.models

help:
	@echo 'make demo    prices of 24 languages under the shipped tokenizers, and a small one trained'
	@echo 'make test    every check: format, lints, types, tests, quick benchmarks'
	@echo 'make test-ecosystem  our files in old and new versions of the libraries that read them'
	@echo 'make bench   speed and memory beside those of the peers; BENCH=--quick for a look, see BENCHMARKS.md'
	@echo 'make fuzz    the parsers, the encoder and the trainer under libFuzzer; MINUTES=1 for each target, TARGETS="counts train"'
	@echo 'make sanitize      the tests of the core under the sanitizer of addresses'
	@echo 'make differential  ids, offsets and decoding beside tiktoken and tokenizers; MINUTES=20'
	@echo 'make models  the shipped tokenizers, their prices and cards, by recipes/euro.toml; needs the corpus'
	@echo 'make docs    the site of guides and reference, in target/site'
	@echo 'make format  format the code'

demo: $(VENV)/built
	@$(BIN)/eurotok demo

test: $(VENV)/built $(VENV)/tools
	cargo fmt --all --check
	@echo 'linting Rust: compiles some 200 crates the first time, a minute or more on two cores'
	cargo clippy --workspace --all-targets $(TOLD) -- -D warnings
	@echo 'testing Rust: compiles them again, optimized, some minutes on two cores'
	cargo test --workspace $(TOLD)
	@# Checked, not linked: libFuzzer itself, for which a C++ compiler would be needed, is not built.
	CUSTOM_LIBFUZZER_PATH=unbuilt/libfuzzer.a cargo clippy --package eurotok-fuzz --features libfuzzer --quiet -- -D warnings
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest eurotok._core
	$(BIN)/pytest benches --benchmark-max-time=0.2 --benchmark-min-rounds=3
	$(BIN)/pytest -p no:benchmark --numprocesses auto --maxprocesses 4 --ignore=tests/ecosystem

docs: $(VENV)/built
	@echo 'installing the generator of the site'
	@$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/mkdocs build --strict --quiet

test-ecosystem: $(VENV)/built $(VENV)/tools ecosystem
	$(BIN)/pytest tests/ecosystem

ecosystem: $(ECOSYSTEM)

bench: $(VENV)/built $(VENV)/benches
	@$(BIN)/python -m benches $(BENCH)

fuzz:
	@rust/fuzz/run $(MINUTES) $(TARGETS)

# The sanitizer's flag is one of nightly Rust, which the variable lets the stable compiler take.
sanitize:
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --package eurotok-core --package eurotok-fuzz --quiet \
		--target $(shell rustc --print host-tuple) --target-dir target/sanitize

differential: $(VENV)/built $(VENV)/tools
	@$(BIN)/python -m scripts.differential --minutes $(MINUTES)

models: $(VENV)/built $(VENV)/tools target/code
	$(MODELS) train
	$(MODELS) measure
	$(MODELS) cards

ablations: $(VENV)/built $(VENV)/tools target/code
	$(MODELS) ablate
	$(MODELS) cards

target/code: recipes/code.toml
	@$(BIN)/python scripts/gather_code.py $< -o $@

format: $(VENV)/tools
	cargo fmt --all
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) target python/eurotok/*.so

$(VENV)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "eurotok needs Python 3.11 or newer")'
	@echo 'making $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/built: $(VENV)/pip pyproject.toml $(RUST)
	@echo 'building eurotok (some minutes the first time)'
	@$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2'
	@$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	@touch $@

$(VENV)/tools: $(VENV)/pip pyproject.toml
	@echo 'installing the tools'
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(VENV)/ecosystem-%/installed: tests/ecosystem/%.txt
	@echo 'installing $*'
	@$(PYTHON) -m venv $(VENV)/ecosystem-$*
	@$(VENV)/ecosystem-$*/bin/python -m pip install --quiet --no-compile --upgrade --requirement $<
	@touch $@

$(VENV)/benches: $(VENV)/pip benches/requirements.txt benches/requirements-rc.txt
	@echo 'installing the peers'
	@$(BIN)/python -m pip install --quiet --requirement benches/requirements.txt
	@$(BIN)/python -m pip install --quiet --upgrade --no-deps --target $(VENV)/peers/tokenizers-rc --requirement benches/requirements-rc.txt
	@touch $@
