"""`embstore merge`: one table of several."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from embstore.cli.convert import sentence
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
    help="What becomes of a word that several tables have.",
)
@click.option(
    "--to",
    type=click.Choice([codec.name for codec in CODECS.values() if codec.writes]),
    metavar="FORMAT",
    help="Format of OUT; without it the suffix tells (.safetensors is a store).",
)
@click.option(
    "--dtype", type=click.Choice(get_args(Dtype)), help="What the values become.  [default: as in all, else float32]"
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option("--quiet", is_flag=True, help="No report; warnings and errors remain.")
@as_json
def merge_command(tables: tuple[Path, ...], target: Path, quiet: bool, as_json: bool, **options: Any) -> None:
    """Make one table OUT of the tables A, B and so on; each may be any file that embstore reads.

    With --how first, OUT has all words, and a word that several tables have gets the row of the first of these;
    with mean, the mean of its rows. With concat, OUT has the words that each table has, the rows side by side.
    A file that needs options of reading (--from, --vocab, --key ...) is converted first: see embstore convert --help.

    \b
    Examples:
      embstore merge mine.safetensors glove.6B.50d.safetensors both.safetensors
      embstore merge glove.6B.50d.txt other.vec wide.safetensors --how concat --dtype float16
    """  # noqa: D301
    if len(tables) < 2:
        raise click.UsageError("Name two tables or more, and OUT last.")
    done = merge(tables, target, **options)
    if as_json:
        print_json(asdict(done))
    elif not quiet:
        print_text(sentence(done), err=True)
