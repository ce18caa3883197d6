"""Starts the child process that reads an HDF5 file, and kills it when it makes no progress."""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import weakref
from dataclasses import asdict
from pathlib import Path

from embstore.codecs.hdf5.pump import Pump
from embstore.codecs.hdf5.request import Request
from embstore.core.errors import EmbstoreError, FormatError, MissingDependencyError
from embstore.files.input import Input

WITHOUT_H5PY = 3  # exit code of the child
START = f"""
import json, sys
sys.path[:] = json.loads(sys.argv[1])
try:
    import h5py
except ImportError as error:
    print("" if error.name == "h5py" else error, file=sys.stderr)
    sys.exit({WITHOUT_H5PY})
from embstore.codecs.hdf5.child import main
sys.exit(main(sys.argv[2]))
"""
# signals that end the child when it has used its processor time
OUT_OF_TIME = {-getattr(signal, name) for name in ("SIGPROF", "SIGXCPU") if hasattr(signal, name)}
NO_PYTHON = (
    "HDF5 is read by a second Python process, but {found}: set sys.executable to the path of a Python with embstore, "
    "or convert the file to a store beforehand"
)


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
        self.path, self.name, self._request = source.path, name, request
        self._rest = memoryview(b"")
        command = [self._python(), "-P", "-c", START, json.dumps(module_path()), json.dumps(asdict(request))]
        self._pump = Pump(command, () if request.descriptor is None else (request.descriptor,))
        self._end = weakref.finalize(self, self._pump.end)
        try:
            self._pump.begin()
        except OSError as error:
            found = f"{sys.executable} cannot be started ({error.strerror})"
            raise FormatError(self.path, NO_PYTHON.format(found=found), format=name) from None

    def _python(self) -> str:
        """Return the path of Python; in a frozen program, ``sys.executable`` is the program itself."""
        if getattr(sys, "frozen", False) or not sys.executable:
            found = "this is a frozen program" if sys.executable else f"sys.executable is {sys.executable!r}"
            raise FormatError(self.path, NO_PYTHON.format(found=found), format=self.name)
        return sys.executable

    def read(self, size: int) -> bytearray:
        """Read exactly `size` bytes; raise EmbstoreError if the child fails or sends fewer."""
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
            piece = self._next_piece()
        except queue.Empty:
            self.close()
            reason = (
                f"given up after {self._request.waiting:g} s of waiting for the next rows: the file is damaged, or its "
                "disk does not answer"
            )
            raise FormatError(self.path, reason, format=self.name) from None
        if not piece:
            raise self._failure()
        return piece

    def _next_piece(self) -> bytes:
        try:
            return self._pump.pieces.get(timeout=self._request.waiting)
        except queue.Empty:  # both processes may have been stopped (Ctrl-Z) meanwhile
            return self._pump.pieces.get(timeout=min(1, self._request.waiting))

    def _failure(self) -> EmbstoreError:
        """Return the error of a child that ended early."""
        code, output = self._pump.ended()
        if code == WITHOUT_H5PY:
            failure = output.decode("utf-8", "replace").removesuffix("\n").rpartition("\n")[2]
            return MissingDependencyError("h5py", "an HDF5 file", failure)
        if code == 1 and output.rstrip().endswith(b"}"):
            problem = json.loads(output.splitlines()[-1])
            return FormatError(self.path, problem["reason"], where=problem["where"].lstrip("/"), format=self.name)
        if code in OUT_OF_TIME:
            used = f"{self._request.processor:g} s of processor time"
            reason = f"given up after {used} without the next rows: the file is damaged"
            return FormatError(self.path, reason, format=self.name)
        last = output.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return FormatError(
            self.path, f"damaged: the process reading it ended with code {code} {last}".rstrip(), format=self.name
        )

    def close(self) -> None:
        """Kill the child."""
        self._end()


def module_path() -> list[str]:
    """Return ``sys.path`` for the child: without the current folder, unless embstore itself lies there, then last.

    Python puts the current folder first in some programs, and whatever ``h5py.py`` lies there would be run.
    """
    home = str(Path(__file__).absolute().parents[3])
    try:
        here = Path.cwd()
    except OSError:  # it was removed, and nothing can be imported from it
        here = Path(os.devnull)
    entries = [here / entry for entry in sys.path if isinstance(entry, str)]
    kept = [str(entry) for entry in entries if os.path.realpath(entry) != os.path.realpath(here)]
    return kept if home in kept else [*kept, home]
