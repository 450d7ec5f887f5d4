# Two commands are all that a fresh machine needs: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PARTS ?= $(HOME)/.cache/pullproof-parts
export PARTS

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck contracts parts e2e oracle chaos soak fuzz bench startup constraints sbom decoders personalities flame attacks controls clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/.ready: constraints.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo 'installing the pinned dependencies into $(VENV)' >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(VENV)/.ready ## judge sample pods against an embedded registry, through the real webhook
	@$(BIN)/pullproof demo

test: $(VENV)/.ready lint typecheck contracts ## everything that lands is tested by this
	$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0 $(PYTEST_ARGS)

lint: $(VENV)/.ready ## ruff: style and known mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(VENV)/.ready ## mypy --strict
	$(BIN)/mypy

contracts: $(VENV)/.ready ## import-linter: layers and doors
	$(BIN)/lint-imports

parts: ## get the real parts that tests run against: all, or those of WANT="test e2e oracle bench image"
	@$(PYTHON) tests/parts/get.py $(WANT)

E2E_IMAGE := build/e2e/pullproof.tar
$(E2E_IMAGE): Dockerfile constraints.txt pyproject.toml $(wildcard docker/*) $(shell find webhook certs -type f -not -name '*.pyc')
	docker/build $@ ghcr.io/pullproof/pullproof:$(shell sed -n 's/^appVersion: //p' charts/pullproof/Chart.yaml)

e2e: $(VENV)/.ready ## the chart and its image through their life in a real one-node cluster (root)
	@$(PYTHON) tests/parts/get.py e2e image
	@$(MAKE) --no-print-directory $(E2E_IMAGE)
	PULLPROOF_E2E=1 $(BIN)/python -m pytest tests/cluster $(PYTEST_ARGS)
	$(BIN)/python tests/cluster/run.py $(abspath $(BIN))/python -m pytest tests/e2e $(PYTEST_ARGS)

oracle: $(VENV)/.ready ## what we say against what a real node does, all cases; writes docs/fidelity.md (root)
	@$(PYTHON) tests/parts/get.py oracle
	$(BIN)/python tests/cluster/run.py $(abspath $(BIN))/python tests/oracle $(CASES)

chaos: $(VENV)/.ready ## every part broken in every way, under load; writes docs/reliability.md (root)
	@$(PYTHON) tests/parts/get.py chaos
	$(BIN)/python tests/chaos

soak: $(VENV)/.ready ## half an hour of load, faults, signals and reloads (SOAK_MINUTES); writes docs/reliability.md (root)
	@$(PYTHON) tests/parts/get.py chaos
	$(BIN)/python tests/chaos/soak.py

fuzz: $(VENV)/.ready ## every decoder, 10 minutes of processor each (FUZZ_MINUTES); writes docs/fuzzing.md
	$(BIN)/python tests/fuzz

attacks: $(VENV)/.ready ## what each resource attack costs; writes docs/threat-model.md
	$(BIN)/python tests/security/figures.py

controls: $(VENV)/.ready ## each control taken away, so that its attack succeeds; writes docs/threat-model.md
	$(BIN)/python tests/security/taken_away.py

bench: $(VENV)/.ready ## speed, as ratios measured in one run; writes docs/benchmarks.md
	@$(PYTHON) tests/parts/get.py bench
	$(BIN)/python tests/bench/run.py

startup: $(VENV)/.ready ## how quickly the commands are there; writes docs/startup.md
	$(BIN)/python tests/bench/startup.py

decoders: $(VENV)/.ready ## how long a decoder may be kept busy by 1 MiB of anything; writes docs/decoders.md
	$(BIN)/python tests/decoders

flame: $(VENV)/.ready ## where the time of warm reviews goes; writes docs/flame.svg (root)
	$(BIN)/python tests/bench/flame.py

personalities: $(VENV)/.ready ## what `pullproof image` prints of each registry; writes docs/personalities.md
	$(BIN)/python tests/personalities

constraints: $(VENV)/.ready ## renew the pinned dependencies
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --all-extras --group dev pyproject.toml -o constraints.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  docker/sbom_tools.in -o docker/sbom_tools.txt

sbom: ## what is shipped: a CycloneDX bill of materials (dist/), and the list of licences (docs/licenses.md)
	@PYTHON=$(PYTHON) docker/sbom

clean: ## remove what the targets above made here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
