"""Batches that own something which must be closed: a file, a database, a child process."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterator

from embstore.core.batch import Batch


class ClosingBatches(Generator[Batch, None, None]):
    """The batches of an iterator; a function is called once when they end.

    They end when they are exhausted, when an error leaves the iterator, by `close`, or when nobody holds them any more.
    The ``finally`` of a generator does less: it is never reached if the generator was not started.

    Parameters
    ----------
    batches
        The batches.
    close
        Called without arguments; must not refer to this object.
    """

    def __init__(self, batches: Iterator[Batch], close: Callable[[], object]) -> None:
        self._batches, self._finish = batches, weakref.finalize(self, close)

    def send(self, value: None) -> Batch:
        """Return the next batch; only None can be sent."""
        del value
        try:
            return next(self._batches)
        except BaseException:
            self.close()
            raise

    def throw(self, error: BaseException, *_: object) -> Batch:  # type: ignore[override]
        """End the batches and raise an error."""
        self.close()
        raise error

    def close(self) -> None:
        """End the batches; repeated calls do nothing."""
        if isinstance(self._batches, Generator):
            self._batches.close()
        self._finish()
