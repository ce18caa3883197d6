"""Converts a file and measures what the conversion to fewer bits loses."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Unpack, cast

from embstore.codecs.registry.targets import codec_for_target
from embstore.core.errors import EmbstoreError, EmbstoreWarning
from embstore.files.atomic import check_target
from embstore.files.folder import temporary_folder
from embstore.files.input import Input
from embstore.files.os_errors import errors_naming
from embstore.files.signals import exit_on_sigterm
from embstore.ops.compare import compare
from embstore.ops.convert import ConvertOptions, convert
from embstore.ops.difference import Difference
from embstore.ops.open import open as open_store
from embstore.ops.report import Report

TARGET_OPTIONS = ("to", "dtype", "oov", "padding", "compression", "layout", "strings", "overwrite", "progress")
"""Options of `convert` that do not change which rows are written and with which values before rounding."""


def convert_and_compare(
    src: str | Path, dst: str | Path, **options: Unpack[ConvertOptions]
) -> tuple[Report, Difference]:
    """Convert a file with `embstore.convert` and these options, then compare the result with its source.

    The source is also converted to float32, with the same options for rows, in a temporary folder next to `dst`: the
    differences are therefore due to rounding alone. Both tables are mapped if `dst` is a store.

    Raises
    ------
    EmbstoreError
        If embstore cannot read the format of `dst`, before anything is read.
    """
    check_target(dst, overwrite=options.get("overwrite", False))
    target = codec_for_target(dst, options.get("to"))
    if not target.reads:
        raise EmbstoreError(
            f"the loss is measured by reading {dst} back, but embstore does not read the format {target.name}"
        )
    of_target = (*TARGET_OPTIONS, "normalize") if target.keeps_norms else TARGET_OPTIONS
    row_options = {name: value for name, value in options.items() if name not in of_target}
    if options.get("order") == "words":  # the policy then fills rows
        row_options["oov"] = options.get("oov")
    exact_options = cast("ConvertOptions", {**row_options, "dtype": "float32"})
    with errors_naming(dst), exit_on_sigterm(), temporary_folder(dst) as folder:
        exact = folder / "exact.safetensors"
        with Input(src) as opened:
            opened.given_path()  # `convert` opens the path twice: both must be the same file
            with _ignored_warnings():  # before the conversion itself, since `dst` may be `src`
                convert(src, exact, **exact_options)
            opened.check_unchanged()
            report = convert(src, dst, **options)
            if not Path(dst).samefile(src):
                opened.check_unchanged()
        with _ignored_warnings(), open_store(exact) as before:
            return report, compare(before, open_store(dst, format=target.name), neighbours=True)


@contextmanager
def _ignored_warnings() -> Iterator[None]:
    """Ignore embstore's warnings: the conversion itself gives the same ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmbstoreWarning)
        yield
