"""fastText .bin files, and the vectors that fastText gives their words, with every sum rounded to float32."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["</s>", "the", "frog", "\u017e\u00e1ba", "a", "\u65e5\u672c\u8a9e"]
BUCKETS = 7
DIM = 3
Number = Callable[[int, int], float]


def number(row: int, column: int) -> float:
    """Return a number of the matrix; all are exact in float32."""
    return float((row * 37 + column * 11) % 101 - 50) / 64


def single(value: float) -> float:
    """Round to float32."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


def fnv(data: bytes) -> int:
    """Hash like fastText: 32-bit FNV-1a over sign-extended bytes."""
    hashed = 2166136261
    for byte in data:
        hashed = (hashed ^ (byte | 0xFFFFFF00 if byte > 127 else byte)) * 16777619 % (1 << 32)
    return hashed


def as_bytes(word: str | bytes) -> bytes:
    """Return a word's bytes."""
    return word.encode() if isinstance(word, str) else word


def buckets(word: str | bytes, least: int, most: int) -> list[int]:
    """Return the bucket of each n-gram of a word; ``</s>`` has none.

    A character is one byte and the bytes of the form 10xxxxxx after it, even in invalid UTF-8.
    """
    marked = re.findall(rb"[^\x80-\xbf][\x80-\xbf]*", b"<" + as_bytes(word) + b">")
    found = []
    for start in range(len(marked) if word != "</s>" else 0):
        for stop in range(start + 1, min(start + most, len(marked)) + 1):
            is_mark = stop - start == 1 and (start == 0 or stop == len(marked))
            if stop - start >= least and not is_mark:
                found.append(fnv(b"".join(marked[start:stop])) % BUCKETS)
    return found


def vector(
    row: int | None, ngrams: list[int], numbers: Number = number, *, words: int = len(WORDS), dim: int = DIM
) -> str:
    """Return the mean of the rows of a word (if known) and its n-grams, rounded like fastText, in exact decimals."""
    rows = [*([] if row is None else [row]), *(words + place for place in ngrams)]
    means = []
    for column in range(dim):
        total = 0.0
        for place in rows:
            total = single(total + numbers(place, column))
        means.append(single(total * single(1 / max(1, len(rows)))))
    return " ".join(f"{Decimal(value):f}" for value in means)


def model(
    least: int = 2,
    most: int = 4,
    *,
    version: int | None = 12,
    kind: int = 2,
    words: list[str | bytes] = WORDS,
    labels: int = 0,
    kept: list[tuple[int, int]] | None = None,
    rows: int | None = None,
    dim: int = DIM,
    matrix: bytes | None = None,
) -> bytes:
    """Return a file.

    `version` None writes the format without a version number. `kept` are the buckets that pruning kept, with their
    rows. `matrix` is a quantized matrix.
    """
    arguments = struct.pack("<12id", dim, 5, 5, 1, 5, 1, 2, kind, BUCKETS, least, most, 100, 1e-4)
    entries = [as_bytes(word) for word in words]
    table = b"".join(word + b"\0" + struct.pack("<qb", 9 - i, 0) for i, word in enumerate(entries))
    table += b"".join(b"__label__%d\0" % i + struct.pack("<qb", 1, 1) for i in range(labels))
    sizes = struct.pack("<iiiq", len(entries) + labels, len(entries), labels, 99)
    count = rows if rows is not None else len(entries) + (BUCKETS if kept is None else len(kept))
    dense = matrix_of(count, dim)
    output = struct.pack("<qq", 1, dim) + bytes(4 * dim)
    if version is None:
        return arguments + sizes + table + dense + output
    pruned = struct.pack("<q", -1 if kept is None else len(kept))
    pairs = b"".join(struct.pack("<ii", *pair) for pair in kept or [])
    rest = b"\0" + dense if matrix is None else b"\1" + matrix
    return struct.pack("<ii", 793712314, version) + arguments + sizes + pruned + table + pairs + rest + b"\0" + output


def matrix_of(rows: int, dim: int) -> bytes:
    """Return a dense matrix."""
    data = [number(row, column) for row in range(rows) for column in range(dim)]
    return struct.pack(f"<qq{len(data)}f", rows, dim, *data)


