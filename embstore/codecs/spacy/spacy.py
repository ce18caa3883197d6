"""Reads spaCy's vectors: a folder with a .npy, a map from keys to rows, and the words (formats/spacy/SPEC.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embstore.codecs.registry.folders import spacy_vectors
from embstore.codecs.shared.array import native_rows
from embstore.codecs.shared.json_file import parse_json
from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.npy_array import map_matrix
from embstore.codecs.shared.word_json import encoded
from embstore.codecs.spacy.keys import SYMBOLS, Keys, hash_strings, key_rows
from embstore.core.batch import Findings, Ints, Source, Tokens, Vectors
from embstore.core.errors import FormatError
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import HEAD, Input

NAME = "spacy"
KEYS_WITHOUT_STRING = "words left out, because strings.json does not have their strings"
ROWS_WITHOUT_WORD = "rows without a word left out"
FLORET = (
    "floret vectors, which are computed from n-grams and have no rows of words: get the vectors that you need from "
    "`nlp.vocab[word].vector` in spaCy, and write them with embstore.save"
)


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the words in the order of key2row, where the word that a shared row was made for comes first."""
    path = source.path
    folder = spacy_vectors(path)
    if folder is None:
        reason = "no spaCy vectors: expected the files vectors and key2row in this folder or in its vocab/"
        raise FormatError(path, reason, format=NAME)
    _check_mode(source, folder / "vectors.cfg")
    keys, rows = _key_rows(source.open_companion(folder / "key2row"))
    vectors = source.open_companion(folder / "vectors")
    matrix, dtype = map_matrix(vectors, options, NAME)
    out_of_range = np.flatnonzero((rows < 0) | (rows >= len(matrix)))
    if len(out_of_range):
        first = out_of_range[0]
        reason = f"the key {keys[first]} has the row {rows[first]:,}, but vectors has {len(matrix):,} rows"
        raise FormatError(folder / "key2row", reason, format=NAME)
    words, known = _words(source, folder, keys)
    rows, findings = rows[known], Findings()
    if not known.all():
        findings.add(KEYS_WITHOUT_STRING, f"the key {keys[~known][0]}", int((~known).sum()))
    left_out = len(matrix) - len(np.unique(rows))
    if left_out:
        findings.add(ROWS_WITHOUT_WORD, times=left_out)
    origin, step = Origin(vectors, NAME), rows_in_batch(matrix.shape[1] * matrix.dtype.itemsize)
    origin.notes["name"] = str(folder.absolute().relative_to(path.absolute().parent) / "vectors")

    def stored_rows(start: int, stop: int) -> Vectors:
        return native_rows(matrix[rows[start:stop]])

    return matrix_source(words, matrix.shape[1], dtype, stored_rows, origin, progress, findings, step=step)


def _check_mode(source: Input, path: Path) -> None:
    """Refuse vectors that are not rows of words; spaCy before 3.2 wrote only those, and no vectors.cfg."""
    if not path.exists():
        return
    text = source.open_companion(path).head(HEAD)
    parsed = parse_json(text, path, "a JSON object with a mode", NAME)
    if not isinstance(parsed, dict):
        raise FormatError(path, "expected a JSON object with a mode", format=NAME)
    mode = parsed.get("mode", "default")
    if mode != "default":
        reason = FLORET if mode == "floret" else f"vectors of the mode {str(mode)[:40]!r}, expected default"
        raise FormatError(path, reason, format=NAME)


def _key_rows(source: Input) -> tuple[Keys, Ints]:
    path, data = source.path, source.read()
    try:
        keys, rows = key_rows(data)
    except ValueError as error:
        raise FormatError(path, f"expected a msgpack map from keys to rows, found {error}", format=NAME) from None
    if not len(keys):
        reason = "no vectors: the map is empty, as in spaCy's _sm pipelines; use an _md or _lg pipeline"
        raise FormatError(path, reason, format=NAME)
    return keys, rows


def _words(source: Input, folder: Path, keys: Keys) -> tuple[Tokens, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the words of the keys that have one, and a mask of these keys."""
    path = folder / "strings.json"
    if not path.exists():
        reason = "no strings.json next to the vectors, so the words are not known: save both with `nlp.to_disk`"
        raise FormatError(folder, reason, format=NAME)
    parsed = parse_json(source.open_companion(path).read(), path, "a list of words", NAME)
    if not isinstance(parsed, list) or not all(isinstance(word, str) for word in parsed):
        raise FormatError(path, "expected a list of words", format=NAME)
    strings = Tokens.pack(encoded(parsed))
    hashes = np.concatenate((np.arange(len(SYMBOLS), dtype=np.uint64), hash_strings(strings)))
    order = np.argsort(hashes, kind="stable")
    found = order[np.minimum(np.searchsorted(hashes, keys, sorter=order), len(hashes) - 1)]
    known = hashes[found] == keys
    if not known.any():
        reason = f"no string has one of the {len(keys):,} keys: the file belongs to other vectors"
        raise FormatError(path, reason, format=NAME)
    return Tokens.pack([*SYMBOLS, *strings.to_bytes()]).take(found[known]), known
