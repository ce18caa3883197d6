"""A thread that starts a child process, copies its output into a queue, and waits for its end."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading

PIECE = 1 << 20  # bytes per read
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}


class Pump(threading.Thread):
    """Starts a child process and lives as long as it does.

    Linux can kill a child process when the *thread* that started it ends. So the thread that starts the child is this
    one, and not the caller's, which may end while another thread consumes what the child sends.

    Parameters
    ----------
    command
        The arguments of the child. It is started in the root folder, without ``PYTHONPATH``, so that it imports nothing
        from the current folder. Its standard input reaches its end when this process ends.
    descriptors
        Descriptors that the child inherits.

    Attributes
    ----------
    pieces
        What the child wrote; an empty piece marks the end.
    """

    def __init__(self, command: list[str], descriptors: tuple[int, ...]) -> None:
        super().__init__(daemon=True)
        self.pieces: queue.Queue[bytes] = queue.Queue(4)
        self._command, self._descriptors, self._owner = command, descriptors, os.getpid()
        self._attempted = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._error: OSError | None = None
        self._errors = b""

    def run(self) -> None:
        """Start the child, copy its output, and wait for its end."""
        try:
            self._process = self._popen()
        except OSError as error:
            self._error = error
        finally:
            self._attempted.set()
        if self._process is not None:
            self._copy(self._process)

    def _popen(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.Popen(  # noqa: S603
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=self._descriptors,
            env={**environment, **ENVIRONMENT},
            cwd=os.sep,
            bufsize=0,
        )

    def _copy(self, process: subprocess.Popen[bytes]) -> None:
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            return
        with stdin, stdout, stderr:
            while piece := stdout.read(PIECE):
                self.pieces.put(piece)
            self._errors = stderr.read() or b""
            process.wait()  # before this thread ends, as that would kill the child
        self.pieces.put(b"")

    def begin(self) -> None:
        """Start the thread and the child; raise OSError if the child cannot be started."""
        self.start()
        self._attempted.wait()
        if self._error is not None:
            raise self._error

    def ended(self) -> tuple[int | None, bytes]:
        """Wait for the end of a child that closed its output; return its exit code and what it wrote to stderr."""
        self.join()
        return self._process.returncode if self._process else None, self._errors

    def end(self) -> None:
        """Kill the child and wait for the end of the thread; a copy of this process, made by a fork, does nothing."""
        if os.getpid() != self._owner or self.ident is None:
            return
        self._attempted.wait()
        if self._process is not None:
            self._process.kill()
        while self.is_alive():  # it may be blocked by the full queue
            with contextlib.suppress(queue.Empty):
                self.pieces.get(timeout=0.01)
