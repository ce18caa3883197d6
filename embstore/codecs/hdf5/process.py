"""Starts the child process that reads an HDF5 file, and kills it when it makes no progress."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from dataclasses import asdict
from pathlib import Path

from embstore.codecs.hdf5.request import Request
from embstore.core.errors import EmbstoreError, FormatError
from embstore.files.input import Input

TIMEOUT = 60.0  # seconds without a byte from the child
PIECE = 1 << 20  # bytes per read

PROCESSOR_TIME: int | None = getattr(signal, "SIGPROF", None)

PACKAGE = Path(__file__).parents[2]

# Modules come from where the parent's come from, except from the current folder: anybody may have put an h5py.py there.
# The package itself, which may be there in a checkout, is imported by its path.
CODE = """
import json, sys
from importlib.util import module_from_spec, spec_from_file_location
sys.path[:] = json.loads(sys.argv[2])
spec = spec_from_file_location("embstore", sys.argv[3])
sys.modules["embstore"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["embstore"])
from embstore.codecs.hdf5.child import main
sys.exit(main(sys.argv[1]))
"""


class Child:
    """A running `child`; it is killed when this object is deleted, if not before, and ends when this process does.

    Parameters
    ----------
    source
        The file; the child inherits its descriptor.
    request
        The request that is sent to the child.
    name
        Name of the format, for errors.

    Raises
    ------
    EmbstoreError
        If there is no Python interpreter to start, as in a frozen program.
    """

    def __init__(self, source: Input, request: Request, name: str) -> None:
        self.path, self.name, self._seconds = source.path, name, request.seconds
        self._pieces: queue.Queue[bytes] = queue.Queue(4)
        self._rest = memoryview(b"")
        self._process = subprocess.Popen(  # noqa: S603
            [
                _interpreter(),
                "-P",
                "-c",
                CODE,
                json.dumps(asdict(request)),
                json.dumps(_path()),
                PACKAGE / "__init__.py",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=() if request.descriptor is None else (request.descriptor,),
            env={**_environment(), "OPENBLAS_NUM_THREADS": "1"},
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
        if PROCESSOR_TIME is not None and code == -PROCESSOR_TIME:
            reason = f"no progress in {self._seconds:g} s of processor time: the file is damaged"
            return FormatError(self.path, reason, format=self.name)
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


def _interpreter() -> str:
    if not sys.executable or getattr(sys, "frozen", False):
        raise EmbstoreError(
            "HDF5 files are read in a process of their own, and this program has no Python interpreter to start "
            "(sys.executable), as frozen programs have none: convert the file with the command embstore first"
        )
    return sys.executable


def _path() -> list[str]:
    """Return where modules are found, without the current folder."""
    current = os.path.realpath(os.curdir)
    paths = [str(entry) for entry in sys.path]
    return [path for path in paths if Path(path).is_absolute() and os.path.realpath(path) != current]


def _environment() -> dict[str, str]:
    """Return the environment without PYTHONPATH, which `_path` contains."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}


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
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
