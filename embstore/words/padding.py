"""`padding_idx`: a row of the table that stands for padding, in place of a special row of zeros."""

from __future__ import annotations

from numbers import Integral

from embstore.core.options import check_kind


def existing_row(padding_idx: int, rows: int, *, padding: bool) -> int:
    """Return the id of the row that `padding_idx` names.

    Parameters
    ----------
    padding_idx
        Negative numbers count from the last of the rows.
    rows
        Number of rows of the table, without special rows: these have roles of their own.
    padding
        Whether a special row was asked for too: an error.
    """
    if padding:
        raise TypeError(
            f"padding=True adds a row of zeros for padding, and padding_idx={padding_idx} names a row that exists: pass"
            " one of them"
        )
    check_kind("padding_idx", padding_idx, (Integral,), "the number of a row, such as store.stoi['<pad>']")
    if not -rows <= padding_idx < rows:
        expected = f"{-rows} to {rows - 1}, a row of the table" if rows else "a row of the table, which has none"
        raise ValueError(f"padding_idx={padding_idx}: expected {expected}")
    return int(padding_idx) % rows
