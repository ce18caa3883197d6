"""Files of torch.save by their SPEC: a zip with raw numbers and a pickle, built by hand from a few opcodes."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_json, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
FLOATS = struct.pack("<6f", 0.5, -1.5, 2.25, 3, 1, 0.125)
HALVES = struct.pack("<6e", 0.5, -1.5, 2.25, 3, 1, 0.125)
BRAINS = b"".join(FLOATS[place + 2 : place + 4] for place in range(0, 24, 4))  # bfloat16: the upper halves
CURE = "if you trust it, torch.save(torch.load(old, weights_only=False).state_dict(), new) leaves them out"


def text(value: str) -> bytes:
    """Return the opcode of a string."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def whole(value: int) -> bytes:
    """Return the opcode of an integer."""
    return b"J" + struct.pack("<i", value)


def tensor(
    storage: str = "0", kind: str = "FloatStorage", numbers: int = 6, shape: str = "3 2", strides: str = "2 1"
) -> bytes:
    """Return the opcodes that build a tensor from a storage of numbers."""
    pieces = [b"ctorch._utils\n_rebuild_tensor_v2\n((", text("storage"), f"ctorch\n{kind}\n".encode()]
    pieces += [text(storage), text("cpu"), whole(numbers), b"tQ", whole(0)]
    for sizes in (shape, strides):
        pieces += [b"(", *(whole(int(size)) for size in sizes.split()), b"t"]
    return b"".join([*pieces, b"\x89ccollections\nOrderedDict\n)RtR"])


def table(**values: bytes) -> bytes:
    """Return the opcodes of a dictionary."""
    return b"}(" + b"".join(text(name.replace("__", ".")) + value for name, value in values.items()) + b"u"


def listed(words: list[str]) -> bytes:
    """Return the opcodes of a list of strings."""
    return b"](" + b"".join(map(text, words)) + b"e"


def saved(value: bytes, *storages: bytes) -> bytes:
    """Return the zip."""
    members = {"data.pkl": b"\x80\x02" + value + b".", "byteorder": b"little", "version": b"3\n"}
    members |= {f"data/{place}": data for place, data in enumerate(storages)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(f"archive/{name}", (1980, 1, 1, 0, 0, 0))
            begins = buffer.tell() + 30 + len(info.filename) + 4
            padding = -begins % 64  # torch requires numbers at multiples of 64
            info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
            file.writestr(info, data)
    return buffer.getvalue()


def make(folder: Path) -> None:
    """Write the files."""

    def valid(name: str, data: bytes, about: str, words: Any = WORDS, **more: Any) -> None:
        if words is not None:
            write_json(folder / "valid" / f"{name}.vocab.json", words)
        write_valid(folder, f"{name}.pt", data, about, WORDS, ROWS, **more)

    words = ["the", "frog", "\u017e\u00e1ba"]
    valid("float32", saved(tensor(), FLOATS), "a tensor, words in a file next to it")
    valid("float16", saved(tensor(kind="HalfStorage"), HALVES), "float16")
    valid("bfloat16", saved(tensor(kind="BFloat16Storage"), BRAINS), "bfloat16")
    turned = struct.pack("<6f", 0.5, 2.25, 1, -1.5, 3, 0.125)
    valid("transposed", saved(tensor(strides="1 3"), turned), "a transposed view")
    bias = tensor("1", numbers=3, shape="3", strides="1")
    valid("state_dict", saved(table(emb__weight=tensor(), out__bias=bias), FLOATS, bytes(12)), "a state dict")
    other = table(a=tensor(), b=tensor("1"))
    valid("by_key", saved(other, FLOATS, bytes(24)), "two tensors, one selected by key=", read={"key": "a"})
    nested = table(model=table(weight=tensor()), epoch=whole(3), words=listed(words))
    valid("words_inside", saved(nested, FLOATS), "a training checkpoint that contains a list of words", None)
    stoi = table(**{word: whole(row) for row, word in enumerate(words)})
    valid(
        "torchtext", saved(b"(" + listed(words) + stoi + tensor() + whole(2) + b"t", FLOATS), "torchtext's cache", None
    )
    _invalid(folder, other)


def _invalid(folder: Path, two: bytes) -> None:
    def invalid(name: str, data: bytes, message: str, **more: Any) -> None:
        write_json(folder / "invalid" / f"{name}.vocab.json", WORDS)
        write_invalid(folder, f"{name}.pt", data, f"{{path}}{message}", **more)

    code = b"cposix\nsystem\n(" + text("true") + b"tR"
    invalid("code", saved(code), f": contains Python objects, which would be unpickled: {CURE}")
    names = "a float32 [3, 2], b float32 [3, 2]"
    several = f": 2 tensors may be the table: name one with key= ({names})"
    invalid("two_tensors", saved(two, FLOATS, FLOATS), several)
    invalid("unknown_key", saved(two, FLOATS, FLOATS), f": no tensor 'c': it has {names}", read={"key": "c"})
    numbers = saved(tensor(kind="ShortStorage"), bytes(12))
    reason = "whole numbers (int16), not embeddings; `dtype='float32'` converts them"
    invalid("whole_numbers", numbers, f": {reason}")
    expanded = saved(tensor(numbers=1, shape="1000000000 2", strides="0 0"), bytes(4))
    invalid("expanded", expanded, ": 8,000,000,000 bytes of rows in a storage of 4: an expanded view")
    old = "torch.save(torch.load(old, weights_only=True), new) converts it"
    legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    invalid("legacy", legacy, f": written by torch before 1.6, so it cannot be memory-mapped: {old}")
