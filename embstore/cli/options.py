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

Command = TypeVar("Command", bound=Callable[..., Any])

READING = (
    click.option(
        "--from",
        "format",
        type=click.Choice([codec.name for codec in CODECS.values() if codec.reads]),
        metavar="FORMAT",
        help="Format of the file, as `embstore formats` lists them; without it the first bytes tell, then the suffix.",
    ),
    click.option("--vocab", metavar="FILE|NAME", help="A file of words, or the name of the dataset that holds them."),
    click.option("--key", metavar="NAME", help="Name of the tensor or dataset that holds the vectors."),
    click.option("--member", metavar="NAME", help="Which file of a zip."),
    click.option("--dim", type=click.IntRange(min=1), help="Numbers in a row; text tokens may then end in a number."),
    click.option("--header/--no-header", default=None, help="Whether text begins with a header line."),
    click.option(
        "--on-error",
        type=click.Choice(["stop", "skip"]),
        default="stop",
        show_default=True,
        help="What to do at a line that cannot be read.",
    ),
    click.option(
        "--dtype",
        type=click.Choice(get_args(Dtype)),
        help="What the values become; whole numbers need one.  [default: as in the file]",
    ),
)

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, with null for NaN and Inf."
)
FILE = click.Path(readable=False, path_type=Path)  # opening it says what is wrong, in one way for all files
store_argument = click.argument("store", type=FILE)


def reading_options(command: Command) -> Command:
    """Add the options of reading, which arrive as the keywords of `ReadOptions`."""
    for option in reversed(READING):
        command = option(command)
    return command


@contextlib.contextmanager
def progress_bar(*, show: bool) -> Iterator[Progress | None]:
    """Give a progress callback that draws a bar on stderr; None where nobody would see it."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    held: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as held, contextlib.ExitStack() as stack:
            bars: list[Any] = []

            def update(position: int, total: int) -> None:
                if not bars:  # drawn once there is something to tell
                    bars.append(stack.enter_context(click.progressbar(length=max(total, 1), file=sys.stderr)))
                bars[0].update(position - bars[0].pos)

            yield update
    finally:
        for warning in held:  # each on a line of its own below the bar
            warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
