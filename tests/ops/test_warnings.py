"""Warnings name the line of the program that called embstore, however deep they arise."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import embstore

CALLS: dict[str, Callable[[Path, Path], object]] = {
    "open": lambda path, target: embstore.open(path),
    "convert": lambda path, target: embstore.convert(path, target),
    "merge": lambda path, target: embstore.merge([path], target),
    "concat": lambda path, target: embstore.concat([path]),
    "compare": lambda path, target: embstore.compare(path, path),
}


@pytest.mark.parametrize("name", ["t.npy", "t.npy.gz"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_line_of_the_caller_is_named(call: Callable[[Path, Path], object], name: str, tmp_path: Path) -> None:
    text = b"2 2\nthe \0\0\0\0\0\0\0\0the \0\0\0\0\0\0\0\0"  # word2vec's binary under a wrong suffix, a token twice
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(tmp_path / name, tmp_path / "made.safetensors")
    assert len(caught) >= 2
    assert {warning.filename for warning in caught} == {__file__}
