"""How a store that was read from a file is pickled as its path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from embstore.core.errors import FormatError
from embstore.files.input_group import Identity, Place


@dataclass(frozen=True, slots=True)
class Reopen:
    """Opens a store again, in this process or another.

    Attributes
    ----------
    function, arguments
        Return the store, or raise FormatError if the file has another table. The first argument is the path.
    identity
        Of the file when it was opened.
    """

    function: Callable[..., object]
    arguments: tuple[object, ...]
    identity: Identity

    def open(self) -> object:
        """Open the store again; FormatError or OSError if the file was replaced or is gone."""
        return self.function(*self.arguments)

    def possible(self) -> bool:
        """Whether the path still leads to the table: to the same file, or, as `function` finds, an equal one."""
        if Place(Path(str(self.arguments[0])), None).identity() == self.identity:
            return True
        try:
            self.open()
        except (OSError, FormatError):
            return False
        return True
