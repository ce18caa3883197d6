"""Inputs of a million characters that could take long: files of every format, word lists, policies, command lines."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

import embstore
from embstore.cli.main import cli
from embstore.codecs.registry.table import CODECS
from embstore.ops.coverage import count_words
from support.bounded import SIZE, UNITS
from support.goldens import sidecars_of

Call = tuple[str, Callable[[], object]]
NOT_HERE = ("glove", "word2vec", "csv", "json", "jsonl", "projector", "hdf5", "spacy")
BINARY = [name for name, codec in CODECS.items() if codec.reads and name not in NOT_HERE]
PARTS = (b"1", b"\0", b"\xff", b" ", b"\n", b"a", b"{", b"[", b'"', b"(", b"\x85", b"}q\0", b"PK\1\2", b"\x80\x02]q\0")
"""What runs inside binary files repeat, beside text: opcodes of pickles and entries of zips among them."""


def attempt(call: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """Call something that may refuse its input, but must raise nothing else."""
    with warnings.catch_warnings(), contextlib.suppress(embstore.EmbstoreError):
        warnings.simplefilter("ignore", embstore.EmbstoreWarning)
        call(*arguments, **options)


def opened(path: Path, data: bytes, **reading: Any) -> None:
    """Write a file and open it."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    attempt(embstore.open, path, **reading)


