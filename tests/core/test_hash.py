"""XXH64, the hash of the index: against the published test vectors and the reference implementation."""

from __future__ import annotations

from types import ModuleType

import hypothesis.strategies as st
import numpy as np
import pytest
import xxhash
from hypothesis import given

from embstore.core.batch import Tokens

PRIME32, PRIME64 = 2654435761, 11400714785074694797


def sanity_buffer(size: int) -> bytes:
    """The input of the sanity checks of github.com/Cyan4973/xxHash (cli/xsum_sanity_check.c)."""
    out, state = bytearray(), PRIME32
    for _ in range(size):
        out.append(state >> 56)
        state = state * PRIME64 % (1 << 64)
    return bytes(out)


PUBLISHED = [
    (0, 0, 0xEF46DB3751D8E999),
    (0, PRIME32, 0xAC75FDA2929B17EF),
    (1, 0, 0xE934A84ADB052768),
    (1, PRIME32, 0x5014607643A9B4C3),
    (4, 0, 0x9136A0DCA57457EE),
    (14, 0, 0x8282DCC4994E35C8),
    (14, PRIME32, 0xC3BD6BF63DEB6DF0),
    (222, 0, 0xB641AE8CB691C174),
    (222, PRIME32, 0x20CB8AB7AE10C14A),
]


def hashes(kernel: ModuleType, words: list[bytes], seed: int = 0) -> list[int]:
    packed = Tokens.pack(words)
    found = kernel.hash_tokens(packed.data, packed.offsets, seed)
    assert found.dtype == np.uint64
    return [int(value) for value in found]


@pytest.mark.parametrize(("size", "seed", "expected"), PUBLISHED)
def test_the_published_vectors(kernel: ModuleType, size: int, seed: int, expected: int) -> None:
    assert hashes(kernel, [sanity_buffer(size)], seed) == [expected]


def test_every_length_up_to_200(kernel: ModuleType) -> None:
    words = [sanity_buffer(size) for size in range(200)]
    assert hashes(kernel, words) == [xxhash.xxh64_intdigest(word) for word in words]


@given(words=st.lists(st.binary(max_size=100)), seed=st.integers(0, 2**64 - 1))
def test_any_bytes_and_any_seed(kernel: ModuleType, words: list[bytes], seed: int) -> None:
    assert hashes(kernel, words, seed) == [xxhash.xxh64_intdigest(word, seed) for word in words]


@pytest.mark.parametrize("offsets", [[0, 3, 2, 4], [-1, 2], [0, 5], [0, 1 << 62]])
def test_offsets_that_decrease_or_exceed_the_bytes_are_refused(kernel: ModuleType, offsets: list[int]) -> None:
    data = np.zeros(4, np.uint8)
    with pytest.raises(ValueError, match=r"^token offsets must not decrease, and must stay inside the token bytes$"):
        kernel.hash_tokens(data, np.array(offsets, np.int64), 0)
