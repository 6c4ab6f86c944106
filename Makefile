# What this folder can do, given Python >= 3.11 and make. `make` alone lists it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCKER := .venv-lock
# The lists are complete: nothing is left to resolve, and nothing is built. So no release of
# somebody else's, and no pip's own way of reading extras, can change what is installed.
INSTALL := install --no-deps --only-binary :all:
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

PACKAGES := titip gateway storage sync config cli client standin
CODE     := $(PACKAGES) tests $(wildcard bench)
CORE     := titip/*,gateway/protocol/tus.py,gateway/protocol/tus_responses.py,gateway/protocol/commands.py,gateway/protocol/digest_fields.py
CORE     := $(CORE),gateway/protocol/detect.py,gateway/protocol/draft.py,gateway/protocol/draft_responses.py,gateway/protocol/plain.py
CORE     := $(CORE),gateway/transport/trailers.py
NODE     := tests/e2e/node
# Most tests wait, for a process, a socket or a disk: another file's run meanwhile.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help demo serve test torture nightly mutants check format bench node lock clean .venv
.DELETE_ON_ERROR:

help: ## say what can be done here (default)
	@awk -F ':.*## ' '/^[.a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## play an outage on this machine: stall, hand in, mirror, recover, deliver
	@$(BIN)/titip demo

serve: $(VENV)/.installed ## run the gateway and the sync daemon (TITIP__SECTION__KEY or titip.toml)
	@$(BIN)/titip serve

test: check node ## every check, then every test, with the coverage gates
	rm -f .coverage .coverage.*
	$(BIN)/pytest $(SIDE_BY_SIDE) --cov --cov-report=term
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100

torture: .venv ## kill and freeze it under load, and cut its power: SECONDS=600 SEED=1 IMAGES=3000
	$(BIN)/python -m tests.torture --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.powercut $(if $(IMAGES),--images $(IMAGES)) $(if $(SEED),--seed $(SEED))

nightly: .venv ## the tests alone, with Hypothesis looking for much longer; then mutants
	TITIP_HYPOTHESIS=nightly $(BIN)/pytest --timeout=7200 -o faulthandler_timeout=7000
	$(MAKE) --no-print-directory mutants

mutants: .venv ## change the code in small ways, and see that a test minds: SAMPLE=300 SEED=1
	rm -f .mutants.json
	$(BIN)/python -m tests.mutants --sample $(or $(SAMPLE),300) $(if $(SEED),--seed $(SEED))

check: .venv ## lint, format, types, import contracts, Dockerfile; no tests
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-logo
	@if [ -x $(BIN)/hadolint ]; then echo '$(BIN)/hadolint Dockerfile'; $(BIN)/hadolint Dockerfile; \
	else echo 'Dockerfile not linted: hadolint has no release for this machine.'; fi

format: .venv ## lay the code out, and mend what ruff can mend
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: .venv ## measure speed, latency and memory; PEERS=1: beside other tus servers
	@$(BIN)/python -m bench $(if $(PEERS),--peers)

# ------------------------------------------------------------------------------ what it stands on
# One environment in two steps: the demo needs the first alone. Each stamp is renewed only when the
# files that it was made from change; new requirements start from an empty environment.

.venv: $(VENV)/.installed-dev ## build the environment with all that the tests need

$(VENV)/.locked: requirements.txt requirements-build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Titip needs Python 3.11 or newer. Name one: make PYTHON=python3.13 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) cannot make a virtual environment: its venv or ensurepip module is missing.' >&2; \
	  echo 'On Debian and Ubuntu: apt-get install python3-venv. Then run make again.' >&2; exit 1; }
	@echo 'Setting up $(VENV) from the pinned requirements: once, about half a minute.'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) $(INSTALL) --require-hashes -r requirements.txt -r requirements-build.txt
	@$(PIP) check
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.locked
	@$(PIP) $(INSTALL) --no-build-isolation --editable .
	@$(PIP) check
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo 'Adding what the checks and tests need.'
	@$(PIP) $(INSTALL) --require-hashes -r requirements-dev.txt
	@$(PIP) check
	@touch $@

node: ## fetch the clients from npm that the end-to-end tests drive, when npm is there
	@if ! command -v npm >/dev/null 2>&1; then \
	  echo 'npm is not here: the tests that drive tus-js-client and Uppy will be skipped.'; \
	else $(MAKE) --silent --no-print-directory $(NODE)/node_modules/.installed; fi

$(NODE)/node_modules/.installed: $(NODE)/package.json $(NODE)/package-lock.json
	@echo 'Fetching the clients from npm for the end-to-end tests.'
	@npm ci --prefix $(NODE) --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

# --------------------------------------------------------------------------------------- the lock
# Pins stay as they are unless pyproject.toml asks for more; `make lock UPGRADE=--upgrade` renews all.

UV      := $(LOCKER)/bin/uv
COMPILE  = $(UV) pip compile --no-config --quiet --universal --python-version 3.11 \
           --generate-hashes --no-strip-extras --no-header --no-emit-index-url --no-emit-find-links $(UPGRADE)

lock: $(UV) ## pin every requirement again, with hashes, for all systems and Python versions
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) --group build --constraints requirements.txt --output-file requirements-build.txt
	$(COMPILE) pyproject.toml --group dev --constraints requirements.txt \
	  --constraints requirements-build.txt --output-file requirements-dev.txt
	$(COMPILE) --group lock --output-file requirements-lock.txt

$(UV): requirements-lock.txt
	$(PYTHON) -m venv --clear $(LOCKER)
	$(LOCKER)/bin/python -m pip --disable-pip-version-check --quiet $(INSTALL) \
	  --require-hashes -r requirements-lock.txt
	$(LOCKER)/bin/python -m pip --disable-pip-version-check check
	@touch $@

clean: ## remove what was built here; data of a gateway stays
	rm -rf $(VENV) $(LOCKER) .venv-bench $(NODE)/node_modules bench/node/node_modules
	rm -rf dist build htmlcov
	rm -rf .mutants.json .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
