# `make` alone prints the targets. `make run` and `make test` are all that a fresh machine needs.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
TESTS ?= tests
WORKERS ?= 2
ONLY ?=
KILLS ?= 100
SECONDS ?= 3600
LOCK := requirements/run.txt requirements/dev.txt
REAL := docker or influxdb or prometheus or alertmanager or browser or image or root or vm

.PHONY: help install install-dev servers run test check lint types ci vm demo bench soak evaluation dist audit docs lock pictures storm quiet clean

help: ## print this list
	@echo "wharfinger: what make can do here"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

$(BIN)/python:
	@tools/make_venv.sh $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "installing wharfinger into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "installing the development tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

install: $(VENV)/.run ## make .venv with wharfinger in it

install-dev: $(VENV)/.dev ## the same with everything that tests and checks need

servers: ## install the real servers that the tests use (Debian, root; NO_INSTALL=1 installs nothing)
	@tools/install_servers.sh

run: install ## agent and dashboard on this host, until Ctrl-C (ARGS="--config FILE" is passed on)
	@exec $(BIN)/wharfinger run $(ARGS)

test: install-dev servers ## every test, against real servers (TESTS=tests/room for a part)
	@PYTHON=$(BIN)/python WORKERS=$(WORKERS) tools/run_tests.sh $(TESTS) $(ARGS)

lint: install-dev ## ruff: style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: install-dev ## mypy, strict
	@$(BIN)/mypy

check: lint types ## lint, types and the tests that need no server: under a minute
	@$(BIN)/python -m pytest -q -m "not ($(REAL))" $(ARGS)

ci: lint types ## what CI runs: lint, types, every test, nothing skipped
	@CI=true $(MAKE) --no-print-directory test

vm: install-dev servers ## the tests on cgroup v2 in the guest, with both of Docker's cgroup drivers
	@VM=all $(BIN)/python -m pytest tests/vm $(ARGS)

demo: install-dev ## `make run` beside workloads that have something to show
	@exec $(BIN)/python -m tools.demo $(ARGS)

bench: install-dev servers ## measure: a table and build/bench.json (ONLY=room or ONLY=room:part, STRICT=1 fails on a missed bar)
	@exec $(BIN)/python -m tools.bench $(ONLY)

evaluation: install-dev ## judge the limit policies on the public traces (ARGS=SEEDS); writes docs/evaluation-results.md
	@exec $(BIN)/python -m tools.evaluation $(ARGS)

dist: install-dev ## a release in dist/: wheel, bill of materials, sums
	@PYTHON=$(BIN)/python tools/dist.sh

audit: install-dev ## known holes in the locked packages (STRICT=1 fails where nobody could be asked)
	@exec $(BIN)/python -m tools.audit

docs: install-dev ## write the pages that are made from code
	@$(BIN)/python -m tools.gen_docs

pictures: install-dev servers ## take the pictures of README and docs anew
	@UPDATE_PICTURES=1 $(BIN)/python -m pytest -q -m browser tests/browser

lock: install-dev ## write requirements/*.txt anew, with hashes
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 pyproject.toml \
	  requirements/build.in --extra dev --extra apprise --extra oidc -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 pyproject.toml \
	  requirements/build.in -c requirements/dev.txt -o requirements/run.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 pyproject.toml \
	  requirements/build.in --extra oidc -c requirements/dev.txt -o requirements/oidc.txt

soak: install-dev servers ## all faults again and again for an hour (SECONDS=600, ARGS="--containers 50"); root
	@exec $(BIN)/python -m tools.soak $(SECONDS) $(ARGS)

storm: install-dev ## kill -9 an agent's alerting and its limit controller 100 times each (KILLS=100)
	@$(BIN)/python -m tests.alerts.storm $(KILLS)
	@$(BIN)/python -m tests.limits.storm $(KILLS)

quiet: install-dev ## a week of a quiet host, second by second: nobody may be notified (DAYS=1)
	@$(BIN)/python -m tests.alerts.quiet $(DAYS)

clean: ## remove .venv and everything built
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis
