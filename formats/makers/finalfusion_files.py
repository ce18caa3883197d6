"""finalfusion files by the SPEC, built chunk by chunk."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba", ""]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125", "0 7"]
NUMBERS = [0.5, -1.5, 2.25, 3, 1, 0.125, 0, 7]


def items(words: list[str | bytes]) -> bytes:
    """Return words, each preceded by its length."""
    packed = [word.encode() if isinstance(word, str) else word for word in words]
    return b"".join(struct.pack("<I", len(word)) + word for word in packed)


def vocab(words: list[str | bytes] = WORDS, number: int = 1, more: bytes = b"") -> tuple[int, bytes]:
    """Return the chunk of the words; `more` is inserted between their number and the words."""
    return number, struct.pack("<Q", len(words)) + more + items(words)


def matrix(rows: int = 4, columns: int = 2, kind: int = 10, numbers: list[float] = NUMBERS) -> tuple[int, bytes]:
    """Return the chunk of the matrix; PAD stands for the padding, which depends on the position."""
    head = struct.pack("<QII", rows, columns, kind)
    return 2, head + b"PAD" + struct.pack(f"<{len(numbers)}f", *numbers)


def norms(numbers: list[float], kind: int = 10) -> tuple[int, bytes]:
    """Return the chunk of the norms."""
    return 6, struct.pack("<QI", len(numbers), kind) + b"PAD" + struct.pack(f"<{len(numbers)}f", *numbers)


def file(*chunks: tuple[int, bytes], version: int = 0) -> bytes:
    """Return a file; PAD is replaced by 1 to 4 bytes that align the numbers to a multiple of 4."""
    data = b"FiFu" + struct.pack(f"<II{len(chunks)}I", version, len(chunks), *(number for number, _ in chunks))
    for number, content in chunks:
        head, mark, numbers = content.partition(b"PAD")
        place = len(data) + 12 + len(head)
        content = head + bytes(4 - place % 4) + numbers if mark else content
        data += struct.pack("<IQ", number, len(content)) + content
    return data


def make(folder: Path) -> None:
    """Write the files."""

    def valid(name: str, about: str, *chunks: tuple[int, bytes], rows: list[str] = ROWS, **more: Any) -> None:
        write_valid(folder, f"{name}.fifu", file(*chunks), about, WORDS, rows, **more)

    metadata = (5, b'[description]\nlanguage = "en"\n')
    valid("plain", "a simple vocabulary and a matrix", vocab(), matrix())
    valid("metadata", "a metadata chunk first, which is not read", metadata, vocab(), matrix())
    for place, word in enumerate(["a", "ab", "abc", "abcd"]):
        chunks = vocab([word]), matrix(1, 2, numbers=[0.5, -1.5])
        about = f"{place + 1} bytes in the only word, which changes the padding"
        write_valid(folder, f"padding_{place + 1}.fifu", file(*chunks), about, [word], ROWS[:1])
    scaled = ["1 -3", "0.5625 0.75", "1 0.125", "0 0"]
    valid("norms", "norms, by which the rows are multiplied", vocab(), matrix(), norms([2, 0.25, 1, 0]), rows=scaled)
    _normalized(folder)
    left_out = ("rows of n-grams left out: 2",)
    extended = matrix(6, 2, numbers=[*NUMBERS, 9, 9, 8, 8])
    buckets = struct.pack("<III", 3, 6, 1)
    valid("buckets", "buckets of n-grams", vocab(number=3, more=buckets), extended, warnings=left_out)
    valid("fasttext_buckets", "fastText's buckets", vocab(number=7, more=buckets), extended, warnings=left_out)
    ngrams = struct.pack("<QII", 1, 3, 6)
    explicit = vocab(number=8, more=ngrams)
    listed = explicit[0], explicit[1] + items(["<th"]) + bytes(8)
    valid("ngrams", "explicit n-grams", listed, extended, warnings=left_out)
    _invalid(folder)


def _normalized(folder: Path) -> None:
    """Write rows divided by their lengths, as ``normalize`` stores them; reading restores them."""
    rows = ["3 4", "-5 12", "0 7", "0 0"]
    vectors = [[float(number) for number in row.split()] for row in rows]
    lengths = [as_float32(math.sqrt(sum(number * number for number in vector))) for vector in vectors]
    numbers = [number / (length or 1) for vector, length in zip(vectors, lengths, strict=True) for number in vector]
    data = file(vocab(), matrix(numbers=numbers), norms(lengths))
    write_valid(folder, "normalized.fifu", data, "rows of length 1, and their norms", WORDS, rows)


def as_float32(number: float) -> float:
    """Return a number rounded to float32."""
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def _invalid(folder: Path) -> None:
    def invalid(name: str, data: bytes, message: str) -> None:
        write_invalid(folder, f"{name}.fifu", data, f"{{path}}{message}")

    plain = file(vocab(), matrix())
    place = 20 + 12 + 8 + len(items(WORDS))
    size = len(plain) - place - 12
    cut = f":byte {place}: chunk 2 has {size} bytes, but {size - 1} follow: the file is cut short"
    invalid("cut_short", plain[:-1], cut)
    invalid("cut_between_chunks", plain[: place + 5], f":byte {place}: cut short between its chunks")
    invalid("version_1", file(vocab(), matrix(), version=1), ": finalfusion version 1, expected 0")
    invalid("no_words", file(matrix()), ": no words: it has the chunks [2]")
    invalid("no_matrix", file(vocab()), ": no matrix: it has the chunks [1]")
    quantized = "quantized rows cannot be read; `ffp-convert -f finalfusion -t word2vec` (finalfusion) unpacks them"
    invalid("quantized", file(vocab(), (4, bytes(40))), f": {quantized}")
    many = struct.pack("<Q", 1 << 40) + items(WORDS)
    invalid("too_many_words", file((1, many), matrix()), f": {1 << 40:,} words, but word 5 extends beyond its chunk")
    long = file((1, struct.pack("<QI", 1, 1 << 31) + b"frog"), matrix(1, 2, numbers=[1, 2]))
    invalid("long_word", long, ": 1 words, but word 1 extends beyond its chunk")
    invalid("more_words", file(vocab(), matrix(3, 2, numbers=NUMBERS[:6])), ": 4 words for 3 rows")
    enormous = file(vocab(), matrix(1 << 40, 1 << 20))
    invalid("enormous", enormous, f": chunk 2 has 32 bytes of numbers, expected {4 << 60:,}")
    invalid("bytes", file(vocab(), matrix(kind=1)), ": chunk 2 has numbers of type 1, expected 10 (float32)")
    invalid("no_columns", file(vocab(), matrix(4, 0, numbers=[])), ": rows of 0 numbers, expected at least 1")
    invalid("few_norms", file(vocab(), matrix(), norms([1, 2])), ": 2 norms for 4 words")
    invalid("short_chunk", file(vocab(), (2, bytes(3))), ": chunk 2 is cut short")
