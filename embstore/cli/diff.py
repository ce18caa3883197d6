"""`embstore diff`: compare two tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from embstore.cli.options import FILE, as_json
from embstore.cli.printing import print_columns, print_json
from embstore.core.json_values import Json
from embstore.ops.compare import Difference, compare

DIFFERENT = 1  # exit code


def parse_atol(_: click.Context, __: click.Parameter, atol: float) -> float:
    """Check the value of --atol: negative numbers and NaN are wrong usage."""
    if not atol >= 0:
        raise click.BadParameter(f"{atol} is not at least 0.")
    return atol


@click.command("diff")
@click.argument("a", type=FILE)
@click.argument("b", type=FILE)
@click.option(
    "--atol",
    type=float,
    callback=parse_atol,
    default=0.0,
    show_default=True,
    help="Largest difference at which two values count as equal.",
)
@click.option("--neighbours", is_flag=True, help="Also compare the ten nearest neighbours of 1,000 words.")
@as_json
def diff_command(a: Path, b: Path, atol: float, neighbours: bool, as_json: bool) -> int:
    """Compare two tables word by word.

    The exit code is 0 if both have the same words and no two values differ by more than --atol, else 1. The order of
    the words and the special rows after the vocabulary are not compared.

    \b
    Arguments:
      A, B  stores, or any other files that embstore reads without options;
            if a file needs --from, --vocab or --key, convert it first

    \b
    Examples:
      embstore diff glove.6B.50d.txt glove.6B.50d.safetensors
      embstore diff glove.6B.50d.safetensors glove.f16.safetensors --atol 0.002 --neighbours
    """  # noqa: D301
    found = compare(a, b, atol, neighbours=neighbours)
    if as_json:
        print_json({"a": str(a), "b": str(b), **as_object(found)})
    else:
        print_columns(_vocabulary(found, str(a), str(b)) | value_lines(found) | {"result": _verdict(found)})
    return 0 if found.equal else DIFFERENT


def as_object(found: Difference) -> dict[str, Json]:
    """Return a difference as a JSON object."""
    return {"equal": found.equal, **asdict(found)}


def _vocabulary(found: Difference, a: str, b: str) -> dict[str, str]:
    """Return lines about the vocabularies: shapes, and the words that only one table has."""
    shapes = [
        f"{path}: {rows:,} x {dim} {dtype}"
        for path, rows, dim, dtype in zip((a, b), found.rows, found.dims, found.dtypes, strict=True)
    ]
    return {
        "A": shapes[0],
        "B": shapes[1],
        "only in A": _listed(found.only_first, found.only_first_words),
        "only in B": _listed(found.only_second, found.only_second_words),
        "in both": f"{found.common:,}" + (f", {found.moved:,} at another row" if found.moved else ""),
    }


def value_lines(found: Difference) -> dict[str, str]:
    """Return lines about the values: how many differ, and by how much."""
    lines = {"different": f"{found.differing:,}" + (f", by more than {found.atol:g}" if found.atol else "")}
    if found.largest is not None:
        lines["largest difference"] = f"{found.largest:.4g}"
    if found.largest_at is not None:
        word, column = found.largest_at
        lines["largest difference"] += f" at {word!r}, dimension {column}"
    if found.mean_cosine is not None:
        lines["cosine"] = f"mean {found.mean_cosine:.8f}, worst {found.worst_cosine:.8f} at {found.worst_word!r}"
    if found.neighbours is not None:
        lines["neighbours"] = f"{found.neighbours:.2%} of the ten nearest are the same"
    return lines


def _verdict(found: Difference) -> str:
    if found.bit_equal:
        return "equal to the last bit"
    return "equal" if found.equal else "different"


def _listed(count: int, words: list[str]) -> str:
    listed = ", ".join(map(repr, words)) + (", ..." if count > len(words) else "")
    return f"{count:,}" + (f": {listed}" if words else "")
