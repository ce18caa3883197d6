"""Options of the layers' constructors: torch's spellings work, and other mistakes are told with what to write."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch

from embstore.core.errors import EmbstoreError
from embstore.core.options import Dtype, check_kind
from embstore.layers.sources import LayerReading
from embstore.store.store import Store
from embstore.words.encoder import Encoder
from embstore.words.vocabulary import Vocabulary

F = TypeVar("F", bound=Callable[..., object])

DtypeLike = torch.dtype | Dtype | None
MODES = ("mean", "sum", "max")
NO_PADDING = "bags need no padding; padding_idx= names a row that is left out of each bag"


def named_options(method: F) -> F:
    """Let a constructor take the table as torch's ``embeddings=``, and name the option that a mistyped one resembles.

    Without it, unknown options would be taken for those of reading files.
    """
    parameters = inspect.signature(method).parameters
    names = [name for name, parameter in parameters.items() if parameter.kind != inspect.Parameter.VAR_KEYWORD]
    reads_files = len(names) < len(parameters)
    known = [*names[1:], *(sorted(LayerReading.__optional_keys__) if reads_files else ())]

    @functools.wraps(method)
    def checked(*args: object, **options: object) -> object:
        if reads_files and "embeddings" in options:
            if len(args) > 1 or "source" in options:
                raise TypeError("embeddings= is the table, which is given already as the first argument")
            options["source"] = options.pop("embeddings")
        for name in options:
            if name not in known:
                raise TypeError(f"{getattr(args[0], '__name__', '')}.{method.__name__} {_unknown(name, known)}")
        return method(*args, **options)

    return cast("F", checked)


def _unknown(name: str, known: Sequence[str]) -> str:
    import difflib  # here: programs without an error start faster

    if name == "padding":
        return f"has no option 'padding': {NO_PADDING}"
    similar = difflib.get_close_matches(name.lstrip("_"), known, n=1, cutoff=0.7)
    meant = f"did you mean {similar[0]}=?" if similar else f"expected one of {', '.join(known)}"
    return f"has no option {name!r}: {meant}"


def check_options(*, freeze: bool, max_norm: float | None, persistent: bool = True, **flags: bool) -> None:
    """Raise EmbstoreError for options that would write to shared rows, or not save trained rows.

    Raises TypeError for a flag that is not a bool: any text, "no" too, would count as True.
    """
    if isinstance(freeze, str) and freeze in MODES:
        raise TypeError(f"freeze={freeze!r}: expected True or False; the mode of a bag is mode={freeze!r}")
    for name, value in {"freeze": freeze, "persistent": persistent, **flags}.items():
        check_kind(name, value, (bool, np.bool_), "True or False")
    if freeze and max_norm is not None:
        raise EmbstoreError(
            "max_norm scales rows in place, but the rows of a frozen layer may be shared: use freeze=False, which"
            " copies on write, and requires_grad_(False) if the rows must not be trained"
        )
    if not freeze and not persistent:
        raise EmbstoreError("persistent=False leaves the rows out of the state_dict: that needs freeze=True")


def as_dtype(name: str, dtype: DtypeLike) -> torch.dtype | None:
    """Return the dtype of an option: torch's, or the name that `embstore.open` and `convert` take for it.

    Raises TypeError for anything else, and ValueError for a dtype that is not floating.
    """
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if found is None and dtype is None:
        return None
    if not isinstance(found, torch.dtype):
        raise TypeError(f"{name}={dtype!r}: expected a dtype of torch, such as torch.float32")
    if not found.is_floating_point:
        raise ValueError(f"{name}={dtype}: expected a floating dtype")
    return found


def documented_as(other: Callable[..., object]) -> Callable[[F], F]:
    """Give a method the signature and the docstring of another, which torch's tools and editors look at."""

    def documented(method: F) -> F:
        functools.update_wrapper(method, other)
        return method

    return documented


def check_sizes(layer: type, args: Sequence[object]) -> None:
    """Raise TypeError for a table or words in place of the two numbers that torch's own constructor takes."""
    first, name = args[0] if args else None, layer.__name__
    if isinstance(first, str | Path | Store | np.ndarray) or (isinstance(first, torch.Tensor) and first.ndim):
        shown = repr(str(first)) if isinstance(first, str | Path) else "table"
        meant = f"{name}.from_pretrained({shown})"
    elif isinstance(first, Vocabulary | Encoder | Sequence):
        meant = f"{name}.from_vocabulary(words, dim)"
    else:
        return
    raise TypeError(
        f"{name}(num_embeddings, embedding_dim) makes a layer without words, as torch.nn.{name} does, and takes"
        f" numbers, not {type(first).__name__}: use {meant}"
    )
