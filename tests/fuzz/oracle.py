"""What may become of a mutated file: a table that is right in itself, or a refusal of one line that names the file."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

import embstore
from embstore.core.errors import EmbstoreError, EmbstoreWarning, FormatError
from fuzz.case import Case

TABLE = "table"
MOST_ROWS = 100_000


class FaultError(AssertionError):
    """What must not become of any file."""


def judge(case: Case, folder: Path) -> str:
    """Open, look up, convert and verify a mutated file; return `TABLE` or the class of its refusal."""
    path = case.sample.write(folder)
    before = listed(folder)
    reading: dict[str, Any] = {**case.reading}
    if "vocab" in reading and not Path(str(reading["vocab"])).is_absolute() and (folder / reading["vocab"]).exists():
        reading["vocab"] = folder / reading["vocab"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome = open_and_ask(path, reading)
        if case.converts:
            convert(path, folder, reading)
    odd = [warning for warning in caught if not issubclass(warning.category, EmbstoreWarning)]
    if odd:
        raise FaultError(f"a warning that is none of embstore's: {odd[0].category.__name__}: {odd[0].message}")
    left = listed(folder) - before - {folder / "converted.safetensors"}
    if left:
        raise FaultError(f"files are left behind: {sorted(str(each.relative_to(folder)) for each in left)}")
    return outcome


def open_and_ask(path: Path, reading: dict[str, Any]) -> str:
    """Open a file; a table in memory must answer everything, a mapped store may refuse what it finds damaged."""
    try:
        store = embstore.open(path, **reading)
    except EmbstoreError as error:
        return refusal(error, path)
    except FileNotFoundError as error:
        return missing(error, reading)
    with store:
        if not store.mapped:
            check_table(store)
            return TABLE
        try:
            store.verify()
        except FormatError as error:
            ask_damaged(store)
            return f"verify: {refusal(error, path)}"
        check_table(store)
        return TABLE


def refusal(error: EmbstoreError, path: Path) -> str:
    """Return the class of an error that is one line and names the file."""
    if len(str(error).splitlines()) != 1:
        raise FaultError(f"a message that is not one line: {str(error)!r}") from error
    of_a_word = str(error).startswith("the row of ") and "which int8 cannot store" in str(error)
    if str(path.parent) not in str(error) and not of_a_word:
        raise FaultError(f"a message that does not name the file: {str(error)!r}") from error
    return type(error).__name__


def missing(error: FileNotFoundError, reading: dict[str, Any]) -> str:
    """Return the class of the error for a file of words that was named and is not there."""
    if error.filename != str(reading.get("vocab")):
        raise error
    return type(error).__name__


def check_table(store: embstore.Store) -> None:
    """Compare the words, the rows and the lookups of a table."""
    words, rows = list(store.itos), len(store)
    if len(words) != rows or store.shape != (rows, store.dim):
        raise FaultError(f"{len(words)} words, {rows} rows, shape {store.shape}")
    if len(store.weight) != rows + store.special:
        raise FaultError(f"{len(store.weight)} rows stored, of {rows} and {store.special} special ones")
    if rows > MOST_ROWS:
        return
    if store.block(0, rows + store.special).shape != (rows + store.special, store.dim):
        raise FaultError("a block of another shape than the table")
    if list(store.rows(words)) != list(range(rows)):
        raise FaultError("a word is not found in its row")
    for row in {0, rows // 2, rows - 1} if rows else ():
        same = np.array_equal(store[words[row]], store.block(row, row + 1)[0], equal_nan=True)
        if not same or store.stoi[words[row]] != row:
            raise FaultError(f"the word {words[row]!r} has another row than {row}")
    if "a word that no table has" in store or store.get("a word that no table has") is not None:
        raise FaultError("a word is found that is not there")


def ask_damaged(store: embstore.Store) -> None:
    """Ask a damaged store all that it answers; it may refuse, and that is all."""
    last = min(len(store), 1000)
    calls: list[Callable[[], object]] = [
        lambda: store.itos[0],
        lambda: store.itos[len(store) - 1],
        lambda: [store.itos[row] for row in range(last)],
        lambda: store.rows(["the", "of", "", "é", "qzxv"]),
        lambda: store[["the", "frog"]],
        lambda: store.get("the"),
        lambda: store.block(0, last),
        lambda: np.asarray(store.weight[0]),
        store._repr_html_,
    ]
    for call in calls:
        try:
            call()
        except EmbstoreError as error:
            if len(str(error).splitlines()) != 1:
                raise FaultError(f"a message that is not one line: {str(error)!r}") from error


def convert(path: Path, folder: Path, reading: dict[str, Any]) -> None:
    """Convert to a store, which must verify and hold a right table; or be refused, with no file."""
    target = folder / "converted.safetensors"
    try:
        embstore.convert(path, target, **cast("Any", reading))
    except EmbstoreError as error:
        refusal(error, path)
        if target.exists():
            raise FaultError("a file of a conversion that was refused") from error
        return
    except FileNotFoundError as error:
        missing(error, reading)
        return
    with embstore.open(target) as store:
        store.verify()
        check_table(store)


def listed(folder: Path) -> set[Path]:
    """Return all that is in a folder."""
    return set(folder.rglob("*"))
