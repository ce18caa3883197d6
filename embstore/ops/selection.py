"""What happens to rows between reading and writing: each stage takes batches and yields batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from embstore.core import int8
from embstore.core.batch import Batch, Findings, Source, Tokens
from embstore.core.dtypes import encode_rows, from_bfloat16
from embstore.core.errors import EmbstoreError
from embstore.core.index import Vocab, VocabBuilder, token_of
from embstore.core.options import Dtype, check_dtype

NONFINITE = "rows with NaN, Inf or a value beyond the dtype"
NOT_UTF8 = "tokens that are not UTF-8, their bytes kept"
NO_NGRAMS = "tables of n-grams left out, as their means cannot be normalized"
ZEROS = "rows of zeros left out"


@dataclass(slots=True)
class Selection:
    """Which rows a conversion takes, and what becomes of them: see `embstore.convert`."""

    dtype: Dtype | None = None
    limit: int | None = None
    vocab_only: Vocab | None = None
    normalize: bool = False
    lower: bool = False
    drop_zeros: bool = False

    def __post_init__(self) -> None:
        check_dtype(self.dtype)

    def apply(self, source: Source) -> Source:
        """Return the source with its rows selected, changed, rounded and checked."""
        if self.limit is not None:
            limit = self.limit
            source = source.through(lambda batches: limited(batches, limit), rows=_least(source.rows, limit))
        if self.lower:
            source = source.through(lowered)
        if self.vocab_only is not None:
            words = self.vocab_only
            source = source.through(lambda batches: only(batches, words), rows=None)
        target, findings = self.dtype or source.dtype, source.findings
        if self.drop_zeros:
            source = source.through(lambda batches: without_zeros(batches, findings), rows=None)
        if self.normalize:
            source = without_special(source).through(normalized)
        return source.through(lambda batches: rounded(batches, target, findings), dtype=target)


def _least(rows: int | None, limit: int) -> int:
    return limit if rows is None else min(rows, limit)


def limited(batches: Iterator[Batch], limit: int) -> Iterator[Batch]:
    """Yield the first `limit` rows, reading no batch beyond."""
    left = limit
    for batch in batches:
        codes = None if batch.codes is None else batch.codes[:left]
        yield Batch(batch.tokens[:left], batch.vectors[:left], codes)
        left -= min(left, len(batch.tokens))
        if not left:
            break


def lowered(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the rows with their tokens in lower case: what collides then is a repeated token."""
    for batch in batches:
        yield replace(batch, tokens=_lower(batch.tokens))


def _lower(tokens: Tokens) -> Tokens:
    text = tokens.data.tobytes()
    if text.isascii():
        return Tokens(np.frombuffer(text.lower(), np.uint8), tokens.offsets)
    # each by itself: a sigma at the end of a word has a lower case of its own
    return Tokens.pack(word.decode("utf-8", "surrogateescape").lower() for word in tokens.to_bytes())


def only(batches: Iterator[Batch], words: Vocab) -> Iterator[Batch]:
    """Yield the rows of the words given."""
    for batch in batches:
        keep = words.packed_rows(batch.tokens) >= 0
        if keep.any():
            yield batch.take(keep)


def without_zeros(batches: Iterator[Batch], findings: Findings) -> Iterator[Batch]:
    """Yield the rows that are not all zeros, and count the others."""
    for batch in batches:
        keep = np.asarray(batch.vectors.any(axis=1))
        if not keep.all():
            dropped = np.flatnonzero(~keep)
            findings.add(ZEROS, _name(batch.tokens, int(dropped[0])), len(dropped))
            batch = batch.take(keep)
        yield batch


def normalized(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield rows of length 1, computed in float64; rows of zeros stay."""
    for batch in batches:
        wide = batch.vectors.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # a row with Inf becomes one with NaN, counted elsewhere
            lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
            unit = wide / np.where(lengths > 0, lengths, 1)
        yield Batch(batch.tokens, unit.astype(np.float32))


def without_special(source: Source) -> Source:
    """Return the source without its rows of n-grams, if it has any, and count that.

    What an unknown word has of them is a mean, whose length is not 1 whatever theirs are.
    """
    if source.special is not None:
        source.findings.add(NO_NGRAMS)
    return replace(source, special=None, policy={})


def rounded(batches: Iterator[Batch], dtype: Dtype, findings: Findings) -> Iterator[Batch]:
    """Yield rows in their final precision (bfloat16 as float32), and count what is odd about them.

    Rows for 8 bits stay float32, or the codes that they came as, until they are written.
    """
    for batch in batches:
        if dtype == "int8":
            _check_fit(batch)
        vectors = encode_rows(batch.vectors, "float32" if dtype == "int8" else dtype)
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
        yield Batch(batch.tokens, vectors, batch.codes if dtype == "int8" else None)


def _check_fit(batch: Batch) -> None:
    wrong = int8.not_quantizable(batch.vectors)
    if len(wrong):
        raise EmbstoreError(f"the row of {_name(batch.tokens, int(wrong[0]))} has {int8.NOT_QUANTIZABLE}")


def _name(tokens: Tokens, position: int) -> str:
    return repr(tokens[position : position + 1].data.tobytes().decode("utf-8", "surrogateescape")[:60])


def _token_of(word: str | bytes) -> bytes | None:
    if not isinstance(word, str | bytes):
        raise TypeError(f"expected words, not {word!r} among them")
    return word if isinstance(word, bytes) else token_of(word)


def vocabulary_of(words: Iterable[str | bytes]) -> Vocab:
    """Return the vocabulary of some words, repeated ones once and those that no token can be left out.

    Raises TypeError for what is no word.
    """
    builder = VocabBuilder()
    builder.add(Tokens.pack(token for token in map(_token_of, words) if token is not None))
    return builder.vocab()
