"""Reads a store by the safetensors package too: two independent readers must agree on what the file says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from embstore.core.dtypes import bytes_of
from embstore.core.errors import FormatError
from embstore.files.input import Input
from embstore.store.header import BYTES, COUNTS, OFFSETS, SLOTS, WEIGHT, Tensor, read_header

BLOCK = 1 << 20  # bytes compared at a time
NUMPY = ("U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64")  # the package gives NumPy these


class TensorSlice(Protocol):
    """A tensor of the safetensors package, read by slices."""

    def get_shape(self) -> list[int]:
        """Return its shape."""

    def get_dtype(self) -> str:
        """Return its dtype, in the names of safetensors."""

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """Read rows."""


def compare_readers(path: Path, stopped: Callable[[], bool]) -> list[str]:
    """Compare names, dtypes, shapes, metadata and, by slices, bytes of all tensors.

    Bytes of bfloat16 are not compared, as the package cannot give them to NumPy.

    Parameters
    ----------
    path
        A store file. A file that has been removed meanwhile is not compared.
    stopped
        Called now and then; True ends the comparison.

    Returns
    -------
    Names of tensors that a store need not have, which no checksum of embstore's protects.

    Raises
    ------
    FormatError
        For the first difference.
    """
    try:
        source = Input(path)
    except FileNotFoundError:
        return []
    with source:
        header = read_header(source)
        mapped = memoryview(source.map())
        with _opened(source) as other:
            if (other.metadata() or {}) != header.metadata:
                _disagree(path, "header", "other metadata")
            if set(other.keys()) != set(header.tensors):
                _disagree(path, "header", f"the tensors {', '.join(sorted(other.keys()))}")
            for name, tensor in header.tensors.items():
                _compare(path, name, tensor, other.get_slice(name), mapped, stopped)
        return sorted(set(header.tensors) - {WEIGHT, SLOTS, OFFSETS, BYTES, COUNTS})


class SafetensorsFile(Protocol):
    """What `safetensors.safe_open` opens."""

    def metadata(self) -> dict[str, str] | None:
        """Return the metadata."""

    def keys(self) -> list[str]:
        """Return the names of the tensors."""

    def get_slice(self, name: str, /) -> TensorSlice:
        """Return a tensor that is read by slices."""


@contextmanager
def _opened(source: Input) -> Iterator[SafetensorsFile]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(source.path_for_library(), framework="np") as other:
            yield other
    except SafetensorError as error:
        _disagree(source.path, "header", f"an error: {ascii(str(error))[1:-1][:200]}")


def _disagree(path: Path, where: str, found: str) -> NoReturn:
    reason = f"the safetensors package reads {found}, embstore does not: damaged, or an error of one of them"
    raise FormatError(path, reason, where=where, format="store")


def _compare(
    path: Path, name: str, tensor: Tensor, other: TensorSlice, mapped: memoryview, stopped: Callable[[], bool]
) -> None:
    if (other.get_dtype(), tuple(other.get_shape())) != (tensor.dtype, tensor.shape):
        _disagree(path, name, f"{other.get_dtype()} {other.get_shape()}")
    if tensor.dtype not in NUMPY or not tensor.shape or 0 in tensor.shape:
        return
    row_bytes = (tensor.stop - tensor.start) // tensor.shape[0]
    step = max(1, BLOCK // row_bytes)
    for start in range(0, tensor.shape[0], step):
        if stopped():
            return
        stop = min(start + step, tensor.shape[0])
        ours = np.frombuffer(mapped[tensor.start + start * row_bytes : tensor.start + stop * row_bytes], np.uint8)
        if not np.array_equal(np.frombuffer(bytes_of(other[start:stop]), np.uint8), ours):
            _disagree(path, name, f"other bytes in rows {start:,} to {stop:,}")
