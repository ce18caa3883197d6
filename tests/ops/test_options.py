"""Reading options: those that a format does not support are errors, as are invalid values."""

from __future__ import annotations

import inspect
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.codecs import codecs_that

import embstore
from embstore.cli.main import COMMANDS, main
from embstore.codecs.registry.table import CODECS, COMMON_OPTIONS, Codec
from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.options import Reading, ReadOptions
from embstore.ops.convert import ConvertOptions
from embstore.ops.read import FileReading

READING = codecs_that(lambda codec: codec.reads)
VALUES: dict[str, Any] = {
    "vocab": "words.txt", "key": "name", "member": "a.txt", "dim": 3, "header": False, "on_error": "skip",
    "word_column": 2, "exact_words": True,
}  # fmt: skip
OTHERS: list[Callable[..., Any]] = [
    embstore.open,
    lambda path, **options: embstore.convert(path, path.with_name("out.safetensors"), **options),
]


def test_each_option_is_supported_by_a_format() -> None:
    used = {name for codec in CODECS.values() for name in codec.options}
    assert used == VALUES.keys()
    assert used | set(COMMON_OPTIONS) == set(ReadOptions.__slots__)


def test_typed_keywords_are_those_of_the_functions() -> None:
    keywords = [p.name for p in inspect.signature(embstore.convert).parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert list(Reading.__annotations__) == list(ReadOptions.__slots__)
    assert [name for name in Reading.__annotations__ if name not in keywords] == list(FileReading.__annotations__)
    assert set(ConvertOptions.__annotations__) == {*FileReading.__annotations__, *keywords}


def expected(codec: Codec, path: Path, name: str) -> str:
    supported = ", ".join([*codec.options, "limit", "dtype"])
    return f"{path}: {codec.name} does not support the option {name}; supported: {supported}"


@pytest.mark.parametrize("run", OTHERS, ids=["open", "convert"])
@pytest.mark.parametrize("codec", READING)
def test_unsupported_options_are_refused_before_anything_is_read(codec: Codec, run: Any, tmp_path: Path) -> None:
    path = tmp_path / "missing"
    for name, value in VALUES.items():
        with pytest.raises((EmbstoreError, OSError)) as caught:
            run(path, format=codec.name, **{name: value})
        if name in codec.options:
            assert "does not support" not in str(caught.value)
        else:
            assert type(caught.value) is FormatError
            assert str(caught.value) == expected(codec, path, name)


def test_message_for_an_unsupported_option(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("the 1 2\n")
    with pytest.raises(FormatError) as caught:
        embstore.open(path, key="x")
    supported = "member, dim, header, on_error, vocab, word_column, exact_words, limit, dtype"
    assert str(caught.value) == f"{path}: glove does not support the option key; supported: {supported}"


def test_a_store_supports_no_options_of_formats(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    embstore.save(path, ["a", "b"], [[1.0], [2.0]])
    with pytest.raises(FormatError) as caught:
        embstore.open(path, key="x")
    assert str(caught.value) == f"{path}: store does not support the option key; supported: limit, dtype"
    assert list(embstore.open(path, limit=1, on_error="stop", dtype="float16").itos) == ["a"]


@pytest.mark.parametrize("command", ["info t.txt", "convert t.txt u.safetensors"])
def test_on_the_command_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("the 1 2\n")
    with pytest.raises(SystemExit) as left:
        main([*command.split(), "--key", "x"])
    supported = "member, dim, header, on-error, vocab, word-column, exact-words, limit, dtype"
    message = f"error: t.txt: glove does not support the option key; supported: {supported}\n"
    assert (left.value.code, *capsys.readouterr()) == (1, "", message)
    assert not (tmp_path / "u.safetensors").exists()


DTYPES = "expected one of float32, float16, bfloat16, int8"
WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"dtype": "float64"}, ValueError, f"dtype='float64': {DTYPES}"),
    ({"dtype": np.float16}, ValueError, f"dtype=<class 'numpy.float16'>: {DTYPES}"),
    ({"dtype": np.dtype("float32")}, ValueError, f"dtype=dtype('float32'): {DTYPES}"),
    ({"dim": "3"}, TypeError, "dim='3': expected a whole number, 1 or more"),
    ({"dim": True}, TypeError, "dim=True: expected a whole number, 1 or more"),
    ({"dim": 0}, ValueError, "dim=0: expected 1 or more"),
    ({"limit": 2.5}, TypeError, "limit=2.5: expected a whole number, 1 or more"),
    ({"limit": -1}, ValueError, "limit=-1: expected 1 or more"),
    ({"header": "no"}, TypeError, "header='no': expected True, False or None"),
    ({"key": 1}, TypeError, "key=1: expected a str"),
    ({"word_column": 0}, ValueError, "word_column=0: expected 1 or more"),
    ({"word_column": b"a"}, TypeError, "word_column=b'a': expected the number of a column, 1 or more, or its name"),
    ({"member": Path("a")}, TypeError, f"member={Path('a')!r}: expected a str"),
    ({"vocab": ["a", "b"]}, TypeError, "vocab=['a', 'b']: expected a str or a Path"),
    ({"format": b"npy"}, TypeError, "format=b'npy': expected a str"),
    ({"on_error": "ignore"}, ValueError, "on_error='ignore': expected one of stop, skip"),
    ({"on_error": ["stop"]}, ValueError, "on_error=['stop']: expected one of stop, skip"),
    ({"duplicates": "all"}, ValueError, "duplicates='all': expected one of first, last, error"),
    ({"rows": 3}, TypeError, f"no option 'rows'; the options of reading are {', '.join(ReadOptions.__slots__)}"),
]


