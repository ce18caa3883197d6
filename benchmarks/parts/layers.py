"""Stores as torch layers, compared with hand-written code."""

from __future__ import annotations

from measure import Part, Run, child
from prepare import Work, foreign_file, int8_store, synthetic_store


def pooling(work: Work) -> Part:
    """Measure encoding and pooling: from strings to pooled vectors."""
    return Part(
        name="pooling",
        title="8,192 bags of 50 words (Zipf) to their summed vectors",
        baseline="embstore.EmbeddingBag",
        columns={"seconds": "words to vectors", "encode_seconds": "encoding", "layer_seconds": "the layer"},
        runs=[Run(child(work.python, "pool_words.py", work.store))],
    )


def forward(work: Work) -> Part:
    """Measure the cost of a memory-mapped weight in the forward pass."""
    return Part(
        name="forward",
        title="The same rows through an EmbeddingBag, 8,192 bags of 50",
        baseline="memory-mapped weight",
        columns={"layer_seconds": "forward"},
        runs=[Run(child(work.python, "forward_bag.py", work.store))],
    )


def int8(work: Work) -> Part:
    """Measure the gain of int8 rows; each table has its own process, so that they do not compete for the caches."""
    stores = {"float32": work.store, "int8": int8_store(work)}
    return Part(
        name="int8",
        title="EmbeddingBag on one core, 8,192 bags of 50, 400,000 x 50",
        baseline="float32",
        columns={
            "zipf_seconds": "words distributed as in text (Zipf)",
            "uniform_seconds": "words uniformly distributed",
        },
        runs=[Run(child(work.python, "forward_alone.py", path), dtype) for dtype, path in stores.items()],
    )


def ready(work: Work) -> Part:
    """Measure the time from a path to a layer; torch is imported beforehand."""
    script, baseline = "ready_layer.py", "embstore.Embedding.from_pretrained"
    by_hand = child(work.python, script, "numpy", foreign_file(work, ".npy"))
    return Part(
        name="ready",
        title="A layer of 400,000 x 50 from its file",
        baseline=baseline,
        columns={"ready_seconds": "ready layer", "anonymous_bytes": "anonymous memory"},
        runs=[
            Run(child(work.python, script, "embedding", work.store), baseline),
            Run(child(work.python, script, "bag", work.store), "embstore.EmbeddingBag.from_pretrained"),
            Run(by_hand, "np.load + dict + from_pretrained"),
        ],
    )


def workers(work: Work) -> Part:
    """Measure the memory of each spawned worker, torch included."""
    return Part(
        name="workers",
        title="DataLoader, 2 spawned workers, a store of 4,000,000 x 50 (0.9 GB)",
        baseline="without encoder",
        columns={"start_seconds": "first batches", "anonymous_bytes": "anonymous memory of a worker"},
        runs=[Run(child(work.python, "start_workers.py", synthetic_store(work, 4_000_000)))],
    )
