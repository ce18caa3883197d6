"""Stores larger than memory: files of 200 GB whose rows are holes, in processes with a limit of their memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.running import output_of
from support.sparse import sparse_store

import embstore

GB = 1 << 30

LOOKUPS = """
import sys, embstore
from support.memory import private_memory
before = private_memory()
with embstore.open(sys.argv[1]) as store:
    print(store)
    print(store.rows(["word0", "word999", "qzxv"]).tolist(), store.stoi["word7"], store.itos[999])
    print(store["word999"].any(), store.gather([store.special]).shape, store.block(10**8, 10**8 + 2).shape)
assert private_memory() - before < 1 << 25
"""


def test_200_gb_open_and_look_words_up(tmp_path: Path) -> None:
    sparse_store(tmp_path / "large.safetensors", 200 * GB)
    assert output_of(LOOKUPS, tmp_path / "large.safetensors").splitlines() == [
        "<Store large.safetensors: 1,000 x 256 float32, mapped>",
        "[0, 999, -1] 7 word999",
        "False (1, 256) (2, 256)",
    ]


LAYERS = """
import sys, torch, embstore
from support.memory import private_memory
before = private_memory()
for freeze in (True, False):
    for kind in (embstore.Embedding, embstore.EmbeddingBag):
        layer = kind.from_pretrained(sys.argv[1], freeze=freeze, sparse=not freeze)
        words = ["word1", "qzxv"] if kind is embstore.Embedding else [["word1", "qzxv"]]
        encoded = layer.encode(words)
        inputs = encoded if isinstance(encoded, tuple) else (encoded,)
        out = layer(*inputs)
        if not freeze:
            out.sum().backward()
            torch.optim.SGD(layer.parameters(), lr=1.0).step()
            assert (layer(*inputs) == (-1 if kind is embstore.Embedding else -0.5)).float().mean() > 0.99
        print(kind.__name__, freeze, tuple(layer.weight.shape), tuple(out.shape))
assert private_memory() - before < 1 << 28
"""


@pytest.mark.torch
def test_200_gb_serve_layers_frozen_and_trained(tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    sparse_store(path, 200 * GB)
    before = path.stat().st_mtime_ns
    rows = 200 * GB // 1024
    assert output_of(LAYERS, path).splitlines() == [
        f"Embedding True ({rows}, 256) (2, 256)",
        f"EmbeddingBag True ({rows}, 256) (1, 256)",
        f"Embedding False ({rows}, 256) (2, 256)",
        f"EmbeddingBag False ({rows}, 256) (1, 256)",
    ]
    assert path.stat().st_mtime_ns == before


VERIFY = """
import resource, sys, embstore, safetensors, embstore.store.second_reader
from pathlib import Path
from support.memory import address_space
limit = address_space() + 3 * Path(sys.argv[1]).stat().st_size + (128 << 20)  # three maps of the file, and 128 MB
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
with embstore.open(sys.argv[1]) as store:
    store.verify()
print("verified")
"""


def test_1_gb_is_verified_in_little_memory(tmp_path: Path) -> None:
    zeros = hashlib.sha256()
    for _ in range(1024):
        zeros.update(bytes(1 << 20))
    path = tmp_path / "large.safetensors"
    sparse_store(path, GB, zeros.hexdigest())
    assert output_of(VERIFY, path) == "verified\n"
    with path.open("r+b") as file:
        file.seek(GB - 5000)
        file.write(b"\1")
    with pytest.raises(embstore.FormatError, match=r"embedding.weight: its bytes do not have the sha256"):
        embstore.open(path).verify()
