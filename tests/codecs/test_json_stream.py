"""JSON that is parsed member by member, in blocks of any size, is what `json.loads` makes of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embstore.codecs.tables import json_stream
from embstore.files.input import Input
from embstore.files.stream import Stream

NUMBERS = st.integers() | st.floats() | st.just(-0.0) | st.just(10**400)
LISTS = st.lists(NUMBERS, max_size=4)
TEXTS = st.text('aé"\\\n\U0001f600\ud800[{,', max_size=5)
VALUES = st.dictionaries(TEXTS, LISTS, max_size=5) | st.lists(st.tuples(TEXTS, LISTS), max_size=5)
EDITS = st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["", *',]}["1\\: '])), max_size=2)


def expected(text: str) -> Any:
    """What json.loads makes of a text; None if it refuses it."""
    try:
        return json.loads(text, parse_int=float)
    except ValueError:
        return None


def found(path: Path) -> Any:
    """The value of a file that is parsed member by member; None if it is refused."""
    try:
        with Stream(Input(path)) as stream:
            parsed = json_stream.JsonStream(stream)
            if parsed.opening not in ("{", "["):
                return None
            members = list(parsed.members())
            return dict(members) if parsed.opening == "{" else [value for _, value in members]
    except ValueError:
        return None


@settings(max_examples=300)
@given(VALUES, EDITS, st.booleans(), st.sampled_from([None, 1]), st.integers(1, 40))
def test_any_text_is_parsed_or_refused_as_by_json(
    tmp_path_factory: pytest.TempPathFactory,
    value: Any,
    edits: list[tuple[int, str]],
    in_ascii: bool,
    indent: int | None,
    block: int,
) -> None:
    text = json.dumps(value, ensure_ascii=in_ascii, indent=indent)
    for place, piece in edits:  # an empty piece stands for a character that is lost
        place %= len(text)
        text = text[:place] + piece + text[place + (not piece) :] or " "
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    path = tmp_path_factory.mktemp("any") / "t.json"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "BLOCK", block)
        read = found(path)
    told = expected(text)
    assert repr(read) == repr(told if isinstance(told, dict | list) else None)


def test_a_member_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"a": [1], "b' + "x" * (40 << 20))
    with Stream(Input(path)) as stream, pytest.raises(json_stream.TooLongError) as caught:
        list(json_stream.JsonStream(stream).members())
    assert str(caught.value) == "a member of more than 16 MB, or a quote that is never closed"


def test_rows_stream(tmp_path: Path) -> None:
    """No more than about two blocks are parsed before the first member is given out."""
    path = tmp_path / "t.json"
    path.write_text("{" + ",".join(f'"w{row}": [{math.pi}]' for row in range(300_000)) + "}")
    with Stream(Input(path)) as stream:
        assert next(json_stream.JsonStream(stream).members()) == ("w0", [math.pi])
        assert stream.position <= 2 << 20 < path.stat().st_size
