# Everything a newcomer needs: `make up`, `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# files; many tests wait for processes, so one more than CI has processors
TESTS_AT_ONCE ?= 3

.DEFAULT_GOAL := help
.PHONY: help env up test test-faults test-fuzz test-load check bench format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{printf "  make %-11s %s\n", $$1, $$2}'

env: $(VENV)/.runtime ## make the virtual environment (runtime packages)

$(VENV)/.runtime: requirements.txt pyproject.toml
	deploy/make-venv "$(PYTHON)" $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@

up: env ## run everything: SCP, workers, worklist page; ARGS="--once --send PATH" to send and end
	$(BIN)/screening up $(ARGS)

test: export PYTHONDONTWRITEBYTECODE :=  # hundreds of processes read it, or each compiles anew
test: $(VENV)/.dev ## install what the tests need, then run them; ARGS="tests/unit" for some
	tests/install-tools
	$(BIN)/python -m pytest --numprocesses $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder $(ARGS)

test-faults: $(VENV)/.dev ## pull every plug under load and count; ARGS="--only Redis" for some
	tests/install-tools
	$(BIN)/python -m tests.faults $(ARGS)

test-fuzz: $(VENV)/.dev ## damage PDUs, objects and requests for 30 CPU minutes; ARGS="--only pdus" for some
	tests/install-tools
	$(BIN)/python -m tests.fuzz $(ARGS)

test-load: $(VENV)/.dev ## soak, burst and back-pressure, memory measured; ARGS="--only burst" for some
	tests/install-tools
	$(BIN)/python -m tests.load $(ARGS)

check: $(VENV)/.dev ## formatting, lint, types, import rules, deploy files, known vulnerabilities
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.check
	$(BIN)/python -m deploy.audit

bench: $(VENV)/.dev ## measure everything beside its peers, in less than half an hour; ARGS="intake" for one
	tests/install-tools
	$(BIN)/screening bench $(ARGS)

format: $(VENV)/.dev ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.dev ## resolve the requirements again
	deploy/lock-requirements $(BIN)

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
