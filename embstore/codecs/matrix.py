"""A matrix and its words as a source: what the formats share that keep the two apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from embstore.batch import Batch, Dtype, Findings, Progress, Source, Tokens, Vectors
from embstore.checksum import Checksum
from embstore.inputs import open_regular

BATCH_BYTES = 1 << 20
RowReader = Callable[[int, int], Vectors]


class Origin:
    """What a store says of the file it came from; as a context, hashed while its rows are read.

    Parameters
    ----------
    path
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

    def __init__(self, path: str | Path, name: str, *, whole: bool = True) -> None:
        self.path, self.whole = Path(path), whole
        self.notes = {"name": self.path.name, "format": name}
        self.total = self.path.stat().st_size

    def __enter__(self) -> Origin:
        self._file, self._checksum = open_regular(self.path), Checksum()
        return self

    def advance(self, position: int) -> None:
        """Hash up to a position, beside the caller's work."""
        while self.whole and self._checksum.size < position and (part := self._file.read(BATCH_BYTES)):
            self._checksum.update(memoryview(part))

    def finish(self) -> None:
        """Hash the rest."""
        self.advance(self.total)
        self.notes["size"] = str(self.total)
        if self.whole:
            self.notes["sha256"] = self._checksum.hexdigest()

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._checksum.close()


def matrix_source(
    tokens: Tokens,
    dim: int,
    dtype: Dtype,
    rows: RowReader,
    origin: Origin,
    progress: Progress | None,
    findings: Findings | None = None,
    row_bytes: int | None = None,
) -> Source:
    """Return the source of a matrix.

    Parameters
    ----------
    tokens
        The words, in the order of the rows.
    rows
        Called with start and stop, in order and without gaps: rows [start, stop), (stop - start, dim), floating.
    row_bytes
        Bytes of a row as `rows` reads it, which sizes the batches; None for 4 a number.
    """
    step = max(1, BATCH_BYTES // max(1, row_bytes or 4 * dim))

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
