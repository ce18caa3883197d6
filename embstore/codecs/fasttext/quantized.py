"""The rows of a quantized model, .ftz: codes of a product quantizer, and the centroids that they name.

Joulin et al., FastText.zip: Compressing text classification models, 2016, https://arxiv.org/abs/1612.03651
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.fasttext.mapped import Mapped
from embstore.core.batch import Bytes, Ints

CENTROIDS = 256  # of each part of a row: a code is a byte
BLOCK = 8192  # rows made at a time

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quantized:
    """A matrix of which only the rows that are asked for are made, as float32.

    Attributes
    ----------
    shape
        Rows and columns.
    codes
        (rows, parts) uint8, mapped.
    centroids
        (parts, 256, width) float32; zeros behind those of the last part, where it is narrower.
    norms
        What each row is multiplied by, (rows,) float32; None where nothing is.
    """

    shape: tuple[int, int]
    codes: Bytes
    centroids: Floats
    norms: Norms | None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: slice | Ints) -> Floats:
        """Make the rows that a slice or an array of places names."""
        codes = self.codes[which]
        made = np.empty((len(codes), self.shape[1]), np.float32)
        parts = np.arange(codes.shape[1])
        for start in range(0, len(codes), BLOCK):
            block = codes[start : start + BLOCK]
            made[start : start + BLOCK] = self.centroids[parts, block].reshape(len(block), -1)[:, : self.shape[1]]
        if self.norms is not None:
            made *= self.norms.of(which)[:, np.newaxis]
        return made


@dataclass(frozen=True, slots=True)
class Norms:
    """The length of each row, quantized as well: (rows,) uint8, mapped, and (256,) float32."""

    codes: Bytes
    centroids: Floats

    def of(self, which: slice | Ints) -> Floats:
        """Return those of some rows."""
        return self.centroids[self.codes[which]]


def quantized(mapped: Mapped, dim: int) -> Quantized:
    """Read a quantized matrix; FormatError where its parts do not fit each other."""
    has_norms, rows, columns, size = mapped.take("<?qqi", "quantized matrix")
    if columns != dim or dim < 1:
        raise mapped.error(f"a matrix of {columns:,} columns, expected {dim:,}, as the arguments say")
    codes = mapped.array("u1", size, "codes")
    centroids = _quantizer(mapped, dim, "quantizer")
    parts = len(centroids)
    if size != rows * parts:
        raise mapped.error(f"{size:,} codes for {rows:,} rows of {parts:,} each")
    norms = None
    if has_norms:
        of_norms = mapped.array("u1", rows, "codes of norms")
        norms = Norms(of_norms, _quantizer(mapped, 1, "quantizer of norms").reshape(CENTROIDS))
    return Quantized((rows, dim), codes.reshape(rows, parts), centroids, norms)


def _quantizer(mapped: Mapped, columns: int, what: str) -> Floats:
    """Read the centroids of each part of a row: all parts are of one width, but the last may be narrower."""
    found, parts, width, last = mapped.take("<4i", what)
    if found != columns or width < 1 or parts != -(-columns // width) or last != columns - (parts - 1) * width:
        raise mapped.error(
            f"a {what} of {found:,} columns in {parts:,} parts of {width:,}, the last of {last:,}, "
            f"which do not make {columns:,} columns"
        )
    numbers = mapped.array("<f4", CENTROIDS * columns, f"{what}'s centroids")
    width = min(width, columns)
    made = np.zeros((parts, CENTROIDS, width), np.float32)
    behind = CENTROIDS * width * (parts - 1)
    made[:-1] = numbers[:behind].reshape(parts - 1, CENTROIDS, width)
    made[-1, :, :last] = numbers[behind:].reshape(CENTROIDS, last)
    return made
