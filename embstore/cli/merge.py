"""`embstore merge`: merge several tables into one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from embstore.cli.convert import summary
from embstore.cli.options import FILE, as_json
from embstore.cli.printing import print_json, print_text
from embstore.codecs.registry.table import CODECS
from embstore.core.options import Dtype
from embstore.ops.merge import How, merge


@click.command("merge")
@click.argument("tables", nargs=-1, required=True, metavar="A B...", type=FILE)
@click.argument("target", metavar="OUT", type=FILE)
@click.option(
    "--how",
    type=click.Choice(get_args(How)),
    default="first",
    show_default=True,
    help="How to merge words that several tables have; see above.",
)
@click.option(
    "--to",
    type=click.Choice([codec.name for codec in CODECS.values() if codec.writes]),
    metavar="FORMAT",
    help="Format of OUT.  [default: detected from the suffix; .safetensors is a store]",
)
@click.option(
    "--dtype",
    type=click.Choice(get_args(Dtype)),
    help="dtype of the values.  [default: that of the tables if they agree, else float32]",
)
@click.option("--normalize", is_flag=True, help="Scale every vector to length 1; finalfusion also gets the lengths.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option("--quiet", is_flag=True, help="Print no report, only warnings and errors.")
@as_json
def merge_command(
    tables: tuple[Path, ...],
    target: Path,
    how: How,
    to: str | None,
    dtype: Dtype | None,
    normalize: bool,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Merge two or more tables into one.

    \b
    --how first   all words; a word in several tables gets its row in the first of them
    --how mean    all words; a word in several tables gets the mean of its rows
    --how concat  only words that are in every table; their rows are concatenated

    \b
    Arguments:
      A B...  stores, or any other files that embstore reads without options;
              if a file needs --from, --vocab or --key, convert it first
      OUT     the file to write; it appears once it is complete

    \b
    Examples:
      embstore merge mine.safetensors glove.6B.50d.safetensors both.safetensors
      embstore merge glove.6B.50d.txt other.vec wide.safetensors --how concat --dtype float16
    """  # noqa: D301
    if len(tables) < 2:
        raise click.UsageError("Name two tables or more, and OUT last.")
    report = merge(tables, target, how=how, to=to, dtype=dtype, normalize=normalize, overwrite=overwrite)
    if as_json:
        print_json(asdict(report))
    elif not quiet:
        print_text(summary(report), err=True)
