"""The lines of Python that save the words and vectors of a pickle, by what its first opcodes say of its structure."""

from __future__ import annotations

import re

from embstore.codecs.shared.first_look.first_bytes import FirstBytes
from embstore.codecs.shared.first_look.opcodes import Opened, Value
from embstore.core.cures import cure, python

BY_WORD = " of words and their vectors"
WORDS_FIRST = " of words and a matrix"
MATRIX_FIRST = " of a matrix and words"
NAMED_WORDS_FIRST = " of a dict with words and a matrix"
NAMED_MATRIX_FIRST = " of a dict with a matrix and words"
PAIRS = " of pairs, each a word and its vector"
MATRIX = " of a matrix"
WORDS = " of words without vectors"

ENDS_IN_TUPLE = re.compile(rb"[\x86\x87t](?:\x94|q.|r....|p[0-9]{1,9}\n)?\.\Z", re.DOTALL)
TEXT_KINDS = ("U", "S", "O")  # of NumPy's dtypes
OPENERS = {
    "": ("", "open({path!r}, 'rb')"),
    "gzip": ("gzip, ", "gzip.open({path!r})"),
    "bzip2": ("bz2, ", "bz2.open({path!r})"),
    "xz": ("lzma, ", "lzma.open({path!r})"),
    "zip": ("zipfile, ", "zipfile.ZipFile({path!r}).open({member!r})"),
}


def structure_of(opened: Opened, tail: bytes) -> str:
    """Return what a pickle holds, one of the constants of this module; empty if that is not known.

    Parameters
    ----------
    tail
        The last bytes of the pickle, or nothing. They tell a list of words from a tuple that begins with one.
    """
    if not opened.stack:
        return ""
    bottom, rest = opened.stack[0], opened.stack[1:]
    if bottom.kind == "dict":
        return _of_dict(bottom.items)
    if bottom.kind in ("list", "tuple") and opened.outcome == "ended" and len(bottom.items) in (2, 3):
        pair = _of_pair(bottom.items)
        if pair:
            return pair
    if bottom.kind in ("list", "tuple") and bottom.items and _is_pair(bottom.items[0]):
        return PAIRS
    if opened.outcome != "ended" and (rest or not tail or ENDS_IN_TUPLE.search(tail)):
        first = bottom.items[0] if bottom.kind == "tuple" and bottom.items else bottom
        return WORDS_FIRST if _is_words(first) else MATRIX_FIRST if _is_matrix(first) else ""
    return WORDS if _is_words(bottom) else MATRIX if _is_matrix(bottom) else ""


def _of_dict(items: list[Value]) -> str:
    if len(items) < 2 or items[0].kind != "str":
        return ""
    first, second = items[1], items[3] if len(items) > 3 else Value("other")
    if _is_words(first) or (first.kind == "dict" and _is_words_by_row(first)):
        return NAMED_WORDS_FIRST
    if _is_matrix(first) and not _is_vector(first) and not _is_matrix(second):
        return NAMED_MATRIX_FIRST
    return BY_WORD if _is_vector(first) else ""


def _of_pair(items: list[Value]) -> str:
    if _is_words(items[0]) and (_is_matrix(items[1]) or items[1].kind in ("list", "object")):
        return WORDS_FIRST
    return MATRIX_FIRST if _is_matrix(items[0]) and _is_words(items[1]) else ""


def _is_pair(value: Value) -> bool:
    return (
        value.kind in ("tuple", "list")
        and len(value.items) == 2
        and value.items[0].kind == "str"
        and _is_vector(value.items[1])
    )


def _is_words(value: Value) -> bool:
    """Return whether a value is a list of strings, or an array of them."""
    if value.kind == "array":
        return value.name.lstrip("<>|=")[:1] in TEXT_KINDS
    return value.kind in ("list", "tuple") and bool(value.items) and all(item.kind == "str" for item in value.items)


def _is_words_by_row(value: Value) -> bool:
    return len(value.items) > 1 and value.items[0].kind == "str" and value.items[1].kind == "int"


