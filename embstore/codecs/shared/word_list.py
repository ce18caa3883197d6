"""Finding and reading the word list of a matrix: tokenizer.json, vocab.txt, vocab.json and others."""

from __future__ import annotations

import os
from pathlib import Path

from embstore.codecs.shared.first_look.check import check_file
from embstore.codecs.shared.word_array import words_of_array
from embstore.codecs.shared.word_json import words_of_json
from embstore.codecs.shared.word_lines import words_of_text
from embstore.codecs.shared.word_list_names import word_list_paths
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings
from embstore.core.cures import cure, option_name
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions
from embstore.files.input import CHANGED, Input
from embstore.files.temporary import is_abandoned, owner_of, remains

COMMON_NAMES = ("tokenizer.json", "vocab.txt", "vocab.json", "encoder.json", "words.npy")
WHITESPACE_TOKENIZER = "whitespacetokenizer_config.json"  # of sentence-transformers' WordEmbeddings
DEFAULTS = ReadOptions()
BOM = b"\xef\xbb\xbf"


def find_word_list(source: Input, needed: str, format: str) -> Path:  # noqa: A002
    """Find the word list of a file: ``<stem>.vocab.txt``, ``<stem>.vocab.json`` or one of `COMMON_NAMES` in its folder.

    For a symbolic link, the folder of the link is searched first, then that of its target; `COMMON_NAMES` come last.
    Raises FormatError if there is none; the message says what the words are `needed` for and which names were tried.
    """
    path, place = source.path, word_list_beside(source)
    if place is not None:
        return place
    names = ", ".join(place.name for place in (*word_list_paths(path), *map(path.with_name, COMMON_NAMES)))
    named = cure("vocab", f"{option_name('vocab')} names a file with the words")
    raise FormatError(path, f"no words for {needed}: none of {names} next to it; {named}", format=format)


def word_list_beside(source: Input) -> Path | None:
    """Return the word list that `find_word_list` finds, or None."""
    path = source.path
    target_path = source.real_path() if path.is_symlink() else path
    _check_remains(source, {path, target_path})
    belonging = [place for file in (path, target_path) for place in word_list_paths(file)]
    common = [file.with_name(name) for file in (path, target_path) for name in COMMON_NAMES]
    places = (*belonging, *common, target_path.with_name(WHITESPACE_TOKENIZER))
    return next((place for place in places if place.is_file()), None)


def _check_remains(source: Input, paths: set[Path]) -> None:
    """Refuse a file whose writer was killed before its words were renamed; other words would be taken instead.

    Files that neither this user nor the owner of the matrix wrote are not believed.
    """
    status = os.fstat(source.fileno())
    believed = {status.st_uid, os.geteuid() if os.name != "nt" else 0}
    for words in (words for path in sorted(paths) for words in word_list_paths(path)):
        for temporary, matrix, _ in remains(words):
            if matrix != owner_of(status) or temporary.lstat().st_uid not in believed:
                continue
            if not is_abandoned(temporary):
                raise FormatError(source.path, CHANGED)
            reason = f"the program that wrote it was killed before its words had their name: {temporary.name} has them"
            raise FormatError(source.path, f"{reason}; rename that file to {words.name}, or convert again")


def is_complete(source: Input) -> bool:
    """Return whether a word list has a word for every row: fewer words would be those of other rows."""
    return source.path.name == WHITESPACE_TOKENIZER


def read_word_list(
    source: Input, count: int | None = None, options: ReadOptions = DEFAULTS, findings: Findings | None = None
) -> WordList:
    """Read a word list: JSON, an array of strings or whole numbers (.npy), or text with one word per line.

    Parameters
    ----------
    count
        Number of rows of the matrix; None if it is not known.
    options
        `word_column` and `exact_words` apply.
    findings
        Filled with what was taken off, and with whole numbers that are words.

    Raises
    ------
    FormatError
        If the file is not a word list, such as a pickle, or nothing shows which column has the words.
    """
    check_file(source, "words")
    findings = findings if findings is not None else Findings()
    suffix = source.path.suffix.lower()
    if suffix == ".npy":
        return words_of_array(source, findings)
    data = source.read().removeprefix(BOM)
    if suffix == ".json":
        return words_of_json(data, source.path, options, findings)
    return words_of_text(data, count, source.path, options, findings)
