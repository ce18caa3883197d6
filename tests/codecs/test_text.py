"""Text is cut into blocks and parsed on all cores: where the cuts fall must not show."""

from __future__ import annotations

import gzip
import time
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from support.paths import descriptors_of

import embstore
from embstore.codecs.text import glove, lines
from embstore.codecs.text import reading as text
from embstore.codecs.text.shape import Shape
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_LINE, MAX_TOKEN
from embstore.core.options import ReadOptions
from embstore.files.input import Input

ROWS = st.builds("w{} {} {}".format, st.integers(0, 99), st.integers(-9, 99), st.integers(-9, 99))
ODD = st.sampled_from(
    ["", "  ", "short 1", "long 1 2 3", "bad x 2", "a b 1 2", "é 1e5 -.5", " 1 2", "1 2 3", "x" * 50 + " 1 2"]
)
ENDS = st.sampled_from(["\n", "\r\n", " \n", "\n\n"])
LINES = st.lists(st.tuples(ROWS | ODD, ENDS).map("".join), max_size=40)


def outcome(path: Path, **options: Any) -> Any:
    """Everything that reading tells: tokens, values, findings; or the error, and the rows before it."""
    tokens: list[bytes] = []
    values: list[list[float]] = []
    try:
        source = glove.read(Input(path), ReadOptions(**options))
        for batch in source.batches:
            tokens += batch.tokens.to_bytes()
            values += batch.vectors.tolist()
    except FormatError as error:
        return tokens, values, str(error)
    return tokens, values, sorted(source.findings.messages()), source.dim, source.provenance()


@given(
    drawn=LINES,
    tail=st.sampled_from(["", "last 1 2"]),
    mark=st.booleans(),
    block=st.integers(1, 300),
    on_error=st.sampled_from(["stop", "skip"]),
)
def test_no_size_of_block_shows(
    kernel: ModuleType, tmp_path: Path, drawn: list[str], tail: str, mark: bool, block: int, on_error: str
) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbf" * mark + b"first 0 0\n" * 3 + "".join(drawn).encode() + tail.encode())
    expected = outcome(path, dim=2, on_error=on_error)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "BLOCK", block)
        assert outcome(path, dim=2, on_error=on_error) == expected


