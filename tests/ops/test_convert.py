"""`convert`: which rows are written, the report, and that failures leave no partial file."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.tables import Rows, rows_by_word

import embstore
from embstore.core.errors import EmbstoreError, EmbstoreWarning, FormatError, UnknownFormatError

TEXT = b"the 1 2\nof 3 4\nthe 5 6\nto nan 8\nbad\n"


def rows_in(path: Path) -> Rows:
    with embstore.open(path) as store:
        return rows_by_word(store)


def test_the_report_counts_everything(kernel: ModuleType, tmp_path: Path) -> None:
    text_path, target = tmp_path / "t.txt", tmp_path / "s.safetensors"
    text_path.write_bytes(TEXT)
    with pytest.warns(EmbstoreWarning) as caught:
        report = embstore.convert(text_path, target, on_error="skip")
    assert (report.source, report.target) == (str(text_path), str(target))
    assert (report.rows, report.dim, report.dtype) == (3, 2, "float32")
    assert (report.duplicates, report.skipped, report.nonfinite) == (1, 1, 1)
    assert report.bytes == target.stat().st_size
    assert 0 < report.seconds < 60
    assert sorted(str(warning.message) for warning in caught) == sorted(report.findings) == [
        "lines that cannot be read left out: 1, the first line 5",
        "repeated tokens: 1, the first 'the'",
        "rows with NaN, Inf or a value beyond the dtype: 1, the first 'to'",
    ]  # fmt: skip


def test_no_findings_give_no_warning(text_path: Path, tmp_path: Path) -> None:
    report = embstore.convert(text_path, tmp_path / "s.safetensors")
    assert (report.rows, report.findings) == (3, [])


CHANGES: list[tuple[dict[str, Any], Rows]] = [
    ({"limit": 2}, {"the": [1, 2], "of": [3, 4]}),
    ({"vocab_only": ["to", "the", "x"]}, {"the": [1, 2], "to": [5, 6]}),
    ({"vocab_only": ["to", "the"], "limit": 1}, {"the": [1, 2]}),
    ({"normalize": True, "limit": 1, "dtype": "float16"}, {"the": [0.447265625, 0.89453125]}),
    ({"dtype": "bfloat16"}, {"the": [1, 2], "of": [3, 4], "to": [5, 6]}),
]


@pytest.mark.parametrize(("options", "expected"), CHANGES)
def test_selected_rows_and_dtype(text_path: Path, tmp_path: Path, options: Any, expected: Rows) -> None:
    report = embstore.convert(text_path, tmp_path / "s.safetensors", **options)
    assert rows_in(tmp_path / "s.safetensors") == expected
    assert report.rows == len(expected)
    assert report.dtype == options.get("dtype", "float32")


@pytest.mark.filterwarnings("ignore:mine. carriage returns after words:embstore.EmbstoreWarning")
@pytest.mark.parametrize("raw", [b"to\nthe\n", b"to\r\nthe", b"\nthe\n\nto\n"])
def test_vocab_only_from_a_file(text_path: Path, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "mine").write_bytes(raw)
    embstore.convert(text_path, tmp_path / "s.safetensors", vocab_only=tmp_path / "mine")
    assert list(rows_in(tmp_path / "s.safetensors")) == ["the", "to"]


def test_a_store_to_a_store_keeps_every_bit(kernel: ModuleType, text_path: Path, tmp_path: Path) -> None:
    embstore.convert(text_path, tmp_path / "a.safetensors", dtype="float16")
    report = embstore.convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert report.dtype == "float16"
    assert rows_in(tmp_path / "b.safetensors") == rows_in(tmp_path / "a.safetensors")
    one, two = embstore.open(tmp_path / "a.safetensors"), embstore.open(tmp_path / "b.safetensors")
    key = "embstore.sha256.embedding.weight"
    assert two.metadata[key] == one.metadata[key] == two.metadata["embstore.source.sha256"]


def test_conversion_in_place(text_path: Path, tmp_path: Path) -> None:
    store = tmp_path / "a.safetensors"
    embstore.convert(text_path, store)
    embstore.convert(store, store, limit=1, overwrite=True)
    assert rows_in(store) == {"the": [1, 2]}


def test_options_are_noted_in_the_store(text_path: Path, tmp_path: Path) -> None:
    embstore.convert(text_path, tmp_path / "s.safetensors", limit=2, dim=2)
    metadata = embstore.open(tmp_path / "s.safetensors").metadata
    assert metadata["embstore.source.options"] == "dim=2, limit=2"
    assert "embstore.source.sha256" in metadata


def test_progress_counts_bytes(text_path: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    embstore.convert(text_path, tmp_path / "s.safetensors", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (text_path.stat().st_size, text_path.stat().st_size)


def test_an_error_in_progress_stops_the_conversion(text_path: Path, tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embstore.convert(text_path, tmp_path / "s.safetensors", progress=fail)
    assert list(tmp_path.iterdir()) == [text_path]


def test_an_existing_target_needs_overwrite(text_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "s.safetensors"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError) as caught:
        embstore.convert(text_path, target)
    assert str(caught.value) == f"{target}: exists already; `overwrite=True` replaces it"
    assert target.read_bytes() == b"old"
    embstore.convert(text_path, target, overwrite=True)
    assert len(rows_in(target)) == 3


@pytest.mark.parametrize("duplicates", ["first", "last", "error"])
def test_damaged_text_leaves_the_existing_target(tmp_path: Path, duplicates: Any) -> None:
    text_path, target = tmp_path / "t.txt", tmp_path / "s.safetensors"
    text_path.write_bytes(TEXT)
    target.write_bytes(b"old")
    with warnings.catch_warnings(), pytest.raises(FormatError):
        embstore.convert(text_path, target, overwrite=True, duplicates=duplicates)
    assert target.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [target, text_path]


def test_duplicates_last_needs_a_store(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"the 1 2\n")
    with pytest.raises(FormatError) as caught:
        embstore.convert(tmp_path / "t.txt", tmp_path / "b.txt", duplicates="last")
    reason = "glove cannot keep the last row of a repeated token: convert to a store (.safetensors) first"
    assert str(caught.value) == f"{tmp_path / 'b.txt'}: {reason}"
    assert not (tmp_path / "b.txt").exists()


def test_wrong_names_of_formats_and_files(text_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^no format 'glvoe'; the formats are store, "):
        embstore.convert(text_path, tmp_path / "s.safetensors", format="glvoe")
    with pytest.raises(ValueError, match=r"^no format 'glvoe'; the formats are store, "):
        embstore.convert(text_path, tmp_path / "s.safetensors", to="glvoe")
    with pytest.raises(
        UnknownFormatError, match=r"no format that can be written has the suffix '\.xyz'; `to=` names one, as do "
    ):
        embstore.convert(text_path, tmp_path / "s.xyz")
    with pytest.raises(FileNotFoundError):
        embstore.convert(tmp_path / "missing.txt", tmp_path / "s.safetensors")
    with pytest.raises(FormatError, match="a folder that is not known as a table: name one of its files"):
        embstore.convert(tmp_path, tmp_path / "s.safetensors")
    with pytest.raises(EmbstoreError, match="a folder, which is never replaced: name a file"):
        embstore.convert(text_path, tmp_path, overwrite=True)
    with pytest.raises(TypeError):
        embstore.convert(text_path, tmp_path / "s.safetensors", dimension=3)  # type: ignore[call-arg]
    assert list(tmp_path.iterdir()) == [text_path]
