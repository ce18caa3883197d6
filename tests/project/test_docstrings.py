"""Examples in the docstrings of everything public that needs no torch: each has one, and all of them run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.docstrings import documented, run_examples

import embstore

LAYERS = ("Embedding", "EmbeddingBag", "Tables", "keep_mapped")


@pytest.mark.parametrize("value", documented(name for name in embstore.__all__ if name not in (*LAYERS, "__version__")))
def test_examples_run(value: Any, folder_with_glove: Path) -> None:
    run_examples(value)


def test_only_what_is_public_is_offered() -> None:
    assert dir(embstore) == sorted(embstore.__all__)
