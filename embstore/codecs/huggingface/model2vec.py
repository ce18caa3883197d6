"""Writes a folder that model2vec loads as a StaticModel (formats/safetensors/SPEC.md)."""

from __future__ import annotations

from pathlib import Path

from embstore.codecs.huggingface.static_model import write_model
from embstore.core.batch import Source
from embstore.core.json_values import Json
from embstore.core.options import AS_IS, Dtype, WriteOptions

NAME = "model2vec"


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write the folder atomically; bfloat16 becomes float32, because model2vec reads with NumPy."""
    del options
    dtype: Dtype = "float16" if source.dtype == "float16" else "float32"
    config: dict[str, Json] = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "normalize": False,
        "hidden_dim": source.dim,
        "embedding_dtype": dtype,
    }
    write_model(path, source, "embeddings", dtype, ".", {"config.json": config}, NAME)
