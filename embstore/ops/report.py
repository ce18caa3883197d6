"""The report of a conversion, and warnings for the findings of a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from embstore.codecs.text.lines import SKIPPED
from embstore.core.batch import Findings, Source
from embstore.core.duplicates import REPEATED
from embstore.core.warn import warn_user
from embstore.ops.selection import NONFINITE


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a conversion or a merge.

    Attributes
    ----------
    source, target
        Paths.
    rows, dim, dtype
        Of the written table.
    duplicates, skipped, nonfinite
        Counts: rows of repeated tokens that were dropped, lines that were skipped, rows with NaN or Inf.
    findings
        One sentence for each kind of finding.
    seconds, bytes
        Wall time; size of the target.

    Examples
    --------
    >>> report = embstore.convert("glove.6B.50d.txt", "small.safetensors", limit=1000)
    >>> report.rows, report.dim, report.dtype
    (1000, 50, 'float32')
    >>> report.duplicates, report.findings
    (0, [])
    """

    source: str
    target: str
    rows: int
    dim: int
    dtype: str
    duplicates: int
    skipped: int
    nonfinite: int
    seconds: float
    bytes: int
    findings: list[str] = field(default_factory=list)


def report(src: str | Path, dst: str | Path, source: Source, rows: int, seconds: float) -> Report:
    """Build the report of a finished conversion; `rows` counts all rows of the source, repeated tokens included."""
    counts = source.findings.counts
    duplicates = counts.get(REPEATED, 0)
    return Report(
        source=str(src),
        target=str(dst),
        rows=rows - duplicates,
        dim=source.dim,
        dtype=source.dtype,
        duplicates=duplicates,
        skipped=counts.get(SKIPPED, 0),
        nonfinite=counts.get(NONFINITE, 0),
        seconds=seconds,
        bytes=Path(dst).stat().st_size,
        findings=source.findings.messages(),
    )


def warn(findings: Findings) -> None:
    """Give one `EmbstoreWarning` for each kind of finding."""
    for message in findings.messages():
        warn_user(message)
