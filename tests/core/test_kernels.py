"""The choice between the compiled and the plain functions, and that both give the same results."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from support.kernels import HOT

from embstore.core import _native, _speedups, kernels
from embstore.core.batch import Tokens


def test_the_compiled_functions_are_built_and_active() -> None:
    assert kernels.COMPILED
    for name in HOT:
        assert getattr(kernels, name) is getattr(_speedups, name)


def test_the_fixture_replaces_every_function() -> None:
    tree = ast.parse(Path(kernels.__file__).read_text())
    functions = [node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and node.value is not None
                 and isinstance(node.target, ast.Name) and not node.target.id.startswith("_")]  # fmt: skip
    assert set(functions) == set(HOT)
    assert all(hasattr(_native, name) and hasattr(_speedups, name) for name in HOT)


def test_the_environment_selects_the_plain_functions() -> None:
    code = "from embstore.core import _native as n, kernels as k; print(k.COMPILED, k.find_tokens is n.find_tokens)"
    env = {**os.environ, "EMBSTORE_PLAIN": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "False True\n"


@pytest.mark.parametrize("name", HOT)
def test_the_stub_names_the_arguments_of_both(name: str) -> None:
    stub = ast.parse(Path(_native.__file__).with_name("_speedups.pyi").read_text())
    stubbed = next(node for node in stub.body if isinstance(node, ast.FunctionDef) and node.name == name)
    names = [argument.arg for argument in stubbed.args.args]
    assert names == list(inspect.signature(getattr(_native, name)).parameters)
    assert names == list(inspect.signature(getattr(_speedups, name)).parameters)


@given(
    slots=st.binary(min_size=8, max_size=8 * 64).map(lambda raw: raw[: 8 << (len(raw) // 8).bit_length() - 1]),
    offsets=st.lists(st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9),
    data=st.binary(max_size=10),
    words=st.lists(st.binary(max_size=3), max_size=5),
    aimed=st.booleans(),
    seed=st.sampled_from([0, 1, 2**63, 2**64 - 1]),
)
def test_both_agree_on_an_index_of_random_bytes(
    slots: bytes, offsets: list[int], data: bytes, words: list[bytes], aimed: bool, seed: int
) -> None:
    """Neither crashes, and both return the same rows for damaged bytes."""
    table = np.frombuffer(slots, np.uint8).copy()
    packed = Tokens.pack(words)
    if aimed:  # make fingerprints agree, so that the damaged offsets are read
        aim(table, packed, len(offsets), seed)
    arrays = (table, np.array(offsets, np.int64).view(np.uint8), np.frombuffer(data, np.uint8))
    compiled = _speedups.find_tokens(*arrays, packed.data, packed.offsets, seed)
    np.testing.assert_array_equal(compiled, _native.find_tokens(*arrays, packed.data, packed.offsets, seed))


def aim(table: np.typing.NDArray[np.uint8], words: Tokens, rows: int, seed: int) -> None:
    entries = table.view(np.uint64)
    for i, hashed in enumerate(_native.hash_tokens(words.data, words.offsets, seed)):
        entries[int(hashed) % len(entries)] = (int(hashed) >> 32 << 32) | (i % (rows + 1))


def full_index(entry_at: int, entry: int) -> np.typing.NDArray[np.uint8]:
    """4,096 slots, none empty, with one given entry."""
    entries = np.full(4096, 0xDEADBEEF << 32, np.uint64)
    entries[entry_at % 4096] = entry
    return entries.view(np.uint8)


@pytest.mark.parametrize(("distance", "row"), [(0, 0), (1023, 0), (1024, -1), (2047, -1), (4095, -1)])
def test_a_probe_ends_1024_slots_from_home(distance: int, row: int) -> None:
    word = Tokens.pack(["word"])
    hashed = int(_native.hash_tokens(word.data, word.offsets, 0)[0])
    slots = full_index(hashed + distance, (hashed >> 32 << 32) | 1)
    offsets = np.array([0, 4], np.int64).view(np.uint8)
    for module in (_native, _speedups):
        assert module.find_tokens(slots, offsets, word.data, word.data, word.offsets, 0).tolist() == [row]


def test_a_probe_continues_after_the_fingerprint_of_another_word() -> None:
    word = Tokens.pack(["word"])
    hashed = int(_native.hash_tokens(word.data, word.offsets, 0)[0])
    slots = full_index(hashed + 1500, (hashed >> 32 << 32) | 1)
    slots.view(np.uint64)[(hashed + 600) % 4096] = hashed >> 32 << 32  # has no row
    offsets = np.array([0, 4], np.int64).view(np.uint8)
    for module in (_native, _speedups):
        assert module.find_tokens(slots, offsets, word.data, word.data, word.offsets, 0).tolist() == [-1]


@pytest.mark.parametrize("slots", [0, 3 * 8])
def test_an_index_of_another_size_is_refused(slots: int) -> None:
    word, offsets = Tokens.pack(["a"]), np.zeros(8, np.uint8)
    for module in (_native, _speedups):
        with pytest.raises(
            ValueError, match=r"^an index needs a number of slots that is a power of two, and at least one offset$"
        ):
            module.find_tokens(np.zeros(slots, np.uint8), offsets, word.data, word.data, word.offsets, 0)
