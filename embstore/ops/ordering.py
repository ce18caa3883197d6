"""`convert(order="words")`: the rows of the chosen words, in the order of these words, the missing ones filled.

The source is read once. The rows of the chosen words, and those that a policy may give missing words (the rows of other
forms, and of the token for unknown words), are written to a temporary store next to the target, with the special rows
of the policy. That store is mapped, and an encoder over it finds the rows of each word, as a layer would. Memory is
needed for the words, and for rows of other forms that are no chosen words.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import compress
from pathlib import Path

import numpy as np

from embstore.core.batch import Batch, Findings, Ints, RowBlocks, Source, Tokens, Vectors
from embstore.core.cures import cure, option
from embstore.core.dtypes import columns_of, encode_rows
from embstore.core.duplicates import distinct
from embstore.core.errors import FormatError, UnknownTokenError
from embstore.core.index import Vocab, VocabBuilder, pack_tokens, token_of
from embstore.core.options import Dtype, Duplicates
from embstore.files.folder import temporary_folder
from embstore.files.os_errors import errors_naming
from embstore.files.signals import exit_on_sigterm
from embstore.ops.chosen_words import REPEATED, ChosenWords
from embstore.ops.coverage import Coverage, coverage
from embstore.ops.selection import rounded
from embstore.store.rows import ArrayRows, DecodedRows
from embstore.store.store import Store
from embstore.store.writer import write_store
from embstore.words.backoffs import forms_of
from embstore.words.encoder import Encoder
from embstore.words.policy import Policy

BLOCK = 8192  # words looked up, and special rows copied, at a time


@dataclass(frozen=True, slots=True)
class Ordering:
    """How the rows of chosen words are put in order.

    Attributes
    ----------
    words
        The chosen words.
    policy
        Gives missing words their rows; with the ending ``skip`` they are left out.
    name
        The name of the source, for errors.
    """

    words: ChosenWords
    policy: Policy
    name: str

    def __post_init__(self) -> None:
        if self.fills:
            pack_tokens(self.words.no_tokens())  # raises ValueError for a word that cannot be written as a token

    @property
    def fills(self) -> bool:
        """Whether every word gets a row."""
        return self.policy.ending.ids_per_word != 0

    def vocabulary(self) -> Vocab:
        """Return the tokens whose rows are needed: the words, their other forms, and the token for unknown words."""
        builder = VocabBuilder()
        builder.add(self.words.tokens())
        others = (*forms_of(self.policy.backoffs, self.words.strings()), *self.policy.ending.tokens)
        builder.add(Tokens.pack(token for token in map(token_of, others) if token is not None))
        return builder.vocab()

    @contextlib.contextmanager
    def apply(
        self,
        source: Source,
        dtype: Dtype | None,
        add_special: Callable[[Source], Source] | None,
        duplicates: Duplicates,
        dst: str | Path,
    ) -> Iterator[tuple[Source, dict[str, int]]]:
        """Read a source; yield one with the rows in order, and how many words each part of the policy filled.

        Parameters
        ----------
        source
            The rows of `vocabulary`, not yet rounded.
        dtype
            The dtype to round rows to; None for that of the source.
        add_special
            The stage that adds the special rows of the policy.
        duplicates
            Which row of a repeated token to keep.
        dst
            The file that will be written, next to which there is a temporary folder meanwhile.
        """
        findings = source.findings
        source.provenance = cache(source.provenance)
        if self.words.repeated[0]:
            findings.add(REPEATED, repr(self.words.repeated[1][:60]), self.words.repeated[0])
        # what is odd in rows is counted when they are written: here there are also rows that may not be needed
        source = rounded(source, dtype, Findings())
        if add_special is not None:
            source = add_special(source)
        with errors_naming(dst), exit_on_sigterm(), temporary_folder(dst) as folder:
            place = folder / self._file_name()
            write_store(place, self._words_first(source, duplicates, dst), duplicates=duplicates)
            with Store.open(place, advise="random") as table:
                share = coverage(table, self.words.strings(), self.policy)
                ordered = Source(
                    dim=source.dim,
                    batches=self._batches(table, share),
                    rows=share.types - (0 if self.fills else share.missing.types),
                    findings=findings,
                    provenance=source.provenance,
                    special=(lambda _: _special_rows(table)) if table.special else None,
                    policy=self._policy_of_file(source, table),
                )
                yield rounded(ordered, source.dtype, findings), self._filled(share)

    def _file_name(self) -> str:
        """Return the name of the source for the temporary store, so that messages name it."""
        name = Path(self.name).name
        return name if name.strip(".") else "table"

    def _words_first(self, source: Source, duplicates: Duplicates, dst: str | Path) -> Source:
        """Return the source with the words' rows first, of which alone special rows are made, and repeats resolved."""
        vocab, special = self.words.vocab, source.special
        source = source.through(lambda batches: words_first(batches, vocab))
        if duplicates != "last":  # the store's writer overwrites rows
            batches = distinct(source, VocabBuilder(), duplicates, dst)
            source = source.through(lambda _: batches)
        if callable(special):
            source.special = lambda table: special(FirstRows(table, self.words.found_count))
        return source

    def _batches(self, table: Store, share: Coverage) -> Iterator[Batch]:
        encoder, words = Encoder(table, self.policy), self.words.strings()
        for start in range(0, len(words), BLOCK):
            try:
                yield _batch(table, encoder, words[start : start + BLOCK])
            except UnknownTokenError as error:
                raise self._unfilled(error.tokens[0], share) from None

    def _unfilled(self, word: str, share: Coverage) -> FormatError:
        oov = ",".join(filter(None, [*share.rules, "zero"]))
        zeros = cure("fill-missing-words", f"{option(oov=oov)} gives them rows of zeros")
        missing = f"no row for {share.missing.types:,} of {share.types:,} words, the first {word[:60]!r}"
        return FormatError(self.name, f"{missing}; {zeros}")

    def _policy_of_file(self, source: Source, table: Store) -> dict[str, str]:
        """Return the metadata of the policy; none if it gives a row that its token has only in the source."""
        tokens = list(self.policy.ending.tokens)
        rows, chosen = table.rows(tokens), self.words.vocab.rows(tokens) >= 0
        if not tokens or (chosen.any() and rows[chosen.argmax()] in (-1, rows[rows >= 0][0])):
            return source.policy
        return {}

    def _filled(self, share: Coverage) -> dict[str, int]:
        filled = {name: found.types for name, found in share.rules.items()}
        if self.fills:
            filled[share.ending] = share.missing.types
        return {name: count for name, count in filled.items() if count}


