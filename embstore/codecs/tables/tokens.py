"""Tokens that text for other programs can hold: valid UTF-8, not too long."""

from __future__ import annotations

from collections.abc import Iterator

from embstore.core.batch import Tokens
from embstore.core.limits import MAX_TOKEN


def unwritable(tokens: Tokens) -> Iterator[bytes]:
    """Yield tokens that are not valid UTF-8, which readers of CSV and JSON expect, or longer than `MAX_TOKEN`."""
    packed = [*tokens.not_utf8()]
    if packed or len(tokens.data) > MAX_TOKEN:
        words = tokens.to_bytes()
        yield from (words[row] for row in packed)
        yield from (word for word in words if len(word) > MAX_TOKEN)
