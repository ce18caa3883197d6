"""Test vectors of the hash, and indexes built with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from makers.golden import write_json
from makers.store_file import index
from makers.xxh64 import MASK, collisions, word_with_hash, xxh64

# The sanity check of xxHash (cli/xsum_sanity_check.c) hashes the first bytes of a sequence made with these.
PRIME32, PRIME64 = 0x9E3779B1, 0x9E3779B185EBCA8D
# (length, seed, hash) from https://github.com/Cyan4973/xxHash/blob/v0.8.3/cli/xsum_sanity_check.c
PUBLISHED = [
    (0, 0, "ef46db3751d8e999"),
    (0, PRIME32, "ac75fda2929b17ef"),
    (1, 0, "e934a84adb052768"),
    (1, PRIME32, "5014607643a9b4c3"),
    (4, 0, "9136a0dca57457ee"),
    (14, 0, "8282dcc4994e35c8"),
    (14, PRIME32, "c3bd6bf63deb6df0"),
    (222, 0, "b641ae8cb691c174"),
    (222, PRIME32, "20cb8ab7ae10c14a"),
]
BORDERS = [*range(66), 71, 72, 95, 96, 97, 127, 128, 129, 255, 256, 257]
WORDS = [
    "",
    "a",
    "the",
    "frog",
    "café",
    "\u4e2d\u6587",
    "\U0001f438",
    ". . .",
    "Nobody inspects the spammish repetition",
]


def make(folder: Path) -> None:
    """Write the test vectors."""
    sanity = sanity_bytes(max(BORDERS))
    published = [vector(sanity[:length], seed) for length, seed, _ in PUBLISHED]
    if [entry["xxh64"] for entry in published] != [hashed for _, _, hashed in PUBLISHED]:
        raise AssertionError("this XXH64 is not the published one")
    write_json(folder / "valid" / "xxh64_published.json", published)
    lengths = {length: f"{xxh64(sanity[:length]):016x}" for length in BORDERS}
    write_json(folder / "valid" / "xxh64_lengths.json", {"bytes": sanity.hex(), "seed": 0, "xxh64": lengths})
    write_json(folder / "valid" / "xxh64_words.json", [vector(word.encode()) for word in WORDS])
    for name, tokens in indexes().items():
        write_json(folder / "valid" / f"index_{name}.json", built(tokens))


def sanity_bytes(length: int) -> bytes:
    """Return the input of the sanity check."""
    out, state = bytearray(), PRIME32
    for _ in range(length):
        out.append(state >> 56)
        state = state * PRIME64 & MASK
    return bytes(out)


def vector(data: bytes, seed: int = 0) -> dict[str, Any]:
    """Return one test vector: the input in hexadecimal and its hash."""
    return {"input": data.hex(), "seed": seed, "xxh64": f"{xxh64(data, seed):016x}"}


def indexes() -> dict[str, list[bytes]]:
    """Return vocabularies by name, each with a case that an implementation may get wrong."""
    numbers = [str(i).encode() for i in range(10_000)]
    home = {slot: [token for token in numbers if xxh64(token) % 8 == slot] for slot in (3, 7)}
    return {
        "of_one": [b"the"],
        "of_a_power_of_two": [b"a", b"b", b"c", b"d"],
        "behind_a_power_of_two": [b"a", b"b", b"c", b"d", b"e"],
        "one_home": home[3][:4],
        "around_the_end": home[7][:4],
        "spare_steps_used_up": collisions(13),
        "spare_steps_exceeded": collisions(14),
        "side_by_side_256": [word_with_hash(number << 32 | number + 900) for number in range(256)],
        "side_by_side_257": [word_with_hash(number << 32 | number + 900) for number in range(257)],
        "farther_than_64": [*(b"%d" % i for i in range(1100)), *collisions(66)],
        "of_bytes": [b"", b"\xff\xfe", b"\x00", "\u4e2d".encode()],
    }


def built(tokens: list[bytes]) -> dict[str, Any]:
    """Return a vocabulary and the index that a writer must build for it."""
    slots, seed = index(tokens)
    return {
        "tokens": [token.hex() for token in tokens],
        "seed": seed,
        "home_slots": [xxh64(token, seed) % len(slots) for token in tokens],
        "slots": [f"{slot:016x}" for slot in slots],
    }
