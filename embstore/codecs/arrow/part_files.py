"""Reads a folder of Parquet or Arrow files as one table: their rows one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from embstore.core.batch import Batch, Findings, Source
from embstore.core.errors import FormatError
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import CHANGED, Input
from embstore.files.input_group import Identity

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import Schema

MAX_PARTS = 10_000
NUMBERED = re.compile(r".*-([0-9]{1,9})-of-([0-9]{1,9})(?:[-.].*)?")

Look = Callable[[Input], tuple["Schema", int]]
"""Returns the columns and the number of rows of a file."""

ReadPart = Callable[[Input, ReadOptions, Progress | None], Source]


class Parts:
    """The files of one table, looked at one after the other; only the one that is being read stays open.

    Parameters
    ----------
    source
        The folder.
    paths
        Files in it, in the order of their rows.
    look, read
        Functions of the format.
    name
        Name of the format.

    Raises
    ------
    FormatError
        If a file of the series is missing, if two files have other columns, or if there are no rows.
    """

    def __init__(self, source: Input, paths: list[Path], look: Look, read: ReadPart, name: str) -> None:
        self.source, self.read, self.name = source, read, name
        if len(paths) > MAX_PARTS:
            raise self._error(source.path, f"{len(paths):,} files, more than the {MAX_PARTS:,} that embstore reads")
        self._check_complete(paths)
        self.identities: dict[Path, Identity] = {}
        self.rows = self.size = 0
        first: tuple[Path, Schema] | None = None
        for path in paths:
            with source.open_companion(path) as file:
                schema, rows = look(file)
                first = first or (path, schema)
                self._check_columns(path, schema, *first)
                self.size, self.rows = self.size + file.size, self.rows + rows
                if rows:  # Spark writes files without rows
                    self.identities[path] = file.identity
        if not self.rows:
            raise self._error(source.path, "a table without rows")

    def table(self, options: ReadOptions, progress: Progress | None) -> Source:
        """Return the rows of all files."""
        if options.vocab and Path(options.vocab).is_file():
            reason = f"the words of a table in several files are one of its columns, not a file: {options.vocab}"
            raise self._error(self.source.path, reason)
        paths, findings = list(self.identities), Findings()
        first = self._open(paths[0], options, progress, 0)
        return Source(
            dim=first.dim,
            batches=self._batches(first, paths, options, progress, findings),
            dtype=first.dtype,
            rows=self.rows,
            findings=findings,
            provenance=lambda: {
                "name": self.source.path.absolute().name,
                "format": self.name,
                "size": str(self.size),
                "files": str(len(self.identities)),
            },
        )

    def _batches(
        self, first: Source, paths: list[Path], options: ReadOptions, progress: Progress | None, findings: Findings
    ) -> Iterator[Batch]:
        done = 0
        for path in paths:
            part = first if path == paths[0] else self._open(path, options, progress, done)
            if part.dim != first.dim:
                raise self._error(path, f"rows of {part.dim} numbers, but those of {paths[0].name} have {first.dim}")
            yield from part.batches
            for what, times in part.findings.counts.items():
                findings.add(what, part.findings.first[what], times)
            done += self.identities[path].size

    def _open(self, path: Path, options: ReadOptions, progress: Progress | None, done: int) -> Source:
        file = self.source.open_companion(path)
        if file.identity != self.identities[path]:
            raise self._error(path, CHANGED)
        return self.read(file, options, progress and (lambda part, _: progress(done + part, self.size)))

    def _check_complete(self, paths: list[Path]) -> None:
        """Check that of files named 00000-of-00002 none is missing."""
        numbered = [named for path in paths if (named := NUMBERED.fullmatch(path.name))]
        totals = {int(named[2]) for named in numbered}
        present = {int(named[1]) for named in numbered}
        # a name may state any number, so only as many are looked for as there can be files
        missing = next((i for i in range(min(totals, default=0)) if i not in present), None)
        if len(totals) > 1 or missing is not None:
            several = "their names state several numbers of files"
            found = several if missing is None else f"number {missing} is missing"
            raise self._error(self.source.path, f"files of a table that are numbered ({paths[0].name}), but {found}")

    def _check_columns(self, path: Path, schema: Schema, first: Path, expected: Schema) -> None:
        found, wanted = _columns(schema), _columns(expected)
        if found != wanted:
            reason = f"the columns are {_shown(found)}, but those of {first.name} are {_shown(wanted)}"
            raise self._error(path, reason)

    def _error(self, path: Path, reason: str) -> FormatError:
        return FormatError(path, reason, format=self.name)


def _columns(schema: Schema) -> list[tuple[str, str]]:
    return [(field.name, str(field.type)) for field in schema]


def _shown(columns: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in columns[:20])
