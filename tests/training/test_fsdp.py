"""Layers under FSDP2: a state_dict that rank 0 has is loaded by models whose other layers are sharded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.ranks import run_on_ranks
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import embstore
from embstore.layers.mapped import is_unchanged
from training.models import IDS, OTHER, plain

pytestmark = pytest.mark.torch


def load_on_rank(rank: int, path: Path, other: Path) -> None:
    mesh, options = init_device_mesh("cpu", (2,)), StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    for persistent in (False, True):
        source, sharded = plain(path, persistent=persistent), plain(path, persistent=persistent, seed=1)
        table = sharded[0].weight
        assert isinstance(table, torch.nn.Parameter)
        fully_shard(sharded, mesh=mesh, ignored_params={table})
        set_model_state_dict(sharded, dict(source.state_dict()) if rank == 0 else {}, options=options)
        assert torch.equal(sharded(IDS), source(IDS))
        assert is_unchanged(table)
        gathered = get_model_state_dict(sharded, options=StateDictOptions(full_state_dict=True))
        assert list(gathered) == list(source.state_dict())
        for name, expected in source.state_dict().items():
            found = gathered[name]
            assert isinstance(found, torch.Tensor)
            assert torch.equal(found, expected)
    refused = plain(other, persistent=False)
    state = plain(path, persistent=False).state_dict()
    with pytest.raises(embstore.EmbstoreError, match=OTHER):
        set_model_state_dict(refused, dict(state) if rank == 0 else {}, options=options)


def test_a_state_dict_of_rank_0_is_loaded_by_sharded_models(path: Path, other: Path, tmp_path: Path) -> None:
    run_on_ranks(load_on_rank, tmp_path, path, other)