@dataclass(frozen=True, slots=True)
class FirstRows:
    """The first rows of a table."""

    table: RowBlocks
    count: int

    @property
    def dim(self) -> int:
        """Numbers in a row (embedding_dim)."""
        return self.table.dim

    def __len__(self) -> int:
        return self.count

    def block(self, start: int, stop: int) -> Vectors:
        """Return the vectors of the rows [start, stop)."""
        return self.table.block(start, min(stop, self.count))


def words_first(batches: Iterator[Batch], words: Vocab) -> Iterator[Batch]:
    """Yield the rows of words, then the other rows, which are held in memory until then."""
    others = []
    for batch in batches:
        chosen = words.packed_rows(batch.tokens) >= 0
        if not chosen.all():
            others.append(batch.take(~chosen))
            batch = batch.take(chosen)
        if len(batch.tokens):
            yield batch
    yield from others


def _batch(table: Store, encoder: Encoder, words: list[str]) -> Batch:
    """Return the rows that an encoder finds for words; words that it drops are left out."""
    bags = encoder.encode_bags([[word] for word in words], include_last_offset=True)
    sizes, firsts = np.diff(bags.offsets), bags.offsets[:-1]
    if encoder.policy.ending.ids_per_word == 0:
        words, firsts, sizes = list(compress(words, sizes > 0)), firsts[sizes > 0], sizes[sizes > 0]
    single = sizes == 1
    one_row = table.gather(bags.values[firsts[single]], encoded=True)
    stored = np.empty((len(words), columns_of(table.dim, table.dtype)), one_row.dtype)
    stored[single] = one_row
    if not single.all():
        sums = table.aligned(list(compress(words, ~single)), encoder.policy)
        stored[~single] = encode_rows(sums, table.dtype)
    vectors = DecodedRows(ArrayRows(stored, table.dtype), len(words)).block(0, len(words))
    return Batch(Tokens.pack(words), vectors, stored if table.dtype == "int8" else None, _counts(table, words))


def _counts(table: Store, words: list[str]) -> Ints | None:
    """Return how often each word was seen, 0 for a word that the table does not have; None if it does not say."""
    if table.counts is None:
        return None
    rows = table.rows(words)
    return np.where(rows < 0, 0, table.counts[rows])


def _special_rows(table: Store) -> Iterator[Vectors]:
    """Yield the special rows of a store; those of int8 as stored, so that they are not rounded again."""
    end = len(table) + table.special
    for start in range(len(table), end, BLOCK):
        yield table.block(start, min(start + BLOCK, end), encoded=table.dtype == "int8")
