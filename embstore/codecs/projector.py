"""A folder for TensorBoard's projector, only written: see formats/projector/SPEC.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embstore.codecs.shared.decimal import formatted
from embstore.core.batch import Batch, Source, Tokens
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, WriteOptions
from embstore.files.atomic import replacing, write_all
from embstore.files.folder import new_folder

NAME = "projector"
CONFIG = b'embeddings {\n  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n}\n'
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write the folder; tabs and line breaks in tokens are escaped.

    On an error nothing is written.
    """
    del options
    rows = 0
    with (
        new_folder(path) as folder,
        replacing(folder / "projector_config.pbtxt") as config,
        replacing(folder / "vectors.tsv") as vectors,
        replacing(folder / "metadata.tsv") as metadata,
    ):
        write_all(config, CONFIG)
        for batch in source.batches:
            empty = Tokens(np.zeros(0, np.uint8), np.zeros(len(batch.tokens) + 1, np.int64))
            numbers = np.ascontiguousarray(batch.vectors, np.float32)
            for lines in formatted(Batch(empty, numbers)):  # each line begins with the space after its token
                write_all(vectors, bytes(lines)[1:].replace(b"\n ", b"\n").replace(b" ", b"\t"))
            write_all(metadata, b"".join(label(token) + b"\n" for token in batch.tokens.to_bytes()))
            rows += len(batch.tokens)
        if not rows:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)


def label(token: bytes) -> bytes:
    """Return a token as a line of metadata.tsv; never blank, since the projector ignores blank lines."""
    text = token.decode("utf-8", "backslashreplace").translate(ESCAPES)
    if not text.strip():
        text = "".join(f"\\u{ord(letter):04x}" for letter in text) or '""'
    return text.encode()
