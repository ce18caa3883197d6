"""Decimal text to float32: the same bits as numpy.float32(float(text)), for any spelling."""

from __future__ import annotations

import struct
from pathlib import Path
from types import ModuleType

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from support.tables import tokens_and_vectors

from embstore.codecs.text import glove
from embstore.core.options import ReadOptions
from embstore.files.input import Input


def rounded(values: list[float]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32)


def assert_read(path: Path, rows: list[list[str]]) -> None:
    """Write rows with their numbers as tokens, read the file, and compare with float() of CPython."""
    path.write_text("".join(f"w{i} {' '.join(row)}\n" for i, row in enumerate(rows)))
    tokens, vectors = tokens_and_vectors(glove.read(Input(path), ReadOptions(dim=len(rows[0]))))
    assert tokens == [f"w{i}".encode() for i in range(len(rows))]
    expected = np.stack([rounded([float(text) for text in row]) for row in rows])
    np.testing.assert_array_equal(vectors.view(np.uint32), expected.view(np.uint32))


def float32s() -> st.SearchStrategy[float]:
    """Any finite float32 with uniformly drawn bits, so that denormals, zeros and extremes are common."""
    numbers = st.integers(0, 2**32 - 1).map(lambda raw: struct.unpack("<f", struct.pack("<I", raw))[0])
    return numbers.filter(lambda value: abs(value) < float("inf"))


def halfway(value: float) -> str:
    """All digits of the number halfway between a float32 and the next one."""
    after = float(np.nextafter(np.float32(value), np.float32(np.inf)))
    return f"{(value + after) / 2 if np.isfinite(after) else value:.60g}"


FORMS = ("%.1g", "%.5g", "%.6g", "%.9g", "%.17g", "%.25g", "%.5f", "%.12f", "%.3e", "%.19e", "%E", "%+.7g", "%016.8f")
DIGITS = st.text("0123456789", max_size=30)
WHOLE = st.text("0123456789", min_size=1, max_size=30)
SIGNS = st.sampled_from(["", "-", "+"])
POWERS = st.just("") | st.builds("{}{}{}".format, st.sampled_from("eE"), SIGNS, st.integers(0, 400))
SPELLINGS = st.one_of(
    st.builds(lambda form, value: str(form % value), st.sampled_from(FORMS), float32s()),
    st.builds(repr, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(repr, float32s()),
    float32s().map(halfway),
    st.builds("{}{}{}".format, SIGNS, WHOLE, POWERS),
    st.builds("{}{}.{}{}".format, SIGNS, WHOLE, DIGITS, POWERS),
    st.builds("{}.{}{}".format, SIGNS, WHOLE, POWERS),
    st.builds("{}{}".format, SIGNS, st.sampled_from(["inf", "Infinity", "INF", "nan", "NaN"])),
)
ROWS = st.integers(1, 4).flatmap(lambda dim: st.lists(st.lists(SPELLINGS, min_size=dim, max_size=dim), min_size=1))


@given(rows=ROWS)
def test_any_spelling_of_any_number(kernel: ModuleType, tmp_path: Path, rows: list[list[str]]) -> None:
    assert_read(tmp_path / "t.txt", rows)


EDGES = [
    "0", "-0", "0.0", "-0.0", "00", "+0", "-.5", ".5", "1.", "-1.", "+.5e-3", "1e5", "1E+5", "1e-5", "007", "-007.50",
    "3.4028235e38", "3.4028236e38", "3.40282356779733642748e38", "3.4028235677973366e38", "3.5e38", "1e39", "-1e39",
    "1e308", "1e309", "1e400", "-1e400", "1e99999", "1e-99999", "0e99999", "0e400", "0e-400", "1e0000000001", "1e-0",
    "1.1754943508222875e-38", "1.1754942e-38", "1e-45", "1.4e-45", "7e-46", "7.006492321624085e-46", "7.1e-46", "1e-46",
    "16777217", "16777219", "33554435", "9007199254740993", "9007199254740992.999", "18446744073709551615",
    "18446744073709551616", "99999999999999999999", "0.1", "0.10000000149011612", "0.100000001490116119384765625",
    "1.00000005960464477539062500000000000000001", "1.000000059604644775390625", "1.0000000596046447753906249999999999",
    "0." + "0" * 300 + "1", "1" + "0" * 300, "0" * 500 + "1.5", "1." + "0" * 500, "123456789012345678901234567890e-20",
    "8.5899349e9", "12345678", "1234567812345678", "0.12345678", "0.1234567812345678", "0.123456781234567812345678",
]  # fmt: skip


def test_the_edges_of_rounding_and_spelling(kernel: ModuleType, tmp_path: Path) -> None:
    assert_read(tmp_path / "t.txt", [[text] for text in EDGES])
    assert_read(tmp_path / "t.txt", [EDGES, EDGES[::-1]])


def test_every_distance_from_the_end_of_the_block(kernel: ModuleType, tmp_path: Path) -> None:
    for size in range(1, 40):
        assert_read(tmp_path / "t.txt", [["1", "0." + "7" * size]])


NOT_NUMBERS = [
    "", "-", "+", ".", "-.", "e5", ".e5", "1e", "1e+", "1e-", "--1", "+-1", "1-", "1.2.3", "1e5.", "1e5e5", "1_000",
    "0x10", "1,5", "1f", "1d5", "infin", "in", "nano", "nan(1)", "\u0663", "\uff11", "1\u00a0", "\u00bd", "1\0",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_other_text_is_refused(kernel: ModuleType, tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.txt"
    path.write_text(f"a 1 2 3\nb 4 {text} 6\n", "utf-8")
    with pytest.raises(ValueError) as caught:
        tokens_and_vectors(glove.read(Input(path), ReadOptions()))
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "\n" not in str(caught.value)


def ends_in_a_number(token: str) -> bool:
    """Return whether a token needs dim=: its last field consists of characters of numbers."""
    _, gap, last = token.replace("\t", " ").rstrip(" ").rpartition(" ")
    return bool(gap) and not last.strip("5.-e")


TOKENS = st.text(st.sampled_from("ab5.-e \t\u0085\u00a0\u2028é\r"), max_size=6).filter(
    lambda token: not ends_in_a_number(token)
)
GAPS = st.sampled_from([" ", "\t", "  ", " \t "])
SHAPES = st.builds(
    "{}1{}-2.5{}3e1{}\n".format, st.sampled_from(" \t"), GAPS, GAPS, st.sampled_from(["", " ", "\r", " \t\r"])
)


@given(lines=st.lists(st.tuples(TOKENS, SHAPES), min_size=1, max_size=6))
def test_tokens_with_anything_in_them(kernel: ModuleType, tmp_path: Path, lines: list[tuple[str, str]]) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(("first 0 0 0\n" + "".join(token + shape for token, shape in lines)).encode())
    tokens, vectors = tokens_and_vectors(glove.read(Input(path), ReadOptions(exact_words=True)))
    assert [token.decode() for token in tokens[1:]] == [token for token, _ in lines]
    assert vectors[1:].tolist() == [[1, -2.5, 30]] * len(lines)