def test_lines_are_numbered_through_all_blocks(
    kernel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.txt"
    path.write_text("".join(f"w{i} {i} 2\n" for i in range(1000)) + "\nbad 1\n")
    monkeypatch.setattr(text, "BLOCK", 100)
    with pytest.raises(FormatError) as caught:
        for _ in glove.read(Input(path), ReadOptions()).batches:
            pass
    assert str(caught.value) == (
        f"{path}:1002: 1 number after token 'bad', expected 2 (from line 1); the file may be truncated; "
        "`on_error='skip'` leaves such lines out"
    )
    assert (caught.value.where, caught.value.format, caught.value.path) == ("1002", "glove", str(path))


@pytest.mark.parametrize("block", [100, 1 << 21])
def test_odd_lines_are_counted_and_the_first_of_each_kind_is_named(
    kernel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    path = tmp_path / "t.txt"
    path.write_text("2 2\na 1 2\n\n \t\r\nbad 1\n  b 3 4\n\n\n" + "worse\n\n" * 200)
    monkeypatch.setattr(text, "BLOCK", block)
    tokens, values, findings, *_ = outcome(path, header=True, on_error="skip", limit=None)
    assert isinstance(findings, str)  # since the header counts 2 rows, and lines left out are counted with them
    assert findings.endswith("the header says 2 rows, but 203 follow: the file is cut short or the header is wrong; "
                             "`limit=2` reads the rows it has")  # fmt: skip
    assert (tokens, values) == ([b"a", b"  b"], [[1, 2], [3, 4]])
    path.write_text("a 1 2\n\n \t\r\nbad 1\n  b 3 4\n\n\n" + "worse\n\n" * 200)
    assert outcome(path, on_error="skip")[2] == [
        "empty lines left out: 204, the first line 2",
        "lines that cannot be read left out: 201, the first line 4",
    ]


@pytest.mark.parametrize(("odd", "count"), [("\n", 1_000_000), ("b 3 4\n\n", 30_000), ("bad\n", 30_000)])
def test_many_odd_lines_take_no_more_time_each(kernel: ModuleType, tmp_path: Path, odd: str, count: int) -> None:
    """A second or so; counting from the beginning of the block for each, or copying the rest, took minutes."""
    path, start = tmp_path / "t.txt", time.perf_counter()
    path.write_text("a 1 2\n" + odd * count)
    findings = outcome(path, on_error="skip")[2]
    assert [finding.split(": ")[1] for finding in findings] == [f"{count:,}, the first line {2 + odd.count('b 3')}"]
    assert time.perf_counter() - start < 20


def test_what_is_given_up_is_not_parsed(kernel: ModuleType) -> None:
    done: Future[None] = Future()
    block = lines.Block(bytearray(b"a 1 2\nbad\n" + bytes(text.SLACK)), 0, 10, done)
    cancelled = Event()
    assert lines.parse_block(block, Shape(2, "by dim="), "skip", 0, cancelled).lines == 2
    cancelled.set()
    assert lines.parse_block(block, Shape(2, "by dim="), "skip", 0, cancelled).lines == 0


@pytest.mark.parametrize("max_line", [MAX_LINE, 1 << 14])
def test_lines_that_end_in_carriage_returns(
    kernel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_line: int
) -> None:
    """They are one line, which may be longer than a line may be."""
    monkeypatch.setattr(text, "MAX_LINE", max_line)
    monkeypatch.setattr(text, "BLOCK", 1 << 12)
    path, size = tmp_path / "t.txt", 1000
    path.write_bytes(b"".join(b"word%08d 0.5 1 2\r" % i for i in range(size)))
    assert 1 << 14 < path.stat().st_size < text.BLOCK * 8
    advice = rf"`tr '\r' '\n' < {path} > t.lines.txt` converts them"
    expected = f"{path}:1: lines that end in carriage returns only, expected newlines: {advice}"
    assert outcome(path) == outcome(path, dim=3) == ([], [], expected)
    path.write_bytes(path.read_bytes().replace(b"\r", b"\n"))
    assert len(outcome(path)[0]) == size


def test_carriage_returns_in_tokens_are_theirs(kernel: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    for raw, words in (
        (b"a\rb 1 2\n", [b"a\rb"]),
        (b"a 5\rb 1 2\nc 3 4\n", [b"a 5\rb", b"c"]),
        (b"\r 1 2\n", [b"\r"]),
    ):
        path.write_bytes(raw)
        assert outcome(path)[0] == words


def test_blocks_are_read_a_few_ahead_and_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, told = tmp_path / "t.txt", list[tuple[int, int]]()
    path.write_text("w 1 2\n" * 10_000)
    monkeypatch.setattr(text, "BLOCK", 600)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    source = glove.read(Input(path), ReadOptions(), lambda done, total: told.append((done, total)))
    next(iter(source.batches))
    assert told[-1] == (600 * (text.AHEAD * 2 + 1), 60_000)
    for _ in source.batches:
        pass
    assert told[-1] == (60_000, 60_000)


def test_a_line_longer_than_a_block(kernel: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    numbers = " ".join(map(str, range(300_000)))
    path.write_text(f"wide {numbers}\n{'x' * MAX_TOKEN} {numbers}\n")
    tokens, values, *_ = outcome(path)
    assert tokens == [b"wide", b"x" * MAX_TOKEN]
    assert values == [[float(i) for i in range(300_000)]] * 2


def test_an_endless_line_is_given_up_on_after_the_rows_before_it(tmp_path: Path) -> None:
    path, endless = tmp_path / "t.txt.gz", gzip.compress(bytes(80_000_000), 1)
    path.write_bytes(endless)
    assert outcome(path) == (
        [], [], f"{path}:1: a line of more than 16 MB: not text with one row per line"
    )  # fmt: skip
    path.write_bytes(gzip.compress(b"a 1 2\n\nb 3 4\n") + endless)
    assert outcome(path) == (
        [b"a", b"b"],
        [[1, 2], [3, 4]],
        f"{path}:4: a line of more than 16 MB: not text with one row per line",
    )
    with pytest.warns(embstore.EmbstoreWarning, match="^empty lines left out: 1, the first line 2$"):
        assert len(embstore.open(path, limit=2)) == 2


LONG = "a field of more than 1 MB, the most of a token or a number"
CURE = "; `on_error='skip'` leaves such lines out"


@pytest.mark.parametrize(
    "odd",
    [f"{'x' * (MAX_TOKEN + 1)} 1 2", f"x 1 {'1' * (MAX_TOKEN + 1)}", "7" * 3 * MAX_TOKEN],
    ids=["token", "number", "alone"],
)
def test_a_field_has_a_largest_length(kernel: ModuleType, tmp_path: Path, odd: str) -> None:
    path, row = tmp_path / "t.txt", "a 1 2\n"
    path.write_text(f"{row}{odd}\nb 3 4\n")
    assert outcome(path)[2] == f"{path}:2: {LONG}{CURE}"  # one of the lines that show the shape
    skipped = ["lines that cannot be read left out: 1, the first line "]
    assert outcome(path, on_error="skip")[:3] == ([b"a", b"b"], [[1, 2], [3, 4]], [f"{skipped[0]}2"])
    path.write_text(f"{row * 500_000}{odd}\nb 3 4\n")
    *_, message = outcome(path)
    assert message == f"{path}:500001: {LONG}{CURE}"
    tokens, *_, findings, _, _ = outcome(path, on_error="skip")
    assert (len(tokens), tokens[-1], findings) == (500_001, b"b", [f"{skipped[0]}500001"])


def test_a_token_has_a_largest_length(kernel: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    for size in (MAX_TOKEN, MAX_TOKEN + 2):
        path.write_text(f"a 1 2\n{'x ' * (size // 2 - 1)}xx 1 2\nb 3 4\n")
        expected = f"{path}:2: a token of {size:,} bytes, expected 1,048,576 at most{CURE}"
        assert outcome(path)[2] == ([] if size == MAX_TOKEN else expected)


def test_numbers_of_any_form_up_to_that_length(kernel: ModuleType, tmp_path: Path) -> None:
    path, ones = tmp_path / "t.txt", "1" * 500_000
    path.write_text(f"a 1 2\nb 0.{ones} {ones}e-499999\nc 0{'0' * 500_000}.5 1\n")
    ninth = float(np.float32(1 / 9))
    expected = [[1, 2], [ninth, float(np.float32(10 / 9))], [0.5, 1]]
    assert outcome(path)[:3] == ([b"a", b"b", b"c"], expected, [])


def test_a_file_that_ends_where_a_block_does(
    kernel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"a 1 2\nb 3 4\n")
    for block in (5, 6, 7, 11, 12, 13):
        monkeypatch.setattr(text, "BLOCK", block)
        assert outcome(path)[:3] == ([b"a", b"b"], [[1, 2], [3, 4]], [])


def test_an_error_closes_the_file_and_ends_the_threads(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    for text_ in ("a 1 2\nb 3\n", "no numbers\n"):
        path.write_text(text_)
        with pytest.raises(FormatError) as caught:
            embstore.open(path)
        assert descriptors_of(path) == 0, caught.value  # while somebody holds the traceback
