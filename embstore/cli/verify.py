"""`embstore verify`: check every byte of a store."""

from __future__ import annotations

from pathlib import Path

import click

from embstore.cli.options import as_json, store_argument
from embstore.cli.printing import print_json, print_text
from embstore.codecs.registry.magic import is_store
from embstore.codecs.shared.first_look.check import check_file
from embstore.core.errors import FormatError
from embstore.files.input import Input
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
        if not as_json:
            raise
        print_json({"path": str(store), "ok": False, "error": str(error)})
        return 1
    if as_json:
        shape = {"rows": len(table), "dim": table.dim, "dtype": table.dtype}
        print_json({"path": str(store), "ok": True, **shape})
    else:
        print_text(f"{store}: {len(table):,} x {table.dim} {table.dtype}, all in order")
    return 0


def _first_look(path: Path) -> None:
    """Raise FormatError, which names it, for what is no store and no table at all, such as a web page."""
    with Input(path) as file:
        if not file.is_folder and not is_store(file.head()):
            check_file(file, known=True)
