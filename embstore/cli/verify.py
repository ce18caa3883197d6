"""`embstore verify`: check every byte of a store."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path

import click

from embstore.cli.options import as_json, store_argument
from embstore.cli.printing import print_json, print_text
from embstore.codecs.registry.magic import is_store
from embstore.codecs.shared.first_look.check import check_file
from embstore.core.errors import EmbstoreError, EmbstoreWarning, FormatError
from embstore.files.input import Input
from embstore.store.header import read_header
from embstore.store.store import Store


@click.command("verify")
@store_argument
@as_json
def verify_command(store: Path, as_json: bool) -> int:
    """Check every byte of a store: checksums, token offsets, and that the index finds each token at its row.

    Opening a store reads only its header. Verify stores that were downloaded or copied. The exit code is 0 if the
    store is valid, else 1.

    \b
    Argument:
      STORE  a store, as written by embstore convert

    \b
    Examples:
      embstore verify glove.6B.50d.safetensors
      embstore verify glove.6B.50d.safetensors --json
    """  # noqa: D301
    try:
        _first_look(store)
        table = Store.open(store)
        table.verify()
    except FormatError as error:
        error = _not_a_store(store) or error
        if not as_json:
            raise error from None
        print_json({"path": str(store), "ok": False, "error": str(error)})
        return 1
    if as_json:
        shape = {"rows": len(table), "dim": table.dim, "dtype": table.dtype}
        print_json({"path": str(store), "ok": True, **shape})
    else:
        print_text(f"{store}: {len(table):,} x {table.dim} {table.dtype}, all in order")
    return 0


def _not_a_store(path: Path) -> FormatError | None:
    """Return the error for a file of another format; None for a damaged store, and for what has no format."""
    from embstore.codecs.registry.detection import sniff  # here: valid stores are verified without

    try:
        with Input(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", EmbstoreWarning)
            codec = sniff(file)
            if codec.has_tensors and not file.is_folder and "vocab.index" in read_header(file).tensors:
                return None
    except (EmbstoreError, OSError):
        return None
    command = shlex.join(["embstore", "convert", str(path), str(_free_name(path))])
    return FormatError(path, f"not a store ({codec.name}): verify checks stores; `{command}` makes one of it")


def _free_name(path: Path) -> Path:
    """Return the name of a store to convert a file to, next to it: one that does not exist."""
    stem = path.absolute().with_suffix("").name or "table"
    folder = path.parent if path.name else Path()
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    return next(new for number in numbers if not (new := folder / f"{stem}{number}.safetensors").exists())


def _first_look(path: Path) -> None:
    """Raise FormatError, which names it, for what is no store and no table at all, such as a web page."""
    with Input(path.absolute()) as file:
        file.path = path  # for the message
        if not file.is_folder and not is_store(file.head()):
            check_file(file, known=True)
