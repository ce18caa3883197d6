"""Starts the child process that reads an HDF5 file, and kills it when it makes no progress."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import subprocess
import sys
import threading
import weakref
from dataclasses import asdict

from embstore.codecs.hdf5.request import Request
from embstore.core.errors import FormatError
from embstore.files.input import Input

TIMEOUT = 60.0  # seconds without a byte from the child
PIECE = 1 << 20  # bytes per read


class Child:
    """A running ``embstore.codecs.hdf5.child``; it is killed when this object is deleted, if not before.

    Parameters
    ----------
    source
        The file; the child inherits its descriptor.
    request
        The request that is sent to the child.
    name
        Name of the format, for errors.
    """

    def __init__(self, source: Input, request: Request, name: str) -> None:
        self.path, self.name = source.path, name
        self._pieces: queue.Queue[bytes] = queue.Queue(4)
        self._rest = memoryview(b"")
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", "embstore.codecs.hdf5.child", json.dumps(asdict(request))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=() if request.descriptor is None else (request.descriptor,),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        )
        pump = threading.Thread(target=_pump, args=(self._process.stdout, self._pieces), daemon=True)
        self._end = weakref.finalize(self, _end, self._process, pump, self._pieces)
        pump.start()

    def read(self, size: int) -> bytearray:
        """Read exactly `size` bytes; raise FormatError if the child fails or sends fewer."""
        buffer = bytearray(size)
        filled = 0
        while filled < size:
            if not self._rest:
                self._rest = memoryview(self._next())
            count = min(len(self._rest), size - filled)
            buffer[filled : filled + count] = self._rest[:count]
            filled, self._rest = filled + count, self._rest[count:]
        return buffer

    def _next(self) -> bytes:
        try:
            piece = self._pieces.get(timeout=TIMEOUT)
        except queue.Empty:
            reason = f"no progress in {TIMEOUT:g} s of reading: the file is damaged"
            raise FormatError(self.path, reason, format=self.name) from None
        if not piece:
            raise self._failure()
        return piece

    def _failure(self) -> FormatError:
        """Return the error of a child that ended early."""
        code = self._process.wait()
        output = self._process.stderr.read() if self._process.stderr else b""
        if code == 1 and output.rstrip().endswith(b"}"):
            problem = json.loads(output.splitlines()[-1])
            return FormatError(self.path, problem["reason"], where=problem["where"].lstrip("/"), format=self.name)
        last = output.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return FormatError(
            self.path, f"damaged: the process reading it ended with code {code} {last}".rstrip(), format=self.name
        )

    def close(self) -> None:
        """Kill the child."""
        self._end()


def _pump(pipe: io.BufferedReader, pieces: queue.Queue[bytes]) -> None:
    """Copy the output of the child into the queue; an empty piece marks its end."""
    while True:
        piece = pipe.read1(PIECE)
        pieces.put(piece)
        if not piece:
            return


def _end(process: subprocess.Popen[bytes], pump: threading.Thread, pieces: queue.Queue[bytes]) -> None:
    process.kill()
    process.wait()
    while pump.is_alive():  # it may be blocked by the full queue
        with contextlib.suppress(queue.Empty):
            pieces.get(timeout=0.01)
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
