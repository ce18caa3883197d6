"""The names of word lists that belong to one file only."""

from __future__ import annotations

import os
from pathlib import Path


def resolve_link(path: Path) -> Path:
    """Return the target of a symbolic link; any other path unchanged."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def word_list_paths(path: Path) -> list[Path]:
    """Return the paths of the two word lists that belong to one file only."""
    return [path.with_name(f"{path.stem}.vocab.{kind}") for kind in ("txt", "json")]
