"""Detects tokens with blanks, which end a token in word2vec binary.

``new york`` is written by some programs nevertheless. A reader takes ``new`` as the token and ``york `` as the first
bytes of its numbers, so these are garbage; the bytes that are left of the numbers become the beginning of the next
token, after which the reader is at the right place again. Three signs together are hardly ever in a valid row: its
bytes begin with text and a blank; some number is enormous or next to nothing; and at the same distance as the blank,
the next token has what may be the last byte, sign and exponent, of an ordinary number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Batch, Bytes

CONTROL = np.isin(np.arange(256), [*range(10), *range(11, 32), 127])
"""Bytes that no token has; a newline may belong to the row before."""

BLANK = 32
REST = 24
"""First bytes of a row in which the rest of a token is looked for; a longer rest leaves bytes with control bytes."""

ORDINARY = np.isin(np.arange(256), [*range(0x37, 0x46), *range(0xB7, 0xC6)])
"""Last bytes of little-endian float32 of 1e-5 to 3,000, positive and negative."""

EVIDENCE = 8
"""Numbers of which a third or more must be odd, where all have bytes of two."""

HUGE, TINY = 1e9, 1e-12


@dataclass(slots=True)
class BlankDetector:
    """Looks at the rows of a file in order.

    Attributes
    ----------
    blanks
        Where the rest of a token may end in the bytes of the last row of the last batch.
    """

    blanks: tuple[int, ...] = ()

    def find(self, batch: Batch) -> int | None:
        """Return the first row of a batch whose token begins with bytes that are not its own; None if there is none."""
        tokens, offsets = batch.tokens.data, batch.tokens.offsets
        control = np.flatnonzero(CONTROL[tokens])
        found = [int(np.searchsorted(offsets, control[0], "right")) - 1] if len(control) else []
        head = _heads(batch)
        for row in [-1, *np.flatnonzero(_begins_with_text(head)).tolist()]:
            if found and row + 1 >= found[0]:
                break
            blanks = self.blanks if row < 0 else _blanks(head[row], batch.vectors[row])
            if row + 1 == len(head):
                break
            start, stop = offsets[row + 1], offsets[row + 2]
            if any(place < stop - start and ORDINARY[tokens[start + place]] for place in blanks):
                found.insert(0, row + 1)
                break
        self.blanks = _blanks(head[-1], batch.vectors[-1]) if len(head) else self.blanks
        return found[0] if found else None


def _heads(batch: Batch) -> Bytes:
    """Return the first bytes of each row, uint8 of shape (rows, REST or fewer)."""
    raw = batch.vectors.view(np.uint8).reshape(len(batch.vectors), -1)
    return raw[:, :REST]


def _begins_with_text(head: Bytes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which rows have a blank before the first control byte."""
    low = head <= BLANK
    first = low.argmax(axis=1)
    return np.asarray(head[np.arange(len(head)), first] == BLANK)


def _blanks(head: Bytes, vector: np.ndarray[tuple[int], np.dtype[np.float32]]) -> tuple[int, ...]:
    """Return where the text at the beginning of a row has blanks; none if all its numbers are ordinary."""
    with np.errstate(invalid="ignore"):
        sizes = np.abs(vector[: REST // 4 + EVIDENCE].astype(np.float64))
        odd = ~(sizes < HUGE) | ((sizes > 0) & (sizes < TINY))
    control = np.flatnonzero(head < BLANK)
    text = head[: control[0]] if len(control) else head
    return tuple(place for place in np.flatnonzero(text == BLANK).tolist() if _is_torn(odd, place + 1))


def _is_torn(odd: NDArray[np.bool_], rest: int) -> bool:
    """Return whether the first numbers of a row are those of a rest of a token of so many bytes.

    A rest of whole numbers leaves the others as they are; any other rest gives all numbers bytes of two.
    """
    inside = -(-rest // 4)
    if rest % 4 == 0:
        return bool(odd[:inside].all())
    first = odd[: max(inside, EVIDENCE)]
    return 3 * int(first.sum()) >= len(first)
