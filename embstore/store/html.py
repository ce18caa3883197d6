"""HTML in a notebook: the first rows of a store, and results."""

from __future__ import annotations

import html
from collections.abc import Sequence

from embstore.core.batch import Vectors

SHOWN = 5  # rows
COLUMNS = 6


def table_of_rows(caption: str, words: Sequence[str], vectors: Vectors, dim: int) -> str:
    """Return an HTML table of the first numbers of some rows."""
    body = "".join(
        f"<tr><td>{row}</td><th>{html.escape(word)}</th>"
        + "".join(f"<td>{value:.4g}</td>" for value in vector[:COLUMNS].tolist())
        + ("<td>&hellip;</td>" if dim > COLUMNS else "")
        + "</tr>"
        for row, (word, vector) in enumerate(zip(words, vectors, strict=True))
    )
    return f"<p>{html.escape(caption)}</p><table>{body}</table>"


def table_of_facts(title: str, rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Return an HTML table of text; the first cell of each row is its name."""
    first = f"<tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>" if head else ""
    body = "".join(
        f"<tr><th>{html.escape(name)}</th>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"
        for name, *cells in rows
    )
    return f"<p>{html.escape(title)}</p><table>{first}{body}</table>"
