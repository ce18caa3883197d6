"""Checkpoints of safetensors and torch, indexes of shards, and folders."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from cures.case import Case, Table

WORDS = ["the", "frog", "toad"]
ROWS = [[0.5, -1.5], [2.25, 3.0], [1.0, 0.125]]
TABLE: Table = dict(zip(WORDS, ROWS, strict=True))
DOUBLE: Table = {word: [2 * x for x in row] for word, row in TABLE.items()}
MATRIX = np.array(ROWS, np.float32)
OTHER = np.ones((3, 2), np.float32)
INDEX, SHARD = "model.safetensors.index.json", "model-00001-of-00002.safetensors"
CONVERT = f"embstore convert {INDEX} embeddings.safetensors"
Make = Callable[[Path], object]


def words(folder: Path) -> None:
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))


def tensors(arrays: Mapping[str, Any], name: str = "model.safetensors") -> Make:
    """Return a function that writes a safetensors file and its words."""

    def make(folder: Path) -> None:
        words(folder)
        save_file(dict(arrays), folder / name)

    return make


def shards(first: dict[str, Any], second: dict[str, Any]) -> Make:
    """Return a function that writes two shards and their index."""

    def make(folder: Path) -> None:
        names = SHARD, SHARD.replace("00001", "00002", 1)
        for name, arrays in zip(names, (first, second), strict=True):
            tensors(arrays, name)(folder)
        places = {key: name for name, arrays in zip(names, (first, second), strict=True) for key in arrays}
        (folder / INDEX).write_text(json.dumps({"weight_map": places}))

    return make


def saved(value: Callable[[], object], name: str = "old.pt", *, as_zip: bool = True) -> Make:
    """Return a function that writes a value with torch.save, and its words."""

    def make(folder: Path) -> None:
        import torch

        (folder / f"{Path(name).stem}.vocab.json").write_text(json.dumps(WORDS))
        torch.save(value(), folder / name, _use_new_zipfile_serialization=as_zip)

    return make


def tensor() -> Any:
    import torch

    return torch.from_numpy(MATRIX.copy())


def module() -> object:
    import torch

    return torch.nn.Sequential(torch.nn.Embedding(3, 2, _weight=tensor()))


def embedding() -> object:
    import torch

    return torch.nn.ModuleDict({"emb": torch.nn.Embedding(3, 2, _weight=tensor()), "out": torch.nn.Linear(2, 5)})


def fairseq() -> object:
    state = {"encoder.embed_tokens.weight": tensor(), "encoder.fc1.weight": tensor() * 2}
    return {"args": argparse.Namespace(lr=0.1), "model": state, "extra_state": {"epoch": 3}}


def lightning() -> object:
    state = {"net.embedding.weight": tensor(), "net.head.weight": tensor() * 2}
    return {"state_dict": state, "hyper_parameters": {"path": Path("a"), "hparams": argparse.Namespace(lr=0.1)}}


def several() -> object:
    return [argparse.Namespace(lr=0.1), (module(), 3.5)]


def arrays() -> object:
    return {"vectors": MATRIX, "lr": 0.1, "seen": {1, 2}}


def folder_of(*names: str) -> Make:
    def make(folder: Path) -> None:
        (folder / "data").mkdir()
        for number, name in enumerate(names):
            (folder / "data" / name).parent.mkdir(exist_ok=True)
            (folder / "data" / name).write_text("the 1 2\n" * (number + 1))

    return make


KEEP = (
    "keep = lambda x: keep(x.state_dict()) if hasattr(x, 'state_dict') else "
    "{str(k): keep(v) for k, v in x.items()} if isinstance(x, dict) else "
    "[keep(v) for v in x] if isinstance(x, (list, tuple)) else "
    "torch.as_tensor(x) if hasattr(x, '__array__') else x if isinstance(x, (str, int)) else None"
)


def keeping(old: str, new: str) -> str:
    return (
        f"import torch; {KEEP}; torch.save(keep(torch.load({old!r}, map_location='cpu', weights_only=False)), {new!r})"
    )


def with_objects(value: Callable[[], object], old: str = "old.pt", new: str = "old.pth") -> Case:
    return Case("objects-of-torch", saved(value, old), old, {keeping(old, new): TABLE}, result=new, torch=True)


TWO = {"encoder.embed_tokens.weight": MATRIX, "decoder.embed_tokens.weight": 2 * MATRIX}
HEAD = {"lm_head.weight": 2 * MATRIX}
LAYERS = {"layer.0.weight": OTHER, "layer.1.weight": OTHER}
EMBEDDING = {"model.embed_tokens.weight": MATRIX}

CASES = [
    Case(
        "tensor-key",
        tensors(TWO),
        "model.safetensors",
        {"--key": DOUBLE},
        values={"--key": "decoder.embed_tokens.weight"},
    ),
    Case(
        "tensor-key",
        saved(lambda: {"a": tensor(), "b": tensor() * 2}),
        "old.pt",
        {"--key": DOUBLE},
        values={"--key": "b"},
        torch=True,
    ),
    Case(
        "tensor-of-positions",
        tensors({"position_embeddings.weight": MATRIX}),
        "model.safetensors",
        {"--key": TABLE},
        values={"--key": "position_embeddings.weight"},
    ),
    Case("tensor-key-of-index", shards(LAYERS, {"table": MATRIX}), INDEX, {"--key": TABLE}, values={"--key": "table"}),
    Case("index-of-shards", shards(LAYERS, EMBEDDING), SHARD, {CONVERT: TABLE}, result="embeddings.safetensors"),
    Case("output-layer", shards(HEAD, EMBEDDING), SHARD, {CONVERT: TABLE}, result="embeddings.safetensors", warns=True),
    Case(
        "whole-numbers-of-a-tensor",
        tensors({"vectors": np.array([[1, -2], [3, 4], [5, 127]], np.int8)}),
        "model.safetensors",
        {"--dtype float32": {"the": [1, -2], "frog": [3, 4], "toad": [5, 127]}},
    ),
    with_objects(module),
    with_objects(embedding, "whole.pth", "whole.pt"),
    with_objects(fairseq, "checkpoint_best.ckpt", "checkpoint_best.pt"),
    with_objects(lightning, "it's.ckpt", "it's.pt"),
    with_objects(several, "list.bin", "list.pt"),
    with_objects(arrays, "arrays.bin", "arrays.pt"),
    Case(
        "old-file-of-torch",
        saved(lambda: {"model": {"emb.weight": tensor()}}, as_zip=False),
        "old.pt",
        {
            "import torch; torch.save(torch.load('old.pt', map_location='cpu', weights_only=True), 'old.pth')": TABLE,
        },
        result="old.pth",
        torch=True,
    ),
    Case(
        "old-objects-of-torch",
        saved(fairseq, as_zip=False),
        "old.pt",
        {keeping("old.pt", "old.pth"): TABLE},
        result="old.pth",
        torch=True,
    ),
    Case("file-of-folder", folder_of("glove.50d.txt", "glove.100d.txt"), "data", {}),
    Case("split-of-datasets", folder_of("dataset_dict.json", "train/state.json"), "data", {}),
]
