"""Decodes the rows of a quantized model, .ftz, from the codes and centroids of a product quantizer.

Joulin et al., FastText.zip: Compressing text classification models, 2016, https://arxiv.org/abs/1612.03651
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.fasttext.cursor import Cursor
from embstore.core.batch import Bytes, Ints

CENTROIDS = 256  # per part of a row: a code is one byte
BLOCK = 8192  # rows decoded at a time

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized matrix; rows are decoded, as float32, when they are indexed.

    Attributes
    ----------
    shape
        Rows and columns.
    codes
        (rows, parts) uint8, memory-mapped.
    centroids
        (parts, 256, width) float32; the last part is padded with zeros if it is narrower.
    norms
        The factor of each row; None if there are no factors.
    """

    shape: tuple[int, int]
    codes: Bytes
    centroids: Floats
    norms: Norms | None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Ints) -> Floats:
        """Decode the rows of a slice or an array of row numbers, (rows, dim)."""
        codes = self.codes[rows]
        decoded = np.empty((len(codes), self.shape[1]), np.float32)
        parts = np.arange(codes.shape[1])
        for start in range(0, len(codes), BLOCK):
            block = codes[start : start + BLOCK]
            decoded[start : start + BLOCK] = self.centroids[parts, block].reshape(len(block), -1)[:, : self.shape[1]]
        if self.norms is not None:
            decoded *= self.norms.of(rows)[:, np.newaxis]
        return decoded


@dataclass(frozen=True, slots=True)
class Norms:
    """The norms of the rows, also quantized: codes (rows,) uint8, memory-mapped; centroids (256,) float32."""

    codes: Bytes
    centroids: Floats

    def of(self, rows: slice | Ints) -> Floats:
        """Decode the norms of some rows, (rows,)."""
        return self.centroids[self.codes[rows]]


def read_quantized(cursor: Cursor, dim: int) -> Quantized:
    """Read a quantized matrix; raise FormatError if its parts contradict each other."""
    has_norms, rows, columns, size = cursor.take("<?qqi", "quantized matrix")
    if columns != dim or dim < 1:
        raise cursor.error(f"a matrix of {columns:,} columns, expected {dim:,}, as the arguments say")
    codes = cursor.array("u1", size, "codes")
    centroids = _read_centroids(cursor, dim, "quantizer")
    parts = len(centroids)
    if size != rows * parts:
        raise cursor.error(f"{size:,} codes for {rows:,} rows of {parts:,} each")
    norms = None
    if has_norms:
        norm_codes = cursor.array("u1", rows, "codes of norms")
        norms = Norms(norm_codes, _read_centroids(cursor, 1, "quantizer of norms").reshape(CENTROIDS))
    return Quantized((rows, dim), codes.reshape(rows, parts), centroids, norms)


def _read_centroids(cursor: Cursor, columns: int, what: str) -> Floats:
    """Read the centroids of all parts of a row; parts have the same width, but the last one may be narrower."""
    found, parts, width, last = cursor.take("<4i", what)
    if found != columns or width < 1 or parts != -(-columns // width) or last != columns - (parts - 1) * width:
        raise cursor.error(
            f"a {what} of {found:,} columns in {parts:,} parts of {width:,}, the last of {last:,}, "
            f"which do not add up to {columns:,} columns"
        )
    numbers = cursor.array("<f4", CENTROIDS * columns, f"{what}'s centroids")
    width = min(width, columns)
    centroids = np.zeros((parts, CENTROIDS, width), np.float32)
    start_of_last = CENTROIDS * width * (parts - 1)
    centroids[:-1] = numbers[:start_of_last].reshape(parts - 1, CENTROIDS, width)
    centroids[-1, :, :last] = numbers[start_of_last:].reshape(CENTROIDS, last)
    return centroids
