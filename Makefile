# make demo: convert and look up real GloVe vectors.   make test: all checks.   make bench: benchmarks.
# make test-pythons: the tests that need no torch, on each other Python that is found.
# make test-training: the tests with accelerate, peft, Lightning and transformers, in .venv-training.
# make fuzz N=1000: reads that many mutated files of each format.   make faults N=1000: kills that many conversions.
# make sanitize: runs the compiled functions under AddressSanitizer and UBSan.   Each sets up .venv first.
PYTHON ?= python3.11
BIN := .venv/bin

N ?= 1000

.PHONY: demo test test-pythons test-training setup bench fuzz faults sanitize clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt embstore/core/_speedups.pyx
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch .venv/ready

.venv-training/ready: pyproject.toml constraints.txt tests/training/requirements.txt embstore/core/_speedups.pyx
	$(PYTHON) -m venv .venv-training
	.venv-training/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--requirement tests/training/requirements.txt --editable '.[dev]'
	touch .venv-training/ready

demo: setup
	$(BIN)/python examples/demo.py

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

test-pythons: setup
	$(BIN)/python .ci/other_pythons.py

test-training: .venv-training/ready
	.venv-training/bin/pytest tests/training

fuzz: setup
	PYTHONPATH=tests $(BIN)/python -m fuzz -n $(N)

faults: setup
	$(BIN)/python tests/faults/kills.py $(N)

sanitize: setup
	$(BIN)/python .ci/sanitize.py

bench: setup
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf .venv .venv-* build demo .mypy_cache .pytest_cache .ruff_cache embstore/core/_speedups.c embstore/core/*.so
