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
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.codecs import codecs_that
from support.goldens import sidecars_of

import embstore
from embstore.codecs.registry.table import Codec
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

    def next(self, steps: int, act: Callable[[], object]) -> None:
        """Call another function a number of steps later."""
        self.left, self.act = steps, act

    def step(self, about: object = "", *_: object) -> None:
        if self.left and not str(about).endswith((".py", ".pyc", ".so")):
            self.left -= 1
            if not self.left:
                act, self.act = self.act, list
                act()


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
    INTERRUPTION.act = lambda: [happened.append(True), act()]  # type: ignore[func-returns-value]
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


PAIRS = ("npy", "safetensors")  # a file for the rows and one for the words
BOTH = codecs_that(lambda codec: codec.reads and codec.writes)


@pytest.mark.filterwarnings("ignore:rows not of length 1")
@pytest.mark.parametrize("read", [opened, converted])
@pytest.mark.parametrize("codec", BOTH)
def test_formats_that_are_written(codec: Codec, read: Callable[[Path], Table], tmp_path: Path) -> None:
    name = f"table{codec.suffixes[0] if codec.suffixes else ''}"
    for folder, words in (("first", WORDS), ("second", WORDS[::-1])):  # of equal size: a mixture would not be noticed
        (tmp_path / folder).mkdir()
        embstore.save(tmp_path / "t", words, ROWS, overwrite=True)
        embstore.convert(tmp_path / "t", tmp_path / folder / name, to=codec.name)
    assert ("error" in outcomes(tmp_path, name, read)) == (codec.name in (*PAIRS, "projector"))


BY_PATH = ("magnitude", "spacy")  # SQLite opens paths only; a spaCy folder has four files


@pytest.mark.parametrize("codec", codecs_that(lambda codec: codec.reads and not codec.writes))
def test_formats_that_are_read_only(codec: Codec, tmp_path: Path) -> None:
    """Two golden files that differ, under one name."""
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


@pytest.mark.parametrize("name", ["t.npy", "t.safetensors", "model2vec", "link.npy"])
def test_a_link_to_a_version_that_changes_twice(name: str, tmp_path: Path) -> None:
    """``current`` leads to v1, then to v2, then to v1 again, before every two steps: no check of paths sees that."""
    for version, words in (("v1", WORDS), ("v2", WORDS[::-1])):
        (tmp_path / version).mkdir()
        embstore.save(tmp_path / "t", words, ROWS, overwrite=True)
        target = tmp_path / version / name.replace("link", "t")
        embstore.convert(
            tmp_path / "t", target, to={"t.safetensors": "safetensors", "model2vec": "model2vec"}.get(name)
        )
    (tmp_path / "current").symlink_to("v1")
    (tmp_path / "link.npy").symlink_to("current/t.npy")
    path = tmp_path / name if name == "link.npy" else tmp_path / "current" / name
    versions = {"old": opened(tmp_path / "v1" / name.replace("link", "t"))}
    versions["new"] = opened(tmp_path / "v2" / name.replace("link", "t"))

    def lead_to(version: str) -> None:
        (tmp_path / "ready").symlink_to(version)
        (tmp_path / "ready").replace(tmp_path / "current")

    def flip(steps: int) -> None:
        lead_to("v2")
        INTERRUPTION.next(steps, lambda: lead_to("v1"))

    found: set[str] = set()
    for first in range(1, 100):
        for second in range(1, 100):
            lead_to("v1")
            with interrupted(first, partial(flip, second)) as happened:
                found.add(_outcome(lambda: opened(path), versions))
            if not happened or INTERRUPTION.left:
                break
        if not happened:
            break
    assert found <= {"old", "new", "error"}
    assert found >= {"old", "new"}


@pytest.mark.parametrize("name", ["t.npy", "t.npz", "t.txt", "t.h5", "t.bin"])
def test_a_file_that_is_written_to(name: str, tmp_path: Path) -> None:
    """Other tools write into the file itself, as numpy.save does: rows of both versions may come."""
    for version, words in (("v1", WORDS), ("v2", WORDS[::-1])):
        embstore.save(tmp_path / "t", words, ROWS if version == "v1" else ROWS + 1, overwrite=True)
        (tmp_path / version).mkdir()
        embstore.convert(tmp_path / "t", tmp_path / version / name)
    path = tmp_path / name
    shutil.copy(tmp_path / "v1" / "t.vocab.txt", tmp_path) if name == "t.npy" else None
    versions = {"old": opened(tmp_path / "v1" / name)}
    shutil.copy(tmp_path / "v2" / name, path)
    versions["new"] = opened(path)

    def write() -> None:
        path.write_bytes((tmp_path / "v2" / name).read_bytes())

    found: set[str] = set()
    for step in range(1, 100):
        shutil.copy(tmp_path / "v1" / name, path)
        os.utime(path, (0, 0))
        with interrupted(step, write) as happened:
            found.add(_outcome(lambda: opened(path), versions))
        if not happened:
            break
    assert found == {"old", "new", "error"}


def test_words_given_by_vocab(tmp_path: Path) -> None:
    for version, words in (("first", WORDS), ("second", WORDS[::-1])):
        (tmp_path / version).mkdir()
        np.save(tmp_path / version / "rows.npy", ROWS if version == "first" else ROWS + 1)
        (tmp_path / version / "list").write_text("\n".join(words))

    def read(path: Path) -> Table:
        return content(embstore.open(path, vocab=path.with_name("list")))

    assert "error" in outcomes(tmp_path, "rows.npy", read)
