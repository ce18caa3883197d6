"""What happens to rows between reading and writing: each stage takes batches and yields batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from embstore.batch import Batch, Dtype, Findings, Source, Tokens
from embstore.dtypes import encode_rows, from_bfloat16
from embstore.vocab import Vocab, VocabBuilder

NONFINITE = "rows with NaN, Inf or a value beyond the dtype"
NOT_UTF8 = "tokens that are not UTF-8, their bytes kept"


@dataclass(slots=True)
class Selection:
    """Which rows a conversion takes, and what becomes of them: see `embstore.convert`."""

    dtype: Dtype | None = None
    limit: int | None = None
    vocab_only: Vocab | None = None
    normalize: bool = False

    def apply(self, source: Source) -> Source:
        """Return the source with its rows selected, changed, rounded and checked."""
        if self.limit is not None:
            limit = self.limit
            source = source.through(lambda batches: limited(batches, limit), rows=_least(source.rows, limit))
        if self.vocab_only is not None:
            words = self.vocab_only
            source = source.through(lambda batches: only(batches, words), rows=None)
        if self.normalize:
            source = source.through(normalized)
        target, findings = self.dtype or source.dtype, source.findings
        return source.through(lambda batches: rounded(batches, target, findings), dtype=target)


def _least(rows: int | None, limit: int) -> int:
    return limit if rows is None else min(rows, limit)


def limited(batches: Iterator[Batch], limit: int) -> Iterator[Batch]:
    """Yield the first `limit` rows, reading no batch beyond."""
    left = limit
    for batch in batches:
        yield Batch(batch.tokens[:left], batch.vectors[:left])
        left -= min(left, len(batch.tokens))
        if not left:
            break


def only(batches: Iterator[Batch], words: Vocab) -> Iterator[Batch]:
    """Yield the rows of the words given."""
    for batch in batches:
        keep = words.packed_rows(batch.tokens) >= 0
        if keep.any():
            yield Batch(batch.tokens.take(keep), batch.vectors[keep])


def normalized(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield rows of length 1, computed in float64; rows of zeros stay."""
    for batch in batches:
        wide = batch.vectors.astype(np.float64)
        lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
        yield Batch(batch.tokens, (wide / np.where(lengths > 0, lengths, 1)).astype(np.float32))


def rounded(batches: Iterator[Batch], dtype: Dtype, findings: Findings) -> Iterator[Batch]:
    """Yield rows in their final precision (bfloat16 as float32), and count what is odd about them."""
    for batch in batches:
        vectors = encode_rows(batch.vectors, dtype)
        if dtype == "bfloat16":
            vectors = from_bfloat16(vectors)
        with np.errstate(invalid="ignore", over="ignore"):
            doubtful = not np.isfinite(vectors.sum(dtype=np.float32))
        if doubtful:
            odd = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
            if len(odd):
                findings.add(NONFINITE, _name(batch.tokens, int(odd[0])), len(odd))
        bad = batch.tokens.not_utf8()
        if bad:
            findings.add(NOT_UTF8, _name(batch.tokens, bad[0]), len(bad))
        yield Batch(batch.tokens, vectors)


def _name(tokens: Tokens, position: int) -> str:
    return repr(tokens[position : position + 1].data.tobytes().decode("utf-8", "surrogateescape"))


def vocabulary_of(words: Iterable[str | bytes]) -> Vocab:
    """Return the vocabulary of some words, repeated ones once."""
    builder = VocabBuilder()
    builder.add(Tokens.pack(words))
    return builder.vocab()