def make(folder: Path) -> None:
    """Write the files."""

    def valid(name: str, data: bytes, about: str, ngrams: list[list[int]], **more: Any) -> None:
        words = more.pop("words", WORDS)
        rows = [vector(row, found, words=len(words)) for row, found in enumerate(ngrams)]
        write_valid(folder, f"{name}.bin", data, about, words, rows, **more)

    def found(least: int, most: int) -> list[list[int]]:
        return [buckets(str(word), least, most) for word in WORDS]

    none: list[list[int]] = [[] for _ in WORDS]
    valid("ngrams_2_to_4", model(2, 4), "n-grams of 2 to 4 characters", found(2, 4))
    valid("ngrams_3_to_6", model(3, 6), "fastText's default lengths", found(3, 6))
    valid("ngrams_1_to_1", model(1, 1), "single characters, without the marks of the word's ends", found(1, 1))
    valid("no_ngrams", model(0, 0), "no n-grams", none)
    valid("labels", model(2, 3, kind=3, labels=2), "a classifier: labels are not words", found(2, 3))
    valid("version_11", model(2, 4, version=11), "an older version", found(2, 4))
    old = "an older classifier, trained without n-grams"
    valid("version_11_labels", model(2, 4, version=11, kind=3, labels=1), old, none)
    kept = {2: 0, 5: 2, 6: 1}
    left = [[kept[place] for place in places if place in kept] for places in found(2, 4)]
    valid("pruned", model(2, 4, kept=list(kept.items())), "buckets pruned away", left)
    valid("pruned_all", model(2, 4, kept=[]), "all buckets pruned away", none)
    bad: list[str | bytes] = [b"\xff", "the"]
    data = model(0, 0, words=bad)
    warnings = ("tokens that are not UTF-8, their bytes kept: 1, the first '\\udcff'",)
    valid("not_utf8", data, "a word that is not UTF-8", [[], []], words=bad, warnings=warnings)
    before = "older than the magic number and the version"
    valid("old", model(2, 4, version=None), before, found(2, 4))
    valid("old_labels", model(2, 4, version=None, kind=3, labels=1), f"a classifier without n-grams, {before}", none)
    bad = [b"kter\xec", b"\x8epatn\x98", "the"]  # cp852: the second begins with a byte of the form 10xxxxxx
    warnings = ("tokens that are not UTF-8, their bytes kept: 2, the first 'kter\\udcec'",)
    ngrams = [buckets(word, 2, 4) for word in bad]
    data = model(2, 4, version=None, words=bad)
    valid("old_not_utf8", data, f"n-grams of bytes, {before}", ngrams, words=bad, warnings=warnings)
    _invalid(folder)


def _invalid(folder: Path) -> None:
    def invalid(name: str, data: bytes, reason: str, **more: Any) -> None:
        write_invalid(folder, f"{name}.bin", data, f"{{path}}: {reason}", **more)

    plain = model()
    end = len(plain) - 17 - 4 * DIM
    size = 4 * DIM * (len(WORDS) + BUCKETS)
    short = f"cut short in its matrix: {size} bytes, but {size - 1} are left"
    invalid("cut_in_the_matrix", plain[: end - 1], short)
    invalid("cut_in_the_words", plain[:155], "cut short in entry 5 of 6 of the dictionary")
    invalid("cut_in_the_header", plain[:30], "cut short in its arguments")
    invalid("version_13", model(version=13), "fastText version 13, expected 11 or 12")
    invalid("few_rows", model(rows=8), "8 rows for 6 words and 7 buckets of n-grams")
    many = plain.replace(struct.pack("<ii", 6, 6), struct.pack("<ii", 1 << 30, 1 << 30))
    invalid("too_many_words", many, "1,073,741,824 words of 1,073,741,824 entries, which do not fit into the file")
    columns = plain.replace(struct.pack("<qq", 13, DIM), struct.pack("<qq", 13, 4))
    invalid("columns", columns, "a matrix of 4 columns, expected 3, as the arguments say")
    enormous = plain.replace(struct.pack("<qq", 13, DIM), struct.pack("<qq", 1 << 60, DIM))
    left = size + 17 + 4 * DIM
    invalid("enormous", enormous, f"cut short in its matrix: {12 << 60:,} bytes, but {left} are left")
    wrong = "the list of kept buckets has one that is out of range or listed twice"
    invalid("pruned_elsewhere", model(kept=[(7, 0)]), wrong)
    invalid("pruned_twice", model(kept=[(1, 0), (1, 1)]), wrong)
    unused = model(0, 0).replace(struct.pack("<iii", BUCKETS, 0, 0), struct.pack("<iii", 2_000_000_000, 0, 0))
    invalid("unused_buckets", unused, "13 rows for 6 words and 2,000,000,000 buckets of n-grams")
    negative = plain.replace(struct.pack("<iii", BUCKETS, 2, 4), struct.pack("<iii", -1, 2, 4))
    invalid("negative_buckets", negative, "-1 buckets for n-grams of 2 to 4 characters")
    invalid("long_ngrams", model(most=101), "n-grams of 2 to 101 characters, expected 100 at most")
    label = plain.replace(b"frog\0" + struct.pack("<qb", 7, 0), b"frog\0" + struct.pack("<qb", 7, 1))
    invalid("label_among_words", label, "entry 3 of the dictionary has the wrong type, expected words, then labels")
    _invalid_old(invalid)


def _invalid_old(invalid: Callable[..., None]) -> None:
    old = model(version=None)
    invalid("old_cut_in_the_words", old[:140], "cut short in entry 5 of 6 of the dictionary")
    invalid("old_cut_in_the_matrix", old[:-89], "cut short in its matrix: 156 bytes, but 95 are left")
    odd = "not a fastText model: it begins with 3, expected 793712314, or the arguments of an older model"
    loss = old[:24] + struct.pack("<i", 9) + old[28:]
    invalid("old_with_an_unknown_loss", loss, odd, read={"format": "fasttext"})
