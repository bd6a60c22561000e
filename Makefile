# `make run` opens the dashboard with the HTTP API beside it, `make test` runs every test, `make bench` measures the budgets.
# Each sets up what it needs first: nothing else has to be done before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: run test bench lint clean
.DELETE_ON_ERROR:

$(VENV)/run.stamp: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("Recidiv needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -c 'import recidiv_core.slices.kernels, recidiv_core.thresholds.kernels' # compiled once, here, not in a page
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

$(VENV)/bench.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

run: $(VENV)/run.stamp
	$(BIN)/python -m recidiv_core serve --port $(PORT)

test: $(VENV)/test.stamp lint
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

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

clean:
	rm -rf $(VENV) build *.egg-info
