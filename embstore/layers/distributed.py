"""Models on several ranks: the rows of mapped tables are neither broadcast nor gathered."""

from __future__ import annotations

import hashlib
from typing import cast

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

from embstore.core.errors import EmbstoreError
from embstore.layers.checkpoint import KEY, StoreBacked
from embstore.layers.mapped import MappedRows, is_unchanged, mapped_rows

Descriptions = dict[str, str]
"""By the name of a parameter or a buffer: what all ranks must agree on."""


def keep_mapped(model: torch.nn.Module, group: torch.distributed.ProcessGroup | None = None) -> set[torch.nn.Parameter]:
    """Keep the frozen weights that are mapped out of what DDP and FSDP do with parameters.

    `DistributedDataParallel` broadcasts all parameters, frozen ones too: each rank then has a private copy of a table
    that all of them had mapped. FSDP shards a table and gathers it again in each forward pass. After this call DDP
    ignores the frozen weights whose rows are those of a store file, and the references of layers with
    ``persistent=False``. Rows that were copied (special rows that the file does not have, another dtype or device),
    changed, or are trained stay with DDP: `convert` with ``oov=`` and ``padding=`` writes special rows into the file.

    Each rank must map the same table, since nothing makes them equal any more. If `torch.distributed` is initialized,
    the ranks compare the sha256 of their tables, so all of them must make this call.

    Parameters
    ----------
    model
        The module that is wrapped next, neither a part nor a parent of it: DDP goes by the names of its parameters.
    group
        The ranks that have the model; None means all.

    Returns
    -------
    The mapped weights, for ``fully_shard(model, ignored_params=...)``.

    Raises
    ------
    EmbstoreError
        On every rank, if the ranks map different tables.

    Examples
    --------
    >>> import torch
    >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors")
    >>> model = torch.nn.Sequential(emb, torch.nn.Linear(50, 2))
    >>> embstore.keep_mapped(model) == {emb.weight}
    True
    >>> # then DistributedDataParallel(model), or fully_shard(model, ignored_params=embstore.keep_mapped(model))
    """
    kept = {weight for weight in model.parameters() if not weight.requires_grad and is_unchanged(weight)}
    # DDP compares names, so a weight that is tied is ignored under all of its names.
    names = {name: weight for name, weight in model.named_parameters(remove_duplicate=False) if weight in kept}
    references = _references(model)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        tables = {name: _table(cast("MappedRows", mapped_rows(weight))) for name, weight in names.items()}
        _check_ranks(tables | references, group)
    ignored = {*getattr(model, "_ddp_params_and_buffers_to_ignore", ()), *names, *references}
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, ignored)  # type: ignore[no-untyped-call]
    return kept


def _references(model: torch.nn.Module) -> Descriptions:
    """Describe the references that state_dicts have in place of rows."""
    found = {}
    for name, module in model.named_modules(remove_duplicate=False):
        reference = module.reference if isinstance(module, StoreBacked) else None
        if reference is not None:  # without the name of the file, which may differ
            found[f"{name}.{KEY}".lstrip(".")] = ", ".join(
                f"{key} {value}" for key, value in reference.items() if key != "store"
            )
    return found


def _table(rows: MappedRows) -> str:
    sha256 = rows.sha256 or hashlib.sha256(cast("memoryview", rows.store.mapped_rows())).hexdigest()
    return f"sha256 {sha256}, {rows.rows} rows"


def _check_ranks(ours: Descriptions, group: torch.distributed.ProcessGroup | None) -> None:
    """Compare the tables of all ranks: EmbstoreError on each of them if one has others than the first."""
    gathered: list[tuple[int, Descriptions]] = [(0, {})] * torch.distributed.get_world_size(group)
    torch.distributed.all_gather_object(gathered, (torch.distributed.get_rank(), ours), group)
    first, expected = gathered[0]
    for rank, found in gathered[1:]:
        for name in expected | found:
            if expected.get(name) != found.get(name):
                raise EmbstoreError(
                    f"{name} is {expected.get(name, 'not mapped')} on rank {first}, but {found.get(name, 'not mapped')}"
                    f" on rank {rank}: open the same file with the same options on each rank, as nothing is broadcast"
                )
