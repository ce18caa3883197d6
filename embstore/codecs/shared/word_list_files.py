"""The words of a matrix that has none inside: found, read and counted; and written beside it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np

from embstore.codecs.shared.word_list import WordList, behind_link, own_words, read_words, words_beside
from embstore.core.batch import Tokens
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions
from embstore.files.atomic import Together, write_all
from embstore.files.input import Input

MARK = b"\xef\xbb\xbf"


def words_for(source: Input, options: ReadOptions, count: int, name: str) -> WordList:
    """Return the words of `count` rows, from ``vocab=`` or from beside the file.

    Raises
    ------
    FormatError
        Where there are none, or where they are not as many as the rows; an object from word to row may leave
        rows out.
    """
    place = Path(options.vocab) if options.vocab else words_beside(source.path, f"{count:,} rows", name)
    file, suffix = source.beside(place), place.suffix.lower()
    words = _from_tsv(file, count) if suffix == ".tsv" else read_words(file)
    listed = suffix != ".json" or file.head(99).lstrip(MARK + b" \t\r\n").startswith(b"[")
    return fitting(words, count, source.path, place, name, listed=listed)


def fitting(
    words: WordList, count: int, path: str | Path, place: str | Path, name: str, *, listed: bool = True
) -> WordList:
    """Return the words if they fit `count` rows; FormatError otherwise.

    Parameters
    ----------
    place
        Where they came from.
    listed
        Whether they came one for each row, rather than each with its row.
    """
    beyond = int(words.rows[-1]) if len(words.rows) else -1
    if listed and len(words.tokens) != count:
        reason = (
            f"{count:,} rows, but {len(words.tokens):,} words in {place}; a JSON object from word to row may skip rows"
        )
        raise FormatError(path, reason, format=name)
    if beyond >= count:
        raise FormatError(path, f"{count:,} rows, but a word has row {beyond:,} in {place}", format=name)
    return words


def _from_tsv(source: Input, count: int) -> WordList:
    """Read the first column; a header stands above it if there is a line more than rows."""
    lines = read_words(source).tokens.to_bytes()
    words = Tokens.pack(line.partition(b"\t")[0] for line in lines[len(lines) == count + 1 :])
    return WordList(words, np.arange(len(words)))


class WordsBeside:
    """The words of a file being written, for ``<stem>.vocab.txt``, or ``.vocab.json`` where one holds a line break.

    Parameters
    ----------
    path
        The file that they are for; of a link, the one that it leads to is replaced, and has its words beside it.

    Raises
    ------
    FileExistsError
        Where words lie there that belong to no file, which nobody allowed to replace; or a folder.
    """

    def __init__(self, path: str | Path, name: str) -> None:
        self.path, self.name = behind_link(Path(path)), name
        self.text, self.json = own_words(self.path)
        self._beside_link = [] if self.path == Path(path) else own_words(Path(path))
        for place in (self.text, self.json, *self._beside_link):
            if place.exists() and not (self.path.exists() and place.is_file()):
                raise FileExistsError(f"{place}: exists already, and would be taken for the words of {path}: move it")
        self._tokens: list[Tokens] = []

    def add(self, tokens: Tokens) -> None:
        """Take the words of the next rows."""
        self._tokens.append(tokens)

    def write(self, together: Together) -> None:
        """Write the words of all rows, one at least, to appear together with the file that they are for."""
        words = [word for tokens in self._tokens for word in tokens.to_bytes()]
        as_text = not any(b"\n" in word or b"\r" in word for word in words) and not words[0].startswith(MARK)
        place, other = (self.text, self.json) if as_text else (self.json, self.text)
        data = b"".join(word + b"\n" for word in words) if as_text else self._as_json(words)
        write_all(together.new(place), data)
        for old in (other, *self._beside_link):  # words of the file that is replaced
            together.drop(old)

    def _as_json(self, words: list[bytes]) -> bytes:
        for word in words:
            with contextlib.suppress(UnicodeDecodeError):
                text = word.decode("utf-8", "surrogatepass")
                if text.isascii() or json.loads(json.dumps(text)) == text:  # two lone surrogates may become one letter
                    continue
            shown = word[:60].decode("utf-8", "backslashreplace")
            reason = (
                f"the token {shown!r} is not UTF-8, and another holds a line break: word2vec-bin or a store keeps both"
            )
            raise FormatError(self.path, reason, format=self.name)
        return json.dumps([word.decode("utf-8", "surrogatepass") for word in words]).encode("ascii")
