"""`embstore formats`: list the formats."""

from __future__ import annotations

import click

from embstore.cli.options import as_json
from embstore.cli.printing import print_json
from embstore.codecs.registry.table import CODECS, Codec
from embstore.core.json_values import Json

COLUMNS = ("reads", "writes", "mapped", "compressed")


@click.command("formats")
@as_json
def formats_command(as_json: bool) -> None:
    """List the formats that embstore reads and writes.

    \b
    Columns:
      reads       can be opened and converted
      writes      can be written by convert and merge
      mapped      opens memory-mapped; other files are read into memory
      compressed  is also read from inside .gz .bz2 .xz .zst or a .zip
      suffixes    suffixes of its files

    \b
    Examples:
      embstore formats
      embstore formats --json
    """  # noqa: D301
    if as_json:
        print_json({"formats": [_entry(codec) for codec in CODECS.values()]})
        return
    rows: list[tuple[str, ...]] = [("name", *COLUMNS, "suffixes", "")]
    rows += [
        (c.name, *("yes" if getattr(c, name) else "-" for name in COLUMNS), " ".join(c.suffixes), c.about)
        for c in CODECS.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _entry(codec: Codec) -> dict[str, Json]:
    entry: dict[str, Json] = {"name": codec.name, "suffixes": list(codec.suffixes), "about": codec.about}
    entry |= {name: getattr(codec, name) for name in COLUMNS}
    return entry | {"options": list(codec.options), "choices": dict(codec.choices)}
