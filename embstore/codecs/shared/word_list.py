"""Finding and reading the word list of a matrix: tokenizer.json, vocab.txt, vocab.json and others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from embstore.codecs.shared.json_file import parse_json, shown
from embstore.core.batch import Ints, Tokens
from embstore.core.errors import FormatError
from embstore.files.input import CHANGED, Input
from embstore.files.temporary import is_abandoned, owner_of, remains

COMMON_NAMES = ("tokenizer.json", "vocab.txt", "vocab.json")
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class WordList:
    """Words and their rows.

    Attributes
    ----------
    tokens
        The words by row.
    rows
        int64 of shape (words,), ascending; rows may be missing, and several words may share a row.
    """

    tokens: Tokens
    rows: Ints

    @property
    def is_whole(self) -> bool:
        """Whether word i has row i, for all words."""
        return bool((self.rows == np.arange(len(self.rows))).all())

    @property
    def named_rows(self) -> int:
        """Number of rows that have a word."""
        return int(np.count_nonzero(np.diff(self.rows))) + 1 if len(self.rows) else 0


def resolve_link(path: Path) -> Path:
    """Return the target of a symbolic link; any other path unchanged."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def word_list_paths(path: Path) -> list[Path]:
    """Return the paths of the two word lists that belong to one file only."""
    return [path.with_name(f"{path.stem}.vocab.{kind}") for kind in ("txt", "json")]


def find_word_list(source: Input, needed: str, format: str) -> Path:  # noqa: A002
    """Find the word list of a file: ``<stem>.vocab.txt``, ``<stem>.vocab.json`` or one of `COMMON_NAMES` in its folder.

    For a symbolic link, the folder of the link is searched first, then that of its target; `COMMON_NAMES` come last.
    Raises FormatError if there is none; the message says what the words are `needed` for and which names were tried.
    """
    path, place = source.path, word_list_beside(source)
    if place is not None:
        return place
    names = ", ".join(place.name for place in (*word_list_paths(path), *map(path.with_name, COMMON_NAMES)))
    raise FormatError(
        path, f"no words for {needed}: none of {names} next to it; name a file with vocab=", format=format
    )


def word_list_beside(source: Input) -> Path | None:
    """Return the word list that `find_word_list` finds, or None."""
    path = source.path
    target_path = source.real_path() if path.is_symlink() else path
    _check_remains(source, {path, target_path})
    own = [place for file in (path, target_path) for place in word_list_paths(file)]
    common = [file.with_name(name) for file in (path, target_path) for name in COMMON_NAMES]
    return next((place for place in (*own, *common) if place.is_file()), None)


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


def read_word_list(source: Input) -> WordList:
    """Read a word list: in .json a tokenizer, a list or an object from word to row, else text with one word per line.

    Raises FormatError for any other JSON.
    """
    data = source.read().removeprefix(BOM)
    if source.path.suffix.lower() == ".json":
        return _from_json(data, source.path)
    return _in_order(Tokens.lines(data))


def _in_order(tokens: Tokens) -> WordList:
    return WordList(tokens, np.arange(len(tokens)))


def _from_json(data: bytes, path: str | Path) -> WordList:
    parsed = parse_json(data, path, "a word list")
    if isinstance(parsed, dict) and isinstance(model := parsed.get("model"), dict):
        return _by_row(_tokenizer_rows(model.get("vocab"), parsed.get("added_tokens"), path), path)
    if isinstance(parsed, list) and all(isinstance(word, str) for word in parsed):
        return _in_order(Tokens.pack(_encoded(parsed)))
    if isinstance(parsed, dict):
        return _by_row(list(parsed.items()), path)
    raise FormatError(path, "expected a list of words, an object from word to row, or a tokenizer.json")


def _tokenizer_rows(vocab: object, added: object, path: str | Path) -> list[tuple[object, object]]:
    """Return the words and ids of the vocabulary and of the added tokens of a tokenizer.json.

    The vocabulary is an object (WordLevel, BPE, WordPiece) or a list of [token, score] (Unigram):
    https://huggingface.co/docs/tokenizers
    """
    if isinstance(vocab, list) and all(isinstance(pair, list) and pair and isinstance(pair[0], str) for pair in vocab):
        vocab = {pair[0]: row for row, pair in enumerate(vocab)}
    if not isinstance(vocab, dict):
        raise FormatError(path, "a tokenizer without a vocabulary", where="model.vocab")
    if not isinstance(added, list | None):
        raise FormatError(path, f"{shown(added)}, expected a list", where="added_tokens")
    known = dict(vocab)
    for token in added or []:
        if not isinstance(token, dict) or not isinstance(token.get("content"), str) or "id" not in token:
            raise FormatError(path, "an added token has a content and an id", where="added_tokens")
        known[token["content"]] = token["id"]
    return list(known.items())


def _by_row(pairs: list[tuple[object, object]], path: str | Path) -> WordList:
    for word, row in pairs:
        if not isinstance(word, str) or type(row) is not int or not 0 <= row < 1 << 32:
            raise FormatError(path, f"the word {shown(word)} has the row {shown(row)}, expected a whole number from 0")
    checked = cast("list[tuple[str, int]]", pairs)
    checked.sort(key=lambda pair: pair[1])
    tokens = Tokens.pack(_encoded(word for word, _ in checked))
    return WordList(tokens, np.array([row for _, row in checked], np.int64))


def _encoded(words: Iterable[str]) -> list[bytes]:
    """Encode words as UTF-8. Strings of `itos` get back their bytes; other lone surrogates are encoded as WTF-8."""
    return [_encode(word) for word in words]


def _encode(word: str) -> bytes:
    try:
        return word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return word.encode("utf-8", "surrogatepass")
