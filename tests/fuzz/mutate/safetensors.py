"""Mutators of the header of safetensors files, of stores among them: written again with its right length."""

from __future__ import annotations

import hashlib
import json
import struct
from random import Random

from fuzz.mutate.json_values import change, encoded
from fuzz.mutate.plain import INTEGERS, PLAIN

DIGEST = "embstore.sha256.header"
UNSEALED = "0" * 64


def header(raw: bytes, random: Random, other: bytes) -> bytes:
    """Change the header anywhere, half the time without the checksums that would reveal it."""
    tree, data = parts(raw)
    return joined(change(without_checksums(tree, random), random), data, random)


def tensors(raw: bytes, random: Random, other: bytes) -> bytes:
    """Swap two tensors, their shapes, offsets or dtypes, or change one number of one."""
    tree, data = parts(raw)
    tree = without_checksums(tree, random)
    names = [name for name, entry in tree.items() if name != "__metadata__" and isinstance(entry, dict)]
    if not names:
        return joined(tree, data, random)
    first, second = tree[random.choice(names)], tree[random.choice(names)]
    field = random.choice(["dtype", "shape", "data_offsets"])
    if isinstance(first, dict) and isinstance(second, dict) and field in first and field in second:
        first[field], second[field] = second[field], first[field]
        numbers = first[field]
        if random.random() < 0.5 and isinstance(numbers, list) and numbers:
            numbers[random.randrange(len(numbers))] = random.choice(INTEGERS)
    return joined(tree, data, random)


def contents(raw: bytes, random: Random, other: bytes) -> bytes:
    """Change the bytes of the tensors alone, and leave their checksums out."""
    tree, data = parts(raw)
    changed = random.choice(PLAIN)(data, random, data)
    fitted = changed[: len(data)].ljust(len(data), b"\0")
    return joined(without_checksums(tree, random), fitted, random)


def parts(raw: bytes) -> tuple[dict[str, object], bytes]:
    """Return the header and the data after it."""
    length = int.from_bytes(raw[:8], "little")
    tree: dict[str, object] = json.loads(raw[8 : 8 + length])
    return tree, raw[8 + length :]


def without_checksums(tree: dict[str, object], random: Random) -> dict[str, object]:
    """Leave the checksums of the tensors out, half the time."""
    metadata = tree.get("__metadata__")
    if random.random() < 0.5 and isinstance(metadata, dict):
        sums = [key for key in metadata if str(key).startswith("embstore.sha256") and key != DIGEST]
        kept = {key: value for key, value in metadata.items() if key not in sums}
        return {**tree, "__metadata__": kept}
    return tree


def joined(tree: object, data: bytes, random: Random) -> bytes:
    """Write a header with its length and, mostly, the checksum that it must have; padded, or not at all."""
    metadata = tree.get("__metadata__") if isinstance(tree, dict) else None
    if isinstance(metadata, dict) and DIGEST in metadata and random.random() < 0.95:
        metadata[DIGEST] = UNSEALED
    text = encoded(tree, random)
    text = text.replace(UNSEALED.encode(), hashlib.sha256(text).hexdigest().encode())
    if random.random() < 0.8:
        text += b" " * (-(8 + len(text)) % 4096 if random.random() < 0.5 else -len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def is_safetensors(raw: bytes) -> bool:
    """Whether bytes begin with a header that can be read."""
    try:
        return isinstance(parts(raw)[0], dict)
    except (ValueError, RecursionError):
        return False
