"""formats/hash: published vectors of XXH64, and indexes to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xxhash
from support.paths import FORMATS

from embstore.core import kernels
from embstore.core.batch import Tokens
from embstore.core.index import Vocab, VocabBuilder


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("name", ["xxh64_published", "xxh64_words"])
def test_hash_vectors(name: str) -> None:
    for vector in json.loads((FORMATS / "hash" / "valid" / f"{name}.json").read_text()):
        data = bytes.fromhex(vector["input"])
        packed = Tokens.pack([data])
        hashed = kernels.hash_tokens(packed.data, packed.offsets, vector["seed"])
        assert f"{int(hashed[0]):016x}" == vector["xxh64"] == xxhash.xxh64_hexdigest(data, vector["seed"])


@pytest.mark.usefixtures("kernel")
def test_hash_of_every_length_around_the_lanes() -> None:
    vectors = json.loads((FORMATS / "hash" / "valid" / "xxh64_lengths.json").read_text())
    data = bytes.fromhex(vectors["bytes"])
    packed = Tokens.pack([data[: int(length)] for length in vectors["xxh64"]])
    hashed = kernels.hash_tokens(packed.data, packed.offsets, vectors["seed"])
    assert [f"{value:016x}" for value in hashed.tolist()] == list(vectors["xxh64"].values())
    assert [xxhash.xxh64_hexdigest(data[: int(n)]) for n in vectors["xxh64"]] == list(vectors["xxh64"].values())


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("path", sorted((FORMATS / "hash" / "valid").glob("index_*.json")), ids=lambda path: path.stem)
def test_indexes_are_built_to_the_bit(path: Path) -> None:
    expected = json.loads(path.read_text())
    builder = VocabBuilder()
    builder.add(Tokens.pack([bytes.fromhex(token) for token in expected["tokens"]]))
    slots, _, _ = builder.finish()
    assert builder.seed == expected["seed"]
    assert [f"{slot:016x}" for slot in slots.tolist()] == expected["slots"]


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("distance", "row"), [(0, 0), (1023, 0), (1024, -1)])
def test_no_reader_looks_farther_than_1024_slots(distance: int, row: int) -> None:
    hashed, count = xxhash.xxh64_intdigest(b"frog"), 2048
    slots = np.full(count, (hashed >> 32 ^ 1) << 32 | 1, np.uint64)  # no slot is empty, no fingerprint fits
    slots[(hashed + distance) % count] = hashed >> 32 << 32 | 1
    offsets = np.array([0, 4], "<i8")
    vocab = Vocab(slots.view(np.uint8), offsets.view(np.uint8), np.frombuffer(b"frog", np.uint8))
    assert vocab.rows(["frog", "toad"]).tolist() == [row, -1]
