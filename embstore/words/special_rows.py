"""The special rows after the vocabulary's: padding first, then those of the policy's ending."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import RowBlocks, Source
from embstore.core.errors import EmbstoreError
from embstore.words.endings.base import Ending
from embstore.words.policy import OovLike, Policy

MAX_TEXT = 500  # of a policy in a header


@dataclass(frozen=True, slots=True)
class SpecialRows:
    """Which special rows stand after a vocabulary's.

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
    def of_file(cls, metadata: Mapping[str, str], rows: int) -> SpecialRows | None:
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

    def covers(self, wanted: SpecialRows) -> bool:
        """Whether all the rows wanted are among these. Back-offs have none, so they may differ."""
        return wanted.padding <= self.padding and (not wanted.ending.rows or wanted.ending == self.ending)


def special_rows(table: RowBlocks, oov: OovLike, padding: bool, seed: int = 0) -> NDArray[np.float32]:
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
    made = np.empty((SpecialRows(padding, policy.ending).rows, table.dim), np.float32)
    at = 0
    for block in special_blocks(table, policy, padding, seed):
        made[at : at + len(block)] = block
        at += len(block)
    return made


def special_blocks(table: RowBlocks, policy: Policy, padding: bool, seed: int = 0) -> Iterator[NDArray[np.float32]]:
    """Yield the special rows, as `special_rows` makes them, in blocks."""
    if padding:
        yield np.zeros((1, table.dim), np.float32)
    yield from policy.ending.make_rows(table, seed)


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

    Rows that nothing can make, as those of ``subword``, are the source's own: EmbstoreError where it has none.
    """
    header = {f"embstore.{key}": text for key, text in source.policy.items()}
    own = Policy.parse(source.policy.get("oov")).bound(header)
    policy = own if policy is None else policy.bound(header)
    noted = {"oov": str(policy), **({"padding": "1"} if padding else {})}
    if policy.ending.carried:
        return _with_carried(source, own.ending, policy.ending, noted, padding)
    if not SpecialRows(padding, policy.ending).rows:
        return replace(source, policy=noted)
    return replace(source, policy=noted, special=lambda table: special_blocks(table, policy, padding))


def _with_carried(source: Source, own: Ending, wanted: Ending, noted: dict[str, str], padding: bool) -> Source:
    """Keep the special rows that a source has, after one for padding."""
    made = source.special
    if own != wanted or not callable(made):
        if isinstance(source.batches, Generator):
            next(source.batches, None)  # begun, so that closing it closes the input
            source.batches.close()
        raise EmbstoreError(wanted.absence(source.provenance().get("name", "this source"), {}))
    zeros = [np.zeros((1, source.dim), np.float32)] if padding else []
    noted |= {key: source.policy[key] for key in wanted.header_keys}
    return replace(source, policy=noted, special=lambda table: chain(zeros, made(table)))
