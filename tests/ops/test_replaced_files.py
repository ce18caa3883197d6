"""Files that are replaced while they are read give one version of the table, or an error.

All files of a table are replaced by another version just before the n-th system call that opens, maps, reads or
stats a file, or passes it to a library or a subprocess; for each n in turn.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.goldens import sidecars_of

import embstore
from embstore.codecs.registry.table import CODECS
from embstore.core.errors import FormatError

EVENTS = {"open", "mmap.__new__", "os.scandir", "os.listdir", "subprocess.Popen", "sqlite3.connect", "ctypes.dlopen"}
WORDS = ["the", "cat", "sat", "on", "mat"]
ROWS = np.arange(15, dtype=np.float32).reshape(5, 3)

Table = dict[str, list[float]]

REPLACED = "was replaced or changed while it was read: read it again"


class Interruption:
    """Calls a function once, just before the n-th step."""

    def __init__(self) -> None:
        self.left = 0
        self.act: Callable[[], object] = list

    def on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS:
            self.step(*arguments)

    def step(self, about: object = "", *_: object) -> None:
        if self.left and not str(about).endswith((".py", ".pyc", ".so")):
            self.left -= 1
            if not self.left:
                self.act()


INTERRUPTION = Interruption()
sys.addaudithook(INTERRUPTION.on_event)  # Python cannot remove audit hooks


@pytest.fixture(autouse=True)
def steps_without_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the calls that raise no audit event; the real functions run."""
    for name in ("pread", "preadv", "stat", "fstat"):
        monkeypatch.setattr(os, name, _counted(getattr(os, name)))


def _counted(real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        INTERRUPTION.step(*arguments)
        return real(*arguments, **options)

    return call


@contextmanager
def interrupted(step: int, act: Callable[[], None]) -> Iterator[list[bool]]:
    """Call a function before a step of the block; the list is empty if the block had fewer steps."""
    happened: list[bool] = []
    INTERRUPTION.act = lambda: [act(), happened.append(True)]  # type: ignore[func-returns-value]
    INTERRUPTION.left = step
    try:
        yield happened
    finally:
        INTERRUPTION.left = 0


def content(store: embstore.Store) -> Table:
    return {word: store[word].tolist() for word in store.itos}


def swap(old: Path, new: Path) -> None:
    """Replace each file of a folder by the file of the same name in another folder."""
    for file in sorted(new.rglob("*")):
        if file.is_file():
            ready = old.parent / "ready"
            shutil.copy(file, ready)
            (old / file.relative_to(new)).parent.mkdir(exist_ok=True)
            ready.replace(old / file.relative_to(new))


def outcomes(folder: Path, name: str, read: Callable[[Path], Table]) -> set[str]:
    """Read a table with a swap before each step in turn; return which of the three outcomes occurred."""
    first, second, live = folder / "first", folder / "second", folder / "live"
    versions = {"old": read(first / name), "new": read(second / name)}
    assert versions["old"] != versions["new"]
    found: set[str] = set()
    for step in range(1, 1000):
        shutil.rmtree(live, ignore_errors=True)
        shutil.copytree(first, live)
        with interrupted(step, lambda: swap(live, second)) as happened:
            outcome = _outcome(lambda: read(live / name), versions)
        if not happened:
            assert outcome == "old"
            assert found <= {"old", "new", "error"}
            assert "new" in found
            return found
        found.add(outcome)
    raise AssertionError("too many steps")


def _outcome(read: Callable[[], Table], versions: dict[str, Table]) -> str:
    try:
        table = read()
    except FormatError as error:
        return "error" if str(error).endswith(REPLACED) else str(error)
    return next((each for each, version in versions.items() if table == version), "a mixture")


def opened(path: Path) -> Table:
    return content(embstore.open(path))


def converted(path: Path) -> Table:
    target = path.parent.parent / "converted.safetensors"
    embstore.convert(path, target, overwrite=True)
    return content(embstore.open(target))


PAIRS = ("npy", "safetensors")  # one file for the rows and one for the words
BOTH = [codec for codec in CODECS.values() if codec.reads and codec.writes]


@pytest.mark.parametrize("read", [opened, converted])
@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.name)
def test_formats_that_are_written(codec: Any, read: Callable[[Path], Table], tmp_path: Path) -> None:
    name = f"table{codec.suffixes[0]}"
    for folder, words in (("first", WORDS), ("second", WORDS[::-1])):  # of equal size: a mixture would not be noticed
        (tmp_path / folder).mkdir()
        embstore.save(tmp_path / "t", words, ROWS, overwrite=True)
        embstore.convert(tmp_path / "t", tmp_path / folder / name, to=codec.name)
    assert ("error" in outcomes(tmp_path, name, read)) == (codec.name in PAIRS)


