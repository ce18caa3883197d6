"""Forward passes over int8 rows, which torch's own layers do not support: see `embstore.core.int8`."""

from __future__ import annotations

import torch
from torch._jit_internal import is_scripting
from torch.nn import functional
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from embstore.core.int8 import TAIL


def is_rowwise(weight: torch.Tensor) -> bool:
    """Whether a layer's weight contains int8 rows: no other weight has the dtype uint8."""
    return weight.dtype == torch.uint8


def look_up(ids: torch.Tensor, weight: torch.Tensor, tail: int = TAIL) -> torch.Tensor:
    """Return the vectors of ids: (...) to float32 (..., dim), bit-equal to `int8.dequantize`."""
    rows = functional.embedding(ids, weight)
    tails = _decoded_tails(rows[..., -tail:]).double()  # an argument, as TorchScript does not see globals
    return (rows[..., :-tail] * tails[..., :1] + tails[..., 1:]).float()  # codes * scale + offset


def _decoded_tails(tails: torch.Tensor) -> torch.Tensor:
    """Return the scales and offsets that rows end with: uint8 (..., 8) to float32 (..., 2)."""
    if not is_scripting():  # noqa: SIM102 - TorchScript leaves out what stands in an if of its own
        if torch.compiler.is_compiling() or not torch._C._is_tracing():
            return tails.clone(memory_format=torch.contiguous_format).view(torch.float32)
    # TorchScript cannot view bytes as floats, so each is unpacked as a row of its own: 1 * float + 0.
    rows = functional.pad(functional.pad(tails.reshape(-1, 4), [1, 0], value=1.0), [0, 4])
    unpacked: torch.Tensor = torch.ops.quantized.embedding_bag_byte_unpack(rows)
    return unpacked.reshape_as(tails[..., :2])


def pool(
    ids: torch.Tensor,
    weight: torch.Tensor,
    offsets: torch.Tensor | None,
    weights: torch.Tensor | None,
    mode: str,
    include_last_offset: bool,
    padding_idx: int | None = None,
) -> torch.Tensor:
    """Pool bags of rows like `torch.nn.functional.embedding_bag` over float32 rows: to float32 (bags, dim).

    Sums and means of ragged bags on the CPU use torch's 8-bit kernel. Cases that it does not support convert the rows
    to float32 first: other devices, ``max``, bags given as a matrix, gradients of the weights, graphs that are traced
    or compiled, which cannot check offsets before they use them, and a row `padding_idx`, which counts as absent.
    """
    if weights is not None:
        weights = weights.to(torch.float32)
    if not is_scripting():  # noqa: SIM102 - as above
        if offsets is not None and _is_ragged_on_cpu(ids, offsets):
            bounds = offsets if include_last_offset else torch.cat((offsets, offsets.new_tensor([len(ids)])))
            counts, last = _checked_counts(bounds, len(ids))
            if padding_idx is None and _kernel_supports(ids, weights, mode):
                weights = None if weights is None else weights[:last]
                return _pool_by_kernel(ids[:last], weight, bounds, counts, weights, mode)
    flat = ids.flatten()
    rows = look_up(flat, weight)
    positions = torch.ones_like(flat).cumsum(0) - 1  # arange would record the number of ids as a constant
    absent: int | None = None
    if padding_idx is not None:  # one more row, the first, takes the place of all that are absent
        absent, rows = 0, functional.pad(rows, [0, 0, 1, 0])
        positions = (positions + 1).masked_fill(flat == padding_idx, 0)
    return functional.embedding_bag(
        positions if ids.ndim == 1 else positions.view(ids.shape),
        rows,
        None if offsets is None else offsets.to(positions.dtype),
        mode=mode,
        per_sample_weights=weights,
        include_last_offset=include_last_offset,
        padding_idx=absent,
    )


def _is_ragged_on_cpu(ids: torch.Tensor, offsets: torch.Tensor) -> bool:
    """Whether there are bags whose offsets can be read here and now: not where a tracer records operations."""
    if torch.compiler.is_compiling() or torch._C._is_tracing() or is_in_torch_dispatch_mode():
        return False
    return ids.device.type == "cpu" and ids.ndim == 1 and len(offsets) > 0


def _checked_counts(bounds: torch.Tensor, ids: int) -> tuple[torch.Tensor, int]:
    """Return the number of ids of each bag and of all, from bounds (bags + 1,), which torch's kernels would trust."""
    counts, last = bounds.diff(), int(bounds[-1])
    if int(bounds[0]) or last > ids or bool((counts < 0).any()):
        raise ValueError(f"offsets must start at 0, never decrease, and end within the {ids} ids of the input")
    return counts, last


def _kernel_supports(ids: torch.Tensor, weights: torch.Tensor | None, mode: str) -> bool:
    if weights is None:
        return mode != "max"
    return mode == "sum" and weights.shape == ids.shape and not weights.requires_grad


def _pool_by_kernel(
    ids: torch.Tensor,
    weight: torch.Tensor,
    bounds: torch.Tensor,
    counts: torch.Tensor,
    weights: torch.Tensor | None,
    mode: str,
) -> torch.Tensor:
    """Sum or average bags; the kernel checks the ids, but reads weights as if they were contiguous."""
    summed: torch.Tensor = torch.ops.quantized.embedding_bag_byte_rowwise_offsets(
        weight.contiguous(),
        ids.contiguous(),
        bounds.contiguous(),
        per_sample_weights=None if weights is None else weights.contiguous(),
        include_last_offset=True,
    )
    return summed / counts.clamp(min=1).unsqueeze(1) if mode == "mean" else summed
