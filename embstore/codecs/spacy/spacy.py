"""spaCy's vectors, read only: a folder with a .npy, rows by keys of words, and the words (formats/spacy/SPEC.md)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from embstore.codecs.registry.magic import spacy_vectors
from embstore.codecs.shared.array import native_rows
from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.npy_array import map_matrix
from embstore.codecs.shared.word_list import read_word_list
from embstore.codecs.spacy.keys import SYMBOLS, Keys, hash_strings, key_rows
from embstore.core.batch import Findings, Ints, Source, Tokens, Vectors
from embstore.core.errors import FormatError
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import Input

NAME = "spacy"
NAMELESS = "words left out, as strings.json does not have their strings"
WORDLESS = "rows without a word left out"
FLORET = (
    "floret's vectors, which are made of n-grams and have no rows of words: in spaCy, `nlp.vocab[word].vector` gives "
    "those of the words that you need, for embstore.save"
)


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the words in the order of key2row: of those that share a row, the one that it was made for comes first."""
    path = source.path
    folder = spacy_vectors(path)
    if folder is None:
        reason = "not vectors of spaCy's: expected a folder with vectors and key2row, in itself or in vocab/"
        raise FormatError(path, reason, format=NAME)
    _check_mode(source, folder / "vectors.cfg")
    keys, rows = _key_rows(source.beside(folder / "key2row"))
    vectors = source.beside(folder / "vectors")
    matrix, dtype = map_matrix(vectors, options, NAME)
    beyond = np.flatnonzero((rows < 0) | (rows >= len(matrix)))
    if len(beyond):
        reason = f"the key {keys[beyond[0]]} has the row {rows[beyond[0]]:,}, but vectors has {len(matrix):,}"
        raise FormatError(folder / "key2row", reason, format=NAME)
    words, known = _words(source, folder, keys)
    rows, findings = rows[known], Findings()
    if not known.all():
        findings.add(NAMELESS, f"the key {keys[~known][0]}", int((~known).sum()))
    left_out = len(matrix) - len(np.unique(rows))
    if left_out:
        findings.add(WORDLESS, times=left_out)
    origin, step = Origin(vectors, NAME), rows_in_batch(matrix.shape[1] * matrix.dtype.itemsize)
    origin.notes["name"] = str(folder.absolute().relative_to(path.absolute().parent) / "vectors")

    def taken(start: int, stop: int) -> Vectors:
        return native_rows(matrix[rows[start:stop]])

    return matrix_source(words, matrix.shape[1], dtype, taken, origin, progress, findings, step=step)


def _check_mode(source: Input, path: Path) -> None:
    """Refuse vectors that are not rows of words; older versions of spaCy wrote nothing else, and no vectors.cfg."""
    if not path.exists():
        return
    text = source.beside(path).head()
    try:
        mode = json.loads(text).get("mode", "default")
    except (ValueError, AttributeError, RecursionError):
        raise FormatError(path, "expected a JSON object with a mode", format=NAME) from None
    if mode != "default":
        reason = FLORET if mode == "floret" else f"vectors of the mode {str(mode)[:40]!r}, expected default"
        raise FormatError(path, reason, format=NAME)


def _key_rows(source: Input) -> tuple[Keys, Ints]:
    path, data = source.path, source.read()
    try:
        keys, rows = key_rows(data)
    except ValueError as error:
        raise FormatError(path, f"expected a map of msgpack from keys to rows, found {error}", format=NAME) from None
    if not len(keys):
        reason = (
            "no vectors: the map is empty, as in spaCy's pipelines with _sm in their names; those with _md have some"
        )
        raise FormatError(path, reason, format=NAME)
    return keys, rows


def _words(source: Input, folder: Path, keys: Keys) -> tuple[Tokens, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the words of the keys that have one, and which keys these are."""
    place = folder / "strings.json"
    if not place.exists():
        reason = "no strings.json beside the vectors, so the words of its keys are not known: `nlp.to_disk` saves both"
        raise FormatError(folder, reason, format=NAME)
    strings = read_word_list(source.beside(place)).tokens
    hashes = np.concatenate((np.arange(len(SYMBOLS), dtype=np.uint64), hash_strings(strings)))
    order = np.argsort(hashes, kind="stable")
    found = order[np.minimum(np.searchsorted(hashes, keys, sorter=order), len(hashes) - 1)]
    known = hashes[found] == keys
    if not known.any():
        reason = f"none of the {len(keys):,} keys is that of a string here: it belongs to other vectors"
        raise FormatError(place, reason, format=NAME)
    return Tokens.pack([*SYMBOLS, *strings.to_bytes()]).take(found[known]), known
