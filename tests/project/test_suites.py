"""Each test belongs to a suite that CI runs: those of tests/training need packages of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.paths import ROOT, TESTS


def collected(*arguments: str) -> set[str]:
    """The files that pytest collects."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    return {line.split("::")[0].split(":")[0] for line in done.stdout.splitlines() if line.startswith("tests/")}


@pytest.mark.torch  # without it, modules that need it are left out
def test_make_test_collects_all_but_the_training_programs() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in TESTS.rglob("test_*.py")}
    assert files - collected() == {path for path in files if path.startswith("tests/training/")} != set()


def test_ci_runs_the_training_programs() -> None:
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    assert commands[-3:] == ["make test", "make test-pythons", "make test-training"]
    recipe = (ROOT / "Makefile").read_text().split("\ntest-training: ")[1].splitlines()
    assert recipe[1].strip() == ".venv-training/bin/pytest tests/training"


def test_the_versions_of_the_training_programs_are_exact() -> None:
    lines = (TESTS / "training" / "requirements.txt").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert [package.split("==")[0] for package in packages] == ["accelerate", "lightning", "peft", "transformers"]
    assert all(package.count("==") == 1 for package in packages)
