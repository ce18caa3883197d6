"""`embstore diff`: compare two tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from embstore.cli.options import FILE, as_json
from embstore.cli.printing import print_columns, print_json
from embstore.core.json_values import Json
from embstore.ops.compare import compare
from embstore.ops.difference import Difference, shape_lines, value_lines, verdict_of, words_lines

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
        lines = shape_lines(found, str(a), str(b)) | words_lines(found, "A", "B") | value_lines(found)
        print_columns(lines | {"result": verdict_of(found)})
    return 0 if found.equal else DIFFERENT


def as_object(found: Difference) -> dict[str, Json]:
    """Return a difference as a JSON object."""
    return {"equal": found.equal, **asdict(found)}
