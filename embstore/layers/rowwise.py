"""Forward passes over rows of 8 bits, which torch's own layers cannot take: see `embstore.core.int8`."""

from __future__ import annotations

import torch
from torch.nn import functional

from embstore.core.int8 import TAIL


def is_rowwise(weight: torch.Tensor) -> bool:
    """Whether a layer's weight holds rows of 8 bits: no other weight is of uint8."""
    return weight.dtype == torch.uint8


def look_up(ids: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Vectors of ids: (...) to float32 (..., dim), the bits that `int8.dequantize` gives."""
    rows = functional.embedding(ids, weight)
    ends = rows[..., -TAIL:].clone(memory_format=torch.contiguous_format).view(torch.float32).double()
    return (rows[..., :-TAIL] * ends[..., :1] + ends[..., 1:]).float()


def pool(
    ids: torch.Tensor,
    weight: torch.Tensor,
    offsets: torch.Tensor | None,
    weights: torch.Tensor | None,
    *,
    mode: str,
    include_last_offset: bool,
) -> torch.Tensor:
    """Pool bags of rows as `torch.nn.functional.embedding_bag` does over float32: to (bags, dim) of float32.

    Sums and means of ragged bags on the CPU go through torch's 8-bit kernel. For what it lacks the rows are widened
    first: other devices, ``max``, bags of one length, gradients of the weights, a compiled graph.
    """
    plain = weights is None or (mode == "sum" and weights.shape == ids.shape and weights.dtype == torch.float32)
    trained = weights is not None and weights.requires_grad
    here = weight.device.type == "cpu" and not torch.compiler.is_compiling()
    if offsets is not None and len(offsets) and ids.ndim == 1 and mode != "max" and plain and not trained and here:
        ends = offsets if include_last_offset else torch.cat((offsets, offsets.new_tensor([len(ids)])))
        return _kernel(ids, weight, ends, weights, mode)
    rows = look_up(ids.flatten(), weight)
    places = torch.arange(ids.numel(), device=ids.device).view(ids.shape)
    return functional.embedding_bag(
        places,
        rows,
        None if offsets is None else offsets.to(places.dtype),
        mode=mode,
        per_sample_weights=weights,
        include_last_offset=include_last_offset,
    )


def _kernel(
    ids: torch.Tensor, weight: torch.Tensor, ends: torch.Tensor, weights: torch.Tensor | None, mode: str
) -> torch.Tensor:
    """Sum or average bags that `ends` divide, (bags + 1,); the kernel itself checks ids but not these."""
    counts, last = ends.diff(), int(ends[-1])
    if int(ends[0]) or last > len(ids) or bool((counts < 0).any()):
        raise ValueError(f"offsets must begin at 0, never fall, and end within the {len(ids)} ids of the input")
    summed: torch.Tensor = torch.ops.quantized.embedding_bag_byte_rowwise_offsets(
        weight,
        ids[:last],
        ends,
        per_sample_weights=None if weights is None else weights[:last],
        include_last_offset=True,
    )
    return summed / counts.clamp(min=1).unsqueeze(1) if mode == "mean" else summed
