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


def epoch(work: Work) -> Part:
    """Measure an epoch end to end, beside the code that people write with a dict."""
    return Part(
        name="epoch",
        title="One epoch, 16,384 texts of 20 to 80 words, 3 % of them unknown, in batches of 256, on one core",
        baseline="embstore.EmbeddingBag",
        columns={"seconds": "strings to loss", "encode_seconds": "words to ids", "rest_seconds": "the rest"},
        runs=[Run(child(work.python, "train_epoch.py", work.store))],
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


def copies(work: Work) -> Part:
    """Measure copies of a frozen layer, which are paths as long as nothing was written to its rows."""
    large, script = synthetic_store(work, 4_000_000), "copy_layer.py"
    return Part(
        name="copies",
        title="Copies of a frozen layer that was used",
        baseline="embstore.Embedding, 400,000 x 50 (80 MB)",
        columns={"copy_seconds": "deepcopy", "pickle_seconds": "pickle, dumps and loads", "pickle_bytes": "pickled"},
        runs=[
            Run(child(work.python, script, "embstore", work.store), "embstore.Embedding, 400,000 x 50 (80 MB)"),
            Run(child(work.python, script, "embstore", large), "embstore.Embedding, 4,000,000 x 50 (800 MB)"),
            Run(child(work.python, script, "torch", work.store), "torch.nn.Embedding, 400,000 x 50 (80 MB)"),
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
