"""Prepare ``benchmarks/work``, once: the peers' environment, the real GloVe text, stores and other files."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from measure import child

ROOT = Path(__file__).parent.parent
WORK = ROOT / "benchmarks" / "work"
PEERS = ("gensim", "pyarrow", "snakefusion", "finalfusion")
GLOVE_SHA256 = "d8f717f8dd4b545cb7f418ef9f3d0c3e6e68a6f48b97d32f8b7aae40cb31f96f"


@dataclass(frozen=True)
class Work:
    """Paths: Python and command of embstore, Python of the peers, and the files."""

    python: Path
    embstore: Path
    peers: Path
    text: Path
    store: Path
    folder: Path


def prepare() -> Work:
    """Create what is missing; embstore runs from this checkout, with the current Python."""
    WORK.mkdir(exist_ok=True)
    python = Path(sys.executable)
    work = Work(
        python=python,
        embstore=python.parent / "embstore",
        peers=install_peers(WORK / "peers"),
        text=WORK / "glove.6B.50d.txt",
        store=WORK / "glove.6B.50d.safetensors",
        folder=WORK,
    )
    if not work.text.exists():
        subprocess.run(child(python, "write_text.py", work.text), check=True)
    check_text(work.text)
    if stale(work.store):
        subprocess.run(child(python, "write_store.py", work.store, work.text), check=True)
    return work


def install_peers(folder: Path) -> Path:
    """Install the peers into a separate environment, with the versions from `constraints.txt`."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        quiet = ["--quiet", "--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([str(python), "-m", "pip", "install", *quiet, *PEERS], check=True)
        (folder / "ready").touch()
    return python


def check_text(path: Path) -> None:
    """Check that the text is the published one; this also loads it into the page cache before anything is timed."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != GLOVE_SHA256:
        raise SystemExit(f"{path}: sha256 {found}, expected {GLOVE_SHA256}; delete the file to create it again")


def synthetic_store(work: Work, tokens: int) -> Path:
    """Return a store with this many generated tokens and 50 numbers each."""
    path = work.folder / f"synthetic-{tokens}.safetensors"
    if stale(path):
        subprocess.run(child(work.python, "write_store.py", path, tokens), check=True)
    return path


def int8_store(work: Work) -> Path:
    """Return the table as an int8 store."""
    path = work.folder / "glove.6B.50d.int8.safetensors"
    if stale(path):
        options = ["--quiet", "--overwrite", "--dtype", "int8"]
        subprocess.run([work.embstore, "convert", *options, work.store, path], check=True)
    return path


def stale(path: Path) -> bool:
    """Return whether a store is missing or older than embstore's code."""
    code = max(file.stat().st_mtime for file in (ROOT / "embstore").rglob("*.py*") if "__pycache__" not in file.parts)
    return not path.exists() or path.stat().st_mtime < code


def gensim_vectors(work: Work) -> Path:
    """Return the table as saved by gensim, for memory-mapping."""
    path = work.folder / "glove.kv"
    if not path.exists():
        subprocess.run(child(work.peers, "write_gensim.py", path, work.text), check=True)
    return path


def foreign_file(work: Work, suffix: str) -> Path:
    """Return the table in the format of that suffix."""
    path = work.folder / f"glove{suffix}"
    if not path.exists():
        subprocess.run(child(work.python, "write_foreign.py", path, work.store), check=True)
    return path
