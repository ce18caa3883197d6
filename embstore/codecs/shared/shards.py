"""Indexes of shards: JSON that maps the names of a checkpoint's tensors to files in its folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from embstore.codecs.shared.json_file import parse_json, shown
from embstore.codecs.shared.tensor_names import Same, TensorEntry, choose_table, is_output, known_names, listed
from embstore.core.cures import convert_command, cure, option_name
from embstore.core.errors import FormatError
from embstore.files.input import Input

MAX_INDEX = 100_000_000  # bytes
SHARD = re.compile(r"(.{1,200})-[0-9]{5}-of-[0-9]{5}(\.[a-z]{1,20})")
CONVERTED = "embeddings.safetensors"  # in messages, the file to convert to


def shard_of(source: Input, key: str | None, format: str) -> tuple[Input, str | None]:  # noqa: A002
    """Return the file with the table, and the key, which is chosen here if the input is an index of shards."""
    path = source.path
    if path.suffix.lower() != ".json":
        return source, key
    parsed = parse_json(
        source.read_at(0, MAX_INDEX), path, f"an index of shards of at most {MAX_INDEX:,} bytes", format
    )
    named = parsed.get("weight_map") if isinstance(parsed, dict) else None
    if not isinstance(named, dict) or not all(isinstance(shard, str) for shard in named.values()):
        raise FormatError(path, "not an index of shards: it has no weight_map of names of files", format=format)
    key = key or _choose(named, path, format)
    if key not in named:
        reason = f"no tensor {key!r} in the weight_map: it has {listed(map(TensorEntry, named))}"
        raise FormatError(path, reason, format=format)
    return _open_shard(source, named[key], format), key


def _choose(named: dict[str, str], path: Path, format: str) -> str:  # noqa: A002
    known = known_names(named)
    if len(known) == 1:
        return known[0]
    count = f"{len(known)} tensors" if known else "no tensor"
    chosen = cure("tensor-key-of-index", f"name one with {option_name('key')}")
    shown_names = listed(map(TensorEntry, known or named))
    raise FormatError(path, f"{count} may be the table: {chosen} ({shown_names})", format=format)


def _open_shard(source: Input, shard: str, format: str) -> Input:  # noqa: A002
    """Open a file in the folder of the index; the name may be anything that JSON can hold."""
    if not shard or shard == ".." or Path(shard).name != shard:
        raise FormatError(source.path, f"the shard {shown(shard)} is not in the folder of the index", format=format)
    try:
        return source.open_companion(source.path.with_name(shard))
    except OSError as error:
        reason = f"the shard {shown(shard)} cannot be opened: {error.strerror}"
    except FormatError:
        raise
    except ValueError:  # NUL, or a lone surrogate
        reason = f"the shard {shown(shard)} has a name that no file can have"
    raise FormatError(source.path, reason, format=format)


def index_of(path: Path) -> Path | None:
    """Return the index next to a file that has the name of one of several shards; else None."""
    named = SHARD.fullmatch(path.name)
    index = path.with_name(f"{named[1]}{named[2]}.index.json") if named else None
    return index if index is not None and index.is_file() else None


def choose_in_file(path: Path, entries: Sequence[TensorEntry], same: Same, format: str) -> TensorEntry:  # noqa: A002
    """Return the only tensor of a file that can be the table, as `choose_table` does.

    In a shard without a tensor that has a known name, FormatError names the index that finds the right file.
    """
    matrices = [entry for entry in entries if entry.is_matrix]
    index = index_of(path) if len(matrices) > 1 and not known_names(entry.name for entry in matrices) else None
    if index is None:
        return choose_table(path, entries, same, format)
    found = cure("index-of-shards", f"{convert_command(index, CONVERTED)} finds the file that has them")
    reason = (
        f"one of the files of a checkpoint, and none of its {len(matrices):,} matrices is named as embeddings: {found}"
    )
    raise FormatError(path, reason, format=format)


def output_layer(path: Path, name: str) -> str:
    """Return the finding for a table that is an output layer, as no other matrix is in its file; else nothing."""
    if not is_output(name):
        return ""
    what, index = f"rows of {name}, the output layer of a model, not its embeddings", index_of(path)
    if index is None:
        return what
    found = cure("output-layer", f"{convert_command(index, CONVERTED)} reads the embeddings")
    return f"{what} ({found})"
