"""Regular expressions: each is collected from the source, and takes linear time on whatever it is given."""

from __future__ import annotations

import re

import pytest
from support.bounded import run_bounded
from support.patterns import collect, collect_embstore

CHILD = """
import json
from support.bounded import each_in_time
from support.patterns import calls, collect_embstore
print(json.dumps(each_in_time(call for found in collect_embstore().patterns for call in calls(found))))
"""


def test_no_pattern_escapes_the_collection() -> None:
    collected = collect_embstore()
    assert collected.escaped == []
    places = {found.place.rpartition(":")[0] for found in collected.patterns}
    assert {"embstore.codecs.shared.line", "embstore.words.endings.hash", "embstore.core._native"} <= places


NEW = "A = re.compile(rb'a+', re.IGNORECASE)\nA.search(b'')\nmap(A.fullmatch, [])\nre.sub('b', '', 'c')\n"


@pytest.mark.parametrize(
    ("source", "escaped"),
    [
        (NEW, []),
        ("A = re.compile(x)", ["m:2: re.compile"]),
        ("re.match('a' + b, c)", ["m:2: re.match"]),
        ("re.match(f'a{b}', c)", ["m:2: re.match"]),
        ("A = re.compile('a')", ["m:2: never used"]),
        ("A = re.compile('a')\nf(A)", ["m:3: A is used as a value", "m:2: never used"]),
        ("A = re.compile('a')\nA.scanner('a')", ["m:3: A is used as a value", "m:2: never used"]),
        ("f(re)", ["m:2: re"]),
        ("from re import match", ["m:2: imports re"]),
        ("import re as r", ["m:2: imports re"]),
        ("import fnmatch", ["m:2: imports fnmatch"]),
    ],
)
def test_what_escapes_the_collection_is_found(source: str, escaped: list[str]) -> None:
    assert collect({"m": f"import re\n{source}"}).escaped == escaped


def test_patterns_are_found_with_their_methods_and_flags() -> None:
    first, second = collect({"m": f"import re\n{NEW}", "n": "from m import A\nA.split(b'')"}).patterns
    assert (first.pattern.pattern, first.methods) == (b"a+", {"search", "fullmatch", "split"})
    assert first.pattern.flags & re.IGNORECASE
    assert (second.pattern.pattern, second.methods) == ("b", {"sub"})


def test_no_pattern_takes_more_than_linear_time() -> None:
    assert run_bounded(CHILD) > 10_000
