"""`embstore convert`: convert a file of embeddings into another format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar, Unpack, get_args

import click

from embstore.cli.options import FILE, as_json, progress_bar, reading_options
from embstore.cli.policy import parse_policy
from embstore.cli.printing import print_columns, print_json, print_text
from embstore.codecs.registry.table import CODECS
from embstore.core.json_values import Json
from embstore.core.options import Order
from embstore.ops.convert import ConvertOptions, convert
from embstore.ops.report import Report
from embstore.ops.shown import size_text

Command = TypeVar("Command", bound=Callable[..., object])


def writing_option(name: str, text: str) -> Callable[[Command], Command]:
    """Make an option for a writing choice that only some formats support, from the table of formats."""
    choices = {codec.name: codec.choices[name] for codec in CODECS.values() if name in codec.choices}
    values = list(dict.fromkeys(value for values in choices.values() for value in values))
    supported = "; ".join(f"{codec}: {', '.join(values)}" for codec, values in choices.items())
    return click.option(f"--{name}", type=click.Choice(values), metavar="NAME", help=f"{text}  [{supported}]")


@click.command("convert")
@click.argument("source", metavar="SRC", type=FILE)
@click.argument("target", metavar="DST", type=FILE)
@reading_options
@click.option(
    "--to",
    type=click.Choice([codec.name for codec in CODECS.values() if codec.writes]),
    metavar="FORMAT",
    help="Format of DST.  [default: detected from the suffix; .safetensors is a store]",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Convert only the first N rows.")
@click.option(
    "--vocab-only",
    type=FILE,
    metavar="FILE",
    help="Keep only the words in FILE: text with one per line, .json, or .npy. The report says how many were found.",
)
@click.option(
    "--order",
    type=click.Choice(get_args(Order)),
    default="file",
    show_default=True,
    help="Order of the rows of --vocab-only: as in SRC, or as the words in FILE; then --oov fills the rows of missing "
    "words, so that row i is word i, and without it they are left out.",
)
@click.option("--lower", is_flag=True, help="Convert tokens to lower case; --duplicates decides between equal ones.")
@click.option("--drop-zeros", is_flag=True, help="Leave out rows of zeros.")
@click.option("--normalize", is_flag=True, help="Scale every vector to length 1; finalfusion also gets the lengths.")
@click.option(
    "--duplicates",
    type=click.Choice(["first", "last", "error"]),
    default="first",
    show_default=True,
    help="Which row to keep for a repeated token, or whether to fail.",
)
@click.option(
    "--oov",
    callback=parse_policy,
    metavar="POLICY",
    help="Also write the special rows of this policy for unknown words (lower,hash:1000): layers then need no copy. "
    "With --order words: fill the rows of missing words.",
)
@click.option("--padding", is_flag=True, help="Also write a row of zeros for padding.")
@writing_option("compression", "Compression of the rows.")
@writing_option("layout", "Chunked, or contiguous, which can be memory-mapped.")
@writing_option("strings", "Strings of variable length, or all padded to the longest.")
@click.option("--overwrite", is_flag=True, help="Replace DST if it exists.")
@click.option(
    "--report-loss", is_flag=True, help="Report the precision lost: also convert SRC to float32, and compare."
)
@click.option("--quiet", is_flag=True, help="Print no progress and no report, only warnings and errors.")
@as_json
def convert_command(
    source: Path, target: Path, report_loss: bool, quiet: bool, as_json: bool, **options: Unpack[ConvertOptions]
) -> None:
    """Convert a file of embeddings into another format, by default into a store.

    \b
    Arguments:
      SRC  any file that embstore reads, also inside gzip, bzip2, xz, zstd or a zip; not standard input
      DST  the file to write; it appears once it is complete

    `embstore formats` lists the formats.

    \b
    Examples:
      embstore convert glove.6B.50d.txt glove.6B.50d.safetensors
      embstore convert glove.6B.zip glove.safetensors --member glove.6B.100d.txt --dtype float16
      embstore convert glove.6B.50d.txt mine.safetensors --vocab-only words.txt --oov lower,hash:1000 --padding
      embstore convert glove.6B.50d.txt mine.npy --vocab-only words.txt --order words --oov lower,zero
    """  # noqa: D301
    if str(source) == "-":
        raise click.UsageError(
            "Standard input cannot be read: name a file, because the format is detected from its bytes."
        )
    if report_loss and quiet and not as_json:
        raise click.UsageError("--quiet and --report-loss cannot be combined without --json.")
    if options.get("order") == "words" and options.get("vocab_only") is None:
        raise click.UsageError("--order words needs --vocab-only FILE, the words whose order it is.")
    with progress_bar(show=not quiet) as progress:
        options["progress"] = progress
        if report_loss:
            report, loss, lines = _convert_and_compare(source, target, **options)
        else:
            report, loss, lines = convert(source, target, **options), {}, {}
    if as_json:
        print_json(asdict(report) | loss)
    elif not quiet:
        print_text(summary(report), err=True)
        print_columns(lines, err=True)


def _convert_and_compare(
    source: Path, target: Path, **options: Unpack[ConvertOptions]
) -> tuple[Report, dict[str, Json], dict[str, str]]:
    """Convert, and return the report with the precision lost: as a JSON object and as lines of text."""
    from embstore.cli.diff import as_object  # here, because most conversions do not need it
    from embstore.ops.difference import value_lines
    from embstore.ops.loss import convert_and_compare

    report, loss = convert_and_compare(source, target, **options)
    return report, {"loss": as_object(loss)}, value_lines(loss)


def summary(report: Report) -> str:
    """Return one line about the written file: shape, dtype, size, time, rows left out."""
    left_out = [
        f"{count:,} {what}" for count, what in ((report.duplicates, "repeated"), (report.skipped, "skipped")) if count
    ]
    shape = f"{report.rows:,} x {report.dim} {report.dtype}"
    parts = [f"{report.target}: {shape}, {size_text(report.bytes)} in {report.seconds:.2f} s", " and ".join(left_out)]
    return "; ".join(filter(None, [*parts, *_words(report)]))


def _words(report: Report) -> Iterator[str]:
    """Yield what the summary says of the words of --vocab-only."""
    if report.requested is not None:
        first = f", the first missing {report.missing[0]!r}" if report.missing else ""
        yield f"{report.found:,} of {report.requested:,} words found{first}"
    if report.filled:
        yield "filled by " + ", ".join(f"{part} {count:,}" for part, count in report.filled.items())
