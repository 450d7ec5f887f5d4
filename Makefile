# Two commands are all that a fresh machine needs: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PARTS ?= $(HOME)/.cache/pullproof-parts
export PARTS

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck contracts check parts e2e oracle bench chaos soak fuzz docs constraints clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/.ready: constraints.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo 'installing the pinned dependencies into $(VENV)' >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(VENV)/.ready ## judge sample pods against an embedded registry, through the real webhook
	@$(BIN)/pullproof demo

test: $(VENV)/.ready lint typecheck contracts ## everything that lands is tested by this
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.ready ## ruff: style and known mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(VENV)/.ready ## mypy --strict
	$(BIN)/mypy

contracts: $(VENV)/.ready ## import-linter: layers and doors
	$(BIN)/lint-imports

constraints: $(VENV)/.ready ## renew the pinned dependencies
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --all-extras --group dev pyproject.toml -o constraints.txt

clean: ## remove what the targets above made here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
