"""The words of `vocab_only`: read from a file or given, and which of them a table has."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from embstore.codecs.shared.word_list import read_word_list
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Batch, Findings, Source, Tokens
from embstore.core.errors import FormatError
from embstore.core.index import VocabBuilder, token_of
from embstore.core.options import Order, ReadOptions
from embstore.files.input import Input

REPEATED = "repeated words of the list, which have one row, so that later rows move up"
NAMED = 10  # missing words that a report names


class ChosenWords:
    """Words whose rows are kept, in their order, and which of them were found.

    Parameters
    ----------
    words
        Words, or tokens as bytes; repeated ones count once.

    Attributes
    ----------
    words
        The distinct words: the bytes of a token, or a str that no token can equal.
    vocab
        The vocabulary of those that are bytes, in their order.
    found
        bool of shape (vocab.size,): which of them a source `counted` has had.
    repeated
        The repetitions, as a count and the first repeated word.

    Raises
    ------
    TypeError
        For a word that is neither str nor bytes.
    ValueError
        If there are no words.
    """

    def __init__(self, words: Iterable[str | bytes]) -> None:
        keys: dict[str | bytes, None] = {}
        again: list[str | bytes] = []
        for key in map(_key_of, words):
            if key in keys:
                again.append(key)
            keys[key] = None
        if not keys:
            raise ValueError("vocab_only: no words")
        self.words = list(keys)
        self.repeated = (len(again), _text_of(again[0]) if again else "")
        builder = VocabBuilder()
        builder.add(self.tokens())
        self.vocab = builder.vocab()
        self.found = np.zeros(self.vocab.size, np.bool_)

    def tokens(self) -> Tokens:
        """Return the words that tokens can equal, packed."""
        return Tokens.pack(word for word in self.words if isinstance(word, bytes))

    def strings(self) -> list[str]:
        """Return the words that tokens can equal, as str."""
        return [_text_of(word) for word in self.words if isinstance(word, bytes)]

    def no_tokens(self) -> list[str]:
        """Return the words that no token can equal: those with lone surrogates."""
        return [word for word in self.words if isinstance(word, str)]

    def counted(self, source: Source, name: str) -> Source:
        """Return the source, which notes the words that it has; FormatError with this name if it has no rows."""
        return source.through(lambda batches: self._counted(batches, name))

    def _counted(self, batches: Iterator[Batch], name: str) -> Iterator[Batch]:
        empty = True
        for batch in batches:
            rows = self.vocab.packed_rows(batch.tokens)
            self.found[rows[rows >= 0]] = True
            empty = False
            yield batch
        if empty:
            first = _text_of(self.words[0])[:60]
            raise FormatError(name, f"none of the {len(self.words):,} chosen words has a row, the first is {first!r}")

    @property
    def found_count(self) -> int:
        """Number of words found so far."""
        return int(self.found.sum())

    def missing(self) -> list[str]:
        """Return the first words that were not found, in order, `NAMED` at most."""
        return list(islice(self._missing(), NAMED))

    def _missing(self) -> Iterator[str]:
        found = iter(self.found.tolist())
        for word in self.words:
            if isinstance(word, str) or not next(found):
                yield _text_of(word)


def _key_of(word: str | bytes) -> str | bytes:
    if not isinstance(word, str | bytes):
        raise TypeError(f"expected words as str, found {word!r}")
    token = word if isinstance(word, bytes) else token_of(word)
    return word if token is None else token


def _text_of(word: str | bytes) -> str:
    return word if isinstance(word, str) else word.decode("utf-8", "surrogateescape")


def choose_words(
    vocab_only: str | Path | Iterable[str], options: ReadOptions, findings: Findings, *, order: Order, numbered: bool
) -> tuple[ChosenWords, ReadOptions]:
    """Return the words of `vocab_only`, and the reading options that are left for the source.

    Parameters
    ----------
    vocab_only
        Words, or a file of words: text, JSON, or ``.npy``. A pipe will do, as it is read once.
    options
        `word_column` and `exact_words` apply to the file if it is no plain list of words, else to the source.
    findings
        Filled with what was taken off the words of a file.
    order
        Of the rows.
    numbered
        Whether the rows of the words are to be 0, 1, 2 ...: a file or mapping with rows must agree, and a blank line is
        then a word.

    Raises
    ------
    FormatError
        If the file is not a word list, has no words, or gives words other rows.
    TypeError, ValueError
        For a set, which has no order, and for a mapping that gives words other rows.
    """
    if not isinstance(vocab_only, str | Path):
        if order == "words" and isinstance(vocab_only, set | frozenset):
            raise TypeError("vocab_only: a set has no order, expected a list of words")
        if isinstance(vocab_only, Mapping):
            vocab_only = _by_row(vocab_only, numbered=numbered)
        return ChosenWords(vocab_only), options
    path = Path(vocab_only)
    listed, options = _read(path, options, findings)
    if numbered and not listed.is_whole:
        raise _other_rows(path, listed)
    words = listed.tokens.to_bytes()
    if path.suffix.lower() not in (".json", ".npy"):
        words = [word.removesuffix(b"\r") for word in words]
        words = [word for word in words if word or numbered]
    if not words:
        raise FormatError(path, "no words in it, expected one per line")
    return ChosenWords(words), options


def _by_row(rows: Mapping[str, object], *, numbered: bool) -> list[str]:
    """Return the words of a mapping from word to row, in the order of the rows; those of any other as they come."""
    listed = [(row, word) for word, row in rows.items() if isinstance(row, int)]
    if sorted(row for row, _ in listed) == list(range(len(rows))):
        return [word for _, word in sorted(listed)]
    if numbered:
        raise ValueError(f"vocab_only: a mapping whose values are not the rows 0 to {len(rows) - 1:,}: list the words")
    return list(rows)


def _read(path: Path, options: ReadOptions, findings: Findings) -> tuple[WordList, ReadOptions]:
    """Read a word list; with the options for words if it has anything that they decide."""
    plain = ReadOptions()
    for_words = ReadOptions(word_column=options.word_column, exact_words=options.exact_words)
    noted, listed = Findings(), None
    with _opened(path) as file:
        try:
            listed = read_word_list(file, None, plain, noted)
        except FormatError:
            if for_words == plain:
                raise
        if for_words != plain and (listed is None or noted.counts):
            noted = Findings()
            listed = read_word_list(file, None, for_words, noted)
            options = replace(options, word_column=None, exact_words=False)
    assert listed is not None  # noqa: S101
    findings.update(
        Findings(
            {f"{path.name}: {what}": times for what, times in noted.counts.items()},
            {f"{path.name}: {what}": first for what, first in noted.first.items()},
        )
    )
    return listed, options


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Input]:
    """Open a file; what comes through a pipe is copied to one first."""
    if not path.is_fifo():
        with Input(path) as file:
            yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(path.read_bytes())
        try:
            with Input(copy) as file:
                yield file
        except FormatError as error:
            raise FormatError(path, error.reason, where=error.where) from None


def _other_rows(path: Path, listed: WordList) -> FormatError:
    wrong = int(np.flatnonzero(listed.rows != np.arange(len(listed.rows)))[0])
    word = listed.tokens.to_bytes()[wrong].decode("utf-8", "replace")[:60]
    return FormatError(
        path,
        f"the word {word!r} has the row {listed.rows[wrong]:,}, expected {wrong:,}: rows are written from 0 on, one "
        "for each word; give all rows a word, or list the words in their order",
    )
