"""Writes folders of static models for Hugging Face's libraries: a matrix, and a tokenizer with its words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from unicodedata import category

import numpy as np

from embstore.codecs.huggingface.tensor_file import write_tensor
from embstore.core.batch import Batch, Source, Tokens
from embstore.core.errors import FormatError
from embstore.core.json_values import Json
from embstore.core.options import Dtype
from embstore.files.atomic import replacing, write_all
from embstore.files.folder import new_folder

UNKNOWN = ("[UNK]", "<unk>")


def write_model(
    path: str | Path, source: Source, tensor: str, dtype: Dtype, subfolder: str, files: Mapping[str, Json], name: str
) -> None:
    """Write a folder with ``model.safetensors``, ``tokenizer.json`` and some files of JSON.

    Parameters
    ----------
    tensor, dtype
        Name and dtype of the matrix.
    subfolder
        Folder of the matrix and the tokenizer, relative to `path`.
    files
        Contents of further files, by name.

    Raises
    ------
    FormatError
        If a token is not UTF-8, as JSON must be.
    """
    words = _Words(path, name)
    with new_folder(path) as folder:
        (folder / subfolder).mkdir(exist_ok=True)
        with replacing(folder / subfolder / "model.safetensors") as file:
            whole = source.through(lambda batches: _with_unknown(batches, words, source.dim))
            write_tensor(file, whole, tensor, dtype, words.add, path, name)
        files = {f"{subfolder}/tokenizer.json": _tokenizer(words.rows), **files}
        for target, content in files.items():
            with replacing(folder / target) as file:
                write_all(file, json.dumps(content, indent=2).encode("ascii"))


class _Words:
    """The words written so far, with their rows."""

    def __init__(self, path: str | Path, name: str) -> None:
        self.path, self.name = path, name
        self.rows: dict[str, int] = {}

    def add(self, tokens: Tokens) -> None:
        for token in tokens.to_bytes():
            try:
                self.rows[token.decode()] = len(self.rows)
            except UnicodeDecodeError:
                reason = f"the token {token[:60]!r} is not UTF-8, as tokenizer.json must be: write a store"
                raise FormatError(self.path, reason, format=self.name) from None


def _with_unknown(batches: Iterator[Batch], words: _Words, dim: int) -> Iterator[Batch]:
    """Yield the batches, then a row of zeros for unknown words if the table has no token for them."""
    yield from batches  # the consumer adds the tokens of each batch to `words`
    if words.rows and not any(word in words.rows for word in UNKNOWN):
        yield Batch(Tokens.pack(UNKNOWN[:1]), np.zeros((1, dim), np.float32))


def _are_lower_case(words: Iterable[str]) -> bool:
    """Return whether all words, some of which have case, stay the same in lower case.

    The markers for unknown words do not count, since whatever is not found gets their row. Characters that this
    version of Unicode does not know may have a lower case in that of the tokenizer.
    """
    has_case = False
    for word in words:
        if word not in UNKNOWN:
            known = word.isascii() or all(category(character) != "Cn" for character in word)
            if not known or word.lower() != word:
                return False
            has_case = has_case or word.islower()
    return has_case


def _tokenizer(rows: dict[str, int]) -> dict[str, Json]:
    """Return a tokenizer.json that splits at whitespace and looks words up: https://huggingface.co/docs/tokenizers.

    It converts text to lower case if all words are in lower case.
    """
    unknown = next(word for word in UNKNOWN if word in rows)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"} if _are_lower_case(rows) else None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": rows, "unk_token": unknown},
    }
