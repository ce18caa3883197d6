"""What is mutated: every golden file with its companions, and stores and tables of real GloVe."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from support.glove import load_glove
from support.paths import FORMATS

import embstore
from embstore.codecs.registry.table import CODECS
from embstore.core.options import Dtype
from fuzz.mutate.kinds import WANTED

LARGEST = 300_000
POLICIES = ("zero", "mean", "unk:the", "hash:32", "hash:32:2", "lower,hash:8", "digits,zero", "lower,error")
DTYPES: tuple[Dtype, ...] = ("float32", "float16", "bfloat16", "int8")


@dataclass(frozen=True)
class Sample:
    """A table: its files by relative path, the path that is opened, and how it is read."""

    name: str
    main: str
    files: dict[str, bytes]
    reading: dict[str, object] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the files; return the path to open."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder / self.main


def samples(format_name: str) -> list[Sample]:
    """Return the samples of a format, always in the same order."""
    found = [golden(path) for kind in ("valid", "invalid") for path in sorted((FORMATS / format_name / kind).glob("*"))]
    known = [sample for sample in found if sample is not None]
    return known + (stores() if format_name == "store" else tables(format_name))


def golden(sidecar: Path) -> Sample | None:
    """Return the sample of a sidecar; None for a file that is none."""
    told = json.loads(sidecar.read_bytes()) if sidecar.is_file() and sidecar.suffix == ".json" else None
    if not isinstance(told, dict) or "file" not in told:
        return None
    folder, main = sidecar.parent, str(told["file"])
    stem = main.partition(".")[0]
    parts = [path for path in folder.rglob("*") if path.is_file() and path != sidecar]
    names = sorted(str(path.relative_to(folder)) for path in parts)
    vocab = str(told.get("read", {}).get("vocab", main))
    own = [name for name in names if name in (main, vocab) or name.startswith((f"{main}/", f"{stem}."))]
    files = {name: (folder / name).read_bytes() for name in own}
    small = sum(map(len, files.values())) <= LARGEST
    return Sample(f"{folder.name}/{main}", main, files, dict(told.get("read", {}))) if small and files else None


def stores() -> list[Sample]:
    """Make stores of real rows: of each dtype, and with the special rows of each policy."""
    glove = load_glove()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.chdir(folder)  # what a store says of its source has the same length everywhere
        embstore.save("glove.safetensors", glove.words[:200], glove.vectors[:200])
        for dtype in DTYPES:
            embstore.convert("glove.safetensors", f"{dtype}.safetensors", dtype=dtype)
        for number, policy in enumerate(POLICIES):
            padding = bool(number % 2)
            embstore.convert("glove.safetensors", f"policy{number}.safetensors", limit=50, oov=policy, padding=padding)
        os.chdir("/")
        return [Sample(path.name, path.name, {path.name: path.read_bytes()}) for path in sorted(folder.iterdir())]


def tables(format_name: str) -> list[Sample]:
    """Make a table of real rows in a format that embstore writes, with norms where it has them."""
    codec, glove = CODECS[format_name], load_glove()
    if not codec.writes:
        return []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        name = f"glove{codec.suffixes[0]}"
        embstore.save(folder / "store", glove.words[:100], glove.vectors[:100])
        embstore.convert(folder / "store", folder / name, to=format_name, format="store", normalize=codec.keeps_norms)
        (folder / "store").unlink()
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return [Sample(name, name, files)]


FORMATS_READ = tuple(name for name, codec in CODECS.items() if codec.reads and name in WANTED)
