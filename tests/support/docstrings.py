"""Examples in the docstrings of public classes, functions and methods."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest

import embstore

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def documented(names: Iterable[str]) -> list[Any]:
    """Return public classes and functions as parameters, and the methods that a class of embstore defines."""
    found = []
    for name in names:
        value = getattr(embstore, name)
        found.append(pytest.param(value, id=name))
        if inspect.isclass(value):
            found += [pytest.param(method, id=f"{name}.{method.__name__}") for method in _methods(value)]
    return found


def _methods(kind: type) -> Iterator[Any]:
    for name in dir(kind):
        method = inspect.getattr_static(kind, name)
        method = method.__func__ if isinstance(method, classmethod | staticmethod) else method
        if inspect.isfunction(method) and not name.startswith("_") and method.__module__.startswith("embstore."):
            yield method


def run_examples(value: Any) -> None:
    """Run the examples of one docstring; there must be one."""
    text = inspect.getdoc(value) or ""
    test = doctest.DocTestParser().get_doctest(text, {"embstore": embstore, "np": np}, value.__qualname__, None, None)
    assert test.examples, "no example"
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)