def run_of(unit: str, size: int = SIZE) -> bytes:
    """Return about `size` bytes of a repeated unit."""
    data = unit.encode()
    return data * (size // len(data))


def text_files(folder: Path) -> Iterator[Call]:
    """Yield texts of one long line, of many lines, and of a long line among others, read as each format of text."""
    for unit in UNITS:
        run = run_of(unit)
        bodies = {"alone": run, "row": b"w 1 2\n" + run + b" x\nv 3 4\n", "header": b"1 2\na " + run}
        for name, data in bodies.items():
            for format_name, suffix in (("glove", ".txt"), ("word2vec", ".vec")):
                for options in ({}, {"dim": 2, "on_error": "skip"}):
                    call = partial(opened, folder / f"t{suffix}", data, format=format_name, **options)
                    yield f"{format_name} {name} {unit!a} {options}", call
        for suffix in (".unheard", ".bin"):
            yield f"detection {suffix} {unit!a}", partial(opened, folder / f"t{suffix}", run)


def delimited_files(folder: Path) -> Iterator[Call]:
    """Yield CSV, TSV, JSON and JSON lines with a long run alone, among rows, in a header, in quotes."""
    for unit in UNITS:
        run = run_of(unit)
        bodies = {
            ".csv": [run, b"w,1,2\n" + run + b",x\nv,3,4\n", b'a,1,"' + run, b"a,1," + run, run + b",b\nv,1\n"],
            ".tsv": [b"w\t1\t2\n" + run + b"\tx\nv\t3\t4\n", b"v\t[" + run + b"]\n"],
            ".json": [run, b'{"' + run, b'{"a": [1, ' + run, b"[" + run],
            ".jsonl": [run, b'{"w": "a", "v": [1]}\n' + run, b'["a", [' + run],
        }
        for suffix, contents in bodies.items():
            formats = {".tsv": "csv"}
            for number, data in enumerate(contents):
                skip = {} if suffix == ".json" else {"on_error": "skip"}
                name = formats.get(suffix, suffix[1:])
                call = partial(opened, folder / f"t{suffix}", data, format=name, **skip)
                yield f"{suffix} {number} {unit!a}", call


def texts(folder: Path) -> Iterator[Call]:
    """Yield texts whose words are counted."""
    for unit in UNITS:
        yield f"words of a text {unit!a}", partial(counted, folder / "corpus.txt", run_of(unit))


def counted(path: Path, data: bytes) -> None:
    """Write a text and count its words, and those that a policy finds."""
    path.write_bytes(data)
    attempt(lambda: embstore.coverage(embstore.Vocabulary(["a", "1"]), count_words(path), "nfc,accents,zero"))


def packed_files(folder: Path) -> Iterator[Call]:
    """Yield archives of many small or empty members, one after the other."""
    import bz2
    import lzma

    import zstandard

    members: dict[str, Callable[[bytes], bytes]] = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zst": zstandard.compress,
    }
    for suffix, compress in members.items():
        for name, content in {"empty": b"", "lines": b"\n", "rows": b"w 1 2\n"}.items():
            member = compress(content)
            call = partial(opened, folder / f"t.txt.{suffix}", member * (SIZE // 4 // len(member)))
            yield f"{suffix} of {name}", call
    names = io.BytesIO()
    with zipfile.ZipFile(names, "w") as archive:
        for number in range(5000):
            archive.writestr(f"{number}.npy", b"")
    yield "zip of many members", partial(opened, folder / "t.zip", names.getvalue())
    yield "npz of many members", partial(opened, folder / "t.npz", names.getvalue())


def binary_files(folder: Path) -> Iterator[Call]:
    """Yield golden files of each binary format with a long run at its beginning, in it, and at its end."""
    for format_name in BINARY:
        golden_folder, sidecar = next(
            parameter.values
            for parameter in sidecars_of(format_name, "valid")
            if (parameter.values[0] / parameter.values[1]["file"]).is_file()
        )
        path: Path = golden_folder / sidecar["file"]
        whole, target = path.read_bytes(), folder / path.name
        for words in golden_folder.glob(f"{path.stem}.vocab.*"):
            (folder / words.name).write_bytes(words.read_bytes())
        for part in PARTS:
            run = part * (SIZE // len(part))
            for place in sorted({0, 4, 8, len(whole) // 4, len(whole) // 2, len(whole) * 3 // 4, len(whole)}):
                data = whole[:place] + run + whole[place:]
                yield f"{format_name} {part!r} at {place}", partial(opened, target, data, format=format_name)


def headers(folder: Path) -> Iterator[Call]:
    """Yield headers and directories that are parsed as text: of .npy, of safetensors, of indices of shards."""
    for unit in UNITS:
        text = run_of(unit, 9900)
        npy = b"\x93NUMPY\2\0" + struct.pack("<I", len(text)) + text
        yield f".npy header {unit!a}", partial(opened, folder / "h.npy", npy, format="npy")
        descr = b"{'descr': '" + text[:9000] + b"', 'fortran_order': False, 'shape': (1, 1)}"
        npy = b"\x93NUMPY\2\0" + struct.pack("<I", len(descr)) + descr
        yield f".npy descr {unit!a}", partial(opened, folder / "h.npy", npy, format="npy")
        run = run_of(unit)
        safe = struct.pack("<Q", len(run)) + run
        yield f"safetensors header {unit!a}", partial(opened, folder / "h.safetensors", safe, format="safetensors")
        shards = b'{"weight_map": {"a": "' + run + b'"}}'
        yield f"shards {unit!a}", partial(opened, folder / "model.safetensors.index.json", shards)


def word_lists(folder: Path) -> Iterator[Call]:
    """Yield word lists of every kind beside a matrix."""
    np.save(folder / "m.npy", np.zeros((3, 2), np.float32))
    for unit in UNITS:
        run = run_of(unit)
        quoted = json.dumps(run.decode("utf-8", "surrogateescape")).encode()
        lists = {
            "w.txt": run,
            "w.tsv": run,
            "w.json": run,
            "list.json": b"[" + quoted + b"]",
            "rows.json": b"{" + quoted + b": 0}",
            "number.json": b'{"a": ' + run + b"}",
            "tokenizer.json": b'{"model": {"vocab": {' + quoted + b': 0}}, "added_tokens": [' + quoted + b"]}",
        }
        for name, data in lists.items():
            (folder / name).write_bytes(data)
            yield f"{name} {unit!a}", partial(with_words, folder, name, data)
    vectors = folder / "pipeline"
    vectors.mkdir()
    (vectors / "vectors").write_bytes((folder / "m.npy").read_bytes())
    (vectors / "key2row").write_bytes(b"\x81\1\0")
    for unit in ("a", "\\", '"', " ", "\n"):
        strings = json.dumps([run_of(unit).decode(), "a"]).encode()
        yield f"strings of spaCy {unit!a}", partial(opened, vectors / "strings.json", strings)
        yield f"spaCy {unit!a}", partial(attempt, embstore.open, vectors)
    sizes = json.dumps(["x" * size for size in range(1400)]).encode()
    yield "strings of spaCy of all sizes", partial(opened, vectors / "strings.json", sizes)
    yield "spaCy of all sizes", partial(attempt, embstore.open, vectors)


def with_words(folder: Path, name: str, data: bytes) -> None:
    """Write a word list and read the matrix with it."""
    (folder / name).write_bytes(data)
    attempt(embstore.open, folder / "m.npy", vocab=folder / name)


def policies(_: Path) -> Iterator[Call]:
    """Yield texts of policies, and words for each part of a policy."""
    table = embstore.Vocabulary(["a", "<unk>"])
    for unit in [*UNITS, "lower,", "unk:,", " lower ,", "hash:1,", "hash:", "lower", "unk:"]:
        run = unit * (SIZE // len(unit))
        for start in ("", "lower,", "unk:", "hash:", "hash:1"):
            yield f"policy {start}{unit!a}", partial(refused, embstore.Policy.parse, start + run)
        for oov in ("nfc", "lower", "casefold", "accents", "digits"):
            encoder = embstore.Encoder(table, f"{oov},hash:10:2")
            yield f"{oov} of {unit!a}", partial(encoder.encode_bags, [[run]])


def refused(call: Callable[[str], object], text: str) -> None:
    """Call something that may refuse a text by a ValueError."""
    with contextlib.suppress(ValueError):
        call(text)


def command_lines(folder: Path) -> Iterator[Call]:
    """Yield arguments of the command line."""
    (folder / "c.txt").write_text("a 1 2\n")
    for unit in ("1", "-", "--", "--dim", "a", " ", "=", ",", "\n", "é", '"'):
        run = unit * (SIZE // len(unit))
        lines = [[run], [f"--{run}"], [f"-{run}"], ["info", "c.txt", "--dim", run], ["info", "c.txt", f"--dim={run}"]]
        lines += [
            ["query", str(folder / "c.txt"), "--", run],
            ["info", "c.txt", "--from", run],
            ["convert", "--oov", run],
        ]
        for line in lines:
            yield f"embstore {[argument[:20] for argument in line]}", partial(command, line)


def command(line: list[str]) -> None:
    """Run a command; it may end in any of its own ways."""
    streams = io.TextIOWrapper(io.BytesIO())
    own = contextlib.suppress(click.ClickException, embstore.EmbstoreError, OSError)
    with contextlib.redirect_stdout(streams), contextlib.redirect_stderr(streams), own:
        cli.main(line, standalone_mode=False)
