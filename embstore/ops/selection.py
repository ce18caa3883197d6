"""Stages that select and change rows between reading and writing; each takes batches and yields batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from embstore.core import int8
from embstore.core.batch import Batch, Findings, Source, Tokens
from embstore.core.dtypes import encode_rows, from_bfloat16
from embstore.core.index import Vocab
from embstore.core.options import Dtype, check_dtype

NONFINITE = "rows with NaN, Inf or a value beyond the dtype"
NOT_UTF8 = "tokens that are not UTF-8, their bytes kept"
NO_NGRAMS = "n-gram tables left out, as normalize cannot scale the means of their rows"
ZEROS = "rows of zeros left out"


@dataclass(slots=True)
class Selection:
    """Which rows to keep and how to change them; the fields are options of `embstore.convert`."""

    dtype: Dtype | None = None
    limit: int | None = None
    vocab_only: Vocab | None = None
    normalize: bool = False
    lower: bool = False
    drop_zeros: bool = False

    def __post_init__(self) -> None:
        check_dtype(self.dtype)

    def apply(self, source: Source) -> Source:
        """Return the source with stages that select, change, round and check its rows."""
        chosen = self.choose(source)
        return rounded(chosen, self.dtype, chosen.findings)

    def choose(self, source: Source) -> Source:
        """Return the source with stages that select and change its rows."""
        if self.limit is not None:
            limit = self.limit
            source = source.through(lambda batches: limit_rows(batches, limit), rows=_at_most(source.rows, limit))
        if self.lower:
            source = source.through(lower_tokens)
        if self.vocab_only is not None:
            words = self.vocab_only
            source = source.through(lambda batches: keep_words(batches, words), rows=None)
        if self.drop_zeros:
            findings = source.findings
            source = source.through(lambda batches: drop_zero_rows(batches, findings), rows=None)
        if self.normalize:
            source = drop_ngram_rows(source).through(normalize_rows)
        return source


def rounded(source: Source, dtype: Dtype | None, findings: Findings) -> Source:
    """Return the source with its rows rounded to a dtype, None for its own, and checked."""
    target = dtype or source.dtype
    return source.through(lambda batches: round_rows(batches, target, findings), dtype=target)


def _at_most(rows: int | None, limit: int) -> int:
    return limit if rows is None else min(rows, limit)


def limit_rows(batches: Iterator[Batch], limit: int) -> Iterator[Batch]:
    """Yield the first `limit` rows, and request no batch after them."""
    remaining = limit
    for batch in batches:
        yield batch.first(remaining)
        remaining -= min(remaining, len(batch.tokens))
        if not remaining:
            break


def lower_tokens(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the rows with their tokens in lower case; tokens that become equal are repeated tokens."""
    for batch in batches:
        yield replace(batch, tokens=_lower(batch.tokens))


def _lower(tokens: Tokens) -> Tokens:
    text = tokens.data.tobytes()
    if text.isascii():
        return Tokens(np.frombuffer(text.lower(), np.uint8), tokens.offsets)
    # token by token: the lower case of a sigma depends on whether it ends the word
    return Tokens.pack(word.decode("utf-8", "surrogateescape").lower() for word in tokens.to_bytes())


def keep_words(batches: Iterator[Batch], words: Vocab) -> Iterator[Batch]:
    """Yield the rows whose tokens are in a vocabulary."""
    for batch in batches:
        keep = words.packed_rows(batch.tokens) >= 0
        if keep.any():
            yield batch.take(keep)


def drop_zero_rows(batches: Iterator[Batch], findings: Findings) -> Iterator[Batch]:
    """Yield the rows that are not all zeros; count the others as findings."""
    for batch in batches:
        keep = np.asarray(batch.vectors.any(axis=1))
        if not keep.all():
            dropped = np.flatnonzero(~keep)
            findings.add(ZEROS, _shown_token(batch.tokens, int(dropped[0])), len(dropped))
            batch = batch.take(keep)
        yield batch


def normalize_rows(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the rows scaled to length 1 in float64, as float32; rows of zeros stay zeros."""
    for batch in batches:
        wide = batch.vectors.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # rows with Inf get NaN, which round_rows counts
            lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
            unit = wide / np.where(lengths > 0, lengths, 1)
        yield replace(batch, vectors=unit.astype(np.float32), codes=None)


def drop_ngram_rows(source: Source) -> Source:
    """Return the source without its n-gram rows; if it has any, add a finding.

    The vector of an unknown word is a mean of n-gram rows, whose length is not 1 even if theirs is.
    """
    if source.special is not None:
        source.findings.add(NO_NGRAMS)
    return replace(source, special=None, policy={})


def round_rows(batches: Iterator[Batch], dtype: Dtype, findings: Findings) -> Iterator[Batch]:
    """Yield the rows rounded to a dtype (bfloat16 as float32); count non-finite rows and invalid tokens as findings.

    For int8 the rows stay float32 until they are written, and keep their codes if they have any.
    """
    for batch in batches:
        if dtype == "int8":
            _check_int8(batch)
        vectors = encode_rows(batch.vectors, "float32" if dtype == "int8" else dtype)
        if dtype == "bfloat16":
            vectors = from_bfloat16(vectors)
        with np.errstate(invalid="ignore", over="ignore"):
            may_be_nonfinite = not np.isfinite(vectors.sum(dtype=np.float32))
        if may_be_nonfinite:
            nonfinite = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
            if len(nonfinite):
                findings.add(NONFINITE, _shown_token(batch.tokens, int(nonfinite[0])), len(nonfinite))
        invalid = batch.tokens.not_utf8()
        if invalid:
            findings.add(NOT_UTF8, _shown_token(batch.tokens, invalid[0]), len(invalid))
        yield replace(batch, vectors=vectors, codes=batch.codes if dtype == "int8" else None)


def _check_int8(batch: Batch) -> None:
    unfit = int8.not_quantizable(batch.vectors)
    if len(unfit):
        raise int8.not_quantizable_error(f"the row of {_shown_token(batch.tokens, int(unfit[0]))}")


def _shown_token(tokens: Tokens, position: int) -> str:
    return repr(tokens[position : position + 1].data.tobytes().decode("utf-8", "surrogateescape")[:60])
