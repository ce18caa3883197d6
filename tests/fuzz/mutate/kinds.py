"""Which mutators suit some bytes: their structure is recognized, and inside it the structure of its parts."""

from __future__ import annotations

import contextlib
import json
from random import Random

from fuzz.mutate import binary, npy, packed, safetensors, sqlite, text
from fuzz.mutate.json_values import json_document
from fuzz.mutate.plain import PLAIN, Mutator

WANTED: dict[str, set[str]] = {
    "store": {"safetensors"},
    "glove": {"text", "packed", "zip"},
    "word2vec": {"text", "counts", "packed"},
    "csv": {"text", "packed"},
    "json": {"json"},
    "jsonl": {"text", "packed"},
    "projector": {"text"},
    "word2vec-bin": {"counts", "packed"},
    "fasttext": {"fields"},
    "npy": {"npy", "json"},
    "npz": {"zip", "npy"},
    "torch": {"zip", "pickle", "json"},
    "finalfusion": {"finalfusion"},
    "safetensors": {"safetensors", "json"},
    "magnitude": {"sqlite"},
    "spacy": {"msgpack", "npy", "json"},
    "hdf5": {"fields"},
    "parquet": {"footer"},
    "arrow": {"footer"},
}
"""The structures that the seeds of each format must have."""


def mutate(raw: bytes, random: Random, other: bytes) -> bytes:
    """Change bytes: three times of four by a mutator that knows their structure."""
    known = [mutator for kind in kinds_of(raw) for mutator in MUTATORS[kind]]
    if known and random.random() < 0.75:
        with contextlib.suppress(
            Exception
        ):  # a file that is damaged already need not have the structure it begins with
            return random.choice(known)(raw, random, other)
    return random.choice(PLAIN)(raw, random, other)


MUTATORS: dict[str, list[Mutator]] = {
    "safetensors": [safetensors.header, safetensors.header, safetensors.tensors, safetensors.contents],
    "json": [json_document],
    "text": [text.lines, text.fields, text.fields],
    "counts": [text.counts],
    "npy": [npy.header],
    "zip": [packed.members(mutate)],
    "packed": [packed.payload(mutate)],
    "pickle": [binary.opcodes],
    "finalfusion": [binary.finalfusion_chunks, binary.first_fields],
    "footer": [binary.footer, binary.first_fields],
    "sqlite": [sqlite.statements, sqlite.statements, sqlite.pages],
    "msgpack": [binary.msgpack_types],
    "fields": [binary.first_fields],
}


def kinds_of(raw: bytes) -> list[str]:
    """Return the structures that bytes have: the keys of `MUTATORS`."""
    magics = {
        b"PK": "zip",
        npy.MAGIC: "npy",
        b"FiFu": "finalfusion",
        b"PAR1": "footer",
        b"ARROW1": "footer",
        b"\xff\xff\xff\xff": "footer",
        b"SQLite format 3": "sqlite",
        b"\x89HDF": "fields",
        b"\xba\x16\x4f\x2f": "fields",
        **dict.fromkeys(packed.PACKERS, "packed"),
    }
    found = [kind for magic, kind in magics.items() if raw.startswith(magic)]
    if found:
        return found
    if safetensors.is_safetensors(raw):
        return ["safetensors"]
    return _loose_kinds(raw)


def _loose_kinds(raw: bytes) -> list[str]:
    """Return the structures that have no magic."""
    if raw[:1] in (b"{", b"["):
        try:
            json.loads(raw)
        except (ValueError, RecursionError):
            return ["text"]
        return ["json"]
    counts = ["counts"] if text.has_counts(raw) else []
    if text.is_text(raw):
        return ["text", *counts]
    if counts:
        return counts
    if raw[:1] == b"\x80" and raw.endswith(b"."):
        return ["pickle"]
    return ["msgpack"] if 0x80 <= int.from_bytes(raw[:1], "big") < 0xE0 else ["fields"]


def kinds_inside(raw: bytes) -> set[str]:
    """Return the structures of bytes and of the members of a zip file."""
    inner = packed.read_members(raw) if raw.startswith(b"PK") else []
    return {*kinds_of(raw), *(kind for _, data in inner for kind in kinds_of(data))}
