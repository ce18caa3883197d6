"""The rows behind the vocabulary: padding first, then those of the policy's ending."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Source
from embstore.core.dtypes import decode_rows, dim_of
from embstore.core.errors import EmbstoreError
from embstore.core.options import Dtype
from embstore.words.policy import Ending, Hash, Mean, OovLike, Policy, Subword, Zero

MAX_TEXT = 500  # of a policy in a header
BLOCK = 8192  # rows in a pass over a table; the last bits of its mean depend on it


class Table(Protocol):
    """What special rows are made for: a `Store`, or anything with these."""

    @property
    def raw(self) -> NDArray[Any]:
        """The rows as they are kept, (rows, columns), the vocabulary's first."""

    @property
    def dtype(self) -> Dtype:
        """What they are kept as."""

    def __len__(self) -> int:
        """How many of the rows are the vocabulary's."""


@dataclass(frozen=True, slots=True)
class Special:
    """Which rows stand behind a vocabulary.

    Attributes
    ----------
    padding
        Whether the first of them is the padding's.
    ending
        The others are those that it needs.
    """

    padding: bool
    ending: Ending

    @classmethod
    def of_file(cls, metadata: Mapping[str, str], rows: int) -> Special | None:
        """Return what a store's header says of its special rows; None if nothing, or another number of them."""
        if "embstore.oov" not in metadata:
            return None
        try:
            policy = Policy.parse(metadata["embstore.oov"]).bound(metadata)
        except ValueError:  # one of a later version
            return None
        special = cls(metadata.get("embstore.padding") == "1", policy.ending)
        return special if special.rows == rows else None

    @property
    def rows(self) -> int:
        """How many they are."""
        return self.ending_row + self.ending.rows

    @property
    def ending_row(self) -> int:
        """Position of the ending's first row among them."""
        return int(self.padding)

    def serve(self, wanted: Special) -> bool:
        """Whether all the rows wanted are among these. Back-offs have none, so they may differ."""
        return wanted.padding <= self.padding and (not wanted.ending.rows or wanted.ending == self.ending)


def special_rows(table: Table, oov: OovLike, padding: bool, seed: int = 0) -> NDArray[np.float32]:
    """Make the special rows of a table.

    Parameters
    ----------
    table
        A `Store`. It is read in blocks, and only if its mean is needed; rows with NaN or Inf do not count.
    oov
        The policy: ``zero`` has a row of zeros, ``mean`` the mean of the table, computed in float64,
        ``hash:B`` B rows of a normal distribution with the table's mean and deviation in each dimension
        (mean 0 and deviation 1 for a table without rows). Those of ``subword`` cannot be made.
    padding
        Whether a row of zeros comes first.
    seed
        Of the buckets: ``Generator(PCG64(seed)).standard_normal``, row after row. NumPy keeps its streams from
        version to version where it can; write the rows to the file (`convert(oov=...)`) where that is not enough.

    Returns
    -------
    float32 of shape (rows, dim), possibly no rows.
    """
    policy = Policy.parse(oov)
    made = np.empty((Special(padding, policy.ending).rows, dim_of(table.raw, table.dtype)), np.float32)
    at = 0
    for block in special_blocks(table.raw[: len(table)], table.dtype, policy, padding, seed):
        made[at : at + len(block)] = block
        at += len(block)
    return made


def policy_for_file(oov: OovLike) -> Policy | None:
    """Return a policy that a header can hold; ValueError for one with functions, or a very long token.

    None stays None: the source's own policy then, if it has one.
    """
    if oov is None:
        return None
    policy = Policy.parse(oov)
    if not policy.named or len(str(policy)) > MAX_TEXT:
        raise ValueError(f"oov {str(policy)!r}: a file holds back-offs by name, and {MAX_TEXT} characters of a policy")
    return policy


def with_special(source: Source, policy: Policy | None, padding: bool) -> Source:
    """Return a source whose store gets the special rows of a policy, and says so in its header.

    Those of ``subword`` are the source's own: EmbstoreError where it has none.
    """
    policy = Policy.parse(source.policy.get("oov")) if policy is None else policy
    noted = {"oov": str(policy), **({"padding": "1"} if padding else {})}
    if isinstance(policy.ending, Subword):
        return _with_ngrams(source, noted, padding)
    special, dtype = Special(padding, policy.ending), source.dtype
    if not special.rows:
        return replace(source, policy=noted)
    return replace(source, policy=noted, special=lambda raw: special_blocks(raw, dtype, policy, padding))


def _with_ngrams(source: Source, noted: dict[str, str], padding: bool) -> Source:
    """Keep the rows of n-grams that a source has, behind one for padding."""
    ngrams = source.special
    if "subword" not in source.policy or not callable(ngrams):
        if isinstance(source.batches, Generator):
            next(source.batches, None)  # begun, so that closing it closes the input
            source.batches.close()
        raise EmbstoreError(
            f"oov {noted['oov']!r} needs rows of character n-grams, such as those of a fastText .bin file; "
            f"{source.provenance().get('name', 'this source')} has none"
        )
    zeros = [np.zeros((1, source.dim), np.float32)] if padding else []
    noted["subword"] = source.policy["subword"]
    return replace(source, policy=noted, special=lambda raw: chain(zeros, ngrams(raw)))


def special_blocks(
    raw: NDArray[Any], dtype: Dtype, policy: Policy, padding: bool, seed: int = 0
) -> Iterator[NDArray[np.float32]]:
    """Yield the special rows, as `special_rows` makes them, of the vocabulary's rows as they are kept."""
    ending, dim = policy.ending, dim_of(raw, dtype)
    if padding:
        yield np.zeros((1, dim), np.float32)
    if isinstance(ending, Zero):
        yield np.zeros((1, dim), np.float32)
    elif isinstance(ending, Mean):
        yield moments(raw, dtype)[0][np.newaxis].astype(np.float32)
    elif isinstance(ending, Hash):
        mean, deviation = moments(raw, dtype)
        normal = np.random.Generator(np.random.PCG64(seed))
        for start in range(0, ending.buckets, BLOCK):
            drawn = normal.standard_normal((min(BLOCK, ending.buckets - start), dim))
            yield (mean + deviation * drawn).astype(np.float32)


def moments(raw: NDArray[Any], dtype: Dtype) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation in each dimension, two of float64 (dim,), over the rows that are finite.

    The table is read once, in blocks, and never copied whole: Chan, Golub and LeVeque, "Algorithms for computing
    the sample variance" (1983).
    """
    dim = dim_of(raw, dtype)
    count, mean, squares = 0, np.zeros(dim), np.zeros(dim)
    for start in range(0, len(raw), BLOCK):
        rows = raw[start : start + BLOCK]
        block = decode_rows(rows, dtype).astype(np.float64)
        block = block[np.isfinite(block).all(axis=1)]
        if not len(block):
            continue
        block_mean = block.mean(axis=0)
        apart, total = block_mean - mean, count + len(block)
        squares += ((block - block_mean) ** 2).sum(axis=0) + apart**2 * (count * len(block) / total)
        mean += apart * (len(block) / total)
        count = total
    return (mean, np.sqrt(squares / count)) if count else (mean, np.ones(dim))
