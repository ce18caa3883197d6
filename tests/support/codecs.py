"""The codecs as parameters of tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from embstore.codecs.registry.table import CODECS, Codec


def marks_of(format_name: str) -> list[pytest.MarkDecorator]:
    """Return the marks of tests that read or write a format."""
    return [pytest.mark.torch] if format_name == "torch" else []


def codecs_that(fit: Callable[[Codec], object]) -> list[Any]:
    """Return a parameter for each codec of the table that fits, with the marks of its format."""
    return [pytest.param(codec, id=codec.name, marks=marks_of(codec.name)) for codec in CODECS.values() if fit(codec)]
