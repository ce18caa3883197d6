"""`embstore query`: vectors of words."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from embstore.cli.exit_codes import UNKNOWN_WORDS
from embstore.cli.options import as_json, reading_options, store_argument
from embstore.cli.printing import print_json, print_text, printable
from embstore.codecs.shared.decimal import formatted
from embstore.core.batch import Batch, Tokens, Vectors
from embstore.core.errors import EmbstoreError
from embstore.ops.open import open as open_store
from embstore.store.store import Store


@click.command("query")
@store_argument
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(["text", "json", "npy"]),
    default="text",
    show_default=True,
    help="text: a GloVe line for each word; npy: an array (words, dim).",
)
@as_json
@reading_options
def query_command(store: Path, words: tuple[str, ...], shown_as: str, as_json: bool, **reading: Any) -> int:
    """Print the vectors of WORDS in the table STORE; - reads words from standard input, one a line.

    STORE may be any file that embstore reads; a store opens at once. Words that are not there are named on stderr,
    and the exit code is 3. A word that begins with - goes behind --; the word - itself comes from standard input.
    Words are printed as they are, but at a terminal control characters are shown escaped.

    \b
    Examples:
      embstore query glove.6B.50d.safetensors the frog
      embstore query glove.6B.50d.safetensors - --format npy < words.txt > vectors.npy
    """  # noqa: D301
    if as_json and shown_as == "npy":
        raise click.UsageError("--json and --format npy exclude each other.")
    table = open_store(store, **reading)
    asked = _asked(words)
    rows = table.rows(asked).tolist()
    known = [word for word, row in zip(asked, rows, strict=True) if row >= 0]
    unknown = list(dict.fromkeys(word for word, row in zip(asked, rows, strict=True) if row < 0))
    _show(table, known, unknown, "json" if as_json else shown_as)
    for word in unknown:
        print_text(f"unknown: {word}", err=True)
    return UNKNOWN_WORDS if unknown else 0


def _asked(words: tuple[str, ...]) -> list[str]:
    asked: list[str] = []
    for word in words:
        if word == "-":
            text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").replace("\r\n", "\n")
            asked += [line for line in text.split("\n") if line]
        else:
            asked.append(word)
    return asked


def _show(table: Store, known: list[str], unknown: list[str], shown_as: str) -> None:
    vectors = table[known].astype(np.float32)
    if shown_as == "npy":
        packed = io.BytesIO()
        np.save(packed, vectors)
        sys.stdout.buffer.write(packed.getvalue())
        return
    if shown_as == "text":
        sys.stdout.buffer.write(_lines(_line_names(known), vectors))
        return
    numbers = [list(map(float, line.split())) for line in _lines([""] * len(known), vectors).splitlines()]
    print_json({"vectors": dict(zip(known, numbers, strict=True)), "unknown": unknown})


def _lines(names: list[str], vectors: Vectors) -> bytes:
    """Return a line for each vector, its numbers with the fewest digits that read back."""
    return b"".join(bytes(text) for text in formatted(Batch(Tokens.pack(names), vectors)))


def _line_names(words: list[str]) -> list[str]:
    """Return words as they stand in lines: escaped for people, as they are for programs, which take no line breaks."""
    if sys.stdout.isatty():
        return list(map(printable, words))
    for word in words:
        if "\n" in word:
            raise EmbstoreError(f"the word {word!r} would break its line: --json or --format npy prints its vector")
    return words
