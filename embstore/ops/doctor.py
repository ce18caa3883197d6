"""`embstore doctor`: what is odd in a file of embeddings, where, and the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.registry.detection import open_to_read
from embstore.codecs.shared.line import SKIPPED
from embstore.codecs.text.words import find_odd
from embstore.core.batch import SHOWN, Batch, Source
from embstore.core.cures import convert_command, cure, shell
from embstore.core.errors import FormatError
from embstore.core.index import VocabBuilder
from embstore.core.options import Progress, Reading, ReadOptions
from embstore.files.temporary import is_abandoned, remains
from embstore.ops.read import read
from embstore.store.store import Store


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something odd in a file.

    Attributes
    ----------
    what
        What it is.
    count
        How often it occurs.
    places
        The first places: lines, rows or words.
    wrong
        Whether it makes a wrong table, or none; other oddities are handled.
    mended_by
        How to mend it; empty if there is nothing to do.
    """

    what: str
    count: int
    places: tuple[str, ...]
    wrong: bool = False
    mended_by: str = ""


@dataclass(slots=True)
class Diagnosis:
    """The result of `diagnose`.

    Attributes
    ----------
    path, format
        The file, and the format that it was read as; "" if none was found.
    rows, dim, dtype
        Of the rows that could be read; 0 and "" if none could.
    oddities
        What is odd, the wrong ones first.
    """

    path: str
    format: str = ""
    rows: int = 0
    dim: int = 0
    dtype: str = ""
    oddities: list[Oddity] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether nothing makes a wrong table."""
        return not any(oddity.wrong for oddity in self.oddities)


def diagnose(path: str | Path, progress: Progress | None = None, **reading: Unpack[Reading]) -> Diagnosis:
    """Read a whole file, and list what is odd in it.

    Parameters
    ----------
    path
        A file or folder that embstore reads.
    progress
        Called with bytes read and total bytes.
    **reading
        Reading options, as for `embstore.open`. Lines that cannot be read are left out and listed.
    """
    found, path = Diagnosis(str(path)), Path(path)
    try:
        _examine(path, ReadOptions.of(reading), progress, found)
    except FormatError as error:
        where = f"{error.where}: " if error.where else ""
        found.oddities.append(Oddity("cannot be read", 1, (f"{where}{error.reason}",), wrong=True))
    _find_remains(path, found)
    found.oddities.sort(key=lambda oddity: not oddity.wrong)
    return found


def _examine(path: Path, options: ReadOptions, progress: Progress | None, found: Diagnosis) -> None:
    file, codec = open_to_read(path, options)
    found.format = codec.name
    if codec.mapped:
        with Store.open(path) as store:
            store.verify()
    if "on_error" in codec.options and not options.vocab:
        options = ReadOptions(**{**{name: getattr(options, name) for name in options.__slots__}, "on_error": "skip"})
    source = read(file, codec, options, progress)
    found.dim, found.dtype = source.dim, source.dtype
    rows = _Rows(source, found)
    try:
        for batch in source.batches:
            rows.look_at(batch)
    finally:
        found.oddities += [*_of_source(source, path), *rows.oddities(path)]


def _of_source(source: Source, path: Path) -> list[Oddity]:
    """Return what the reader found, such as lines that cannot be read, and what it took off words."""
    oddities = []
    for what, count in source.findings.counts.items():
        places = source.findings.details.get(what) or [source.findings.first[what]]
        skipped = what == SKIPPED
        mended = ""
        if skipped:
            mended = _mended(path, "leaves them out", on_error="skip")
        elif "taken off" in what:
            mended = _mended(path, "writes the words without them")
        what = what.partition(", `")[0]  # without the option that keeps words as they stand
        oddities.append(Oddity(what, count, tuple(filter(None, places)), wrong=skipped, mended_by=mended))
    return oddities


def _mended(path: Path, effect: str, **options: str | bool) -> str:
    """Return the conversion into a file without something odd, and its effect."""
    target = f"{path.with_suffix('').name}.mended.safetensors"
    return cure("doctor-convert", f"{convert_command(path, target, **options)} {effect}")


class _Rows:
    """What is odd in rows and words."""

    def __init__(self, source: Source, found: Diagnosis) -> None:
        self.source, self.found = source, found
        self.builder = VocabBuilder(source.expected)
        self.counts: dict[str, int] = {}
        self.places: dict[str, list[str]] = {}

    def look_at(self, batch: Batch) -> None:
        """Count what is odd in a batch."""
        known = self.builder.size
        rows = self.builder.add(batch.tokens)
        highest = np.maximum.accumulate(np.concatenate(([known - 1], rows)))[:-1]
        self._add("repeated tokens", batch, rows <= highest)
        with np.errstate(invalid="ignore", over="ignore"):
            self._add("rows with NaN or Inf", batch, np.asarray(~np.isfinite(batch.vectors).all(axis=1)))
        self._add("rows of zeros", batch, np.asarray(~batch.vectors.any(axis=1)))
        invalid = np.zeros(len(batch.tokens), np.bool_)
        invalid[list(batch.tokens.not_utf8())] = True
        self._add("tokens that are not UTF-8", batch, invalid)
        for what, odd in find_odd(batch.tokens).items():
            self.counts[what] = self.counts.get(what, 0) + odd.count
            self.places.setdefault(what, [repr(odd.first[:60].decode("utf-8", "replace"))])
        self.found.rows += len(batch.tokens)

    def _add(self, what: str, batch: Batch, mask: NDArray[np.bool_]) -> None:
        count = int(mask.sum())
        if not count:
            return
        self.counts[what] = self.counts.get(what, 0) + count
        places = self.places.setdefault(what, [])
        for row in np.flatnonzero(mask)[: SHOWN - len(places)].tolist():
            word = batch.tokens[row : row + 1].data.tobytes()[:60].decode("utf-8", "surrogateescape")
            number, line_of = self.found.rows + row + 1, self.source.line_of
            places.append(f"{f'row {number}' if line_of is None else f'line {line_of(number)}'}: {word!r}")

    def oddities(self, path: Path) -> list[Oddity]:
        """Return what was counted."""
        mended = {
            "repeated tokens": _mended(path, "keeps the last of each", duplicates="last"),
            "rows of zeros": _mended(path, "leaves them out", drop_zeros=True),
        }
        patterns = {"blanks around words", "quotes around words", "commas after words"}
        return [
            Oddity(
                what,
                count,
                tuple(self.places[what]),
                wrong=what in patterns and 2 * count > self.found.rows > 1,
                mended_by=mended.get(what, ""),
            )
            for what, count in self.counts.items()
        ]


def _find_remains(path: Path, found: Diagnosis) -> None:
    """Add what killed writers left beside the file."""
    left = [temporary for temporary, _, _ in remains(path.absolute()) if is_abandoned(temporary)]
    if left:
        listed = [path.with_name(temporary.name) for temporary in left]
        removed = cure("doctor-remains", f"{shell('rm', '-r', *listed[:SHOWN])} removes them")
        names = tuple(temporary.name for temporary in left[:SHOWN])
        found.oddities.append(Oddity("files that a killed writer left", len(left), names, mended_by=removed))
