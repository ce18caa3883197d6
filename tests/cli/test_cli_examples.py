"""Every command line that ``--help`` shows as an example is executed, and what it writes is compared."""

from __future__ import annotations

import gzip
import re
import zipfile
from pathlib import Path

import click
import numpy as np
import pytest
from support.running import run_shell

import embstore
from embstore.cli.main import COMMANDS, _load, cli

Table = dict[str, list[float]]

GLOVE: Table = {
    "the": [0.5, 1], "man": [1, 0.5], "woman": [1, -0.5], "king": [2, 0.5], "queen": [2, -0.5], "frog": [-1, 2.25]
}  # fmt: skip
LARGER: Table = {"the": [0.5, 1, 2], "frog": [-1, 2.25, 3]}
MINE: Table = {"frog": [9, 9], "qzxv": [1, 1]}
OTHER: Table = {"frog": [4, 5, 6], "toad": [7, 8, 9]}
WORDS = ["frog", "the"]

WRITTEN: dict[str, Table] = {
    "embstore convert glove.6B.50d.txt glove.6B.50d.safetensors": GLOVE,
    "embstore convert glove.6B.zip glove.safetensors --member glove.6B.100d.txt --dtype float16": LARGER,
    "embstore convert glove.6B.50d.txt mine.safetensors --vocab-only words.txt --oov lower,hash:1000 --padding": {
        word: GLOVE[word] for word in ("the", "frog")
    },
    "embstore convert glove.6B.50d.txt mine.npy --vocab-only words.txt --order words --oov lower,zero": {
        word: GLOVE[word] for word in WORDS
    },
    "embstore merge mine.safetensors glove.6B.50d.safetensors both.safetensors": MINE | {
        word: vector for word, vector in GLOVE.items() if word != "frog"
    },
    "embstore merge glove.6B.50d.txt other.vec wide.safetensors --how concat --dtype float16": {
        "frog": [-1, 2.25, 4, 5, 6]
    },
    "embstore query glove.6B.50d.safetensors - --format npy < words.txt > vectors.npy": {
        word: GLOVE[word] for word in WORDS
    },
}  # fmt: skip
"""The table that each example writes; the others write nothing."""


def help_of(name: str) -> str:
    """Return what ``--help`` prints, of one command or, for "", of all."""
    command = _load(name) if name else cli
    assert command is not None
    return click.Context(command, info_name=f"embstore {name}").get_help()


def examples_in(text: str) -> list[str]:
    """Return the command lines below a line that announces examples, up to an empty line."""
    blocks = re.findall(r"^ *(?:Examples?\b|A first session).*:\n((?: +.*\n)+)", f"{text}\n", re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


EXAMPLES = list(dict.fromkeys(line for name in ("", *COMMANDS) for line in examples_in(help_of(name))))


def text_of(table: Table) -> str:
    return "".join(f"{word} {' '.join(map(str, vector))}\n" for word, vector in table.items())


def save(path: Path, table: Table, **options: str) -> None:
    embstore.save(path, list(table), np.array(list(table.values()), np.float32), **options)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with small files of the names that the examples use."""
    (tmp_path / "glove.6B.50d.txt").write_text(text_of(GLOVE))
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.50d.txt", text_of(GLOVE))
        archive.writestr("glove.6B.100d.txt", text_of(LARGER))
    save(tmp_path / "glove.6B.50d.safetensors", GLOVE)
    save(tmp_path / "glove.f16.safetensors", GLOVE, dtype="float16")
    save(tmp_path / "mine.safetensors", MINE)
    (tmp_path / "other.vec").write_text(f"{len(OTHER)} 3\n{text_of(OTHER)}")
    (tmp_path / "words.txt").write_text("".join(f"{word}\n" for word in WORDS))
    np.save(tmp_path / "vectors.npy", np.array([[5, 6], [7, 8]], np.float32))
    (tmp_path / "corpus.txt").write_text("the Frog sat on the qzxv\n")
    (tmp_path / "corpus.txt.gz").write_bytes(gzip.compress(b"the frog\n"))
    return tmp_path


def test_every_command_has_examples() -> None:
    assert all(examples_in(help_of(name)) for name in ("", *COMMANDS))
    assert {*WRITTEN} <= {*EXAMPLES}


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_works(line: str, folder: Path) -> None:
    words = line.split()
    assert words[0] == "embstore"
    if words[1] == "convert":
        (folder / words[3]).unlink(missing_ok=True)  # other examples read it
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, _, printed = run_shell(folder, line.removeprefix("embstore "))
    assert code == 0, printed
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    changed = [name for name in after if before.get(name) != after[name]]
    written = [name for name in changed if name in words]
    assert len(written) == (line in WRITTEN)
    assert all(name.partition(".")[0] == written[0].partition(".")[0] for name in changed)  # words beside a matrix
    if written:
        check(folder / written[0], words, WRITTEN[line])


def check(path: Path, words: list[str], table: Table) -> None:
    """Compare a file with the table and the options of the example; the words of a query are those asked for."""
    if words[1] == "query":
        assert dict(zip(WORDS, np.load(path).tolist(), strict=True)) == table
        return
    store = embstore.open(path)
    assert [(word, store[word].tolist()) for word in store.itos] == list(table.items())
    assert store.dtype == (words[words.index("--dtype") + 1] if "--dtype" in words else "float32")
    assert store.metadata.get("embstore.oov") == ("lower,hash:1000" if "lower,hash:1000" in words else None)
    assert store.special == (1001 if "--padding" in words else 0)
