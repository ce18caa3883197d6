"""Signals while files are written: SIGTERM removes unfinished files, and nothing ends a process in between."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Make SIGTERM raise SystemExit in the block, so that temporary files are removed; other handlers are kept."""
    is_default = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if not is_default:
        yield
        return

    def exit_process(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, exit_process)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """Defer Ctrl-C and SIGTERM until the block ends; no effect outside the main thread, which handles signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    try:
        with _recorded(signal.SIGTERM, received), _recorded(signal.SIGINT, received):
            yield
    finally:  # after an error too: a signal is never lost
        for signalled in received:
            signal.raise_signal(signalled)


@contextlib.contextmanager
def _recorded(number: signal.Signals, received: list[int]) -> Iterator[None]:
    """Append a signal to a list in the block, instead of handling it."""
    handler = signal.getsignal(number)
    if handler is None:  # not installed by Python
        yield
        return
    try:
        signal.signal(number, lambda number, _: received.append(number))
        yield
    finally:
        signal.signal(number, handler)
