"""Text is cut into blocks and parsed on all cores: where the cuts fall must not show."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from embstore.batch import ReadOptions
from embstore.codecs import glove, text
from embstore.errors import FormatError

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
        source = glove.read(path, ReadOptions(**options))
        for batch in source.batches:
            tokens += batch.tokens.to_bytes()
            values += batch.vectors.tolist()
    except FormatError as error:
        return tokens, values, str(error)
    return tokens, values, sorted(source.findings.messages()), source.dim, source.provenance()


@given(
    lines=LINES,
    tail=st.sampled_from(["", "last 1 2"]),
    mark=st.booleans(),
    block=st.integers(1, 300),
    on_error=st.sampled_from(["stop", "skip"]),
)
def test_no_size_of_block_shows(
    kernel: ModuleType, tmp_path: Path, lines: list[str], tail: str, mark: bool, block: int, on_error: str
) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbf" * mark + b"first 0 0\n" * 3 + "".join(lines).encode() + tail.encode())
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
        for _ in glove.read(path, ReadOptions()).batches:
            pass
    assert str(caught.value) == (
        f"{path}:1002: 1 number after token 'bad', expected 2 (from line 1); the file may be truncated; "
        "--on-error skip leaves such lines out"
    )
    assert (caught.value.where, caught.value.format, caught.value.path) == ("1002", "glove", str(path))


def test_blocks_are_read_a_few_ahead_and_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, told = tmp_path / "t.txt", list[tuple[int, int]]()
    path.write_text("w 1 2\n" * 10_000)
    monkeypatch.setattr(text, "BLOCK", 600)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    source = glove.read(path, ReadOptions(), lambda done, total: told.append((done, total)))
    next(iter(source.batches))
    assert told[-1] == (600 * (text.AHEAD * 2 + 1), 60_000)
    for _ in source.batches:
        pass
    assert told[-1] == (60_000, 60_000)


def test_a_line_longer_than_a_block(kernel: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    numbers = " ".join(map(str, range(300_000)))
    path.write_text(f"wide {numbers}\n{'x' * 3_000_000} {numbers}\n")
    tokens, values, *_ = outcome(path)
    assert tokens == [b"wide", b"x" * 3_000_000]
    assert values == [[float(i) for i in range(300_000)]] * 2


def test_an_endless_line_is_given_up_on(tmp_path: Path) -> None:
    path = tmp_path / "t.txt.gz"
    path.write_bytes(gzip.compress(bytes(80_000_000), 1))
    assert outcome(path) == ([], [], f"{path}: a line of more than 16 MB: not text of one row a line")


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
    path.write_text("a 1 2\nb 3\n")
    with pytest.raises(FormatError):
        list(glove.read(path, ReadOptions()).batches)
    path.write_text("no numbers\n")
    with pytest.raises(FormatError):
        glove.read(path, ReadOptions())  # a file left open would warn, and a warning is an error here
