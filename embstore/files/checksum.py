"""SHA-256 computed in a thread while data is read: hashing releases the GIL, so it takes no time on a free core."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

MAX_PENDING = 8  # buffers not yet hashed, to bound the memory


class Checksum:
    """A running SHA-256, computed in its own thread.

    Attributes
    ----------
    size
        Number of bytes added so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)
        self._pending: deque[Future[None]] = deque()

    def update(self, buffer: memoryview) -> Future[None]:
        """Add bytes; the buffer must not change before the returned future is done."""
        self.size += len(buffer)
        self._pending.append(self._thread.submit(self._sha256.update, buffer))
        if len(self._pending) > MAX_PENDING:
            self._pending.popleft().result()
        return self._pending[-1]

    def hexdigest(self) -> str:
        """Return the checksum of all bytes so far."""
        while self._pending:
            self._pending.popleft().result()
        return self._sha256.hexdigest()

    def close(self) -> None:
        """Stop the thread; the checksum can still be read."""
        self._thread.shutdown()
