"""What a conversion to fewer bits loses."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from embstore.codecs.registry.table import codec_for_target
from embstore.core.errors import EmbstoreError, EmbstoreWarning
from embstore.files.atomic import check_target, exit_on_sigterm
from embstore.files.os_errors import errors_naming
from embstore.ops.compare import Difference, compare
from embstore.ops.convert import convert
from embstore.ops.open import open as open_store
from embstore.ops.report import Report

NOT_AGAIN = ("to", "dtype", "oov", "padding", "compression", "layout", "strings", "overwrite", "progress")


def convert_and_compare(src: str | Path, dst: str | Path, **options: Any) -> tuple[Report, Difference]:
    """Convert a file with `embstore.convert` and these options, then compare the result with its source.

    The source is converted a second time, to float32, into a folder beside `dst` that is removed again: the same
    rows are chosen and changed in the same way, so that what differs was lost by rounding. Both tables are mapped
    where `dst` is a store.

    Raises
    ------
    EmbstoreError
        Where `dst` has a format that is written only, before anything is read.
    """
    target = codec_for_target(dst, options.get("to"))
    if not target.reads:
        raise EmbstoreError(
            f"what was lost is found by reading {dst} again, and the format {target.name} is written only"
        )
    check_target(dst, overwrite=options.get("overwrite", False))
    again = {name: value for name, value in options.items() if name not in NOT_AGAIN}
    with (
        errors_naming(dst),
        exit_on_sigterm(),
        TemporaryDirectory(prefix=".embstore-", suffix=".tmp", dir=Path(dst).parent) as folder,
    ):
        exact = Path(folder) / "exact.safetensors"
        with _unheard():  # first, since `dst` may be `src`
            convert(src, exact, dtype="float32", **again)
        report = convert(src, dst, **options)
        with _unheard(), open_store(exact) as before:
            return report, compare(before, open_store(dst, format=target.name), neighbours=True)


@contextmanager
def _unheard() -> Iterator[None]:
    """Leave out the warnings that the conversion itself gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmbstoreWarning)
        yield
