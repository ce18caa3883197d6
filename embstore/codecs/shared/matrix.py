"""A matrix and its words as a source: what the formats share that keep the two apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from embstore.core.batch import Batch, Findings, Source, Tokens, Vectors
from embstore.core.options import Dtype, Progress
from embstore.files.checksum import Checksum
from embstore.files.input import Input

BATCH_BYTES = 1 << 20
RowReader = Callable[[int, int], Vectors]


class TokenSlices(Protocol):
    """Tokens by slices, which are asked for in order and without gaps: `Tokens`, or what reads them as they come."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, item: slice) -> Tokens:
        """Return those of some rows."""


class Origin:
    """What a store says of the file it came from; as a context, hashed while its rows are read.

    Parameters
    ----------
    source
        The file.
    name
        The format's.
    whole
        Whether to hash it; a checkpoint of which the table is a small part is not read for that.

    Attributes
    ----------
    notes
        Name and format; after `finish` also size and sha256.
    total
        Size of the file in bytes.
    """

    def __init__(self, source: Input, name: str, *, whole: bool = True) -> None:
        self.source, self.whole = source, whole
        self.notes = {"name": source.path.name, "format": name}
        self.total = source.size

    def __enter__(self) -> Origin:
        self._checksum = Checksum()
        return self

    def advance(self, position: int) -> None:
        """Hash up to a position, beside the caller's work."""
        while self.whole and self._checksum.size < position:
            part = self.source.read_at(self._checksum.size, BATCH_BYTES)
            if not part:
                break
            self._checksum.update(memoryview(part))

    def finish(self) -> None:
        """Hash the rest."""
        self.advance(self.total)
        self.notes["size"] = str(self.total)
        if self.whole:
            self.notes["sha256"] = self._checksum.hexdigest()

    def __exit__(self, *_: object) -> None:
        self._checksum.close()


def rows_in_batch(row_bytes: int) -> int:
    """How many rows of so many bytes each make a batch, one at least."""
    return max(1, BATCH_BYTES // max(1, row_bytes))


def matrix_source(
    tokens: TokenSlices,
    dim: int,
    dtype: Dtype,
    rows: RowReader,
    origin: Origin,
    progress: Progress | None,
    findings: Findings | None = None,
    *,
    step: int | None = None,
) -> Source:
    """Return the source of a matrix.

    Parameters
    ----------
    tokens
        The words, in the order of the rows.
    rows
        Called with start and stop, behind the tokens of the same: rows [start, stop), (stop - start, dim), floating.
    step
        Rows of a batch; None for `rows_in_batch` of four bytes a number.
    """
    step = step or rows_in_batch(4 * dim)

    def batches() -> Iterator[Batch]:
        with origin:
            for start in range(0, len(tokens), step):
                stop = min(start + step, len(tokens))
                yield Batch(tokens[start:stop], rows(start, stop))
                position = origin.total * stop // len(tokens)
                origin.advance(position)
                if progress:
                    progress(position, origin.total)
            origin.finish()

    return Source(
        dim=dim,
        batches=batches(),
        dtype=dtype,
        rows=len(tokens),
        findings=findings or Findings(),
        provenance=lambda: dict(origin.notes),
    )
