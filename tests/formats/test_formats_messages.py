"""Refusals and warnings name options as their reader types them: flags at the command line, keywords in Python."""

from __future__ import annotations

import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from cures.runner import flags
from support.goldens import read_golden, sidecars
from support.running import Run

import embstore
from embstore.core.options import ReadOptions

KEYWORDS = {*inspect.signature(embstore.convert).parameters, *ReadOptions.__slots__} - {"src", "dst", "reading"}
KEYWORD = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(KEYWORDS))})=")
PYTHON = re.compile(r"`[^`]*\([^`]*`")  # lines of Python, such as those that export a pickle
FLAG = re.compile(r"(?<![\w-])--[a-z]")

REFUSED = sidecars("invalid")
WARNED = [param for param in sidecars("valid") if param.values[1]["warnings"]]


def in_python(path: Path, sidecar: Any) -> str:
    """Return what is said in Python: the error, or the warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", embstore.EmbstoreWarning)
            store, messages = read_golden(path, sidecar)
            if sidecar.get("at") == "verify":
                store.verify()
    except (embstore.EmbstoreError, ValueError) as error:
        return str(error)
    return "\n".join(messages)


def at_command_line(run: Run, path: Path, sidecar: Any) -> str:
    """Return what is said at the command line: the error, or the warnings."""
    if sidecar.get("at") == "verify":
        return run("verify", str(path))[2]
    return run("convert", str(path), "out.safetensors", "--quiet", *flags(sidecar.get("read", {})))[2]


@pytest.mark.parametrize(("folder", "sidecar"), [*REFUSED, *WARNED])
def test_options_are_spelled_for_their_reader(run: Run, folder: Path, sidecar: Any) -> None:
    path = folder / sidecar["file"]
    said, printed = in_python(path, sidecar), at_command_line(run, path, sidecar)
    assert said
    assert printed
    assert FLAG.findall(said) == []
    assert "embstore.convert(" not in printed
    assert KEYWORD.findall(PYTHON.sub("", printed)) == []


def test_the_patterns_find_options() -> None:
    assert KEYWORD.findall("on_error='skip' and `vocab=`, (overwrite=True)") == ["on_error=", "vocab=", "overwrite="]
    assert FLAG.findall("`--on-error skip`, --key") == ["--o", "--k"]
    assert KEYWORD.findall("a.key=1 word_key=") == ["key="]
