# Lacuna's tasks. Each sets up what it needs (packaging/setup.sh: Debian 12, root or sudo) and is idempotent.
#
#   make demo     build, then prune, evaluate, compare and draw the model in examples/
#   make test     build, then run every test
#   make bench    build, then run the benchmarks, peers beside them where they are installed
#   make lint     formatting, layers, and clang-tidy on what changed since origin/main (BASE=REV for another base)
#   make format   format the sources in place
#   make fuzz     run each fuzz target for FUZZ_SECONDS (20)
#   make test-sanitized   run the unit tests under address and undefined-behaviour sanitizers
#   make install  install below PREFIX (/usr/local)

BUILD := build/release
PREFIX ?= /usr/local
BASE ?= origin/main
FUZZ_SECONDS ?= 20
SOURCES = $(shell git ls-files '*.cpp' '*.hpp' '*.cu' '*.cuh')

.PHONY: all setup build build-sanitized demo test test-sanitized bench lint format-check format fuzz install clean
all: build

setup:
	@packaging/setup.sh

build: setup
	@cmake --preset release -Wno-dev >/dev/null || cmake --preset release
	@cmake --build --preset release

demo: build
	@examples/demo.sh $(BUILD)/bin/lacuna

# Two tests at a time, each with its own OpenMP pool: waiting threads sleep instead of spinning against each other.
test: build
	@OMP_WAIT_POLICY=passive ctest --preset release --no-label-summary -j 2

build-sanitized: setup
	@cmake --preset asan-ubsan -Wno-dev >/dev/null || cmake --preset asan-ubsan
	@cmake --build --preset asan-ubsan --target unit_tests fuzz

test-sanitized: build-sanitized
	@LSAN_OPTIONS=suppressions=$(CURDIR)/tests/support/lsan.supp:print_suppressions=0 OMP_WAIT_POLICY=passive \
	  ctest --preset asan-ubsan -L unit --no-label-summary -j 2

bench: build
	@bench/run.sh $(BUILD)

format-check:
	@clang-format-19 --dry-run --Werror $(SOURCES) && echo "format: $(words $(SOURCES)) files conform"

format:
	@clang-format-19 -i $(SOURCES)

lint: build format-check
	@/usr/bin/python3 tests/layers_test.py .
	@packaging/tidy_changed.sh $(BUILD) $(BASE)

fuzz: build-sanitized
	@fuzz/run.sh $(FUZZ_SECONDS)

install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	@rm -rf build