BY_PATH = ("magnitude", "spacy")  # SQLite opens paths only; a spaCy folder has four files


@pytest.mark.parametrize("codec", [c for c in CODECS.values() if c.reads and not c.writes], ids=lambda c: c.name)
def test_formats_that_are_read_only(codec: Any, tmp_path: Path) -> None:
    """Two different golden files under one name."""
    found = [(param.values[0], param.values[1]) for param in sidecars_of(codec.name, "valid")]
    plain = [(folder, sidecar) for folder, sidecar in found if not sidecar["warnings"] and not sidecar.get("read")]
    (folder, one), *others = plain
    _, other = next(pair for pair in others if pair[1]["tokens"] != one["tokens"] or pair[1]["bits"] != one["bits"])
    name = f"table{Path(one['file']).suffix}"
    for version, sidecar in (("first", one), ("second", other)):
        (tmp_path / version).mkdir()
        place = folder / sidecar["file"]
        (shutil.copytree if place.is_dir() else shutil.copy)(place, tmp_path / version / name)
    assert ("error" in outcomes(tmp_path, name, opened)) == (codec.name in BY_PATH)


@pytest.mark.parametrize("layout", ["contiguous", "chunked"])
def test_hdf5_whose_rows_are_mapped(layout: str, tmp_path: Path) -> None:
    for folder, words in (("first", WORDS), ("second", WORDS[::-1])):
        (tmp_path / folder).mkdir()
        embstore.save(tmp_path / "t", words, ROWS, overwrite=True)
        embstore.convert(tmp_path / "t", tmp_path / folder / "t.h5", layout=layout)
    assert "error" not in outcomes(tmp_path, "t.h5", opened)


@pytest.mark.parametrize("words_in", ["vocab.json", "tokenizer.json"])
def test_shards_their_index_and_their_words(words_in: str, tmp_path: Path) -> None:
    for version, words, file in (("first", WORDS, "a.safetensors"), ("second", WORDS[::-1], "b.safetensors")):
        folder = tmp_path / version / "model"
        folder.mkdir(parents=True)
        embstore.save(tmp_path / "t", words, ROWS if version == "first" else ROWS + 1, overwrite=True)
        embstore.convert(tmp_path / "t", folder / file, to="safetensors")
        for beside in folder.glob("*.vocab.txt"):
            beside.unlink()
        index = {"weight_map": {"embedding.weight": file}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        rows = {word: row for row, word in enumerate(words)}
        listed: Any = rows if words_in == "vocab.json" else {"model": {"vocab": rows}, "added_tokens": []}
        (folder / words_in).write_text(json.dumps(listed))
    assert "error" in outcomes(tmp_path, "model", opened)


def test_words_given_by_vocab(tmp_path: Path) -> None:
    for version, words in (("first", WORDS), ("second", WORDS[::-1])):
        (tmp_path / version).mkdir()
        np.save(tmp_path / version / "rows.npy", ROWS if version == "first" else ROWS + 1)
        (tmp_path / version / "list").write_text("\n".join(words))

    def read(path: Path) -> Table:
        return content(embstore.open(path, vocab=path.with_name("list")))

    assert "error" in outcomes(tmp_path, "rows.npy", read)
