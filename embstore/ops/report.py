"""What a conversion did, and warnings of what was odd."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

from embstore.codecs.text.lines import SKIPPED
from embstore.core.batch import Findings, Source
from embstore.core.duplicates import REPEATED
from embstore.core.errors import EmbstoreWarning
from embstore.ops.selection import NONFINITE


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion did.

    Attributes
    ----------
    source, target
        Paths.
    rows, dim, dtype
        Of the table written.
    duplicates, skipped, nonfinite
        Repeated rows dropped, lines left out, rows with NaN or Inf.
    findings
        One sentence for each thing that was odd.
    seconds, bytes
        Wall time; size of the target.
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
    """Sum up a conversion of which `rows` came to be written, repeated ones among them."""
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
    """Turn what was odd into warnings, one of a kind."""
    for message in findings.messages():
        warnings.warn(message, EmbstoreWarning, stacklevel=3)
