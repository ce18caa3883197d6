"""Commands that the doctor prints."""

from __future__ import annotations

from pathlib import Path

from cures.case import Case, Table, text

THE_CAT: Table = {"the": [0.5, 1], "cat": [2, 3]}
MENDED = "t.mended.safetensors"


def with_remains(folder: Path) -> None:
    (folder / "t.txt").write_text("the 0.5 1\ncat 2 3\n")
    (folder / ".t.txt.0123456789ab.tmp").write_text("half")


CASES = [
    Case(
        "doctor-convert",
        text("t.txt", "the 0.5 1\nshort 1\ncat 2 3\n"),
        "t.txt",
        {f"embstore convert t.txt {MENDED} --on-error skip": THE_CAT},
        result=MENDED,
        doctor=True,
    ),
    Case(
        "doctor-convert",
        text("t.txt", "the 9 9\ncat 2 3\nthe 0.5 1\n"),
        "t.txt",
        {f"embstore convert t.txt {MENDED} --duplicates last": THE_CAT},
        result=MENDED,
        doctor=True,
    ),
    Case(
        "doctor-convert",
        text("t.txt", "the 0.5 1\nnone 0 0\ncat 2 3\n"),
        "t.txt",
        {f"embstore convert t.txt {MENDED} --drop-zeros": THE_CAT},
        result=MENDED,
        doctor=True,
    ),
    Case(
        "doctor-convert",
        text("t.txt", "'the' 0.5 1\n'cat' 2 3\n"),
        "t.txt",
        {f"embstore convert t.txt {MENDED}": THE_CAT},
        result=MENDED,
        doctor=True,
    ),
    Case(
        "doctor-remains",
        with_remains,
        "t.txt",
        {"rm -r .t.txt.0123456789ab.tmp": THE_CAT},
        result="t.txt",
        doctor=True,
    ),
]
