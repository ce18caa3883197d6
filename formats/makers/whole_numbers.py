"""Files whose words are whole numbers: .npz, .npy, torch, Parquet and Arrow."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from makers import arrow_files, numpy_files, torch_files
from makers.golden import write_invalid, write_valid

ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
TWO = "name one with `vocab=` (ids, n)"
IDS = [17, -4, 9_000_000_000]


def _found(numbers: list[int]) -> tuple[str, ...]:
    return (f"words that are whole numbers, as decimal text: {len(numbers)}, the first '{numbers[0]}'",)


def make_npz(folder: Path) -> None:
    """Write an array of whole numbers beside a matrix."""
    matrix, other = ("m.npy", numpy_files.array()), ("n.npy", numpy_files.header("<i4", "(3,)") + bytes(12))

    def valid(name: str, descr: str, code: str, numbers: list[int], about: str, *more: Any, **read: Any) -> None:
        ids = ("ids.npy", numpy_files.header(descr, "(3,)") + struct.pack(code, *numbers))
        data = numpy_files.archive(matrix, ids, *more)
        words = list[str | bytes](map(str, numbers))
        write_valid(folder, f"{name}.npz", data, about, words, ROWS, warnings=_found(numbers), **read)

    valid("int64_words", "<i8", "<3q", [17, -(2**63), 2**63 - 1], "ids of products")
    valid("int8_words", "|i1", "3b", [-128, 0, 127], "ids of one byte")
    of_two = {"vocab": "ids"}
    valid("uint64_words", ">u8", ">3Q", [2**64 - 1, 0, 2**63], "big-endian, one of two arrays", other, read=of_two)
    two = numpy_files.archive(matrix, ("ids.npy", other[1]), other)
    write_invalid(folder, "two_arrays_of_numbers.npz", two, f"{{path}}: 2 arrays may be the words: {TWO}")
    flags = numpy_files.archive(matrix, ("w.npy", numpy_files.header("|b1", "(3,)") + b"\0\1\1"))
    reason = "|b1 [3], expected words (dtype S or U) or whole numbers"
    write_invalid(folder, "truth_values.npz", flags, f"{{path}}:w: {reason}", read={"vocab": "w"})


def make_torch(folder: Path) -> None:
    """Write a tensor, or a list, of whole numbers beside a matrix."""
    matrix, data = torch_files.tensor(), [torch_files.FLOATS, struct.pack("<3q", *IDS)]
    ids = torch_files.tensor("1", "LongStorage", 3, "3", "1")
    words = list[str | bytes](map(str, IDS))
    saved = torch_files.saved(torch_files.table(vectors=matrix, ids=ids), *data)
    write_valid(folder, "tensor_of_ids.pt", saved, "ids of products in a tensor", words, ROWS, warnings=_found(IDS))
    small = [17, -4, 5]
    listed = b"](" + b"".join(map(torch_files.whole, small)) + b"e"
    saved = torch_files.saved(torch_files.table(vectors=matrix, ids=listed), data[0])
    words = list[str | bytes](map(str, small))
    write_valid(folder, "list_of_ids.pt", saved, "ids of products in a list", words, ROWS, warnings=_found(small))
    both = torch_files.saved(torch_files.table(vectors=matrix, ids=ids, n=listed), *data)
    write_valid(folder, "ids_by_vocab.pt", both, "one of two", words, ROWS, read={"vocab": "n"}, warnings=_found(small))
    reason = "2 lists of whole numbers may be the words: name one with `vocab=` (n, ids)"
    write_invalid(folder, "two_lists_of_ids.pt", both, f"{{path}}: {reason}")


def make_parquet(folder: Path) -> None:
    """Write a column of whole numbers, and none of text, to Parquet."""
    _columns(folder, "parquet", arrow_files._parquet)


def make_arrow(folder: Path) -> None:
    """Write a column of whole numbers, and none of text, to Arrow."""
    _columns(folder, "arrow", arrow_files._feather)


def _columns(folder: Path, suffix: str, encode: Callable[[Any], bytes]) -> None:
    numbers, unsigned = [17, -4, 9_000_000_000, 17 + 2**40], [2**64 - 1, 0, 2**63, 5]
    kinds = {"int64_words": (numbers, pa.int64()), "uint64_words": (unsigned, pa.uint64())}
    for name, (values, kind) in kinds.items():
        data = encode(pa.table({"v": arrow_files.FIXED, "ids": pa.array(values, kind)}))
        words = list[str | bytes](map(str, values))
        about = f"ids of products, {kind}"
        write_valid(folder, f"{name}.{suffix}", data, about, words, arrow_files.ROWS, warnings=_found(values))
    two = encode(pa.table({"v": arrow_files.FIXED, "ids": pa.array(numbers), "n": pa.array([1, 1, 2, 2], pa.int8())}))
    words, about = list[str | bytes](map(str, numbers)), "one of two columns"
    warned, chosen = _found(numbers), {"vocab": "ids"}
    name = f"ids_by_vocab.{suffix}"
    write_valid(folder, name, two, about, words, arrow_files.ROWS, warnings=warned, read=chosen)
