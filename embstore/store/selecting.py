"""What stands in the brackets of ``store[...]``: words; row numbers are an error that says where rows are."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from embstore.core.batch import Ints
from embstore.core.errors import UnknownTokenError
from embstore.core.index import Vocab

if TYPE_CHECKING:
    from embstore.words.columns import FlatWords

NAMED = 5  # row numbers that a message repeats


def known_rows(vocab: Vocab, words: FlatWords) -> Ints:
    """Return the rows of words that are not one str.

    Raises UnknownTokenError, which names the unknown words, and TypeError for anything else than words.
    """
    found = words if type(words) is list else _of_items(words)
    try:
        rows = vocab.rows(found)
    except TypeError:
        if _as_row(found[0]) is None:
            raise
        raise TypeError(_not_words(words)) from None
    if (rows < 0).any():
        missing = [word for word, row in zip(found, rows.tolist(), strict=True) if row < 0]
        raise UnknownTokenError(list(dict.fromkeys(missing)))
    return rows


def _of_items(words: FlatWords) -> list[str]:
    if not _has_items(words):
        raise TypeError(_not_words(words))
    from embstore.words.columns import listed  # here: looking a list up starts faster without

    return listed(words)


def _not_words(item: object) -> str:
    """Return the message for an item that is no word: with the expression that gives rows, if it has row numbers."""
    row = _as_row(item)
    if row is not None:
        gather = f", or store.gather([{row}])[0], which decodes no other row" if row >= 0 else ""
        cure = f"for row {row} use store.vectors[{row}]{gather}"
    elif isinstance(item, slice):
        cure = f"for these rows use store.vectors[{_slice_text(item)}]"
    elif isinstance(item, tuple):
        cure = f"for row and column use store.vectors[{', '.join(map(str, item))}]"
    elif _has_items(item):
        rows = [_as_row(each) for each in cast("Iterable[object]", item)]
        named = None not in rows and len(rows) <= NAMED
        cure = f"for these rows use store.gather({rows if named else 'rows'})"
    else:
        return f"store[...] takes a word or a list of words, not {item!r}"
    return f"store[...] takes words, not row numbers: {cure}"


def _has_items(item: object) -> bool:
    if isinstance(item, bytes) or getattr(item, "ndim", 1) == 0:
        return False
    return any(hasattr(item, name) for name in ("__iter__", "__arrow_c_stream__", "__arrow_c_array__"))


def _as_row(item: object) -> int | None:
    """Return a row number, of Python, NumPy or torch, as an int; None for anything else."""
    if isinstance(item, bool):
        return None
    try:
        return operator.index(item)  # type: ignore[arg-type]
    except TypeError:
        return None


def _slice_text(item: slice) -> str:
    start, stop, step = ("" if part is None else str(part) for part in (item.start, item.stop, item.step))
    return f"{start}:{stop}" + (f":{step}" if step else "")
