"""A golden file and the sidecar beside it that says what a reader makes of it (formats/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from makers.rounding import float32_bits


def write_valid(
    folder: Path,
    name: str,
    data: bytes | dict[str, bytes],
    about: str,
    tokens: list[str | bytes],
    rows: list[str],
    *,
    warnings: tuple[str, ...] = (),
    **more: Any,
) -> None:
    """Write a file that must be read, and the table that it holds.

    Parameters
    ----------
    name
        File name; the sidecar is called the same up to the first dot.
    data
        What is in it; of a format that has folders: what is in each file, by its name.
    tokens
        Expected tokens; bytes where they are not UTF-8.
    rows
        Expected numbers, decimals divided by spaces; the sidecar gets the bits of their float32.
    warnings
        Expected messages, whole and in order.
    **more
        Further entries of the sidecar, such as `read`, the options to read with.
    """
    bits = [" ".join(float32_bits(number) for number in row.split()) for row in rows]
    texts = [token.decode("utf-8", "surrogateescape") if isinstance(token, bytes) else token for token in tokens]
    sidecar = {"file": name, "about": about, **more, "tokens": texts, "bits": bits, "warnings": warnings}
    _write(folder / "valid", name, data, sidecar)


def write_invalid(
    folder: Path, name: str, data: bytes | dict[str, bytes], message: str, *, error: str = "FormatError", **more: Any
) -> None:
    """Write a file that must be refused, and the whole message, ``{path}`` where the path stands."""
    _write(folder / "invalid", name, data, {"file": name, **more, "error": error, "message": message})


def _write(folder: Path, name: str, data: bytes | dict[str, bytes], sidecar: dict[str, Any]) -> None:
    files = (
        {f"{name}/{inside}": content for inside, content in data.items()} if isinstance(data, dict) else {name: data}
    )
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    write_json(folder / (name.partition(".")[0] + ".json"), sidecar)


def write_json(path: Path, value: Any) -> None:
    """Write JSON in ASCII, lone surrogates as escapes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(value, indent=1).encode("ascii") + b"\n")
