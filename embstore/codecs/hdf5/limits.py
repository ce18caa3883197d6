"""What ends the child process: the end of its parent, too much processor time, too much memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1
MEMORY = 4 << 30  # bytes, besides eight times the size of the file


def end_with_parent(parent: int) -> None:
    """Kill this process when its parent ends, however that ends.

    Linux does that itself. Elsewhere a thread waits for the end of the standard input, whose other end the parent
    holds; libhdf5 does not hold Python's lock while it loops.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.name != "nt" and os.getppid() != parent:  # it ended before
        os._exit(1)
    threading.Thread(target=_exit_at_end_of_input, daemon=True).start()


def _exit_at_end_of_input() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(1)


def allow_processor_time(seconds: float) -> None:
    """Kill this process after so many seconds of processor time from now on; call it again to allow as many anew.

    The kernel does that, so it works inside libhdf5; Windows has nothing like it, and the parent's waiting ends there.
    """
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


def default_signals() -> None:
    """Let the timer's signal kill this process, even where the parent ignores or blocks it."""
    if sys.platform != "win32":
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})


def limit_memory(size: int) -> None:
    """Limit the memory of this process by the size of the file, where the system has limits, against false headers."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY + 8 * size
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
