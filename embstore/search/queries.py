"""What users search for: words and vectors, one or several, each with a weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray


class Tensor(Protocol):
    """A tensor of torch, which need not be installed."""

    ndim: int

    def detach(self) -> Tensor:
        """Return the tensor without its gradient."""

    def cpu(self) -> Tensor:
        """Return the tensor on the CPU."""

    def float(self) -> Tensor:
        """Return the tensor as float32."""

    def numpy(self) -> NDArray[Any]:
        """Return the tensor as an array."""


Query = str | NDArray[Any] | Tensor
"""A word, or a vector of shape (dim,)."""

WeightedQuery = tuple[Query, float]
Queries = Query | WeightedQuery | Sequence[Query | WeightedQuery]
"""One query, or several; as in gensim, each may be a pair of the query and its weight."""

Item = str | NDArray[Any]


def weighted(given: Queries, default: float) -> list[tuple[Item, float]]:
    """Return all queries with their weights, `default` for those that are no pair; tensors become arrays.

    Raises TypeError for anything else than words, vectors and pairs, ValueError for a weight that is not finite.
    """
    return [_pair(query, default) for query in _as_list(given)]


def unweighted(given: Queries) -> list[Item]:
    """Return all queries; pairs with a weight are a TypeError."""
    queries = _as_list(given)
    for query in queries:
        if _is_pair(query):
            raise TypeError(f"most_similar_batch takes words or vectors without weights, not {query!r}")
    return [_item(query) for query in queries]


def _as_list(given: Queries) -> list[object]:
    if isinstance(given, str) or (isinstance(given, tuple) and _is_pair(given)) or _is_vector(given):
        return [given]
    from embstore.words.columns import listed  # here: opening a store and looking words up start faster without

    return [*listed(cast("list[str]", given))]


def _is_vector(query: object) -> bool:
    if isinstance(query, np.ndarray):
        return query.ndim == 1 and query.dtype.kind not in "UTO"
    return hasattr(query, "detach") and getattr(query, "ndim", 0) == 1


def _is_pair(query: object) -> bool:
    if not isinstance(query, tuple | list) or len(query) != 2:
        return False
    return isinstance(query[1], Real) and (isinstance(query[0], str) or _is_vector(query[0]))


def _pair(query: object, default: float) -> tuple[Item, float]:
    if not _is_pair(query):
        return _item(query), default
    first, second = cast("WeightedQuery", query)
    item, weight = _item(first), float(second)
    if not math.isfinite(weight):
        raise ValueError(f"the weight of {repr(item) if isinstance(item, str) else 'a vector'} is {weight}")
    return item, weight


def _item(query: object) -> Item:
    if isinstance(query, str):
        return query
    if hasattr(query, "detach"):
        query = cast("Tensor", query).detach().cpu().float().numpy()  # float: NumPy has no bfloat16
    try:
        vector = np.asarray(query)
    except ValueError:  # lists of different lengths
        vector = np.asarray(None)
    if vector.dtype.kind not in "fiub":
        raise TypeError(f"a query is a word, a vector, or a pair of one and its weight, not {query!r}")
    return vector.astype(np.float32, copy=False)
