"""`embstore query`: print the vectors of words."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Unpack

import click
import numpy as np

from embstore.cli.exit_codes import UNKNOWN_WORDS
from embstore.cli.options import as_json, reading_options, store_argument
from embstore.cli.printing import print_json, print_text, printable
from embstore.codecs.shared.decimal import formatted
from embstore.core.batch import Batch, Tokens, Vectors
from embstore.core.errors import EmbstoreError
from embstore.core.options import Reading
from embstore.ops.open import open as open_store
from embstore.store.store import Store


@click.command("query")
@store_argument
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "npy"]),
    default="text",
    show_default=True,
    help="text: one GloVe line per word; json: as --json; npy: an array (words, dim).",
)
@as_json
@reading_options
def query_command(
    store: Path, words: tuple[str, ...], output_format: str, as_json: bool, **reading: Unpack[Reading]
) -> int:
    """Print the vectors of words.

    Unknown words are listed on stderr, and the exit code is then 3. Words are printed unchanged, except that control
    characters are escaped on a terminal.

    \b
    Arguments:
      STORE  a store, or any other file that embstore reads (a store opens much faster)
      WORDS  words to look up; - reads them from standard input, one per line;
             put -- before words that begin with -, and pass the word - itself on standard input

    \b
    Examples:
      embstore query glove.6B.50d.safetensors the frog
      embstore query glove.6B.50d.safetensors - --format npy < words.txt > vectors.npy
    """  # noqa: D301
    if as_json and output_format == "npy":
        raise click.UsageError("--json and --format npy cannot be combined.")
    table = open_store(store, **reading)
    requested = _expand(words)
    rows = table.rows(requested).tolist()
    known = [word for word, row in zip(requested, rows, strict=True) if row >= 0]
    unknown = list(dict.fromkeys(word for word, row in zip(requested, rows, strict=True) if row < 0))
    _show(table, known, unknown, "json" if as_json else output_format)
    for word in unknown:
        print_text(f"unknown: {word}", err=True)
    return UNKNOWN_WORDS if unknown else 0


def _expand(words: tuple[str, ...]) -> list[str]:
    """Replace each ``-`` by the non-empty lines of standard input."""
    requested: list[str] = []
    for word in words:
        if word == "-":
            text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").replace("\r\n", "\n")
            requested += [line for line in text.split("\n") if line]
        else:
            requested.append(word)
    return requested


def _show(table: Store, known: list[str], unknown: list[str], output_format: str) -> None:
    vectors = table[known].astype(np.float32)
    if output_format == "npy":
        packed = io.BytesIO()
        np.save(packed, vectors)
        sys.stdout.buffer.write(packed.getvalue())
        return
    if output_format == "text":
        sys.stdout.buffer.write(_lines(_line_names(known), vectors))
        return
    numbers = [list(map(float, line.split())) for line in _lines([""] * len(known), vectors).splitlines()]
    print_json({"vectors": dict(zip(known, numbers, strict=True)), "unknown": unknown})


def _lines(names: list[str], vectors: Vectors) -> bytes:
    """Return one line per vector, its numbers with the fewest digits that read back to the same float32."""
    return b"".join(bytes(text) for text in formatted(Batch(Tokens.pack(names), vectors)))


def _line_names(words: list[str]) -> list[str]:
    """Return words for lines of text: escaped on a terminal, else unchanged; a line break is then an error."""
    if sys.stdout.isatty():
        return list(map(printable, words))
    for word in words:
        if "\n" in word:
            raise EmbstoreError(
                f"the word {word!r} contains a line break: `--json` and `--format npy` print its vector"
            )
    return words
