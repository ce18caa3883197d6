"""Options that several commands share."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from embstore.codecs.registry.table import CODECS
from embstore.core.options import Dtype, Progress

Command = TypeVar("Command", bound=Callable[..., object])


def parse_column(_: click.Context, __: click.Parameter, text: str | None) -> int | str | None:
    """Parse the value of --word-column: digits are the number of a column, any other text is its name."""
    if text is not None and text.isascii() and text.isdigit():
        if not int(text):
            raise click.BadParameter("columns are numbered from 1.")
        return int(text)
    return text


READING = (
    click.option(
        "--from",
        "format",
        type=click.Choice([codec.name for codec in CODECS.values() if codec.reads]),
        metavar="FORMAT",
        help="Format of the file; `embstore formats` lists them.  [default: detected from the file]",
    ),
    click.option(
        "--vocab", metavar="FILE|NAME", help="File with the words, or name of the dataset in the file that has them."
    ),
    click.option("--key", metavar="NAME", help="Name of the tensor or dataset with the vectors."),
    click.option("--member", metavar="NAME", help="Which file to read from a zip."),
    click.option(
        "--dim", type=click.IntRange(min=1), help="Numbers per row; with it, tokens in text may end in a number."
    ),
    click.option(
        "--header/--no-header", default=None, help="Whether text begins with a header line.  [default: detected]"
    ),
    click.option(
        "--on-error",
        type=click.Choice(["stop", "skip"]),
        default="stop",
        show_default=True,
        help="Whether to stop at a line that cannot be read or to skip it.",
    ),
    click.option(
        "--word-column",
        metavar="N|NAME",
        callback=parse_column,
        help="Column with the words, of text or of the file in --vocab: its number, from 1, or its name.",
    ),
    click.option(
        "--exact-words", is_flag=True, help="Keep words as they stand, with padding, quotes and other columns."
    ),
    click.option(
        "--dtype",
        type=click.Choice(get_args(Dtype)),
        help="dtype of the values; required for integers.  [default: as in the file]",
    ),
)

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object to stdout, with null for NaN and Inf."
)
FILE = click.Path(readable=False, path_type=Path)  # no check here: opening gives the same errors for all files
store_argument = click.argument("store", type=FILE)


def reading_options(command: Command) -> Command:
    """Add the reading options; they are passed as keywords of `ReadOptions`."""
    for option in reversed(READING):
        command = option(command)
    return command


@contextlib.contextmanager
def progress_bar(*, show: bool) -> Iterator[Progress | None]:
    """Yield a progress callback that draws a bar on stderr; None if not shown or stderr is not a terminal.

    Warnings are held back and printed below the bar.
    """
    if not show or not sys.stderr.isatty():
        yield None
        return
    delayed: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as delayed, contextlib.ExitStack() as stack:
            bars: list[Any] = []

            def update(position: int, total: int) -> None:
                if not bars:  # drawn at the first update
                    bars.append(stack.enter_context(click.progressbar(length=max(total, 1), file=sys.stderr)))
                bars[0].update(position - bars[0].pos)

            yield update
    finally:
        for warning in delayed:
            warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
