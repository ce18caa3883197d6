"""The word and the vector in a record of JSON: an object with two such fields, or a pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from embstore.codecs.shared.json_file import names_for_message, shown
from embstore.codecs.tables.vectors import is_vector
from embstore.core.cures import cure, option
from embstore.core.options import ReadOptions

EXPECTED = "expected an object with a word and a list of numbers, or a pair of them"


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the word and the vector of a record are: keys of an object, or places in a pair."""

    word: str | int
    vector: str | int

    def of(self, record: object) -> tuple[object, object]:
        """Return the word and the vector of a record; ValueError if it lacks one."""
        if isinstance(self.word, int) or isinstance(self.vector, int):
            if not isinstance(record, list) or len(record) != 2:
                raise ValueError(f"{shown(record)}, expected a pair of a word and a list of numbers")
            return record[0], record[1]
        if not isinstance(record, dict):
            raise ValueError(f"{shown(record)}, {EXPECTED}")
        missing = next((name for name in (self.word, self.vector) if name not in record), None)
        if missing is not None:
            raise ValueError(f"an object without {shown(missing)}")
        return record[self.word], record[self.vector]


def fields_of(record: object, options: ReadOptions) -> Fields:
    """Return where the word and the vector are in a record; ValueError lists the fields if that is unclear."""
    if isinstance(record, list) and len(record) == 2 and isinstance(record[0], str) and is_vector(record[1]):
        return Fields(0, 1)
    if not isinstance(record, dict):
        raise ValueError(f"{shown(record)}, {EXPECTED}")
    words = [name for name, value in record.items() if isinstance(value, str)]
    vectors = [name for name, value in record.items() if is_vector(value)]
    if options.vocab is not None:
        words = _named(record, str(options.vocab), words, "text")
    if options.key is not None:
        vectors = _named(record, options.key, vectors, "a list of numbers")
    if len(words) == 1 and len(vectors) == 1:
        return Fields(words[0], vectors[0])
    raise ValueError(unclear(words, vectors, record))


def unclear(words: list[str], vectors: list[str], members: Mapping[str, object]) -> str:
    """Return the error for members of an object that cannot be told apart, with the options that decide."""
    listed = names_for_message(f"{name!r}: {_kind(value)}" for name, value in members.items())
    if not words or not vectors:
        what = "with words" if not words else "with vectors"
        return f"no field {what}: {listed}"
    choices = [
        {**({"vocab": word} if len(words) > 1 else {}), **({"key": vector} if len(vectors) > 1 else {})}
        for word in words[:3]
        for vector in vectors[:3]
    ]
    chosen = cure("json-fields", f"{' or '.join(option(**choice) for choice in choices[:4])} names them")
    return f"cannot tell which fields are the word and the vector: {listed}; {chosen}"


def _named(record: Mapping[str, object], name: str, fitting: list[str], expected: str) -> list[str]:
    if name not in record:
        raise ValueError(f"no field {shown(name)}: {names_for_message(record)}")
    if name not in fitting:
        raise ValueError(f"{shown(name)} is {_kind(record[name])}, expected {expected}")
    return [name]


def _kind(value: object) -> str:
    """Return what a value of JSON is, for a message."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, dict):
        return "an object"
    return "a list of numbers" if is_vector(value) else "a list"
