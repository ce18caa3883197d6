"""`embstore diff`: how two tables differ."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embstore.cli.options import FILE, as_json
from embstore.cli.printing import print_columns, print_json
from embstore.ops.compare import Difference, compare

DIFFERENT = 1  # exit code


def parse_atol(_: click.Context, __: click.Parameter, atol: float) -> float:
    """Wrong usage where it is negative or NaN."""
    if not atol >= 0:
        raise click.BadParameter(f"{atol} is no distance.")
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
    help="How far apart two values may be and still pass for equal.",
)
@click.option("--neighbours", is_flag=True, help="Tell what share of the ten nearest of 1,000 words is the same, too.")
@as_json
def diff_command(a: Path, b: Path, atol: float, neighbours: bool, as_json: bool) -> int:
    """Compare the tables A and B by word; either may be any file that embstore reads.

    The exit code is 0 where both have the same words and no value is further apart than --atol, and 1 where not.
    The order of the words does not count, nor do rows behind the vocabulary. A file that needs options of reading
    (--from, --vocab, --key ...) is converted first: see embstore convert --help.

    \b
    Examples:
      embstore diff glove.6B.50d.txt glove.6B.50d.safetensors
      embstore diff glove.6B.50d.safetensors glove.f16.safetensors --atol 0.002 --neighbours
    """  # noqa: D301
    found = compare(a, b, atol, neighbours=neighbours)
    if as_json:
        print_json({"a": str(a), "b": str(b), **as_object(found)})
    else:
        print_columns(_vocabulary(found, str(a), str(b)) | values(found) | {"result": _verdict(found)})
    return 0 if found.equal else DIFFERENT


def as_object(found: Difference) -> dict[str, Any]:
    """Return a difference as JSON has it."""
    return {"equal": found.equal, **asdict(found)}


def _vocabulary(found: Difference, a: str, b: str) -> dict[str, str]:
    """Say which words the tables have."""
    shapes = [
        f"{path}: {rows:,} x {dim} {dtype}"
        for path, rows, dim, dtype in zip((a, b), found.rows, found.dims, found.dtypes, strict=True)
    ]
    return {
        "A": shapes[0],
        "B": shapes[1],
        "only in A": _named(found.only_first, found.only_first_words),
        "only in B": _named(found.only_second, found.only_second_words),
        "in both": f"{found.common:,}" + (f", {found.moved:,} at another row" if found.moved else ""),
    }


def values(found: Difference) -> dict[str, str]:
    """Say how far apart the values are."""
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


def _named(count: int, words: list[str]) -> str:
    named = ", ".join(map(repr, words)) + (", ..." if count > len(words) else "")
    return f"{count:,}" + (f": {named}" if words else "")
