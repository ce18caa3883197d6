"""Printing for commands: lines of text with control characters escaped, and strict JSON."""

from __future__ import annotations

import json
import math

import click

from embstore.core.json_values import Json

JOINERS = "\u200c\u200d"  # str.isprintable is False for them, but Persian, Hindi and emoji need them


def printable(text: str) -> str:
    r"""Escape line breaks, terminal control sequences and other non-printable characters, as ``\n`` and ``\x1b``.

    Names and words may come from untrusted files. Bytes that are not valid UTF-8 (surrogateescape) are kept, except
    control characters in Latin-1.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in JOINERS or "\udca0" <= c <= "\udcff" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return f"\\x{ord(character) - 0xDC00:02x}" if "\udc80" <= character < "\udca0" else ascii(character)[1:-1]


def print_text(text: str, *, err: bool = False) -> None:
    """Print a line of text, escaped; bytes that are not valid UTF-8 (surrogateescape) are printed as those bytes."""
    click.echo(printable(text).encode("utf-8", "surrogateescape"), err=err)


def print_columns(entries: dict[str, str], *, err: bool = False) -> None:
    """Print one line per entry: its name and its value, in two columns."""
    escaped = {printable(name): text for name, text in entries.items()}
    width = max(map(len, escaped), default=0)
    for name, text in escaped.items():
        print_text(f"{name:{width}}  {text}", err=err)


def print_json(value: Json) -> None:
    """Print one line of strict JSON, with null for NaN and infinities."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False)
    click.echo(text)


def _finite(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
