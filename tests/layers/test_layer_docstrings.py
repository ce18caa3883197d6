"""Examples in the docstrings of the layers: each has one, and all of them run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.docstrings import documented, run_examples

import embstore.layers

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("value", documented(embstore.layers.__all__))
def test_examples_run(value: Any, folder_with_glove: Path) -> None:
    run_examples(value)
