"""Triggers the message of a case, and executes what stands in its backticks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from support.running import Run, run_code, run_shell

import embstore
from cures.case import Case, Table
from embstore.core.cures import OTHER_NAMES
from embstore.ops.doctor import diagnose

IN_BACKTICKS = re.compile(r"`([^`]+)`")


class CommandLine:
    """The command line: options are flags."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def message(self, case: Case) -> str:
        """Return what the case prints on stderr, and the doctor on stdout."""
        if case.doctor:
            code, printed, errors = self.run("doctor", case.source, *flags(case.given))
            assert (code in (0, 1), errors) == (True, "")
            return printed
        code, _, printed = self.run(*self.arguments(case))
        assert code == (0 if case.warns else 1), printed
        return printed

    def arguments(self, case: Case) -> list[str]:
        command = "merge" if case.merged_with else "convert"
        return [command, case.source, *case.merged_with, case.target, "--quiet", *flags(case.given)]

    def add_options(self, case: Case, options: str) -> None:
        """Do again what printed the message, with options; a flag without a value gets that of the case."""
        words = options.split(" ")
        if len(words) == 1 and words[0] in case.values:
            words.append(case.values[words[0]])
        overwrite = ["--overwrite"] * case.warns
        code, _, printed = self.run(*self.arguments(case), *words, *overwrite)
        assert code == 0, printed


class Python:
    """Python: options are keywords."""

    def message(self, case: Case) -> str:
        """Return the text of the error, or of all warnings, or what the doctor advises."""
        if case.doctor:
            return "\n".join(oddity.mended_by for oddity in diagnose(case.source, **case.given).oddities)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if case.warns:
                write(case, case.given)
                return "\n".join(str(warning.message) for warning in caught)
            try:
                write(case, case.given)
            except (embstore.EmbstoreError, OSError, ValueError) as error:
                return str(error)
        raise AssertionError("no error")

    def add_options(self, case: Case, options: str) -> None:
        """Do again what printed the message, with keywords; one without a value gets that of the case."""
        if options.endswith("="):
            options += repr(case.values[f"--{flag_name(options[:-1])}"])
        keywords = eval(f"dict({options})", {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", embstore.EmbstoreWarning)
            write(case, {"overwrite": case.warns, **case.given, **keywords})


def write(case: Case, options: Mapping[str, Any]) -> None:
    """Convert or merge in Python."""
    if case.merged_with:
        embstore.merge([case.source, *case.merged_with], case.target, **options)
    else:
        embstore.convert(case.source, case.target, **options)


def flag_name(keyword: str) -> str:
    return OTHER_NAMES.get(keyword, keyword).replace("_", "-")


def flags(options: Mapping[str, Any]) -> list[str]:
    """Return keywords as arguments of the command line."""
    words: list[str] = []
    for name, value in options.items():
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{flag_name(name)}")
        else:
            words += [f"--{flag_name(name)}", str(value)]
    return words


def in_backticks(message: str) -> list[str]:
    """Return what a message tells to type, each text once."""
    return list(dict.fromkeys(IN_BACKTICKS.findall(message)))


def execute(case: Case, front: CommandLine | Python, typed: str) -> None:
    """Do what stands in backticks, in the current folder."""
    is_option = typed.startswith("--") or re.match(r"[a-z_]+=(?!=)", typed)
    if is_option:
        front.add_options(case, typed)
    elif typed.startswith("embstore "):
        code, _, printed = run_shell(Path.cwd(), typed.removeprefix("embstore "))
        assert code == 0, printed
    elif is_python(typed):
        done = run_code(f"import warnings\nwarnings.simplefilter('ignore')\nimport embstore\n{typed}")
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    else:
        code, _, printed = run_shell(Path.cwd(), f"formats > {Path.cwd() / 'ignored'}; {typed}")
        assert (code, printed) == (0, ""), printed


def is_python(typed: str) -> bool:
    try:
        compile(typed, "", "exec")
    except SyntaxError:
        return False
    return "(" in typed


def table_of(path: str) -> Table:
    """Return the words and vectors of a file; warnings have been seen before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", embstore.EmbstoreWarning)
        store = embstore.open(path)
    return {word: np.asarray(store[word], np.float32).tolist() for word in store.itos}


def rounded(table: Table) -> Table:
    """Return a table with its numbers rounded to float32, as files have them."""
    return {word: np.asarray(vector, np.float32).tolist() for word, vector in table.items()}
