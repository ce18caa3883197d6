"""A case of a cure: an input that triggers a message, and what comes out when its reader does what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Table = dict[str, list[float]]
"""Words and their vectors, in the order of the rows."""


@dataclass(frozen=True)
class Case:
    """One message with a cure; file names are relative to the folder of the case, which is the current folder.

    Attributes
    ----------
    cure
        The first argument of `embstore.core.cures.cure`.
    make
        Writes the input into an empty folder.
    source
        The file or folder that is converted.
    outcomes
        For each text in backticks in the message at the command line, in order: the table that it leads to. Options
        are added to the command that printed the message. Commands and lines of Python are executed.
    given
        Options of `embstore.convert` that are given from the beginning.
    target
        The file that is written.
    values
        For each option that the message leaves open, such as ``--key``: the value.
    result
        For commands and lines of Python: the file that they write.
    merged_with
        Files that are merged with the source, if the message is one of `embstore.merge`; else it is converted.
    warns
        Whether the message is a warning about a table that is converted, not an error.
    doctor
        Whether ``embstore doctor`` prints the message.
    torch
        Whether the case needs torch.
    """

    cure: str
    make: Callable[[Path], object]
    source: str
    outcomes: Mapping[str, Table]
    given: Mapping[str, Any] = field(default_factory=dict)
    target: str = "out.safetensors"
    values: Mapping[str, str] = field(default_factory=dict)
    result: str = ""
    merged_with: tuple[str, ...] = ()
    warns: bool = False
    doctor: bool = False
    torch: bool = False


def text(name: str, content: str) -> Callable[[Path], object]:
    """Return a function that writes one file of text, as UTF-8."""
    return lambda folder: (folder / name).write_bytes(content.encode())
