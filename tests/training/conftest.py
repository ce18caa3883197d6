"""Stores that models are built over, and what the programs need to stay quiet and offline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tables import saved

os.environ["HF_HUB_OFFLINE"] = "1"  # before huggingface_hub is imported

from accelerate.state import AcceleratorState, PartialState

from training.models import ROWS, WORDS

QUIET = (  # of the programs, about themselves or about this machine
    "ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning",  # Lightning of torch
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning",  # peft of transformers
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for warning in QUIET:
            item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store file."""
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A store file with the same words and other rows."""
    return saved(tmp_path / "other.safetensors", WORDS, ROWS + 1)


@pytest.fixture(autouse=True)
def _new_accelerator() -> Iterator[None]:
    """Accelerate keeps its state for the whole process."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    PartialState._reset_state()
