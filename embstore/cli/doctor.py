"""`embstore doctor`: list what is odd in a file of embeddings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Unpack

import click

from embstore.cli.options import FILE, as_json, progress_bar, reading_options
from embstore.cli.printing import print_json, print_text
from embstore.core.options import Reading
from embstore.ops.doctor import Diagnosis, diagnose

WRONG = 1  # exit code


@click.command("doctor")
@click.argument("path", type=FILE)
@reading_options
@as_json
def doctor_command(path: Path, as_json: bool, **reading: Unpack[Reading]) -> int:
    """Read a whole file, and list what is odd in it, with the command that mends it.

    Looks for lines and headers that do not fit, words with padding, quotes or other columns, repeated tokens, invalid
    UTF-8, NaN, rows of zeros, and what killed writers left beside the file; a store is also verified. The exit code is
    1 if something makes a wrong table or none, else 0.

    \b
    Argument:
      PATH  a file or folder that embstore reads

    \b
    Examples:
      embstore doctor glove.6B.50d.txt
      embstore doctor vectors.npy --vocab words.txt --json
    """  # noqa: D301
    with progress_bar(show=not as_json) as progress:
        found = diagnose(path, progress, **reading)
    if as_json:
        print_json({**asdict(found), "ok": found.is_right})
    else:
        _print(found)
    return 0 if found.is_right else WRONG


def _print(found: Diagnosis) -> None:
    shape = f"{found.format}, {found.rows:,} x {found.dim} {found.dtype}" if found.dim else found.format or "no format"
    print_text(f"{found.path}: {shape}" + ("" if found.oddities else ", nothing odd"))
    for oddity in found.oddities:
        print_text(f"{'wrong' if oddity.wrong else 'odd  '}  {oddity.what}: {oddity.count:,}")
        for place in oddity.places:
            print_text(f"         {place}")
        if oddity.mended_by:
            print_text(f"       {oddity.mended_by}")
