"""Word lists of JSON: lists, objects from word to row or from row to word, tokenizers, and objects around them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np

from embstore.codecs.shared import word_columns
from embstore.codecs.shared.json_file import parse_json, shown
from embstore.codecs.shared.whole_numbers import decimal_tokens_of, note
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Tokens
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions

NAMES = (
    "word2idx", "word_to_index", "token_to_idx", "token2id", "stoi", "word_index", "vocab", "vocabulary", "words",
    "tokens", "itos", "idx2word", "index_to_key",
)  # fmt: skip
"""Names of a vocabulary inside an object, the likeliest first."""

EXPECTED = "a list of words, an object from word to row, or a tokenizer.json"
Pairs = list[tuple[object, object]]


def words_of_json(data: bytes, path: Path, options: ReadOptions, findings: Findings) -> WordList:
    """Return the words that JSON lists; FormatError for any other JSON."""
    return _words_of(parse_json(data, path, "a word list"), path, options, findings)


def _words_of(parsed: object, path: Path, options: ReadOptions, findings: Findings) -> WordList:
    if isinstance(parsed, list):
        return _of_list(parsed, path, options, findings)
    if not isinstance(parsed, dict):
        raise FormatError(path, f"expected {EXPECTED}")
    if isinstance(model := parsed.get("model"), dict):
        return _by_row(_tokenizer_rows(model.get("vocab"), parsed.get("added_tokens"), path), path)
    if isinstance(config := parsed.get("config"), dict) and "word_index" in config:
        return _keras(config["word_index"], path)
    inside = [name for name in NAMES if isinstance(parsed.get(name), dict | list)]
    if inside and not all(type(row) is int for row in parsed.values()):
        return _inside(parsed, inside, path, options, findings)
    return _by_row(_turned(parsed, path), path)


def _inside(
    parsed: dict[str, object], names: list[str], path: Path, options: ReadOptions, findings: Findings
) -> WordList:
    """Return the words of a vocabulary in an object; FormatError if it has several that differ."""
    first, *others = (
        _words_of(parsed[name], path, options, findings if name == names[0] else Findings()) for name in names
    )
    for name, other in zip(names[1:], others, strict=True):
        same = other.tokens.to_bytes() == first.tokens.to_bytes() and bool(np.array_equal(other.rows, first.rows))
        if not same:
            reason = f"{names[0]} and {name} have other words or rows: save one of them alone"
            raise FormatError(path, reason)
    return first


def _of_list(parsed: list[object], path: Path, options: ReadOptions, findings: Findings) -> WordList:
    if all(isinstance(word, str) for word in parsed):
        return WordList.in_order(Tokens.pack(encoded(cast("list[str]", parsed))))
    if all(type(word) is int for word in parsed):
        return WordList.in_order(note(decimal_tokens_of(cast("list[int]", parsed)), findings))
    pairs = [pair for pair in parsed if isinstance(pair, list) and len(pair) == 2 and all(map(_is_cell, pair))]
    if len(pairs) < len(parsed):
        raise FormatError(path, f"expected {EXPECTED}")
    columns: word_columns.Columns = [encoded(str(pair[place]) for pair in pairs) for place in (0, 1)]
    if options.word_column in (1, 2):
        return WordList.in_order(Tokens.pack(columns[int(options.word_column) - 1]))
    chosen = word_columns.choose(columns, True, path, findings)
    assert chosen is not None  # noqa: S101
    return chosen


def _is_cell(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _turned(parsed: dict[str, object], path: Path) -> Pairs:
    """Return the pairs of word and row of an object from word to row, or from row to word; rows may be text."""
    values_are_rows = all(_is_row(row) for row in parsed.values())
    keys_are_rows = all(key.isascii() and key.isdigit() and len(key) < 19 for key in parsed)
    if keys_are_rows and parsed and all(isinstance(word, str) for word in parsed.values()):
        if values_are_rows:
            raise FormatError(path, "all words and rows are whole numbers as text: expected the rows as numbers")
        return [(word, int(row)) for row, word in parsed.items()]
    if values_are_rows:
        return [(word, int(cast("str", row))) for word, row in parsed.items()]
    return list(parsed.items())


def _is_row(value: object) -> bool:
    return type(value) is int or (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19)


def _keras(index: object, path: Path) -> WordList:
    """Return the words of a Keras Tokenizer, whose rows begin at 1: https://keras.io/api/keras_nlp/tokenizers."""
    if isinstance(index, str):
        index = parse_json(index.encode("utf-8", "surrogatepass"), path, "the word_index of a Keras tokenizer")
    if not isinstance(index, dict):
        raise FormatError(path, f"{shown(index)}, expected an object from word to row", where="config.word_index")
    return _by_row(list(index.items()), path)


def _tokenizer_rows(vocab: object, added: object, path: Path) -> Pairs:
    """Return the words and ids of the vocabulary and of the added tokens of a tokenizer.json.

    The vocabulary is an object (WordLevel, BPE, WordPiece) or a list of [token, score] (Unigram):
    https://huggingface.co/docs/tokenizers
    """
    if isinstance(vocab, list) and all(isinstance(pair, list) and pair and isinstance(pair[0], str) for pair in vocab):
        vocab = {pair[0]: row for row, pair in enumerate(vocab)}
    if not isinstance(vocab, dict):
        raise FormatError(path, "a tokenizer without a vocabulary", where="model.vocab")
    if not isinstance(added, list | None):
        raise FormatError(path, f"{shown(added)}, expected a list", where="added_tokens")
    known = dict(vocab)
    for token in added or []:
        if not isinstance(token, dict) or not isinstance(token.get("content"), str) or "id" not in token:
            raise FormatError(path, "an added token has a content and an id", where="added_tokens")
        known[token["content"]] = token["id"]
    return list(known.items())


def _by_row(pairs: Pairs, path: Path) -> WordList:
    for word, row in pairs:
        if not isinstance(word, str) or type(row) is not int or not 0 <= row < 1 << 32:
            raise FormatError(path, f"the word {shown(word)} has the row {shown(row)}, expected a whole number from 0")
    checked = cast("list[tuple[str, int]]", pairs)
    checked.sort(key=lambda pair: pair[1])
    tokens = Tokens.pack(encoded(word for word, _ in checked))
    return WordList(tokens, np.array([row for _, row in checked], np.int64), listed=False)


def encoded(words: Iterable[str]) -> list[bytes]:
    """Encode words as UTF-8. Strings of `itos` get back their bytes; other lone surrogates are encoded as WTF-8."""
    return [_encode(word) for word in words]


def _encode(word: str) -> bytes:
    try:
        return word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return word.encode("utf-8", "surrogatepass")