@pytest.mark.parametrize("run", OTHERS, ids=["open", "convert"])
@pytest.mark.parametrize(("options", "kind", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_values_are_refused_before_anything_is_read(
    run: Any, options: dict[str, Any], kind: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(kind) as caught:
        run(tmp_path / "missing", **options)
    assert (type(caught.value), str(caught.value)) == (kind, message)


@pytest.mark.parametrize(
    "run",
    [
        lambda folder: embstore.save(folder / "s", ["a"], [[1.0]], dtype="int4"),  # type: ignore[arg-type]
        lambda folder: embstore.merge([folder / "missing"], folder / "s", to="store", dtype="int4"),  # type: ignore[arg-type]
    ],
    ids=["save", "merge"],
)
def test_an_unknown_dtype_leaves_no_file(run: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        run(tmp_path)
    assert str(caught.value) == f"dtype='int4': {DTYPES}"
    assert list(tmp_path.iterdir()) == []


def test_advice_is_checked_for_every_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="advise='often': expected one of normal, random, sequential, willneed"):
        embstore.open(tmp_path / "missing.txt", advise="often")  # type: ignore[arg-type]


def test_numpy_integers_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\nof 3 4\n")
    assert list(embstore.open(tmp_path / "t.txt", limit=np.int64(1), dim=np.int32(2)).itos) == ["the"]  # type: ignore[arg-type]


def test_all_commands_for_one_table_have_reading_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words").write_text("the\nof\nto\nin\n")
    (tmp_path / "corpus").write_text("the of qzxv\n")
    np.save(tmp_path / "t.npy", np.array([[1, 0], [2, 0], [0, 1], [0, 2]], np.float32))
    commands = {
        "info": [], "query": ["the"], "similar": ["the", "-k", "1"], "analogy": ["the", "of", "to"],
        "coverage": ["corpus", "--json"],
    }  # fmt: skip
    for name, arguments in commands.items():
        with pytest.raises(SystemExit) as left:
            main([name, "t.npy", *arguments, "--vocab", "words"])
        assert (left.value.code, capsys.readouterr().err) == (0, "")
        with pytest.raises(SystemExit) as left:
            main([name, "t.npy", *arguments, "--key", "x"])
        supported = "vocab, word-column, exact-words, limit, dtype"
        message = f"error: t.npy: npy does not support the option key; supported: {supported}\n"
        assert (left.value.code, capsys.readouterr().err) == (1, message)
    others = {"convert", "diff", "doctor", "merge", "verify", "formats"}
    assert commands.keys() | others == COMMANDS.keys()


def test_one_zip_for_the_table_and_one_for_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("tables.zip", "texts.zip"):
        with zipfile.ZipFile(name, "w") as archive:
            archive.writestr("a.txt", "the 1 2\n")
            archive.writestr("b.txt", "of 1 2\n")
    with pytest.raises(SystemExit) as left:
        main(["coverage", "tables.zip", "texts.zip", "--member", "a.txt", "--corpus-member", "b.txt", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (left.value.code, found["tokens"], found["most_frequent"]) == (0, 3, [["of", 1], ["1", 1], ["2", 1]])
