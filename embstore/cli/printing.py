"""What commands print: lines for people, in which nothing moves a cursor, and JSON that every parser takes."""

from __future__ import annotations

import json
import math
from typing import Any

import click

JOINERS = "\u200c\u200d"  # not printable by themselves, but a part of how Persian, Hindi and emoji are spelt


def printable(text: str) -> str:
    r"""Escape what would end a line, move the cursor or change a terminal's colours, as ``\n`` and ``\x1b``.

    Names and words may come from anywhere. Bytes that are not UTF-8 (surrogateescape) stay, but for those that are
    control characters in Latin-1.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in JOINERS or "\udca0" <= c <= "\udcff" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return f"\\x{ord(character) - 0xDC00:02x}" if "\udc80" <= character < "\udca0" else ascii(character)[1:-1]


def print_text(text: str, *, err: bool = False) -> None:
    """Print a line for people; words from bytes that are not UTF-8 come out as those bytes."""
    click.echo(printable(text).encode("utf-8", "surrogateescape"), err=err)


def print_columns(entries: dict[str, str], *, err: bool = False) -> None:
    """Print a line for each entry: its name and what it is."""
    shown = {printable(name): text for name, text in entries.items()}
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        print_text(f"{name:{width}}  {text}", err=err)


def print_json(value: Any) -> None:
    """Print one line of JSON, which has no NaN and no Infinity: null stands for a number that is not finite."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False)
    click.echo(text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
