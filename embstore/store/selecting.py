"""What stands in the brackets of ``store[...]``: words; row numbers are an error that says where rows are."""

from __future__ import annotations

import operator

from embstore.core.batch import Ints
from embstore.core.errors import UnknownTokenError
from embstore.core.index import Vocab
from embstore.words.columns import FlatWords, listed

NAMED = 5  # row numbers that a message repeats


def known_rows(vocab: Vocab, words: FlatWords) -> Ints:
    """Return the rows of words that are not one str.

    Raises UnknownTokenError, which names the unknown words, and TypeError for anything else than words.
    """
    if isinstance(words, bytes) or not hasattr(words, "__iter__") or getattr(words, "ndim", 1) == 0:
        raise TypeError(_not_words(words))
    found = listed(words)
    if found and _as_row(found[0]) is not None:
        raise TypeError(_not_words(words))
    rows = vocab.rows(found)
    if (rows < 0).any():
        missing = [word for word, row in zip(found, rows.tolist(), strict=True) if row < 0]
        raise UnknownTokenError(list(dict.fromkeys(missing)))
    return rows


def _not_words(item: object) -> str:
    """Return the message for an item that is no word: with the expression that gives rows, if it has row numbers."""
    row = _as_row(item)
    if row is not None:
        cure = f"for row {row} use store.vectors[{row}], or store.gather([{row}])[0], which decodes no other row"
    elif isinstance(item, slice):
        cure = f"for these rows use store.vectors[{_slice_text(item)}]"
    elif isinstance(item, tuple):
        cure = f"for row and column use store.vectors[{', '.join(map(str, item))}]"
    elif hasattr(item, "__iter__") and not isinstance(item, bytes):
        rows = [_as_row(each) for each in item]
        named = None not in rows and len(rows) <= NAMED
        cure = f"for these rows use store.gather({rows if named else 'rows'})"
    else:
        return f"store[...] takes a word or a list of words, not {item!r}"
    return f"store[...] takes words, not row numbers: {cure}"


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
