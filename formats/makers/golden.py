"""Write golden files, each with the sidecar that states the expected outcome (formats/README.md)."""

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
    """Write a file that must be read, and a sidecar with its table.

    Parameters
    ----------
    name
        File name; the sidecar has the same name up to the first dot.
    data
        Content of the file; for formats that are folders, the content of each file by its name.
    tokens
        Expected tokens; bytes if not valid UTF-8.
    rows
        Expected numbers as decimals separated by spaces; the sidecar gets their float32 bits.
    warnings
        Expected complete messages, in order.
    **more
        Additional entries of the sidecar, such as `read`, the reading options.
    """
    bits = [" ".join(float32_bits(number) for number in row.split()) for row in rows]
    texts = [token.decode("utf-8", "surrogateescape") if isinstance(token, bytes) else token for token in tokens]
    sidecar = {"file": name, "about": about, **more, "tokens": texts, "bits": bits, "warnings": warnings}
    _write(folder / "valid", name, data, sidecar)


def write_invalid(
    folder: Path, name: str, data: bytes | dict[str, bytes], message: str, *, error: str = "FormatError", **more: Any
) -> None:
    """Write a file that must be refused, and a sidecar with the complete message, ``{path}`` in place of the path."""
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
    """Write ASCII JSON; lone surrogates are escaped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(value, indent=1).encode("ascii") + b"\n")
