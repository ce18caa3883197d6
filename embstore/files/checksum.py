"""SHA-256 made beside the work: hashing leaves the GIL, so it costs no time where a core is free."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

AHEAD = 8  # buffers that may wait: this bounds the memory


class Checksum:
    """A running SHA-256 in a thread of its own.

    Attributes
    ----------
    size
        Bytes so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def update(self, buffer: memoryview) -> Future[None]:
        """Add bytes, which nobody may change before the future is done."""
        self.size += len(buffer)
        self._waiting.append(self._thread.submit(self._sha256.update, buffer))
        if len(self._waiting) > AHEAD:
            self._waiting.popleft().result()
        return self._waiting[-1]

    def hexdigest(self) -> str:
        """Return the checksum of all bytes so far."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._sha256.hexdigest()

    def close(self) -> None:
        """End the thread; the checksum can still be read."""
        self._thread.shutdown()
