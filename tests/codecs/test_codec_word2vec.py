"""word2vec text: the header that is written, and what would not read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.tables import source

import embstore
from embstore.codecs.shared import counted
from embstore.codecs.text import word2vec as codec
from embstore.codecs.word2vec_bin import word2vec_bin
from embstore.core.batch import Source


def quarters(words: list[str], rows: int | None = None, step: int = 2) -> Source:
    """Words with one number each, a quarter of their row's."""
    return source(words, np.arange(len(words), dtype=np.float32)[:, np.newaxis] % 500 / 4, step, rows=rows)


@pytest.mark.parametrize("guess", [None, 0, 9, 10, 100, 12345])
@pytest.mark.parametrize("count", [1, 9, 10, 123])
def test_the_header_is_right_whatever_was_guessed(tmp_path: Path, count: int, guess: int | None) -> None:
    words = [f"w{i}" for i in range(count)]
    codec.write(tmp_path / "t.vec", quarters(words, guess))
    lines = "".join(f"{word} {i / 4:g}\n" for i, word in enumerate(words))
    assert (tmp_path / "t.vec").read_text() == f"{count} 1\n{lines}"


@pytest.mark.parametrize("module", [codec, word2vec_bin])
@pytest.mark.parametrize("guess", [7, 123456789])
def test_a_file_of_many_blocks_moves_behind_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, guess: int
) -> None:
    monkeypatch.setattr(counted, "BLOCK", 1 << 12)
    words = [f"word{i}" for i in range(2_500)]
    for name, rows in (("guessed", guess), ("known", 2_500)):
        module.write(tmp_path / name, quarters(words, rows, 1_000))  # type: ignore[attr-defined]
    assert (tmp_path / "guessed").stat().st_size > 2 * counted.BLOCK
    assert (tmp_path / "guessed").read_bytes() == (tmp_path / "known").read_bytes()


def test_dropped_rows_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a 1 2\nb 3 4\na 5 6\n")
    with pytest.warns(embstore.EmbstoreWarning, match="^repeated tokens: 1"):
        embstore.convert(tmp_path / "t.txt", tmp_path / "t.vec")
    assert (tmp_path / "t.vec").read_text() == "2 2\na 1 2\nb 3 4\n"


def test_the_numbers_of_a_token_are_told_from_those_of_the_row(tmp_path: Path) -> None:
    words = ["at 5", "x", *(f"at {i}" for i in range(6, 200))]
    codec.write(tmp_path / "t.vec", quarters(words))
    assert list(embstore.open(tmp_path / "t.vec").itos) == words


@pytest.mark.parametrize("count", [1, 98, 99, 300])
def test_tokens_that_all_end_in_numbers_are_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(embstore.FormatError) as caught:
        codec.write(tmp_path / "t.vec", quarters([f"at {i}" for i in range(count)]))
    reason = (
        "all tokens end in a number, so the header would be rejected on reading; word2vec-bin or a store keeps them"
    )
    assert str(caught.value) == f"{tmp_path}/t.vec: {reason}"
    assert not list(tmp_path.iterdir())


def test_limit_stops_before_the_rows_are_counted(tmp_path: Path) -> None:
    (tmp_path / "t.vec").write_text("9 2\na 1 2\nb 3 4\n")
    assert list(embstore.open(tmp_path / "t.vec", limit=1).itos) == ["a"]
