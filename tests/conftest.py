"""Fixtures that several folders of tests use."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import hypothesis
import pytest
from support.glove import RealGlove, load_glove, write_glove_text
from support.kernels import KERNELS, use_kernel
from support.running import Run

import embstore
from embstore.cli.main import main

if TYPE_CHECKING:
    from support.torch_layers import Make

# The fixture `kernel` stays the same from example to example, and shared machines stall now and then. Where CI is set,
# the examples are the same in every run, as in Hypothesis's own profile for CI; elsewhere each run draws new ones.
hypothesis.settings.register_profile(
    "embstore",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("embstore")

HAS_TORCH = importlib.util.find_spec("torch") is not None
LEFT_OUT: list[Path] = []


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without torch, leave out the modules that are marked as a whole: they import it at their top."""
    if (
        HAS_TORCH
        or collection_path.suffix != ".py"
        or "\npytestmark = pytest.mark.torch\n" not in collection_path.read_text()
    ):
        return None
    LEFT_OUT.append(collection_path)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was left out; the header of the report would be the place, but -q hides it."""
    if LEFT_OUT:
        names = "".join(f"\n  {path.relative_to(config.rootpath)}" for path in sorted(LEFT_OUT))
        terminalreporter.write_line(
            f"torch is not installed, and these modules import it, so they were left out:{names}"
        )


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One of the two implementations, in use by all of embstore while the test runs."""
    return use_kernel(request.param, monkeypatch)


@pytest.fixture(scope="session")
def real_glove() -> RealGlove:
    """The words and vectors of glove.6B 50d."""
    return load_glove()


@pytest.fixture(scope="session")
def real_glove_text(real_glove: RealGlove, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """glove.6B.50d.txt."""
    path = tmp_path_factory.mktemp("glove") / "glove.6B.50d.txt"
    write_glove_text(real_glove, path)
    return path


@pytest.fixture(scope="session")
def real_store(real_glove_text: Path) -> Path:
    """The store that the real GloVe text converts to."""
    path = real_glove_text.with_suffix(".safetensors")
    embstore.convert(real_glove_text, path)
    return path


@pytest.fixture
def folder_with_glove(real_glove_text: Path, real_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files that examples suppose: the real GloVe as text and as a store."""
    (tmp_path / "glove.6B.50d.txt").symlink_to(real_glove_text)
    (tmp_path / "glove.6B.50d.safetensors").symlink_to(real_store)
    (tmp_path / "corpus.txt").write_text("the cat sat on THE qzxv mat", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def text_path(tmp_path: Path) -> Path:
    """A table of three words as GloVe text."""
    (tmp_path / "t.txt").write_bytes(b"the 1 2\nof 3 4\nto 5 6\n")
    return tmp_path / "t.txt"


@pytest.fixture
def run(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in `tmp_path`, with bytes on its standard input: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capfdbinary.readouterr()
        return int(left.value.code or 0), out.decode(), err.decode()

    return call


@pytest.fixture(params=["array", "store", "vocabulary"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A function that makes layers with given rows: the test runs for each way to make them."""
    from support.torch_layers import from_array, from_store_in, from_vocabulary  # here: these import torch

    ways: dict[str, Make] = {"array": from_array, "store": from_store_in(tmp_path), "vocabulary": from_vocabulary}
    return ways[request.param]
