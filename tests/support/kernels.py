"""The two implementations of the hot functions."""

from __future__ import annotations

from types import ModuleType

import pytest

from embstore.core import _native, _speedups, kernels

HOT = ("hash_tokens", "find_tokens", "find_strings", "insert_tokens", "parse_rows", "format_rows", "split_rows")
KERNELS: dict[str, ModuleType] = {"compiled": _speedups, "plain": _native}


def use_kernel(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Let all of embstore use one of the two until the test ends."""
    module = KERNELS[name]
    for function in HOT:
        monkeypatch.setattr(kernels, function, getattr(module, function))
    return module
