"""The members of a JSON object, or the items of a list, one after the other: no more of a file is in memory at once."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator

from embstore.core.limits import MAX_LINE
from embstore.files.stream import Stream

BLOCK = 1 << 20
LONGEST = 16  # characters before the end that a text which ends too early may be refused at: \\ud83d\\ude00, -Infinity
WHITE = " \t\r\n"
CLOSING = {"{": "}", "[": "]"}


class TooLongError(ValueError):
    """A member of more than `MAX_LINE` characters."""


def distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object; ValueError if it has a key twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key appears twice in one object, so its value is ambiguous")
    return made


class JsonStream:
    """Parses the value of a stream, an object or a list, member by member.

    Every error of the text is a ValueError.

    Attributes
    ----------
    opening
        The first character that is not white: ``{`` for an object, ``[`` for a list.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream, self._decode = stream, codecs.getincrementaldecoder("utf-8-sig")().decode
        self._parse = json.JSONDecoder(object_pairs_hook=distinct, parse_int=float).raw_decode  # of any length, signed
        self._text, self._place, self._before, self._ended = "", 0, 0, False
        self.opening = self._peek()

    def members(self) -> Iterator[tuple[str, object]]:
        """Yield the keys and values of the object; the keys of a list are empty."""
        closing = CLOSING.get(self.opening, "")
        self._place += 1
        last = self._peek() == closing
        self._place += last
        while not last:
            key = ""
            if closing == "}":
                key = self._key()
            yield key, self._value()
            last = self._expect(f",{closing}") == closing
            self._place += 1
        if self._peek():
            raise self._error("Extra data", self._place)

    def _key(self) -> str:
        self._expect('"')
        key = self._value()
        self._expect(":")
        self._place += 1
        return str(key)

    def _expect(self, characters: str) -> str:
        """Return the next character that is not white, one of these; ValueError for another."""
        found = self._peek()
        if not found or found not in characters:
            names = " or ".join(repr(character) for character in characters)
            raise self._error(f"Expecting {names}", self._place)
        return found

    def _peek(self) -> str:
        """Return the next character that is not white, without taking it; empty at the end."""
        while True:
            rest = len(self._text)
            while self._place < rest and self._text[self._place] in WHITE:
                self._place += 1
            if self._place < rest or self._ended:
                return self._text[self._place : self._place + 1]
            self._read(BLOCK)

    def _read(self, size: int) -> None:
        """Read more of the text, and forget what was parsed."""
        block = bytearray(size)
        filled = self._stream.fill(memoryview(block))
        self._ended = filled < size
        try:
            more = self._decode(bytes(memoryview(block)[:filled]), self._ended)
        except UnicodeDecodeError as error:
            raise ValueError(f"not JSON: bytes that are not UTF-8: {error.reason}") from None
        self._before += self._place
        self._text, self._place = self._text[self._place :] + more, 0

    def _value(self) -> object:
        """Parse the next value; where the text ends too early, with twice as much of it."""
        self._peek()
        while True:
            try:
                value, end = self._parse(self._text, self._place)
                if end < len(self._text) or self._ended:  # else it may be a number that goes on
                    self._place = end
                    return value
            except json.JSONDecodeError as error:
                in_the_middle = error.pos < len(self._text) - LONGEST and not error.msg.startswith("Unterminated")
                if self._ended or in_the_middle:
                    raise self._error(error.msg, error.pos) from None
            except RecursionError:
                raise ValueError("nested too deeply to be a word and a list of numbers") from None
            left = len(self._text) - self._place
            if left > MAX_LINE:
                raise TooLongError(f"a member of more than {MAX_LINE >> 20} MB, or a quote that is never closed")
            self._read(max(BLOCK, left))

    def _error(self, message: str, place: int) -> ValueError:
        return ValueError(f"not JSON: {message.removesuffix(' at')} at character {self._before + place:,}")
