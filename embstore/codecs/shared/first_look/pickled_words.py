"""The lines of Python that save the words of a pickle as a word list."""

from __future__ import annotations

from embstore.codecs.shared.first_look.first_bytes import FirstBytes
from embstore.codecs.shared.first_look.opcodes import Opened, Value
from embstore.codecs.shared.first_look.pickled_tables import loading
from embstore.core.cures import cure, python

IN_WORDS = "load it and save its words as text, one on each line"


def export_of_words(look: FirstBytes, opened: Opened) -> str:
    """Return the lines that save the words of a pickle as JSON: a list, or an object from word to row."""
    loaded = loading(look, old=False)
    expression = _expression(opened.stack[0]) if opened.stack else None
    if loaded is None or expression is None or opened.is_old:
        return IN_WORDS
    modules, load = loaded
    target = look.beside(".json")
    start = f"import {modules}json, pickle; words = {load}"
    code = f"{start}; json.dump({expression}, open({str(target)!r}, 'w'), default=int)"
    return cure("pickled-words", f"save its words as JSON: {python(code)}; then name {target.name}")


def _expression(value: Value) -> str | None:
    """Return an expression for the words, or for their rows by word."""
    if value.kind == "array" or (value.kind in ("list", "tuple") and all(item.kind == "str" for item in value.items)):
        return "list(words)"
    if value.kind != "dict" or len(value.items) < 2:
        return None
    key, first = value.items[:2]
    if key.kind == "str":
        return "words" if first.kind in ("int", "float") else "list(words)"
    return "[words[row] for row in sorted(words)]" if key.kind == "int" and first.kind == "str" else None
