"""The files of a folder that ``datasets.Dataset.save_to_disk`` wrote, in the order of their rows."""

from __future__ import annotations

from pathlib import Path

from embstore.codecs.shared.json_file import parse_json, shown
from embstore.core.errors import FormatError
from embstore.files.input import Input

NAME = "arrow"
STATE = "state.json"
MAX_STATE = 1 << 24  # bytes


def dataset_files(source: Input) -> list[Path]:
    """Return the Arrow files that ``state.json`` lists.

    Raises FormatError if it lists none, a file in another folder, or an order of rows that is not that of the files.
    """
    path = source.path / STATE
    state = parse_json(source.open_companion(path).read_at(0, MAX_STATE), path, "the state of a dataset", NAME)
    listed = state.get("_data_files") if isinstance(state, dict) else None
    if not isinstance(state, dict) or not isinstance(listed, list) or not listed:
        raise FormatError(path, "expected a list of files, _data_files", format=NAME)
    if state.get("_indices_data_files"):
        reason = "rows in another order than in the files: save the dataset again with its rows in one order"
        raise FormatError(path, reason, where="_indices_data_files", format=NAME)
    names = [_name(entry, path) for entry in listed]
    if len(set(names)) < len(names):
        raise FormatError(path, "a file is listed twice", where="_data_files", format=NAME)
    return [source.path / name for name in names]


def _name(entry: object, path: Path) -> str:
    name = entry.get("filename") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name.isprintable() or name in ("", "..") or Path(name).name != name:
        raise FormatError(path, f"the file {shown(name)} is not in this folder", where="_data_files", format=NAME)
    return name
