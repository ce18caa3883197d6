"""Two ranks over one mapped table: DDP and FSDP2 make no copy of it, and train the rest as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.memory import private_of_file
from support.ranks import run_on_ranks
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

import embstore
from embstore.layers.mapped import SHA256
from embstore.store.header import header_digest

pytestmark = pytest.mark.torch

ROWS, DIM = 100_000, 50
BYTES = ROWS * DIM * 4
WORDS = [f"W{i}" for i in range(ROWS)]
IDS = torch.tensor([[0, 7, 99_999], [5, 5, 1]])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "table.safetensors"
    embstore.save(path, WORDS, np.random.default_rng(0).standard_normal((ROWS, DIM), np.float32))
    return path


class Model(torch.nn.Module):
    """A frozen mapped table, one that is trained, and a linear layer; `head` is tied to the table."""

    def __init__(self, path: Path, seed: int, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.head = torch.nn.Linear(DIM, ROWS, bias=False, device="meta")
        self.table = embstore.Embedding.from_pretrained(path, **options)
        self.head.weight = self.table.weight
        self.beside = embstore.Embedding.from_vocabulary(["a", "b"], DIM, seed=seed)
        self.scores = torch.nn.Linear(DIM, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.scores(self.table(ids).mean(1) + self.beside(ids[:, 0] % 2))
        return vectors


def trained(model: torch.nn.Module, inputs: torch.Tensor, targets: list[int]) -> dict[str, torch.Tensor]:
    """Train for some steps and return the trained numbers."""
    optimizer = torch.optim.SGD((weight for weight in model.parameters() if weight.requires_grad), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), torch.tensor(targets)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return {name: weight.detach().clone() for name, weight in model.named_parameters() if weight.requires_grad}


def ddp_on_rank(rank: int, path: Path, folder: Path) -> None:
    found: dict[str, Any] = {}
    choices: dict[str, dict[str, Any]] = {"kept": {}, "light": {"persistent": False}, "broadcast": {}}
    for name, options in choices.items():
        model = Model(path, seed=rank, **options)
        before = private_of_file(path)
        if name != "broadcast":
            assert embstore.keep_mapped(model) == {model.table.weight}
        numbers = trained(DistributedDataParallel(model), IDS, [rank, 1])
        found[name] = (private_of_file(path) - before, numbers)
    torch.save(found, folder / f"ddp{rank}.pt")


def fsdp_on_rank(rank: int, path: Path, folder: Path) -> None:
    model = Model(path, seed=0)
    before = private_of_file(path)
    fully_shard(model, ignored_params=embstore.keep_mapped(model))
    assert type(model.table.weight) is torch.nn.Parameter
    assert model.head.weight is model.table.weight
    assert isinstance(model.scores.weight, DTensor)
    output = model(IDS)
    output.sum().backward()
    torch.save((private_of_file(path) - before, output.detach()), folder / f"fsdp{rank}.pt")
    sharded = Model(path, seed=0)
    fully_shard(sharded)
    assert isinstance(sharded.table.weight, DTensor)  # what would be gathered without the call


def refused(model: torch.nn.Module) -> str:
    with pytest.raises(embstore.EmbstoreError) as raised:
        embstore.keep_mapped(model)
    return str(raised.value)


def different_on_rank(rank: int, folder: Path) -> None:
    kind = embstore.EmbeddingBag
    path = folder / "checked0.safetensors"
    written = kind.from_pretrained(path)
    if rank:
        written.weight.data[0] = 0
    messages = [
        refused(torch.nn.Sequential(kind.from_pretrained(folder / f"checked{rank}.safetensors"))),
        refused(torch.nn.Sequential(kind.from_pretrained(folder / f"unchecked{rank}.safetensors"))),
        refused(written),
        refused(kind.from_pretrained(path, freeze=not rank)),
        refused(kind.from_pretrained(path, persistent=False, oov=("zero", "mean")[rank])),
        refused(kind.from_pretrained(path, persistent=False, oov="hash:2", seed=rank)),
    ]
    (folder / f"{rank}.txt").write_text("\n".join(messages))
    # Rows that are copied, or that all ranks wrote to, are left to DDP, which makes them equal.
    written.weight.data[0] = rank
    for layer in (written, kind.from_pretrained(path, oov="hash:2", seed=rank)):
        assert embstore.keep_mapped(layer) == set()
        DistributedDataParallel(torch.nn.Sequential(layer, torch.nn.Linear(3, 1)))
        torch.save(layer.weight.detach(), folder / f"left{layer.num_embeddings}.{rank}.pt")


def on_rank(rank: int, path: Path, folder: Path) -> None:
    ddp_on_rank(rank, path, folder)
    fsdp_on_rank(rank, path, folder)
    different_on_rank(rank, folder)


@pytest.fixture(scope="module")
def folder(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two ranks wrote; they are started once, as that takes seconds."""
    folder = tmp_path_factory.mktemp("ranks")
    for rank in (0, 1):
        made = folder / f"checked{rank}.safetensors"
        embstore.save(made, ["a", "b", "c", "d"], np.arange(12, dtype=np.float32).reshape(4, 3) + rank)
        (folder / f"unchecked{rank}.safetensors").write_bytes(without_checksum(made.read_bytes()))
    run_on_ranks(on_rank, folder, path, folder)
    return folder


