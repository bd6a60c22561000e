# `make run` opens the dashboard with the HTTP API beside it, `make test` runs every test, `make bench` measures the budgets.
# Each sets up what it needs first: nothing else has to be done before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PORT ?= 8501

# 100,000 tables, 5,000 through every page, 2,000 models, 5,000 bodies: all with SHARE=1, a tenth without.
SHARE ?= 0.1

.PHONY: run test coverage bench fuzz siege lint lock notices sbom clean
.DELETE_ON_ERROR:

# The lock is whole and its files are wheels: nothing else is looked up, and no code of a package runs while it is installed.
LOCKED := install --require-hashes --no-deps --only-binary :all:

$(VENV)/run.stamp: requirements.lock requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("Recidiv needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(LOCKED) --no-compile -r requirements.lock
	$(PIP) install --no-compile "$$(grep '^torch==' requirements.txt)" # by version: SECURITY.md says why
	-$(BIN)/python -m compileall -q -j 0 -x '/(tests|testing)/' $(VENV)/lib # pip would on one core, and others' tests too
	$(BIN)/python -c 'import recidiv_core.slices.kernels, recidiv_core.thresholds.kernels' # compiled once, here, not in a page
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements-test.lock pyproject.toml setup.py
	$(PIP) $(LOCKED) -r requirements-test.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/bench.stamp: $(VENV)/test.stamp
	$(PIP) install --editable '.[bench]'
	touch $@

run: $(VENV)/run.stamp
	$(BIN)/python -m recidiv_core serve --port $(PORT)

test: $(VENV)/test.stamp lint
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

coverage: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n auto --dist loadfile --cov=recidiv_core --cov=pages --cov-report=term-missing:skip-covered

bench: $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.thresholds
	$(BIN)/python -m benchmarks.slices
	$(BIN)/python -m benchmarks.models
	$(BIN)/python -m benchmarks.counterfactuals
	$(BIN)/python -m benchmarks.privacy
	$(BIN)/python -m benchmarks.api
	$(BIN)/python -m benchmarks.honesty
	$(BIN)/python -m benchmarks.honesty_thresholds
	$(BIN)/python -m benchmarks.honesty_slices
	$(BIN)/python -m benchmarks.honesty_models

fuzz: $(VENV)/test.stamp
	$(BIN)/python -m benchmarks.fuzz $(SHARE)

siege: $(VENV)/test.stamp
	$(BIN)/python -m benchmarks.siege

# What comes from others: the versions with their hashes, the licences, the bill of materials of what is installed.
lock: $(VENV)/test.stamp
	$(BIN)/python -m supply.lock

notices: $(VENV)/run.stamp
	$(BIN)/python -m supply.notices

sbom: $(VENV)/run.stamp
	$(BIN)/python -m supply.sbom

clean:
	rm -rf $(VENV) build *.egg-info
