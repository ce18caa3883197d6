"""The report of a conversion, and warnings for the findings of a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from embstore.codecs.shared.line import SKIPPED
from embstore.core.batch import Findings, Source
from embstore.core.duplicates import REPEATED
from embstore.core.warn import warn_user
from embstore.ops.selection import NONFINITE
from embstore.ops.shown import Facts, Shown, listed_words, size_text

if TYPE_CHECKING:
    from embstore.ops.chosen_words import ChosenWords


@dataclass(frozen=True, slots=True, repr=False)
class Report(Shown):
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
    requested, found
        Number of distinct words in `vocab_only`, and of those that the source has; None without `vocab_only`.
    missing, missing_count
        The first ten of the others, in the order of `vocab_only`, and their number.
    filled
        With ``order="words"`` and a policy: each part of the policy to the number of missing words that it gave a row.
    seconds, bytes
        Wall time; size of the target, or of all files in it if it is a folder.

    Examples
    --------
    >>> report = embstore.convert("glove.6B.50d.txt", "small.safetensors", limit=1000)
    >>> report.rows, report.dim, report.dtype
    (1000, 50, 'float32')
    >>> report
    <Report of small.safetensors: 1,000 x 50 float32>
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
    requested: int | None = None
    found: int | None = None
    missing: list[str] = field(default_factory=list)
    missing_count: int = 0
    filled: dict[str, int] = field(default_factory=dict)

    def _facts(self) -> Facts:
        shape = f"{self.rows:,} x {self.dim} {self.dtype}"
        left_out = {
            "repeated tokens": self.duplicates,
            "skipped lines": self.skipped,
            "rows with NaN or Inf": self.nonfinite,
        }
        facts = {
            "source": self.source,
            "target": self.target,
            "rows": shape,
            "size": size_text(self.bytes),
            "time": f"{self.seconds:.2f} s",
        }
        facts |= {what: f"{count:,}" for what, count in left_out.items() if count}
        if self.requested is not None:
            facts["words found"] = f"{self.found:,} of {self.requested:,}"
        if self.missing:
            facts["words missing"] = listed_words(self.missing, self.missing_count)
        facts |= {f"filled by {part}": f"{count:,}" for part, count in self.filled.items()}
        found = [("finding", sentence) for sentence in self.findings]
        return Facts(f"Report of {self.target}: {shape}", [*facts.items(), *found])


def report(
    src: str | Path,
    dst: str | Path,
    source: Source,
    rows: int,
    seconds: float,
    words: ChosenWords | None = None,
    filled: dict[str, int] | None = None,
) -> Report:
    """Build the report of a finished conversion that wrote this number of rows."""
    counts = source.findings.counts
    return Report(
        source=str(src),
        target=str(dst),
        rows=rows,
        dim=source.dim,
        dtype=source.dtype,
        duplicates=counts.get(REPEATED, 0),
        skipped=counts.get(SKIPPED, 0),
        nonfinite=counts.get(NONFINITE, 0),
        seconds=seconds,
        bytes=size_of(Path(dst)),
        findings=source.findings.messages(),
        requested=None if words is None else len(words.words),
        found=None if words is None else words.found_count,
        missing=[] if words is None else words.missing(),
        missing_count=0 if words is None else len(words.words) - words.found_count,
        filled=filled or {},
    )


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def warn(findings: Findings) -> None:
    """Give one `EmbstoreWarning` for each kind of finding."""
    for message in findings.messages():
        warn_user(message)
