"""Small models with layers of embstore, as a user of transformers or of plain torch writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from embstore import Embedding, EmbeddingBag

WORDS = [f"word{i}" for i in range(1000)]
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), 8), np.float32)
TABLE_BYTES = ROWS.nbytes
IDS = torch.tensor([[1, 2, 3], [4, 5, 6]])
OTHER = r"^the checkpoint was made with the store words.safetensors, sha256 \w+, but this layer has other.safetensors, "
LEFT_OUT = (
    r"^the checkpoint contains changed rows of the store words.safetensors as \S*weight, and they were not loaded"
)


class Config(PretrainedConfig):  # type: ignore[misc]
    """What `Classifier` is built from; config.json contains it."""

    model_type = "embstore-classifier"

    def __init__(
        self, store: str = "", persistent: bool = False, freeze: bool = True, bag: bool = False, **more: object
    ) -> None:
        self.store, self.persistent, self.freeze, self.bag = store, persistent, freeze, bag
        super().__init__(**more)


class Classifier(PreTrainedModel):  # type: ignore[misc]
    """Pretrained rows, drawn rows with a row of zeros, and a linear layer."""

    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        cls = EmbeddingBag if config.bag else Embedding
        self.emb: Embedding | EmbeddingBag = cls.from_pretrained(
            config.store, persistent=config.persistent, freeze=config.freeze
        )
        self.brand = Embedding.from_vocabulary(["tea", "mug"], 8, oov="zero")
        self.head = torch.nn.Linear(8, 2)
        self.post_init()

    def forward(self, ids: torch.Tensor, labels: torch.Tensor | None = None) -> SequenceClassifierOutput:
        found = self.emb(ids)
        pooled = found if found.ndim == 2 else found.mean(1)
        logits = self.head((pooled + self.brand(ids[:, 0] % 2)).to(self.head.weight.dtype))
        loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.emb

    def set_input_embeddings(self, value: Embedding) -> None:
        self.emb = value


def classifier(path: Path, **options: bool) -> Classifier:
    """Return a new model over a store; two of the same options have the same weights."""
    torch.manual_seed(0)
    return Classifier(Config(store=str(path), **options))


def plain(path: Path, *, persistent: bool, seed: int = 0) -> torch.nn.Sequential:
    """Return a model that knows nothing of transformers."""
    torch.manual_seed(seed)
    emb = Embedding.from_pretrained(path, persistent=persistent)
    return torch.nn.Sequential(emb, torch.nn.Linear(8, 2))


def same(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    """Whether two models have the same state_dicts, to the bit."""
    one, two = left.state_dict(), right.state_dict()
    return list(one) == list(two) and all(torch.equal(one[name], two[name]) for name in one)


def rows_of(layer: torch.nn.Module) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return a layer's rows as an array."""
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    return weight.detach().numpy()


def sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of each file in a folder."""
    return {file.name: file.stat().st_size for file in folder.iterdir() if file.is_file()}
