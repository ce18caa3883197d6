"""How results look to their reader: one line, a table as text, and the same table in a notebook."""

from __future__ import annotations

from typing import NamedTuple


class Facts(NamedTuple):
    """What is shown of a result.

    Attributes
    ----------
    title
        One line.
    rows
        Cells of a table, as many in each row; the first is the name of the row.
    head
        Names of the columns, or empty.
    """

    title: str
    rows: list[tuple[str, ...]]
    head: tuple[str, ...] = ()


class Shown:
    """A result that is shown as a table; print it for text, a notebook shows HTML."""

    __slots__ = ()

    def _facts(self) -> Facts:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self._facts().title}>"

    def __str__(self) -> str:
        facts = self._facts()
        rows = [facts.head, *facts.rows] if facts.head else facts.rows
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([facts.title, *lines])

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        from embstore.store.html import table_of_facts

        return table_of_facts(*self._facts())


def listed_words(words: list[str], count: int) -> str:
    """Return a count, and the first words that it counts."""
    listed = ", ".join(map(repr, words)) + (", ..." if count > len(words) else "")
    return f"{count:,}" + (f": {listed}" if words else "")


def size_text(count: int) -> str:
    """Return a number of bytes as people read it."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count} bytes"
