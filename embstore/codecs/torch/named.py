"""One tensor a name in a torch file: a dictionary from word to vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embstore.codecs.shared.array import format_error, native_rows
from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.named_vectors import NAMES_ARE_WORDS, TOP, Vector, check_group, choose_group
from embstore.codecs.shared.whole_numbers import decimal_tokens_of, note
from embstore.core.batch import Findings, Source, Vectors
from embstore.core.dtypes import from_bfloat16
from embstore.core.errors import FormatError
from embstore.core.index import pack_for_hashing
from embstore.core.options import Dtype, Progress, ReadOptions

if TYPE_CHECKING:
    from torch import Tensor

TensorGroup = Mapping[str | int, "Tensor"]
"""The tensors directly in a dictionary, by their keys."""


def named_tensors(values: Mapping[object, object]) -> dict[str | int, Tensor]:
    """Return the tensors directly in a dictionary; none if one of their keys is no word."""
    import torch

    found = {key: value for key, value in values.items() if isinstance(value, torch.Tensor)}
    return found if all(type(key) in (str, int) for key in found) else {}  # type: ignore[return-value]


def choose_dictionary(
    groups: Mapping[str, TensorGroup], tensors: Mapping[str, Tensor], options: ReadOptions, path: Path, name: str
) -> str | None:
    """Return the name of the dictionary from word to vector that is the table; None if there is none.

    Parameters
    ----------
    groups, tensors
        All dictionaries and all tensors, by name.
    path, name
        The file and the format, for errors.
    """
    key = options.key
    matrices = [t for t in tensors.values() if t.ndim == 2 and (t.is_floating_point() or options.dtype)]
    if key in tensors or (key is not None and not groups.get(key)) or (key is None and matrices):
        return None
    try:
        if key is None:
            key = choose_group({place: _described(group) for place, group in groups.items()})
        else:
            check_group(_described(groups[key]))
    except ValueError as error:
        raise format_error(path, name, (options.key or "").strip(TOP), error) from None
    if key is not None and options.vocab is not None:
        raise FormatError(path, NAMES_ARE_WORDS, format=name)
    return key


def _described(group: TensorGroup) -> dict[str, Vector]:
    return {str(key): Vector(tuple(t.shape), str(t.dtype)[6:], t.is_floating_point()) for key, t in group.items()}


def named_source(
    group: TensorGroup,
    as_array: Callable[[Tensor, str], tuple[np.ndarray[Any, Any], Dtype]],
    origin: Origin,
    progress: Progress | None,
) -> Source:
    """Return the source of a dictionary from word, or whole number, to vector, in its order.

    Parameters
    ----------
    group
        Checked by `named_vectors.check_group`.
    as_array
        Returns a tensor of two dimensions as an array, bfloat16 as the bits, and the dtype to store it as.
    """
    findings = Findings()
    note(decimal_tokens_of([key for key in group if not isinstance(key, str)]), findings)
    named = [(str(key), tensor) for key, tensor in group.items()]
    first, bfloat16 = named[0][1], str(named[0][1].dtype) == "torch.bfloat16"

    def rows(start: int, stop: int) -> Vectors:
        stacked = np.concatenate([as_array(tensor.unsqueeze(0), name)[0] for name, tensor in named[start:stop]])
        return from_bfloat16(stacked) if bfloat16 else native_rows(stacked)

    tokens, dtype = pack_for_hashing([name for name, _ in named]), as_array(first.unsqueeze(0), named[0][0])[1]
    return matrix_source(tokens, len(first), dtype, rows, origin, progress, findings, step=rows_in_batch(first.nbytes))
