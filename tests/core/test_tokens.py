"""Packed tokens, against lists of bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embstore.core.batch import Tokens

WORDS = st.lists(st.binary(max_size=4), max_size=9)


@given(words=WORDS, data=st.data())
def test_taking_and_slicing_work_as_for_a_list(words: list[bytes], data: st.DataObject) -> None:
    tokens = Tokens.pack(words)
    assert tokens.to_bytes() == words
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words))), bool)
    assert tokens.take(mask).to_bytes() == [word for word, kept in zip(words, mask, strict=True) if kept]
    places = data.draw(st.lists(st.integers(0, len(words) - 1), max_size=9)) if words else []
    assert tokens.take(np.array(places, np.int64)).to_bytes() == [words[place] for place in places]
    start, stop = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9))
    assert tokens[start:stop].to_bytes() == words[start:stop]


@given(
    st.lists(st.sampled_from([b"a", b"\xc3\xa9", b"\r", b"\n", b"\r\n", b"\x0b", b"\xc2\x85"]), max_size=9).map(
        b"".join
    )
)
def test_lines_are_those_between_newlines(text: bytes) -> None:
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if all(line.endswith(b"\r") for line in lines):
        lines = [line[:-1] for line in lines]
    assert Tokens.lines(text).to_bytes() == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\r\nb\n", [b"a\r", b"b"]),
        (b"\r\n\r\n", [b"", b""]),
        (b"a\rb\n", [b"a\rb"]),
    ],
)
def test_lines(text: bytes, lines: list[bytes]) -> None:
    assert Tokens.lines(text).to_bytes() == lines
