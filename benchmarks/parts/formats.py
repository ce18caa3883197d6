"""Binary formats converted to a store, compared with only reading or copying the file."""

from __future__ import annotations

from pathlib import Path

from measure import Part, Run, child
from prepare import Work, foreign_file

# Suffix and title of each format, and the cases that embstore is compared with.
FORMATS = {
    "hdf5": (".h5", "HDF5", {"h5py": "h5py reads both datasets"}),
    "npy": (".npy", "NumPy .npy", {"copy": "file copy"}),
    "word2vec-bin": (".bin", "word2vec binary", {"copy": "file copy"}),
}


def part(work: Work, name: str) -> Part:
    """Convert the real GloVe table from one format."""
    suffix, title, others = FORMATS[name]
    source = foreign_file(work, suffix)
    baseline = "embstore.convert"
    ways = {"embstore": baseline, **others}
    return Part(
        name=name,
        title=f"{title}, 400,000 x 50, to a finished store",
        baseline=baseline,
        columns={"inside_seconds": "call only", "process_seconds": "whole process", "peak_bytes": "peak memory"},
        runs=[Run(_command(work, way, source), case) for way, case in ways.items()],
    )


def _command(work: Work, way: str, source: Path) -> list[str | Path]:
    return child(work.python, "convert_foreign.py", way, source, work.folder / f"{way}.safetensors")
