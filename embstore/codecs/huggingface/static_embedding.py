"""Writes a folder that sentence-transformers loads as a model of one StaticEmbedding (formats/safetensors/SPEC.md)."""

from __future__ import annotations

from pathlib import Path

from embstore.codecs.huggingface.static_model import write_model
from embstore.core.batch import Source
from embstore.core.json_values import Json
from embstore.core.options import AS_IS, WriteOptions
from embstore.store.header import WEIGHT

NAME = "static-embedding"
SUBFOLDER = "0_StaticEmbedding"


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write the folder atomically; unknown words get a row of zeros."""
    del options
    kind = "sentence_transformers.models.StaticEmbedding"
    module: dict[str, Json] = {"idx": 0, "name": "0", "path": SUBFOLDER, "type": kind}
    config: dict[str, Json] = {
        "__version__": {},
        "prompts": {},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    files: dict[str, Json] = {"modules.json": [module], "config_sentence_transformers.json": config}
    write_model(path, source, WEIGHT, source.dtype, SUBFOLDER, files, NAME)
