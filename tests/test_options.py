"""Options of reading: a format that has no use for one says so, rather than read as if it were not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import embstore
from embstore.batch import ReadOptions
from embstore.cli import main
from embstore.codecs import ANYWHERE, CODECS, Codec
from embstore.errors import EmbstoreError, FormatError

READING = [pytest.param(codec, id=codec.name) for codec in CODECS.values() if codec.reads]
VALUES: dict[str, Any] = {
    "vocab": "words.txt", "key": "name", "member": "a.txt", "dim": 3, "header": False, "on_error": "skip",
}  # fmt: skip
OTHERS: list[Callable[..., Any]] = [
    embstore.open,
    lambda path, **options: embstore.convert(path, path.with_name("out.safetensors"), **options),
]


def test_every_option_is_somebody_s() -> None:
    used = {name for codec in CODECS.values() for name in codec.options}
    assert used == VALUES.keys()
    assert used | set(ANYWHERE) == set(ReadOptions.__slots__)


def expected(codec: Codec, path: Path, name: str) -> str:
    taken = f"it takes {', '.join(codec.options)}" if codec.options else "it takes none such"
    return f"{path}: {codec.name} has no use for {name}= (--{name.replace('_', '-')}): {taken}"


@pytest.mark.parametrize("run", OTHERS, ids=["open", "convert"])
@pytest.mark.parametrize("codec", READING)
def test_useless_options_are_refused_before_anything_is_read(codec: Codec, run: Any, tmp_path: Path) -> None:
    path = tmp_path / "missing"
    for name, value in VALUES.items():
        with pytest.raises((EmbstoreError, OSError)) as caught:
            run(path, format=codec.name, **{name: value})
        if name in codec.options:
            assert "has no use for" not in str(caught.value)
        else:
            assert type(caught.value) is FormatError
            assert str(caught.value) == expected(codec, path, name)


def test_the_message_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("the 1 2\n")
    with pytest.raises(FormatError) as caught:
        embstore.open(path, vocab="words.txt")
    message = f"{path}: glove has no use for vocab= (--vocab): it takes member, dim, header, on_error"
    assert str(caught.value) == message


def test_a_store_takes_none(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    embstore.save(path, ["a", "b"], [[1.0], [2.0]])
    with pytest.raises(FormatError) as caught:
        embstore.open(path, key="x")
    assert str(caught.value) == f"{path}: store has no use for key= (--key): it takes none such"
    assert list(embstore.open(path, limit=1, on_error="stop", dtype="float16").itos) == ["a"]


@pytest.mark.parametrize("command", ["info t.txt", "convert t.txt u.safetensors"])
def test_on_the_command_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("the 1 2\n")
    with pytest.raises(SystemExit) as left:
        main([*command.split(), "--key", "x"])
    message = "error: t.txt: glove has no use for key= (--key): it takes member, dim, header, on_error\n"
    assert (left.value.code, *capsys.readouterr()) == (1, "", message)
    assert not (tmp_path / "u.safetensors").exists()
