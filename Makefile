# make demo: convert and look up real GloVe vectors.   make test: all checks.   make bench: benchmarks.
# make test-pythons: the tests that need no torch, on each other Python that is found.
# make faults N=1000: kills that many conversions.   Each sets up .venv first.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test test-pythons faults setup bench clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt embstore/core/_speedups.pyx
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch .venv/ready

demo: setup
	$(BIN)/python examples/demo.py

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

test-pythons: setup
	$(BIN)/python .ci/other_pythons.py

# Kills conversions to all formats at random moments.
N ?= 1000
faults: setup
	$(BIN)/python tests/faults/kills.py $(N)

bench: setup
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf .venv .venv-* build demo .mypy_cache .pytest_cache .ruff_cache embstore/core/_speedups.c embstore/core/*.so
