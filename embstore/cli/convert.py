"""`embstore convert`: one file into another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from embstore.cli.options import FILE, as_json, progress_bar, reading_options
from embstore.cli.policy import parse_policy
from embstore.cli.printing import print_columns, print_json, print_text
from embstore.codecs.registry.table import CODECS
from embstore.ops.convert import convert
from embstore.ops.report import Report

Command = TypeVar("Command", bound=Callable[..., Any])


def writing_option(name: str, text: str) -> Callable[[Command], Command]:
    """Make an option of a choice that some formats leave, from the table of formats."""
    takers = {codec.name: codec.choices[name] for codec in CODECS.values() if name in codec.choices}
    values = list(dict.fromkeys(value for values in takers.values() for value in values))
    told = "; ".join(f"{codec}: {', '.join(values)}" for codec, values in takers.items())
    return click.option(f"--{name}", type=click.Choice(values), metavar="NAME", help=f"{text}  [{told}]")


@click.command("convert")
@click.argument("source", metavar="SRC", type=FILE)
@click.argument("target", metavar="DST", type=FILE)
@reading_options
@click.option(
    "--to",
    type=click.Choice([codec.name for codec in CODECS.values() if codec.writes]),
    metavar="FORMAT",
    help="Format of DST; without it the suffix tells (.safetensors is a store).",
)
@click.option("--limit", type=click.IntRange(min=1), help="Take the first so many rows.")
@click.option("--vocab-only", type=FILE, metavar="FILE", help="Keep just the words of FILE.")
@click.option("--lower", is_flag=True, help="Make the tokens lower case; --duplicates says which of equal ones stays.")
@click.option("--drop-zeros", is_flag=True, help="Leave out the rows that are all zeros.")
@click.option("--normalize", is_flag=True, help="Scale every vector to length 1.")
@click.option(
    "--duplicates",
    type=click.Choice(["first", "last", "error"]),
    default="first",
    show_default=True,
    help="Which row a repeated token keeps.",
)
@click.option(
    "--oov",
    callback=parse_policy,
    metavar="POLICY",
    help="Write the special rows of this policy too, as lower,hash:1000, so that layers need no copy.",
)
@click.option("--padding", is_flag=True, help="Write a row of zeros for padding too.")
@writing_option("compression", "How the rows are packed.")
@writing_option("layout", "chunked, or contiguous, which can be mapped.")
@writing_option("strings", "Strings of variable length, or fixed, as long as the longest.")
@click.option("--overwrite", is_flag=True, help="Replace DST if it exists.")
@click.option(
    "--report-loss", is_flag=True, help="Tell what fewer bits lost: SRC is converted to float32 too, and compared."
)
@click.option("--quiet", is_flag=True, help="No progress, no report; warnings and errors remain.")
@as_json
def convert_command(source: Path, target: Path, report_loss: bool, quiet: bool, as_json: bool, **options: Any) -> None:
    """Convert the file of embeddings SRC into DST.

    DST appears when all is written, not before. A file in gzip, bzip2, xz, zstd or a zip is unpacked on the way;
    standard input cannot be read, since the format is found in the file.

    \b
    Examples:
      embstore convert glove.6B.50d.txt glove.6B.50d.safetensors
      embstore convert glove.6B.zip glove.safetensors --member glove.6B.100d.txt --dtype float16
      embstore convert glove.6B.50d.txt mine.safetensors --vocab-only words.txt --oov lower,hash:1000 --padding
    """  # noqa: D301
    if str(source) == "-":
        raise click.UsageError("Standard input cannot be read: name a file, since its format is found in its bytes.")
    if report_loss and quiet and not as_json:
        raise click.UsageError("--quiet and --report-loss exclude each other.")
    with progress_bar(show=not quiet) as progress:
        if report_loss:
            done, loss, lines = _convert_and_compare(source, target, progress=progress, **options)
        else:
            done, loss, lines = convert(source, target, progress=progress, **options), {}, {}
    if as_json:
        print_json(asdict(done) | loss)
    elif not quiet:
        print_text(sentence(done), err=True)
        print_columns(lines, err=True)


def _convert_and_compare(source: Path, target: Path, **options: Any) -> tuple[Report, dict[str, Any], dict[str, str]]:
    """Convert, and tell what was lost, for JSON and for people."""
    from embstore.cli.diff import as_object, values  # here, since most conversions do without, and start faster so
    from embstore.ops.loss import convert_and_compare

    done, loss = convert_and_compare(source, target, **options)
    return done, {"loss": as_object(loss)}, values(loss)


def sentence(done: Report) -> str:
    """Say what was written."""
    left_out = [
        f"{count:,} {what}" for count, what in ((done.duplicates, "repeated"), (done.skipped, "skipped")) if count
    ]
    return f"{done.target}: {done.rows:,} x {done.dim} {done.dtype}, {_size(done.bytes)} in {done.seconds:.2f} s" + (
        f"; {' and '.join(left_out)}" if left_out else ""
    )


def _size(count: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count} bytes"
