"""Weighted sums of rows: the vectors of words with several ids."""

from __future__ import annotations

import torch
from torch.nn import functional

from embstore.layers.rowwise import look_up, pool


def sum_rows(
    ids: torch.Tensor,
    weights: torch.Tensor | None,
    rows: torch.Tensor,
    rowwise: bool,
    padding_idx: int | None,
    max_norm: float | None,
    norm_type: float,
    scale_grad_by_freq: bool,
    sparse: bool,
) -> torch.Tensor:
    """Sum the rows of each word: ids and weights of shape (..., k) to (..., dim).

    As for `torch.nn.EmbeddingBag` the padding row counts as zeros and gets no gradient, whatever its weights are. They
    are set to 0 here, as torch's own `padding_idx` of bags is several times slower. The other options are those of
    `torch.nn.functional.embedding`. Without weights, look up the rows of the ids: (...) to (..., dim).
    """
    if weights is None:
        if rowwise:
            return look_up(ids, rows)
        return functional.embedding(ids, rows, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    if scale_grad_by_freq:
        raise ValueError(
            "weights do not support scale_grad_by_freq=True, which would count ids of weight 0: leave it out, or use "
            "an oov with one id for each word"
        )
    weights = weights.expand_as(ids)
    if padding_idx is not None:
        weights = weights.masked_fill(ids == padding_idx, 0)
    words, factors = ids.reshape(-1, ids.shape[-1]), weights.reshape(-1, ids.shape[-1])
    if rowwise:  # bags end to end, for which torch has a kernel
        starts = (torch.ones_like(words[:, 0]).cumsum(0) - 1) * words.shape[1]
        sums = pool(words.reshape(-1), rows, starts, factors.reshape(-1), mode="sum", include_last_offset=False)
    else:
        sums = functional.embedding_bag(
            words,
            rows,
            max_norm=max_norm,
            norm_type=norm_type,
            mode="sum",
            sparse=sparse,
            per_sample_weights=factors.to(rows.dtype),  # float32 if encoded without the layer, in a worker
        )
    return sums.reshape(ids.shape[:-1] + sums.shape[1:])  # added, not unpacked, as TorchScript requires
