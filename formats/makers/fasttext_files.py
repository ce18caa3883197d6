"""fastText's .bin of its SPEC, and the vectors that it gives its words: n-grams one by one, sums rounded one by one."""

from __future__ import annotations

import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["</s>", "the", "frog", "\u017e\u00e1ba", "a", "\u65e5\u672c\u8a9e"]
BUCKETS = 7
DIM = 3
Row = list[float]


def number(row: int, column: int) -> float:
    """Return a number of the matrix, that float32 holds exactly."""
    return float((row * 37 + column * 11) % 101 - 50) / 64


def single(value: float) -> float:
    """Round to float32."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


def fnv(data: bytes) -> int:
    """Hash as fastText does: FNV-1a of 32 bits over bytes extended by their sign."""
    hashed = 2166136261
    for byte in data:
        hashed = (hashed ^ (byte | 0xFFFFFF00 if byte > 127 else byte)) * 16777619 % (1 << 32)
    return hashed


def buckets(word: str, least: int, most: int) -> list[int]:
    """Return the bucket of each n-gram of a word, none for the end of a sentence."""
    marked = f"<{word}>"
    found = []
    for start in range(len(marked) if word != "</s>" else 0):
        for stop in range(start + 1, min(start + most, len(marked)) + 1):
            is_mark = stop - start == 1 and (start == 0 or stop == len(marked))
            if stop - start >= least and not is_mark:
                found.append(fnv(marked[start:stop].encode()) % BUCKETS)
    return found


def vector(row: int | None, ngrams: list[int]) -> str:
    """Return the mean of a word's row, if it has one, and its n-grams' as fastText rounds it, in exact decimals."""
    rows = [*([] if row is None else [row]), *(len(WORDS) + place for place in ngrams)]
    numbers = []
    for column in range(DIM):
        total = 0.0
        for place in rows:
            total = single(total + number(place, column))
        numbers.append(single(total * single(1 / max(1, len(rows)))))
    return " ".join(f"{Decimal(value):f}" for value in numbers)


def model(
    least: int = 2,
    most: int = 4,
    *,
    version: int = 12,
    kind: int = 2,
    words: list[str | bytes] = WORDS,
    labels: int = 0,
    kept: list[tuple[int, int]] | None = None,
    rows: int | None = None,
    quantized: bool = False,
) -> bytes:
    """Return a file. `kept` are the buckets that pruning left, and their rows."""
    arguments = struct.pack("<12id", DIM, 5, 5, 1, 5, 1, 2, kind, BUCKETS, least, most, 100, 1e-4)
    entries = [word.encode() if isinstance(word, str) else word for word in words]
    table = b"".join(word + b"\0" + struct.pack("<qb", 9 - i, 0) for i, word in enumerate(entries))
    table += b"".join(b"__label__%d\0" % i + struct.pack("<qb", 1, 1) for i in range(labels))
    sizes = struct.pack("<iiiqq", len(entries) + labels, len(entries), labels, 99, -1 if kept is None else len(kept))
    pairs = b"".join(struct.pack("<ii", *pair) for pair in kept or [])
    count = rows if rows is not None else len(entries) + (BUCKETS if kept is None else len(kept))
    data = [number(row, column) for row in range(count) for column in range(DIM)]
    output = struct.pack("<?qq", False, 1, DIM) + bytes(4 * DIM)
    matrix = struct.pack("<?qq", quantized, count, DIM) + struct.pack(f"<{len(data)}f", *data)
    return struct.pack("<ii", 793712314, version) + arguments + sizes + table + pairs + matrix + output


def make(folder: Path) -> None:
    """Write the files."""

    def valid(name: str, data: bytes, about: str, ngrams: list[list[int]], **more: Any) -> None:
        rows = [vector(row, found) for row, found in enumerate(ngrams)]
        write_valid(folder, f"{name}.bin", data, about, more.pop("words", WORDS), rows, **more)

    def found(least: int, most: int) -> list[list[int]]:
        return [buckets(str(word), least, most) for word in WORDS]

    none: list[list[int]] = [[] for _ in WORDS]
    valid("ngrams_2_to_4", model(2, 4), "n-grams of 2 to 4 characters", found(2, 4))
    valid("ngrams_3_to_6", model(3, 6), "fastText's own lengths", found(3, 6))
    valid("ngrams_1_to_1", model(1, 1), "single characters, the marks left out", found(1, 1))
    valid("no_ngrams", model(0, 0), "words alone", none)
    valid("labels", model(2, 3, kind=3, labels=2), "a classifier: its labels are no words", found(2, 3))
    valid("version_11", model(2, 4, version=11), "an older version", found(2, 4))
    old = "an older classifier, trained without n-grams"
    valid("version_11_labels", model(2, 4, version=11, kind=3, labels=1), old, none)
    kept = {2: 0, 5: 2, 6: 1}
    left = [[kept[place] for place in places if place in kept] for places in found(2, 4)]
    valid("pruned", model(2, 4, kept=list(kept.items())), "buckets pruned away", left)
    valid("pruned_all", model(2, 4, kept=[]), "all buckets pruned away", none)
    bad: list[str | bytes] = [b"\xff", "the"]
    data = model(0, 0, words=bad)
    told = ("tokens that are not UTF-8, their bytes kept: 1, the first '\\udcff'",)
    valid("not_utf8", data, "a word that is not UTF-8", [[], []], words=bad, warnings=told)
    _invalid(folder)


def _invalid(folder: Path) -> None:
    def invalid(name: str, data: bytes, reason: str) -> None:
        write_invalid(folder, f"{name}.bin", data, f"{{path}}: {reason}")

    plain = model()
    end = len(plain) - 17 - 4 * DIM
    size = 4 * DIM * (len(WORDS) + BUCKETS)
    short = f"cut short in its matrix: {size} bytes, but {size - 1} are left"
    invalid("cut_in_the_matrix", plain[: end - 1], short)
    invalid("cut_in_the_words", plain[:155], "cut short in entry 5 of 6 of the dictionary")
    invalid("cut_in_the_header", plain[:30], "cut short in its arguments")
    invalid("version_13", model(version=13), "fastText version 13, expected 11 or 12")
    other = "a quantized model (.ftz) is not supported: convert the .bin that it was made of"
    invalid("quantized", model(quantized=True), other)
    invalid("few_rows", model(rows=8), "8 rows for 6 words and 7 buckets of n-grams")
    many = plain.replace(struct.pack("<ii", 6, 6), struct.pack("<ii", 1 << 30, 1 << 30))
    invalid("too_many_words", many, "1,073,741,824 words of 1,073,741,824 entries, which the file does not hold")
    columns = plain.replace(struct.pack("<qq", 13, DIM), struct.pack("<qq", 13, 4))
    invalid("columns", columns, "a matrix of 4 columns, expected 3, as the arguments say")
    enormous = plain.replace(struct.pack("<qq", 13, DIM), struct.pack("<qq", 1 << 60, DIM))
    left = size + 17 + 4 * DIM
    invalid("enormous", enormous, f"cut short in its matrix: {12 << 60:,} bytes, but {left} are left")
    invalid("pruned_elsewhere", model(kept=[(7, 0)]), "pruned buckets that it has not got, or has twice")
    invalid("pruned_twice", model(kept=[(1, 0), (1, 1)]), "pruned buckets that it has not got, or has twice")
    negative = plain.replace(struct.pack("<iii", BUCKETS, 2, 4), struct.pack("<iii", -1, 2, 4))
    invalid("negative_buckets", negative, "-1 buckets for n-grams of 2 to 4 characters")
    label = plain.replace(b"frog\0" + struct.pack("<qb", 7, 0), b"frog\0" + struct.pack("<qb", 7, 1))
    invalid("label_among_words", label, "entry 3 of the dictionary is no word or label where one should be")
