"""A source for formats that store a matrix and its words separately, and the provenance of its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from embstore.core.batch import Batch, Findings, Ints, Source, Tokens, Vectors
from embstore.core.options import Dtype, Progress
from embstore.files.checksum import Checksum
from embstore.files.input import Input

BATCH_BYTES = 1 << 20
RowReader = Callable[[int, int], Vectors]


class TokenSlices(Protocol):
    """A sequence of tokens whose slices are requested in order and without gaps: `Tokens`, or a streaming reader."""

    def __len__(self) -> int:
        """Return the number of tokens."""

    def __getitem__(self, item: slice) -> Tokens:
        """Return the tokens of a range of rows."""


class Origin:
    """The provenance of a table that is read from a file; as a context manager, it hashes the file meanwhile.

    Parameters
    ----------
    source
        The file.
    name
        Name of the format.
    whole
        Whether to hash the file; False for a checkpoint of which the table is only a small part.

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
        """Hash the file up to a position, in a separate thread."""
        while self.whole and self._checksum.size < position:
            part = self.source.read_at(self._checksum.size, BATCH_BYTES)
            if not part:
                break
            self._checksum.update(memoryview(part))

    def finish(self) -> None:
        """Hash the rest of the file and complete `notes`."""
        self.advance(self.total)
        self.notes["size"] = str(self.total)
        if self.whole:
            self.notes["sha256"] = self._checksum.hexdigest()

    def __exit__(self, *_: object) -> None:
        self._checksum.close()


def rows_in_batch(row_bytes: int) -> int:
    """Return the number of rows in a batch if each has `row_bytes` bytes; at least 1."""
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
    counts: Ints | None = None,
) -> Source:
    """Return a source that reads a matrix and its tokens in batches.

    Parameters
    ----------
    tokens
        The words, in the order of the rows.
    rows
        Called with start and stop after the same slice of tokens was requested; returns rows [start, stop) as floats of
        shape (stop - start, dim).
    step
        Rows per batch; None for `rows_in_batch` with four bytes per number.
    counts
        How often each word was seen, (words,), if that is known.
    """
    step = step or rows_in_batch(4 * dim)

    def batches() -> Iterator[Batch]:
        with origin:
            for start in range(0, len(tokens), step):
                stop = min(start + step, len(tokens))
                seen = None if counts is None else counts[start:stop]
                yield Batch(tokens[start:stop], rows(start, stop), counts=seen)
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
