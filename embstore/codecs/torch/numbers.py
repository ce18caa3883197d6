"""Words of a torch file that are whole numbers: a list of them, or a tensor of one dimension."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from embstore.codecs.shared.json_file import names_for_message
from embstore.codecs.shared.whole_numbers import decimal_tokens, decimal_tokens_of, may_be_words
from embstore.core.batch import Tokens
from embstore.core.cures import cure, option_name
from embstore.core.errors import FormatError

if TYPE_CHECKING:
    from torch import Tensor


def are_numbers(value: object) -> TypeGuard[list[int]]:
    """Return whether a value is a list of whole numbers of 64 bits; truth values are none."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(type(number) is int and -1 << 63 <= number < 1 << 64 for number in value)
    )


def only_numbers(numbers: Mapping[str, list[int] | Tensor], count: int, path: Path, name: str) -> str | None:
    """Return the name of the only list, or tensor, of `count` whole numbers, None if there is none.

    FormatError, for the file `path` and the format `name`, lists them if there are several.
    """
    found = [key for key, value in numbers.items() if len(value) == count and may_be_words(key)]
    if len(found) > 1:
        which = cure("torch-vocab", f"name one with {option_name('vocab')} ({names_for_message(found)})")
        raise FormatError(path, f"{len(found)} lists of whole numbers may be the words: {which}", format=name)
    return found[0] if found else None


def whole_tensors(tensors: Mapping[str, Tensor]) -> dict[str, list[int] | Tensor]:
    """Return the dense tensors of one dimension with whole numbers, none larger than what is stored."""
    import torch

    kinds = (torch.int8, torch.uint8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64, torch.uint64)
    return {
        name: tensor
        for name, tensor in tensors.items()
        if tensor.ndim == 1 and tensor.dtype in kinds and tensor.layout == torch.strided and not tensor.is_meta
        if tensor.nbytes <= tensor.untyped_storage().nbytes()
    }


def decimal(numbers: list[int] | Tensor) -> Tokens:
    """Return the decimal text of whole numbers."""
    return decimal_tokens_of(numbers) if isinstance(numbers, list) else decimal_tokens(numbers.detach().numpy())
