# Perch on a fresh machine: Python 3.11, make and a package registry are all that is needed.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
BOOTSTRAP_PYTHON ?= python3.11
# uv from PATH where it is there, else one of our own in .tools
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --frozen
PYTHON := $(RUN) python
# files of tests that run side by side: much of their time is waiting, also on two cores
TEST_PROCESSES ?= 3

include $(wildcard make/*.mk)

.PHONY: help setup run install test check format lock clean

help: ## show this help
	@grep -hE '^[a-zA-Z0-9_-]+:.*?## ' $(MAKEFILE_LIST) | sort | awk -F':.*?## ' '{printf "  \033[1m%-22s\033[0m %s\n", $$1, $$2}'

setup: .venv/.ready dragonfly ## install everything that Perch needs into .venv

.tools/bin/uv:
	@command -v $(BOOTSTRAP_PYTHON) >/dev/null || { echo "make: $(BOOTSTRAP_PYTHON) not found; install Python 3.11, or set BOOTSTRAP_PYTHON" >&2; exit 2; }
	$(BOOTSTRAP_PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.ready: pyproject.toml uv.lock | $(if $(findstring .tools,$(UV)),.tools/bin/uv)
	$(UV) sync --frozen --compile-bytecode
	@touch $@

run: setup ## the main job: tune a crystal graph network on the embedded structures (minutes)
	$(RUN) perch run $(ARGS)
	@echo
	@echo "To call perch yourself:   source .venv/bin/activate     (here, in this shell)"
	@echo "               or once:   make install                  (for your user: ~/.local/bin/perch)"

install: $(if $(findstring .tools,$(UV)),.tools/bin/uv) ## install the command perch for this user, with Dragonfly's environment
	$(UV) tool install --force --python $(BOOTSTRAP_PYTHON) '.[optuna,wandb,k8s]'
	$$($(UV) tool dir --bin)/perch doctor --fix
	@command -v perch >/dev/null || echo "make: put $$($(UV) tool dir --bin) on your PATH, or run '$(UV) tool update-shell'"

test: setup ## the tests that need no cluster; the chart's too, where Helm is there or can be built
	@$(MAKE) --no-print-directory chart-tools || echo "make chart-tools failed: the chart's tests that need what is missing are skipped"
	$(RUN) pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: setup ## longer tests: kill storms and the like
	$(RUN) pytest -m slow tests $(ARGS)

check: setup ## ruff, mypy (strict) and the layers
	$(RUN) ruff check app tests benchmarks docs studies
	$(RUN) ruff format --check app tests benchmarks docs studies
	$(RUN) mypy
	$(RUN) lint-imports

format: setup ## format and fix what can be fixed
	$(RUN) ruff format app tests benchmarks docs studies
	$(RUN) ruff check --fix app tests benchmarks docs studies

lock: ## resolve the dependencies anew
	$(UV) lock

clean: ## remove environments and caches
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis site build dist
