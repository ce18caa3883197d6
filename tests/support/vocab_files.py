"""Word lists in files beside a matrix."""

from __future__ import annotations

import json
from pathlib import Path


def with_vocab_json(path: Path, words: object) -> Path:
    """Write a list or object of words beside a file, unless it is None, and return the file's path."""
    if words is not None:
        path.with_suffix(".vocab.json").write_text(json.dumps(words))
    return path
