"""The special rows, which follow the vocabulary's: a row for padding, then the rows of the policy's ending."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import RowBlocks, Source
from embstore.core.errors import EmbstoreError
from embstore.words.endings.base import Ending
from embstore.words.policy import OovLike, Policy, policy_for_table

MAX_TEXT = 500  # characters of a policy in a header


@dataclass(frozen=True, slots=True)
class SpecialRows:
    """Which special rows a table has.

    Attributes
    ----------
    padding
        Whether the first special row is for padding.
    ending
        The ending that the other special rows are for.
    """

    padding: bool
    ending: Ending

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, str]) -> SpecialRows:
        """Return the special rows that a store's header states; ValueError if it states a policy that is unknown."""
        policy = policy_for_table(metadata.get("embstore.oov"), metadata)
        return cls(metadata.get("embstore.padding") == "1", policy.ending)

    @classmethod
    def of_table(cls, metadata: Mapping[str, str], rows: int) -> SpecialRows | None:
        """Return the special rows of an open table; None if its header states none, or it has another number of rows.

        A store has as many as it states; another table with the same header may have none.
        """
        if "embstore.oov" not in metadata:
            return None
        try:
            special = cls.of_metadata(metadata)
        except ValueError:
            return None
        return special if special.rows == rows else None

    @property
    def rows(self) -> int:
        """The number of special rows."""
        return self.ending_row + self.ending.rows

    @property
    def ending_row(self) -> int:
        """Position of the first row of the ending among the special rows."""
        return int(self.padding)

    def covers(self, required: SpecialRows) -> bool:
        """Return whether all required rows are among these. Back-offs may differ, as they need no rows."""
        return required.padding <= self.padding and (not required.ending.rows or required.ending == self.ending)


def special_rows(table: RowBlocks, oov: OovLike, padding: bool, seed: int = 0) -> NDArray[np.float32]:
    """Make the special rows of a table.

    Parameters
    ----------
    table
        A `Store`. Read in blocks, and only if its mean is needed; rows with NaN or Inf are ignored.
    oov
        The policy: ``zero`` needs a row of zeros, ``mean`` the mean of the table, computed in float64,
        ``hash:B`` B rows drawn from a normal distribution with the mean and deviation of the table in each dimension
        (mean 0 and deviation 1 for a table without rows). The rows of ``subword`` cannot be made.
    padding
        Whether to begin with a row of zeros for padding.
    seed
        Seed of the drawn rows: ``Generator(PCG64(seed)).standard_normal``, row by row. NumPy tries to keep the values
        the same in all versions; to be certain, write the rows to the file (`convert(oov=...)`).

    Returns
    -------
    float32 of shape (rows, dim), possibly no rows.
    """
    policy = Policy.parse(oov)
    rows = np.empty((SpecialRows(padding, policy.ending).rows, table.dim), np.float32)
    start = 0
    for block in special_blocks(table, policy, padding, seed):
        rows[start : start + len(block)] = block[: len(rows) - start]
        start += len(block)
    return rows


def special_blocks(table: RowBlocks, policy: Policy, padding: bool, seed: int = 0) -> Iterator[NDArray[np.float32]]:
    """Yield the special rows that `special_rows` returns, in blocks.

    Raises EmbstoreError at the end if the ending made another number of rows than it states.
    """
    if padding:
        yield np.zeros((1, table.dim), np.float32)
    made = 0
    for block in policy.ending.make_rows(table, seed):
        made += len(block)
        yield block
    if made != policy.ending.rows:
        raise EmbstoreError(
            f"oov {str(policy.ending)!r}: its ending made {made:,} special rows, expected {policy.ending.rows:,}: "
            "its make_rows and rows must agree"
        )


def policy_for_file(oov: OovLike) -> Policy | None:
    """Return a policy that a header can store; ValueError for a policy with functions or a very long token.

    None, which means the policy of the source, is returned as it is.
    """
    if oov is None:
        return None
    policy = Policy.parse(oov)
    if not str(policy).isascii():
        try:
            str(policy).encode()
        except UnicodeEncodeError:
            raise ValueError(f"oov {str(policy)!r}: a file stores Unicode text only, without lone surrogates") from None
    if not policy.named or len(str(policy)) > MAX_TEXT:
        raise ValueError(
            f"oov {str(policy)!r}: a file stores named back-offs only, and at most {MAX_TEXT} characters of a policy"
        )
    return policy


def with_special(source: Source, policy: Policy | None, padding: bool) -> Source:
    """Return a source with the special rows of a policy, and the metadata that names the policy.

    Rows that cannot be made, those of ``subword``, are taken from the source; EmbstoreError if it does not have them.
    """
    header = {f"embstore.{key}": text for key, text in source.policy.items()}
    source_policy = policy_for_table(source.policy.get("oov"), header)
    policy = source_policy if policy is None else policy_for_table(policy, header)
    metadata = {"oov": str(policy), **({"padding": "1"} if padding else {})}
    if policy.ending.rows_from_source:
        return _with_rows_of_source(source, source_policy.ending, policy.ending, metadata, padding)
    if not SpecialRows(padding, policy.ending).rows:
        return replace(source, policy=metadata)
    return replace(source, policy=metadata, special=lambda table: special_blocks(table, policy, padding))


def _with_rows_of_source(
    source: Source, source_ending: Ending, ending: Ending, metadata: dict[str, str], padding: bool
) -> Source:
    """Keep the special rows of a source, after a row for padding."""
    special = source.special
    if source_ending != ending or not callable(special):
        if isinstance(source.batches, Generator):
            next(source.batches, None)  # start the generator, so that closing it closes the input
            source.batches.close()
        raise EmbstoreError(ending.missing_rows(source.provenance().get("name", "this source"), {}))
    zeros = [np.zeros((1, source.dim), np.float32)] if padding else []
    metadata |= {key: source.policy[key] for key in ending.header_keys if key in source.policy}
    return replace(source, policy=metadata, special=lambda table: chain(zeros, special(table)))