def without_checksum(raw: bytes) -> bytes:
    """The file without the checksum of its rows; that of the header is made again."""
    length = int.from_bytes(raw[:8], "little")
    header = raw[8 : 8 + length].replace(SHA256.encode(), SHA256.replace("256", "265").encode())
    stated = header[header.index(b"sha256.header") + 16 :][:64].decode()
    return raw[:8] + header.replace(stated.encode(), header_digest(header, stated).encode()) + raw[8 + length :]


def test_ddp_keeps_the_table_mapped_and_trains_the_rest(path: Path, folder: Path) -> None:
    first, second = (torch.load(folder / f"ddp{rank}.pt") for rank in (0, 1))
    for rank in (first, second):
        assert rank["kept"][0] == rank["light"][0] == 0
        assert rank["broadcast"][0] >= BYTES  # without the call
    alone = Model(path, seed=0)
    start = {name: weight.detach().clone() for name, weight in alone.named_parameters()}
    # Both ranks start from rank 0's numbers, and the mean of their gradients is that of both batches.
    expected = trained(alone, torch.cat((IDS, IDS)), [0, 1, 1, 1])
    assert expected.keys() == {"beside.weight", "scores.weight", "scores.bias"}
    for kind in ("kept", "light", "broadcast"):
        assert first[kind][1].keys() == {f"module.{name}" for name in expected}
        for name, weight in expected.items():
            ours, theirs = (rank[kind][1][f"module.{name}"] for rank in (first, second))
            assert torch.equal(ours, theirs)
            torch.testing.assert_close(ours, weight)
            assert not torch.equal(ours, start[name])


def test_fsdp_gathers_no_mapped_table(path: Path, folder: Path) -> None:
    expected = Model(path, seed=0)(IDS)
    for rank in (0, 1):
        private, output = torch.load(folder / f"fsdp{rank}.pt")
        assert private == 0
        assert torch.equal(output, expected)


def test_ranks_with_different_tables_are_told(folder: Path) -> None:
    """Nothing makes them equal any more: without the check each rank would train on its own table."""
    sha = [embstore.open(folder / f"checked{rank}.safetensors").metadata[SHA256] for rank in (0, 1)]
    assert SHA256 not in embstore.open(folder / "unchecked0.safetensors").metadata
    cure = "open the same file with the same options on each rank, as nothing is broadcast"
    mapped, special = [f"sha256 {each}, 4 rows" for each in sha], "special padding=False, seed"
    expected = [
        f"0.weight is {mapped[0]} on rank 0, but {mapped[1]} on rank 1: {cure}",
        f"0.weight is {mapped[0]} on rank 0, but {mapped[1]} on rank 1: {cure}",
        f"weight is {mapped[0]} on rank 0, but not mapped on rank 1: {cure}",
        f"weight is {mapped[0]} on rank 0, but not mapped on rank 1: {cure}",
        f"store_reference is sha256 {sha[0]}, oov zero, {special}=0 on rank 0, but"
        f" sha256 {sha[0]}, oov mean, {special}=0 on rank 1: {cure}",
        f"store_reference is sha256 {sha[0]}, oov hash:2, {special}=0 on rank 0, but"
        f" sha256 {sha[0]}, oov hash:2, {special}=1 on rank 1: {cure}",
    ]
    for rank in (0, 1):
        assert (folder / f"{rank}.txt").read_text().split("\n") == expected


def test_rows_that_are_no_rows_of_a_file_are_left_to_ddp(folder: Path) -> None:
    path = folder / "checked0.safetensors"
    written = torch.from_numpy(embstore.open(path).vectors.copy())
    written[0] = 0
    copied = embstore.Embedding.from_pretrained(path, oov="hash:2", seed=0).weight
    for rank in (0, 1):
        assert torch.equal(torch.load(folder / f"left4.{rank}.pt"), written)
        assert torch.equal(torch.load(folder / f"left6.{rank}.pt"), copied)


def test_a_weight_is_ignored_under_all_of_its_names(path: Path) -> None:
    model = Model(path, seed=0, persistent=False)
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, ["scores.bias"])  # type: ignore[no-untyped-call]
    assert embstore.keep_mapped(model) == {model.table.weight}
    ours = {"head.weight", "table.weight", "table.store_reference"}
    assert model._ddp_params_and_buffers_to_ignore == {*ours, "scores.bias"}
    compiled: Any = torch.compile(Model(path, seed=0), backend="eager")
    embstore.keep_mapped(compiled)
    assert compiled._ddp_params_and_buffers_to_ignore == {"_orig_mod.head.weight", "_orig_mod.table.weight"}


def test_only_frozen_rows_of_a_file_are_kept(path: Path) -> None:
    kind = embstore.Embedding
    for layer in (
        kind.from_pretrained(path, freeze=False),
        kind.from_pretrained(path, padding=True),
        kind.from_pretrained(path, dtype=torch.float16),
        kind.from_pretrained(path).requires_grad_(True),
        kind.from_vocabulary(["a"], 3, freeze=True),
    ):
        assert embstore.keep_mapped(layer) == set()
        assert layer._ddp_params_and_buffers_to_ignore == set()
    written = kind.from_pretrained(path)
    written.weight.data[3] = 1
    assert embstore.keep_mapped(written) == set()
