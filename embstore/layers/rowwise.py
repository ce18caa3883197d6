"""Forward passes over int8 rows, which torch's own layers do not support: see `embstore.core.int8`."""

from __future__ import annotations

import torch
from torch.nn import functional

from embstore.core.int8 import TAIL


def is_rowwise(weight: torch.Tensor) -> bool:
    """Whether a layer's weight contains int8 rows: no other weight has the dtype uint8."""
    return weight.dtype == torch.uint8


def look_up(ids: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the vectors of ids: (...) to float32 (..., dim), bit-equal to `int8.dequantize`."""
    rows = functional.embedding(ids, weight)
    tails = rows[..., -TAIL:].clone(memory_format=torch.contiguous_format).view(torch.float32).double()
    return (rows[..., :-TAIL] * tails[..., :1] + tails[..., 1:]).float()  # codes * scale + offset


def pool(
    ids: torch.Tensor,
    weight: torch.Tensor,
    offsets: torch.Tensor | None,
    weights: torch.Tensor | None,
    *,
    mode: str,
    include_last_offset: bool,
) -> torch.Tensor:
    """Pool bags of rows like `torch.nn.functional.embedding_bag` over float32 rows: to float32 (bags, dim).

    Sums and means of ragged bags on the CPU use torch's 8-bit kernel. Cases that it does not support convert the rows
    to float32 first: other devices, ``max``, bags given as a matrix, gradients of the weights, compiled graphs.
    """
    supported = weights is None or (mode == "sum" and weights.shape == ids.shape and weights.dtype == torch.float32)
    trained = weights is not None and weights.requires_grad
    on_cpu = weight.device.type == "cpu" and not torch.compiler.is_compiling()
    if (
        offsets is not None
        and len(offsets)
        and ids.ndim == 1
        and mode != "max"
        and supported
        and not trained
        and on_cpu
    ):
        bounds = offsets if include_last_offset else torch.cat((offsets, offsets.new_tensor([len(ids)])))
        return _pool_by_kernel(ids, weight, bounds, weights, mode)
    rows = look_up(ids.flatten(), weight)
    positions = torch.arange(ids.numel(), device=ids.device).view(ids.shape)
    return functional.embedding_bag(
        positions,
        rows,
        None if offsets is None else offsets.to(positions.dtype),
        mode=mode,
        per_sample_weights=weights,
        include_last_offset=include_last_offset,
    )


def _pool_by_kernel(
    ids: torch.Tensor, weight: torch.Tensor, bounds: torch.Tensor, weights: torch.Tensor | None, mode: str
) -> torch.Tensor:
    """Sum or average bags with bounds of shape (bags + 1,); the kernel checks the ids but not the bounds."""
    counts, last = bounds.diff(), int(bounds[-1])
    if int(bounds[0]) or last > len(ids) or bool((counts < 0).any()):
        raise ValueError(f"offsets must start at 0, never decrease, and end within the {len(ids)} ids of the input")
    summed: torch.Tensor = torch.ops.quantized.embedding_bag_byte_rowwise_offsets(
        weight,
        ids[:last],
        bounds,
        per_sample_weights=None if weights is None else weights[:last],
        include_last_offset=True,
    )
    return summed / counts.clamp(min=1).unsqueeze(1) if mode == "mean" else summed
