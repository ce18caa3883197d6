"""The weight of a frozen layer over a store file: a parameter that is copied and pickled as the path of the file.

It is the parameter that does so, not its layer, because other modules may share it (``head.weight = emb.weight``), and
copies and pickles keep what is shared only if the parameter itself is what they meet twice. Its type is exactly
`torch.nn.Parameter`, since torch's tracers refuse subclasses; so the methods that `copy` and `pickle` look for are
attributes of the parameter.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.multiprocessing.reductions import reduce_tensor

from embstore.core.errors import FormatError
from embstore.core.options import Dtype
from embstore.files.private_pages import private_ranges
from embstore.store.header import WEIGHT
from embstore.store.store import REPLACED, Store

SHA256 = f"embstore.sha256.{WEIGHT}"
BLOCK = 1 << 22  # bytes compared at a time
FILES = 2  # the protocol of torch.save, which writes files that are read elsewhere

Reduced = tuple[object, ...]


def as_tensor(rows: NDArray[Any], dtype: Dtype) -> torch.Tensor:
    """View stored rows as a tensor, (rows, dim).

    Copies them only if they do not start at a multiple of their item size, which torch's kernels require: files that
    other tools wrote may be unaligned.
    """
    tensor = torch.from_numpy(np.require(rows, requirements="A"))
    return tensor.view(torch.bfloat16) if dtype == "bfloat16" else tensor


@dataclass(frozen=True)
class MappedRows:
    """The first rows of a store file in a private mapping. Pickles as the path.

    Attributes
    ----------
    store
        Opened for these rows only, so that writing to them changes no other view of the file.
    rows
        Number of rows.
    sha256
        The checksum of the rows that the file's header must state. FormatError if it differs, since the file was then
        replaced.
    """

    store: Store
    rows: int
    sha256: str | None

    def __post_init__(self) -> None:
        changed = self.store.metadata.get(SHA256) != self.sha256 or len(self.store) + self.store.special < self.rows
        if changed or not self.store.mapped:
            raise FormatError(self.store.path or "", REPLACED)

    def __reduce__(self) -> Reduced:
        return MappedRows, (self.store, self.rows, self.sha256)

    def tensor(self) -> torch.Tensor:
        """View the rows: (rows, dim), copy-on-write."""
        return as_tensor(self.array(), self.store.dtype)

    def array(self) -> NDArray[Any]:
        """Return the stored rows, a view of the mapping."""
        rows = cast("NDArray[Any]", self.store.mapped_rows())  # not None: __post_init__ checked it
        return rows[: self.rows]

    def again(self) -> MappedRows | None:
        """Map the file once more; None if it is gone or was replaced."""
        try:
            return MappedRows(self.store.open_again(), self.rows, self.sha256)
        except (OSError, FormatError):
            return None

    def viewed_by(self, weight: torch.Tensor) -> bool:
        """Whether a tensor views exactly these rows."""
        rows = self.tensor()
        return (
            weight.device == rows.device
            and weight.dtype == rows.dtype
            and weight.shape == rows.shape
            and weight.stride() == rows.stride()
            and weight.data_ptr() == rows.data_ptr()
        )

    def same_bytes(self, other: MappedRows) -> bool:
        """Whether another mapping of the file, which nothing was written to, has the same rows.

        Compares only the pages that the kernel says were written to, or all of them if it does not say.
        """
        ours, theirs = (rows.array().reshape(-1).view(np.uint8) for rows in (self, other))
        return all(
            np.array_equal(ours[start : min(start + BLOCK, stop)], theirs[start : min(start + BLOCK, stop)])
            for first, stop in private_ranges(ours)
            for start in range(first, stop, BLOCK)
        )


def mapped_parameter(rows: MappedRows, *, in_files: bool = False) -> torch.nn.Parameter:
    """Return a frozen parameter over rows of a store file.

    Pickles and deep copies contain the path, and map the file again, as long as the rows are those of the file;
    otherwise, and in files of `torch.save`, the rows.

    Parameters
    ----------
    rows
        Mapped for this parameter only.
    in_files
        Whether files of `torch.save` contain the path too.
    """
    parameter = torch.nn.Parameter(rows.tensor(), requires_grad=False)
    by_path = _ByPath(weakref.ref(parameter), rows, in_files)  # weak: a parameter that refers to itself is freed late
    parameter.__dict__.update(__reduce_ex__=by_path.reduce, __deepcopy__=by_path.deepcopy)
    return parameter


def mapped_rows(parameter: torch.Tensor | None) -> MappedRows | None:
    """Return the rows that a parameter was made over by `mapped_parameter`; None for any other."""
    by_path = _by_path(parameter)
    return None if by_path is None else by_path.rows


def is_unchanged(parameter: torch.Tensor) -> bool:
    """Whether a parameter was made by `mapped_parameter`, and its rows are still those of the file."""
    by_path = _by_path(parameter)
    return by_path is not None and by_path.unchanged_again() is not None


@dataclass(frozen=True, slots=True)
class _ByPath:
    """How a parameter over mapped rows is pickled and copied."""

    parameter: Callable[[], torch.nn.Parameter | None]
    rows: MappedRows
    in_files: bool

    def reduce(self, protocol: int) -> Reduced:
        parameter = self._parameter()
        if (protocol != FILES or self.in_files) and self.unchanged_again() is not None:
            return self.as_path(parameter)
        return cast("Reduced", _plain(parameter).__reduce_ex__(protocol))  # type: ignore[no-untyped-call]

    def as_path(self, parameter: torch.nn.Parameter) -> Reduced:
        return _rebuilt, (self.rows, parameter.requires_grad, self.in_files, _attributes(parameter))

    def deepcopy(self, memo: dict[int, object]) -> torch.nn.Parameter:
        parameter, again = self._parameter(), self.unchanged_again()
        if again is None:
            copied = copy.deepcopy(_plain(parameter), {})
        else:
            copied = mapped_parameter(again, in_files=self.in_files)
            copied.requires_grad_(parameter.requires_grad)
        memo[id(parameter)] = copied
        return copied

    def unchanged_again(self) -> MappedRows | None:
        """Map the file once more if the parameter still has its rows; None if not, or if the file was replaced."""
        if not self.rows.viewed_by(self._parameter()):
            return None
        again = self.rows.again()
        return again if again is not None and self.rows.same_bytes(again) else None

    def _parameter(self) -> torch.nn.Parameter:
        parameter = self.parameter()
        if parameter is None:
            raise RuntimeError("this is a shallow copy of a parameter that is gone: copy it with copy.deepcopy")
        return parameter


def _by_path(parameter: torch.Tensor | None) -> _ByPath | None:
    method = getattr(parameter, "__dict__", {}).get("__reduce_ex__")
    owner = getattr(method, "__self__", None)
    return owner if isinstance(owner, _ByPath) else None


def _attributes(parameter: torch.nn.Parameter) -> dict[str, object]:
    """Return what users set on a parameter."""
    ours = ("__reduce_ex__", "__deepcopy__")
    return {name: value for name, value in parameter.__dict__.items() if name not in ours}


def _plain(parameter: torch.nn.Parameter) -> torch.nn.Parameter:
    """View a parameter as one that is pickled and copied as torch does."""
    plain = torch.nn.Parameter(parameter.data, parameter.requires_grad)
    plain.__dict__.update(_attributes(parameter))
    return plain


def _rebuilt(
    rows: MappedRows, requires_grad: bool, in_files: bool, attributes: dict[str, object]
) -> torch.nn.Parameter:
    parameter = mapped_parameter(rows, in_files=in_files)
    parameter.requires_grad_(requires_grad)
    parameter.__dict__.update(attributes)
    return parameter


def _reduce_for_process(parameter: torch.nn.Parameter) -> Reduced:
    """Reduce a parameter for another process; torch's own function would copy a mapped table to shared memory."""
    by_path = _by_path(parameter)
    if by_path is not None and by_path.unchanged_again() is not None:
        return by_path.as_path(parameter)
    return cast("Reduced", reduce_tensor(parameter))  # type: ignore[no-untyped-call]


ForkingPickler.register(torch.nn.Parameter, _reduce_for_process)  # type: ignore[arg-type]