def _is_vector(value: Value) -> bool:
    """Return whether a value may be one vector: an array, numbers, or a tensor of torch's."""
    if value.kind == "array":
        return value.shape is not None and len(value.shape) == 1 and not _is_words(value)
    if value.kind in ("list", "tuple"):
        return bool(value.items) and all(item.kind in ("float", "int") for item in value.items)
    return value.kind == "object" and value.name.startswith("torch.")


def _is_matrix(value: Value) -> bool:
    """Return whether a value is an array of two dimensions; one whose shape was not reached is too large for a row."""
    if value.kind == "array":
        return value.shape is None or len(value.shape) == 2
    if value.kind in ("list", "tuple"):
        return bool(value.items) and all(item.kind == "list" and _is_vector(item) for item in value.items)
    return value.kind == "object" and value.name.startswith("torch.")


def loading(look: FirstBytes, *, old: bool) -> tuple[str, str] | None:
    """Return the modules to import, and the expression that loads a pickle; None where Python cannot unpack it."""
    if look.packing not in OPENERS:
        return None
    modules, opener = OPENERS[look.packing]
    source = opener.format(path=str(look.path), member=look.member)
    encoding = ", encoding='latin1'" if old else ""
    return modules, f"pickle.load({source}{encoding})"


def export_of_table(look: FirstBytes, opened: Opened, structure: str) -> str:
    """Return the lines that save the words and vectors of a pickle as a store."""
    loaded = loading(look, old=opened.is_old)
    if loaded is None or structure in ("", WORDS):
        return "load it and save its words and vectors by embstore.save"
    modules, load = loaded
    if structure == MATRIX:
        target = str(look.beside(".npy"))
        code = f"import {modules}numpy, pickle; numpy.save({target!r}, {load})"
        return cure("pickled-matrix", f"{python(code)} saves the matrix; its words are read from a file next to it")
    assigned, words, vectors = _parts(structure, load, opened)
    target = str(look.beside(".safetensors"))
    start = f"import embstore, {modules}pickle; {assigned}"
    return cure("pickle", f"save what it holds: {python(f'{start}; embstore.save({target!r}, {words}, {vectors})')}")


def _parts(structure: str, load: str, opened: Opened) -> tuple[str, str, str]:
    """Return the statement that loads a pickle, and expressions for its words and its vectors."""
    old = _has_old_words(opened, structure)
    if structure == BY_WORD:
        return f"table = {load}", _decoded("table", old=old), "list(table.values())"
    if structure == PAIRS:
        return f"words, vectors = zip(*{load})", _decoded("words", old=old), "vectors"
    order = "vectors, words" if structure in (MATRIX_FIRST, NAMED_MATRIX_FIRST) else "words, vectors"
    named = structure in (NAMED_WORDS_FIRST, NAMED_MATRIX_FIRST)
    words = "words"
    if named and _has_rows(opened.stack[0].items):
        words = "map(dict(map(reversed, words.items())).__getitem__, range(len(words)))"  # fails for counts
    return f"{order}, *_ = {load}{'.values()' if named else ''}", _decoded(words, old=old), "vectors"


def _decoded(words: str, *, old: bool) -> str:
    """Return an expression for a list of words; those of Python 2 were decoded as Latin-1."""
    return f"[word.encode('latin1').decode() for word in {words}]" if old else f"list({words})"


def _has_rows(items: list[Value]) -> bool:
    return any(item.kind == "dict" and _is_words_by_row(item) for item in items[1::2])


def _has_old_words(opened: Opened, structure: str) -> bool:
    """Return whether the words are strings of Python 2, as its arrays and other strings may be too."""
    items = opened.stack[0].items
    if structure == BY_WORD:
        return items[0].is_old
    nested = [item for value in (opened.stack[0], *opened.stack, *items) for item in value.items]
    if structure in (NAMED_WORDS_FIRST, NAMED_MATRIX_FIRST):
        nested = [item for value in items[1::2] for item in value.items]
    return any(item.is_old for item in nested)
