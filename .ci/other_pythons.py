"""Run the tests that need no torch on other versions of Python, each in an environment of its own, .venv-VERSION.

An interpreter that is not there is reported and is no failure; a failing test is. Run it by `make test-pythons`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.12", "3.13")
NOT_INSTALLED = ("torch", "mypy", "ruff")  # what no test needs that is run here
INPUTS = ("pyproject.toml", "constraints.txt", "embstore/core/_speedups.pyx")  # what an environment is made of


def candidates(version: str) -> Iterator[Path]:
    """Yield files that may be an interpreter of a version: on the path, from pyenv and from uv."""
    for folder in [*os.get_exec_path(), "/usr/local/bin", "/usr/bin"]:
        yield Path(folder) / f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    yield from sorted(data.glob(f"uv/python/cpython-{version}.*/bin/python{version}"), reverse=True)


def runs(python: Path, version: str) -> bool:
    """Whether a file is an interpreter of this version that can make environments: a shim may end with code 127."""
    code = "import ensurepip, sys, venv; print('{}.{}'.format(*sys.version_info))"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return (done.returncode, done.stdout.strip()) == (0, version)


def find_python(version: str) -> Path | None:
    """Return the first candidate that runs."""
    return next((python for python in candidates(version) if runs(python, version)), None)


def requirements() -> list[str]:
    """Return what embstore and its tests need, without torch and the tools that check types and style."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: list[str] = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return [requirement for requirement in found if not requirement.startswith(NOT_INSTALLED)]


def environment(python: Path, version: str) -> Path:
    """Make the environment of a version unless it is newer than what it is made of; return its interpreter."""
    folder = ROOT / f".venv-{version}"
    own, ready = folder / "bin" / "python", folder / "ready"
    if ready.exists() and all(ready.stat().st_mtime > (ROOT / name).stat().st_mtime for name in INPUTS):
        return own
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    install: list[str | Path] = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install_pinned = [*install, "--constraint", ROOT / "constraints.txt", "--only-binary", ":all:"]
    subprocess.run([*install_pinned, *requirements()], check=True)
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "--editable", ROOT], check=True)
    ready.touch()
    return own


def outcome(version: str) -> tuple[str, bool]:
    """Run the tests on one version; say what happened, and whether that is a failure."""
    python = find_python(version)
    if python is None:
        return "did not run: no interpreter found", False
    print(f"== Python {version}: {python}", flush=True)
    try:
        own = environment(python, version)
    except subprocess.CalledProcessError as error:
        return f"FAILED: no environment, {' '.join(map(str, error.cmd[1:4]))} ended with code {error.returncode}", True
    code = subprocess.run([own, "-m", "pytest", "-m", "not torch"], cwd=ROOT).returncode
    return (f"FAILED: pytest ended with code {code}" if code else f"passed, by {python}"), bool(code)


def main() -> int:
    """Run all versions and report each; 1 where tests failed."""
    outcomes = {version: outcome(version) for version in VERSIONS}
    for version, (what, _) in outcomes.items():
        print(f"tests without torch on Python {version}: {what}")
    return int(any(failed for _, failed in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
