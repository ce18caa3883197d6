"""The word list file of a matrix whose own file has no words: checked against the rows when read, and written."""

from __future__ import annotations

import json
from pathlib import Path

from embstore.codecs.shared.first_look.check import what_it_is
from embstore.codecs.shared.first_look.first_bytes import HEAD, FirstBytes
from embstore.codecs.shared.word_lines import words_of_lines
from embstore.codecs.shared.word_list import find_word_list, read_word_list
from embstore.codecs.shared.word_list_names import resolve_link, word_list_paths
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Tokens
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions
from embstore.files.atomic import FileGroup, write_all
from embstore.files.input import Input
from embstore.store.header import read_header

SUFFIXES = (".npy", ".safetensors")
"""Suffixes of matrices whose words are in a file with the same stem."""

BOM = b"\xef\xbb\xbf"


def load_word_list(
    source: Input, options: ReadOptions, count: int, name: str, findings: Findings | None = None
) -> WordList:
    """Return the words of a matrix with `count` rows, from the file in ``vocab=`` or from one next to the matrix.

    Raises
    ------
    FormatError
        If there is no word list, or if it does not agree with the rows: a list must have one word per row, an object
        from word to row may leave rows out.
    """
    place = Path(options.vocab) if options.vocab else find_word_list(source, f"{count:,} rows", name)
    words = read_word_list(source.open_companion(place), count, options, findings)
    return check_word_list(words, count, source.path, place, name)


def check_word_list(words: WordList, count: int, path: str | Path, place: str | Path, name: str) -> WordList:
    """Return the words if they agree with a matrix of `count` rows; FormatError otherwise.

    Parameters
    ----------
    path, place
        Where the matrix and the words come from.
    """
    beyond = int(words.rows[-1]) if len(words.rows) else -1
    if words.listed and len(words.tokens) != count:
        reason = (
            f"{count:,} rows, but {len(words.tokens):,} words in {place}; a JSON object from word to row may skip rows"
        )
        raise FormatError(path, reason, format=name)
    if beyond >= count:
        raise FormatError(path, f"{count:,} rows, but a word has row {beyond:,} in {place}", format=name)
    return words


class WordListWriter:
    """Writes the words of a file to ``<stem>.vocab.txt``, or to ``.vocab.json`` if one of them has a line break.

    Parameters
    ----------
    path
        The file that the words belong to. If it is a symbolic link, its target is replaced and the words are written
        next to the target.

    Raises
    ------
    FileExistsError
        If a word list exists but the file that it would belong to does not, if the word list's path is a folder, or if
        another matrix would be read with these words.
    """

    def __init__(self, path: str | Path, name: str) -> None:
        self.path, self.name = resolve_link(Path(path)), name
        self.text, self.json = word_list_paths(self.path)
        self._link_lists = [] if self.path == Path(path) else word_list_paths(Path(path))
        for place in (self.text, self.json, *self._link_lists):
            if place.exists() and not (self.path.exists() and place.is_file()):
                raise FileExistsError(f"{place}: exists already and would be read as the words of {path}: move it")
        for other in (self.path.with_suffix(suffix) for suffix in SUFFIXES):
            if other != self.path and other.is_file() and not _is_store(other):
                raise FileExistsError(
                    f"{other}: would be read with the words of {path}, as both have one name: move it"
                )
        self._tokens: list[Tokens] = []

    def add(self, tokens: Tokens) -> None:
        """Add the words of the next rows."""
        self._tokens.append(tokens)

    def write(self, group: FileGroup) -> None:
        """Write the words of all rows, at least one; the word list appears together with the file it belongs to."""
        words = [word for tokens in self._tokens for word in tokens.to_bytes()]
        lines = b"".join(word + b"\n" for word in words)
        look = FirstBytes(self.text, lines[:HEAD], len(lines), "words")
        as_text = not words[0].startswith(BOM) and what_it_is(look) is None and _reads_back(words)
        place, other = (self.text, self.json) if as_text else (self.json, self.text)
        data = lines if as_text else _as_json(words)
        write_all(group.new(place, follow=False), data)
        for old in (other, *self._link_lists):  # words of the file that is replaced
            group.drop(old)


def _is_store(path: Path) -> bool:
    """Return whether a file is a store, which has its own words."""
    try:
        with Input(path) as file:
            return read_header(file, trust=True).is_store
    except FormatError:
        return False


def _reads_back(words: list[bytes]) -> bool:
    """Return whether a text with one word per line gives these words, with nothing taken off them."""
    if any(b"\n" in word or b"\r" in word for word in words):
        return False
    findings = Findings()
    try:
        found = words_of_lines(words, len(words), Path(), ReadOptions(), findings)
    except FormatError:
        return False
    return found.is_whole and not findings.counts and found.tokens.to_bytes() == words


def _as_json(words: list[bytes]) -> bytes:
    """Return the words as a JSON list of the strings of `itos`, in ASCII."""
    return json.dumps([word.decode("utf-8", "surrogateescape") for word in words]).encode("ascii")
