"""The process that opens an HDF5 file for `hdf5`, so that a damaged file hangs or crashes nobody else.

Started as ``python -m embstore.codecs.hdf5_child REQUEST``. It answers on stdout: the plan as JSON behind its
length; the tokens, in blocks of a count, their lengths and their bytes; then, unless the parent maps them, the
rows, raw. Lengths and counts are int64 of the machine. What is wrong goes to stderr as one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

from embstore.codecs.hdf5_layout import Refused, Table, find_table
from embstore.codecs.hdf5_request import Request

BLOCK_BYTES = 1 << 20
BLOCK_TOKENS = 16384


def main() -> int:
    """Answer the request; 0 if all went well."""
    request = Request(**json.loads(sys.argv[1]))
    size = Path(request.path).stat().st_size
    _limit_memory(size)
    out = sys.stdout.buffer
    try:
        with h5py.File(request.path, "r", locking=False) as file:
            table = find_table(file, request)
            plan = _plan(file, table, size)
            answer = json.dumps(plan).encode()
            out.write(_count(len(answer)) + answer)
            if table.words is not None:
                _send_tokens(table.words, out)
            if plan["offset"] is None:
                _send_rows(table, out)
            out.flush()
    except BrokenPipeError:  # the parent has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Refused as error:
        return _complain(str(error), error.where)
    except Exception as error:  # whatever a damaged file makes of libhdf5
        return _complain(f"cannot be read, it is damaged or cut short: {error}", "")
    return 0


def _complain(reason: str, where: str) -> int:
    sys.stderr.write(json.dumps({"reason": " ".join(reason.split()), "where": where}) + "\n")
    return 1


def _limit_memory(size: int) -> None:
    """Let no header make this process take more than the file warrants, where the system has such limits."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = (4 << 30) + 8 * size
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _plan(file: Any, table: Table, size: int) -> dict[str, Any]:
    matrix = table.matrix
    rows, dim = table.shape
    offset = matrix.id.get_offset()
    if table.transposed or file.userblock_size:
        offset = None
    elif offset is not None and offset + matrix.nbytes > size:
        raise Refused(
            f"ends at byte {offset + matrix.nbytes:,} of a file of {size:,}: the file is cut short", matrix.name
        )
    words = None if table.words is None else table.words.name
    return {
        "rows": rows,
        "dim": dim,
        "dtype": matrix.dtype.str,
        "offset": offset,
        "words": words,
        "matrix": matrix.name,
    }


def _count(number: int) -> bytes:
    return number.to_bytes(8, sys.byteorder)


def _send_tokens(words: Any, out: IO[bytes]) -> None:
    for start in range(0, len(words), BLOCK_TOKENS):
        block = words[start : start + BLOCK_TOKENS].tolist()
        out.write(_count(len(block)) + np.fromiter(map(len, block), np.int64, len(block)).tobytes())
        out.write(b"".join(block))


def _send_rows(table: Table, out: IO[bytes]) -> None:
    """Send the rows in blocks of whole chunks, so that each is unpacked once."""
    matrix, (rows, dim) = table.matrix, table.shape
    chunk = 1 if matrix.chunks is None else matrix.chunks[1 if table.transposed else 0]
    step = -(-max(1, BLOCK_BYTES // (dim * matrix.dtype.itemsize)) // chunk) * chunk
    for start in range(0, rows, step):
        block = matrix[:, start : start + step].T if table.transposed else matrix[start : start + step]
        out.write(np.ascontiguousarray(block).data)


if __name__ == "__main__":
    sys.exit(main())
