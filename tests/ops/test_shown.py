"""How results look: one line, printed text, and a table in a notebook, in which words are escaped."""

from __future__ import annotations

from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tables import saved

import embstore
from embstore.ops.difference import Difference
from embstore.ops.report import Report

EVIL = "<script>alert('x')</script>&\n\x1b[31m"


class Cells(HTMLParser):
    """The tags and the cells of a table, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = [[]]
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert attrs == []
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td", "p"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.rows[-1][-1] += data


def cells(shown: Any) -> list[list[str]]:
    found = Cells(shown._repr_html_())
    assert found.tags == {"p", "table", "tr", "th", "td"}
    return found.rows


@pytest.fixture
def difference(tmp_path: Path) -> Difference:
    first = saved(tmp_path / "a.safetensors", ["the", EVIL], np.array([[1, 2], [3, 4]], np.float32))
    second = saved(tmp_path / "b.safetensors", ["frog", "the"], np.array([[1, 2], [1, 2.5]], np.float32))
    return embstore.compare(first, second)


def test_coverage() -> None:
    counts = {"the": 3, "Cat": 1, EVIL: 2, "qzxv": 1}
    found = embstore.coverage(embstore.Vocabulary(["the", "cat"]), counts, oov="lower,zero")
    assert repr(found) == "<Coverage of 7 words: 42.86% known, 42.86% missing>"
    evil = f"most frequent missing: {EVIL!r}"
    assert str(found).split("\n") == [
        "Coverage of 7 words: 42.86% known, 42.86% missing",
        f"{'':{len(evil)}}  words       distinct words",
        f"{'known':{len(evil)}}  3 (42.86%)  1 (25.00%)",
        f"{'lower':{len(evil)}}  1 (14.29%)  1 (25.00%)",
        f"{'missing: zero':{len(evil)}}  3 (42.86%)  2 (50.00%)",
        f"{'total':{len(evil)}}  7           4",
        f"{evil}  2",
        "most frequent missing: 'qzxv'".ljust(len(evil)) + "  1",
    ]
    assert cells(found) == [
        ["Coverage of 7 words: 42.86% known, 42.86% missing"],
        ["", "words", "distinct words"],
        ["known", "3 (42.86%)", "1 (25.00%)"],
        ["lower", "1 (14.29%)", "1 (25.00%)"],
        ["missing: zero", "3 (42.86%)", "2 (50.00%)"],
        ["total", "7", "4"],
        [evil, "2", ""],
        ["most frequent missing: 'qzxv'", "1", ""],
    ]
    assert repr(embstore.coverage(embstore.Vocabulary(), [])) == "<Coverage of 0 words: 0.00% known, 0.00% missing>"


def test_difference(difference: Difference) -> None:
    title = "Difference of two tables: 1 of 1 common words differ, 1 only in the first, 1 only in the second"
    assert repr(difference) == f"<{title}>"
    rows = [
        ["first", "2 x 2 float32"],
        ["second", "2 x 2 float32"],
        ["only in the first", f"1: {EVIL!r}"],
        ["only in the second", "1: 'frog'"],
        ["in both", "1, 1 at another row"],
        ["different", "1"],
        ["largest difference", "0.5 at 'the', dimension 1"],
        ["cosine", "mean 0.99654576, worst 0.99654576 at 'the'"],
    ]
    assert cells(difference) == [[title], *rows]
    assert str(difference).split("\n") == [title, *(f"{name:18}  {text}" for name, text in rows)]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "equal to the last bit"),
        ({"bit_equal": False}, "equal"),
        ({"bit_equal": False, "only_second": 1234}, "1,234 only in the second"),
        ({"bit_equal": False, "dims": (2, 3), "common": 0}, "different"),
    ],
)
def test_verdicts(tmp_path: Path, changes: Any, verdict: str) -> None:
    path = saved(tmp_path / "a.safetensors", ["the"], np.ones((1, 2), np.float32))
    found = replace(embstore.compare(path, path), **changes)
    assert repr(found) == f"<Difference of two tables: {verdict}>"


def test_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("<b>.txt").write_text("the 1 2\nfrog 3 4\nthe 5 6\nnan nan 1\n")
    with pytest.warns(embstore.EmbstoreWarning):
        report = embstore.convert(
            "<b>.txt", "&.safetensors", vocab_only=["the", "nan", "qzxv"], order="words", oov="zero"
        )
    report = replace(report, seconds=1.5)
    assert repr(report) == "<Report of &.safetensors: 3 x 2 float32>"
    size = Path("&.safetensors").stat().st_size
    rows = [
        ["source", "<b>.txt"],
        ["target", "&.safetensors"],
        ["rows", "3 x 2 float32"],
        ["size", f"{size / 1000:.1f} kB"],
        ["time", "1.50 s"],
        ["repeated tokens", "1"],
        ["rows with NaN or Inf", "1"],
        ["words found", "2 of 3"],
        ["words missing", "1: 'qzxv'"],
        ["filled by zero", "1"],
        *(["finding", sentence] for sentence in report.findings),
    ]
    assert len(report.findings) == 2
    assert cells(report) == [["Report of &.safetensors: 3 x 2 float32"], *rows]
    width = len("rows with NaN or Inf")
    assert str(report).split("\n")[1:] == [f"{name:{width}}  {text}" for name, text in rows]


def test_results_stay_what_they_were(difference: Difference) -> None:
    report = Report("a", "b", 1, 2, "float32", 0, 0, 0, 0.0, 12)
    assert replace(report, rows=2) == Report("a", "b", 2, 2, "float32", 0, 0, 0, 0.0, 12)
    assert asdict(difference)["rows"] == (2, 2)
    assert str(report).split("\n")[-2:] == ["size    12 bytes", "time    0.00 s"]
    assert not hasattr(report, "__dict__")
