"""Functions that find the files of a table in a folder by their names; `Codec.folder` is one of them.

Each returns nothing for a folder of another kind. What they find is only named here: codecs open it through the
descriptor of the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

from embstore.core.cures import cure

CHECKPOINTS = ("model.safetensors.index.json", "model.safetensors")
TORCH_CHECKPOINTS = ("pytorch_model.bin.index.json", "pytorch_model.bin")
STATIC_EMBEDDING = "0_StaticEmbedding"
MAX_ENTRIES = 20_000  # of a folder
MAX_LIST = 1 << 20  # bytes of modules.json
DATASET = ("dataset_info.json", "state.json")
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}")
IGNORED = re.compile(r"[._].*|readme.*|license.*", re.IGNORECASE)


def checkpoint(folder: Path) -> Path | None:
    """Return the safetensors file or index of shards in a folder that a Hugging Face library saved, or None."""
    return _first_of(folder, CHECKPOINTS)


def torch_checkpoint(folder: Path) -> Path | None:
    """Return the file of torch.save or index of shards in such a folder, or None; safetensors come first."""
    return None if checkpoint(folder) else _first_of(folder, TORCH_CHECKPOINTS)


def _first_of(folder: Path, names: tuple[str, ...]) -> Path | None:
    places = (place / name for place in (folder, *_first_modules(folder)) for name in names)
    return next((place for place in places if place.is_file()), None)


def _first_modules(folder: Path) -> list[Path]:
    """Return the folders that the first module of a sentence-transformers model can be in; it has the embeddings."""
    return [folder / name for name in dict.fromkeys((_first_module(folder), STATIC_EMBEDDING)) if name]


def _first_module(folder: Path) -> str:
    """Return the name of the folder of the first module in ``modules.json``, empty if there is none."""
    path = folder / "modules.json"
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            name = json.loads(file.read(MAX_LIST))[0]["path"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    is_name = isinstance(name, str) and name.isprintable() and name not in ("", ".", "..") and Path(name).name == name
    return name if is_name else ""


def spacy_vectors(folder: Path) -> Path | None:
    """Return the folder with vectors that spaCy saved: `folder` or its ``vocab`` (of a pipeline); else None."""
    places = (folder, folder / "vocab")
    return next((place for place in places if all((place / name).exists() for name in ("vectors", "key2row"))), None)


def is_dataset(folder: Path) -> bool:
    """Detect a folder that ``datasets.Dataset.save_to_disk`` wrote."""
    return all((folder / name).is_file() for name in DATASET)


def parquet_parts(folder: Path) -> list[Path]:
    """Return the parts of a table that Spark, Dask or Hugging Face's datasets wrote, in the order of their numbers.

    Their names are equal but for numbers, and nothing else is in the folder. An empty list for any other folder.
    """
    names = [name for name in _names(folder) if not IGNORED.fullmatch(name)]
    shapes = {re.sub(r"[0-9]+", "0", UUID.sub("", name)) for name in names}
    if len(shapes) != 1 or not all(name.endswith(".parquet") for name in names):
        return []
    return [folder / name for name in sorted(names, key=_in_order)]


def _names(folder: Path) -> list[str]:
    """Return the names in a folder; none if there are too many to be one table."""
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) > MAX_ENTRIES:
                return []
    return names


def _in_order(name: str) -> tuple[list[int], str]:
    """Return what sorts names by their numbers; ids of Spark's jobs have digits that are none."""
    return [int(number) for number in re.findall(r"[0-9]+", UUID.sub("", name))], name


def contents(folder: Path, suffixes: tuple[str, ...], most: int = 10) -> str:
    """Return what is in a folder that is no table, for a message: the likeliest first, at most `most` names.

    Files with one of `suffixes` come first, the largest before the others, then folders, then all else.
    """
    with os.scandir(folder) as entries:
        found = sorted(_rank(entry, suffixes) for _, entry in zip(range(MAX_ENTRIES), entries, strict=False))
    if not found:
        return "an empty folder"
    names = [_shown(name) for *_, name in found[:most]]
    more = f" and {len(found) - most:,} more" if len(found) > most else ""
    if (folder / "dataset_dict.json").is_file():
        splits = ", ".join(name for name in names if name.endswith("/"))
        chosen = cure("split-of-datasets", f"name one of them ({splits})")
        return f"a folder of several datasets, one for each split: {chosen}"
    kind = "folders" if names[0].endswith("/") else "files"
    chosen = cure("file-of-folder", f"name one of its {kind} ({', '.join(names)}{more})")
    return f"a folder that is not known as a table: {chosen}"


def _rank(entry: os.DirEntry[str], suffixes: tuple[str, ...]) -> tuple[bool, bool, int, str]:
    is_folder = entry.is_dir()
    readable = not is_folder and entry.name.lower().endswith(suffixes)
    size = 0
    with contextlib.suppress(OSError):
        size = 0 if is_folder else entry.stat().st_size
    return not readable, not is_folder, -size, entry.name + "/" * is_folder


def _shown(name: str) -> str:
    return name[:200] if name.isprintable() else ascii(name[:200])[1:-1]
