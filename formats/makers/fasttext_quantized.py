"""fastText .ftz files: quantized matrices of codes, centroids and norms."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from makers.fasttext_files import BUCKETS, WORDS, Number, buckets, model, vector
from makers.golden import write_invalid, write_valid

ALL = len(WORDS) + BUCKETS


@dataclass(frozen=True)
class Quantizer:
    """How rows are divided: into parts of `width` columns; the last may have fewer."""

    dim: int = 2
    width: int = 2
    norms: bool = False

    @property
    def widths(self) -> list[int]:
        """Number of columns of each part."""
        return [min(self.width, self.dim - start) for start in range(0, self.dim, self.width)]

    def number(self, row: int, column: int) -> float:
        """Return a number of the matrix; all are exact in float32."""
        part, place = divmod(column, self.width)
        return centroid(part, code(row, part), place) * (norm(norm_code(row)) if self.norms else 1)


def code(row: int, part: int) -> int:
    """Return the code of a part of a row."""
    return (row * 71 + part * 131 + 5) % 256


def norm_code(row: int) -> int:
    """Return the code of a row's norm."""
    return (row * 97 + 200) % 256


def centroid(part: int, code: int, place: int) -> float:
    """Return a number of a centroid."""
    return float((part * 31 + code * 7 + place * 13) % 127 - 63) / 64


def norm(code: int) -> float:
    """Return a norm."""
    return float(code % 15 + 1) / 4


def numbers(quantizer: Quantizer) -> Iterator[float]:
    """Yield the centroids of the first part, then those of the second and so on."""
    for part, width in enumerate(quantizer.widths):
        for code in range(256):
            yield from (centroid(part, code, place) for place in range(width))


def matrix(
    quantizer: Quantizer,
    rows: int = ALL,
    *,
    columns: int | None = None,
    size: int | None = None,
    cut: tuple[int, int, int, int] | None = None,
    cut_norms: tuple[int, int, int, int] = (1, 1, 1, 1),
) -> bytes:
    """Return a quantized matrix; arguments after `rows` replace correct values, to make damaged files."""
    widths = quantizer.widths
    codes = bytes(code(row, part) for row in range(rows) for part in range(len(widths)))
    head = (quantizer.norms, rows, columns or quantizer.dim, len(codes) if size is None else size)
    shape = cut or (quantizer.dim, len(widths), quantizer.width, widths[-1])
    data = struct.pack("<?qqi", *head) + codes + struct.pack("<4i", *shape)
    data += struct.pack(f"<{256 * quantizer.dim}f", *numbers(quantizer))
    if quantizer.norms:
        data += bytes(norm_code(row) for row in range(rows)) + struct.pack("<4i", *cut_norms)
        data += struct.pack("<256f", *map(norm, range(256)))
    return data


def make(folder: Path) -> None:
    """Write the files."""
    found = [buckets(word, 2, 4) for word in WORDS]
    none: list[list[int]] = [[] for _ in WORDS]
    kept = {2: 0, 5: 2, 6: 1}
    left = [[kept[place] for place in places if place in kept] for places in found]

    def valid(name: str, quantizer: Quantizer, data: bytes, about: str, ngrams: list[list[int]] = found) -> None:
        number: Number = quantizer.number
        rows = [vector(row, places, number, dim=quantizer.dim) for row, places in enumerate(ngrams)]
        write_valid(folder, f"{name}.ftz", data, about, WORDS, rows)

    narrow = Quantizer(dim=3)
    data = model(dim=3, kind=3, labels=2, matrix=matrix(narrow))
    valid("quantized", narrow, data, "a classifier's rows in parts, the last of fewer columns")
    norms = Quantizer(width=1, norms=True)
    valid("quantized_norms", norms, model(dim=2, matrix=matrix(norms)), "norms apart from their rows")
    wide = Quantizer(width=16)
    valid("quantized_wide", wide, model(dim=2, matrix=matrix(wide)), "a part wider than the rows")
    few = replace(norms, width=2)
    data = model(dim=2, kept=list(kept.items()), matrix=matrix(few, len(WORDS) + len(kept)))
    valid("quantized_pruned", few, data, "buckets pruned away", left)
    data = model(0, 0, dim=2, kept=[], matrix=matrix(few, len(WORDS)))
    valid("quantized_pruned_all", few, data, "all buckets pruned away", none)
    _invalid(folder)


def _invalid(folder: Path) -> None:
    plain, norms = Quantizer(), Quantizer(dim=1, width=1, norms=True)

    def invalid(name: str, quantized: bytes, reason: str, dim: int = 2, stop: int | None = None) -> None:
        data = model(dim=dim, matrix=quantized)
        write_invalid(folder, f"quantized_{name}.ftz", data[:stop], f"{{path}}: {reason}")

    behind = 1 + 16 + 4 * 2  # size of the output matrix
    rest = 16 + 4 * 256 * 2 + behind  # size of the quantizer and the output matrix
    invalid("cut_in_the_header", matrix(plain), "cut short in its quantized matrix", stop=-rest - ALL - 5)
    invalid("cut_in_the_codes", matrix(plain), "cut short in its codes: 13 bytes, but 12 are left", stop=-rest - 1)
    invalid("cut_in_the_quantizer", matrix(plain), "cut short in its quantizer", stop=-rest + 15)
    short = "cut short in its quantizer's centroids: 2,048 bytes, but 2,047 are left"
    invalid("cut_in_the_centroids", matrix(plain), short, stop=-behind - 1)
    end = behind - 4 + 16 + 4 * 256
    short = "cut short in its codes of norms: 13 bytes, but 12 are left"
    invalid("cut_in_the_codes_of_norms", matrix(norms), short, dim=1, stop=-end - 1)
    short = "cut short in its quantizer of norms's centroids: 1,024 bytes, but 1,023 are left"
    invalid("cut_in_the_norms", matrix(norms), short, dim=1, stop=-end + 16 + 1023)
    invalid("columns", matrix(plain, columns=3), "a matrix of 3 columns, expected 2, as the arguments say")
    few = "8 rows for 6 words and 7 buckets of n-grams"
    invalid("few_rows", matrix(plain, 8), few)
    negative = f"cut short in its codes: -1 bytes, but {ALL + rest:,} are left"
    invalid("negative_codes", matrix(plain, size=-1), negative)
    many = f"cut short in its codes: 2,147,483,647 bytes, but {ALL + rest:,} are left"
    invalid("too_many_codes", matrix(plain, size=2**31 - 1), many)
    rows = matrix(plain).replace(struct.pack("<q", ALL), struct.pack("<q", 1 << 60), 1)
    invalid("too_many_rows", rows, f"13 codes for {1 << 60:,} rows of 1 each")
    for name, of, cut in (
        ("other_columns", 3, (3, 2, 2, 1)),
        ("too_many_parts", 2, (2, 2, 2, 2)),
        ("no_parts", 2, (2, 0, 2, 2)),
        ("no_width", 2, (2, 2, 0, 2)),
        ("a_wider_last_part", 2, (2, 1, 2, 3)),
    ):
        said = f"{of} columns in {cut[1]} parts of {cut[2]}, the last of {cut[3]}"
        invalid(name, matrix(plain, cut=cut), f"a quantizer of {said}, which do not make 2 columns")
    said = "2 columns in 1 parts of 2, the last of 2"
    other = matrix(norms, cut_norms=(2, 1, 2, 2))
    invalid("wide_norms", other, f"a quantizer of norms of {said}, which do not make 1 columns", dim=1)
