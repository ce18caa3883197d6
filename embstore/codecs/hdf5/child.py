"""The child process that opens an HDF5 file, so that a damaged file cannot hang or crash its parent.

It writes to stdout: the length of the plan and the plan as JSON; then, for each block of `step` rows, the lengths and
the bytes of the tokens, if they are in the file, and the raw rows, unless the parent maps them. Lengths are int64 in
native byte order. An error is one line of JSON on stderr. A block has at most `BLOCK_BYTES` of rows, or one row of at
most `MAX_ROW`, and at most `BLOCK_WORDS` tokens of at most `MAX_WORDS` together.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

import h5py
import numpy as np

from embstore.codecs.hdf5.layout import Refused, TableDatasets, find_table
from embstore.codecs.hdf5.limits import allow_processor_time, default_signals, end_with_parent, limit_memory
from embstore.codecs.hdf5.request import Plan, Request

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embstore.codecs.hdf5.h5py_types import Dataset, File

BLOCK_BYTES = 1 << 20
BLOCK_WORDS = 10_000
MAX_ROW = 1 << 26
MAX_WORDS = 1 << 26
MAX_REASON = 2000
SPEED = 50e6  # bytes of a chunk that are decompressed in a second of processor time, at least


def main(sent: str) -> int:
    """Answer the request; return 0 on success, 1 after an error."""
    request = Request(**json.loads(sent))
    end_with_parent(request.parent)
    default_signals()
    allow_processor_time(request.processor)
    opened = _open(request)
    size = os.fstat(opened.fileno()).st_size
    limit_memory(size)
    out = sys.stdout.buffer
    try:
        with h5py.File(opened, "r") as file:
            table = find_table(file, request)
            plan = _plan(file, table, size)
            answer = json.dumps(plan).encode()
            out.write(_count(len(answer)) + answer)
            _send(table, plan, out, request.processor)
            out.flush()
    except BrokenPipeError:  # the parent has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Refused as error:
        return _report_error(str(error), error.where)
    except Exception as error:  # a damaged file makes h5py raise anything
        return _report_error(f"cannot be read, it is damaged or cut short: {error}", "")
    return 0


def _open(request: Request) -> io.FileIO:
    """Open the descriptor inherited from the parent; the path may lead to another file by now."""
    return io.FileIO(request.path if request.descriptor is None else request.descriptor, "rb")


def _send(table: TableDatasets, plan: Plan, out: IO[bytes], processor: float) -> None:
    step = plan["step"]
    rows, words = _rows(table, step), None if table.words is None else _words(table.words, step)
    processor += _bytes_at_once(table) / SPEED
    for start in range(0, plan["rows"], step):
        allow_processor_time(processor)
        stop = min(start + step, plan["rows"])
        if words is not None:
            _send_tokens(
                [word for part in words.parts(start, stop) for word in part.tolist()], out, plan["words"] or ""
            )
        if plan["offset"] is None:
            for part in rows.parts(start, stop):
                out.write(part.data)


def _report_error(reason: str, where: str) -> int:
    # names can have any length, and the parent reads stderr at the end only: more would not fit into the pipe
    problem = {"reason": _printable(" ".join(reason.split())), "where": _printable(where)}
    sys.stderr.write(json.dumps(problem) + "\n")
    return 1


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[:MAX_REASON])


def _plan(file: File, table: TableDatasets, size: int) -> Plan:
    matrix = table.matrix
    rows, dim = table.shape
    offset = matrix.id.get_offset()
    if table.transposed or file.userblock_size:
        offset = None
    elif offset is not None and offset + matrix.nbytes > size:
        raise Refused(
            f"ends at byte {offset + matrix.nbytes:,} of a file of {size:,}: the file is cut short", matrix.name
        )
    row = dim * matrix.dtype.itemsize
    if row > MAX_ROW:
        raise Refused(f"rows of {row:,} bytes, expected at most {MAX_ROW:,}", matrix.name)
    words = None if table.words is None else table.words.name
    return {
        "step": min(max(1, BLOCK_BYTES // row), BLOCK_WORDS if words else rows),
        "rows": rows,
        "dim": dim,
        "dtype": matrix.dtype.str,
        "offset": offset,
        "words": words,
    }


def _count(number: int) -> bytes:
    return number.to_bytes(8, sys.byteorder)


def _send_tokens(words: list[bytes], out: IO[bytes], where: str) -> None:
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    if lengths.sum() > MAX_WORDS:
        raise Refused(f"{len(words):,} words of {lengths.sum():,} bytes, expected at most {MAX_WORDS:,}", where)
    out.write(lengths.data)
    out.write(b"".join(words))


class _Blocks:
    """Reads a dataset in whole chunks, so that each is decompressed once, and yields it in smaller parts.

    Parameters
    ----------
    read
        Function that reads rows [start, stop).
    chunk, step
        Number of rows of a chunk, and of a part.
    """

    def __init__(self, read: Callable[[int, int], NDArray[Any]], chunk: int, step: int) -> None:
        self._read, self._size = read, -(-step // chunk) * chunk
        self._first, self._block = -1, np.empty((0, 0))

    def parts(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """Yield rows [start, stop) in parts; successive calls must ask for ascending rows."""
        while start < stop:
            first = start // self._size * self._size
            if first != self._first:
                self._first, self._block = first, self._read(first, first + self._size)
            part = self._block[start - first : stop - first]
            yield part
            start += len(part)


def _rows(table: TableDatasets, step: int) -> _Blocks:
    matrix = table.matrix
    if table.transposed:
        return _Blocks(lambda start, stop: np.ascontiguousarray(matrix[:, start:stop].T), _chunk(matrix, 1), step)
    return _Blocks(lambda start, stop: np.ascontiguousarray(matrix[start:stop]), _chunk(matrix, 0), step)


def _words(words: Dataset, step: int) -> _Blocks:
    return _Blocks(lambda start, stop: words[start:stop], _chunk(words, 0), step)


def _chunk(dataset: Dataset, axis: int) -> int:
    return 1 if dataset.chunks is None else int(dataset.chunks[axis])


def _bytes_at_once(table: TableDatasets) -> int:
    """Return the bytes of all chunks that a block of rows lies in."""
    return _chunk(table.matrix, int(table.transposed)) * table.shape[1] * table.matrix.dtype.itemsize
