"""Batches that own something: it is closed once, however the batches end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from embstore.core.batch import Batch, Tokens
from embstore.core.closing import ClosingBatches

BATCH = Batch(Tokens.pack(["a"]), np.zeros((1, 2), np.float32))


def batches(ended: list[str], error: bool = False) -> Iterator[Batch]:
    try:
        yield BATCH
        if error:
            raise ValueError("damaged")
        yield BATCH
    finally:
        ended.append("generator")


ENDS: dict[str, Callable[[ClosingBatches], object]] = {
    "exhausted": list,
    "closed before the first": lambda made: made.close(),
    "closed after the first": lambda made: [next(made), made.close()],  # type: ignore[func-returns-value]
    "closed twice": lambda made: [made.close() for _ in range(2)],  # type: ignore[func-returns-value]
    "let go": lambda made: None,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_it_is_closed_once(end: Callable[[ClosingBatches], object]) -> None:
    ended: list[str] = []
    made = ClosingBatches(batches(ended), lambda: ended.append("owner"))
    end(made)
    del made
    assert ended.count("owner") == 1
    assert ended[-1] == "owner"


def test_an_error_closes_it() -> None:
    ended: list[str] = []
    made = ClosingBatches(batches(ended, error=True), lambda: ended.append("owner"))
    assert next(made) is BATCH
    with pytest.raises(ValueError, match=r"^damaged$"):
        next(made)
    assert ended == ["generator", "owner"]
    with pytest.raises(StopIteration):
        next(made)


def test_an_error_thrown_into_it_closes_it() -> None:
    ended: list[str] = []
    made = ClosingBatches(batches(ended), lambda: ended.append("owner"))
    with pytest.raises(KeyError):
        made.throw(KeyError("x"))
    assert ended == ["owner"]
