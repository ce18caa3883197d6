"""Writes every format into a folder on a full disk: ``python tests/faults/full_disk.py FOLDER MESSAGE FORMAT ...``."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from targets import NEW, TARGETS

import embstore
from embstore.cli.main import run


def main(folder: Path, reason: str, formats: list[str]) -> None:
    """Convert to each format; print the format if the error names the target and nothing is left."""
    source = folder.parent / "source.safetensors"
    embstore.save(source, list(NEW.itos), NEW.vectors, overwrite=True)
    for target in TARGETS:
        if target.format in formats:
            printed = io.BytesIO()
            stderr = io.TextIOWrapper(printed, write_through=True)
            with contextlib.redirect_stderr(stderr):
                code = run(["convert", str(source), str(folder / target.file), "--to", target.format, "--quiet"])
            assert (code, printed.getvalue().decode()) == (1, f"error: {folder / target.file}: {reason}\n"), target
            assert os.listdir(folder) == [], target
            print(target.format)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
