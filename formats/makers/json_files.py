"""JSON and JSON lines by their SPECs: the shapes that people's scripts save."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
OBJECT = '{"the": [0.5, -1.5], "frog": [2.25, 3], "\u017e\u00e1ba": [1, 0.125]}'
LINES = '{"w": "the", "v": [0.5, -1.5]}\n{"w": "frog", "v": [2.25, 3]}\n{"w": "\u017e\u00e1ba", "v": [1, 0.125]}\n'
TAGGED = LINES.replace(', "v"', ', "tag": "X", "v"')
FIELDS = "cannot tell which fields are the word and the vector:"
EXPECTED = "expected an object from word to list of numbers"
PAIR = "expected an object with a word and a list of numbers, or a pair of them"


def make_json(folder: Path) -> None:
    """Write the files of formats/json. Their suffix differs from that of sidecars, so they are read with format=."""

    def valid(name: str, text: str | bytes, about: str, words: list[str | bytes] = WORDS, **more: Any) -> None:
        data = text.encode() if isinstance(text, str) else text
        read = {"format": "json", **more.pop("read", {})}
        write_valid(folder, f"{name}.js", data, about, words, more.pop("rows", ROWS), read=read, **more)

    valid("object", OBJECT, "an object from word to list")
    valid("escapes", OBJECT.replace("\u017e\u00e1ba", "\\u017e\\u00e1ba"), "in ASCII")
    valid("bom", "\ufeff" + OBJECT, "a byte order mark")
    odd = '{"": [1], "null": [2], "007": [3], "a\\nb": [4], "\\"": [5], "caf\\udce9": [6]}'
    tokens: list[str | bytes] = ["", "null", "007", "a\nb", '"', b"caf\xe9"]
    bytes_of = "tokens that are not UTF-8, their bytes kept: 1, the first 'caf\\udce9'"
    valid("words", odd, "words of all kinds", tokens, rows=list("123456"), warnings=(bytes_of,))
    inf = "rows with NaN, Inf or a value beyond the dtype: 1, the first 'frog'"
    numbers = OBJECT.replace("2.25, 3", "NaN, 1e999").replace("0.5, -1.5", "-0.0, 16777217")
    valid("numbers", numbers, "NaN, as Python writes it", rows=["-0 16777217", "nan inf", ROWS[2]], warnings=(inf,))
    valid("pairs", '[["the", [0.5, -1.5]], ["frog", [2.25, 3]]]', "a list of pairs", WORDS[:2], rows=ROWS[:2])
    records = "[" + ", ".join(LINES.splitlines()) + "]"
    valid("records", records, "a list of objects, pandas' orient='records'")
    tagged = "[" + ", ".join(TAGGED.splitlines()) + "]"
    valid("records_by_vocab", tagged, "read with vocab='w'", read={"vocab": "w"})
    two = '{"dim": 2, "words": ["the", "frog"], "vectors": [[0.5, -1.5], [2.25, 3]]}'
    valid("lists", two, "words and vectors in two lists", WORDS[:2], rows=ROWS[:2])
    split = '{"columns": [0, 1], "index": ["the", "frog"], "data": [[0.5, -1.5], [2.25, 3]]}'
    valid("split", split, "pandas' orient='split'", WORDS[:2], rows=ROWS[:2])
    repeated = OBJECT.replace("{", '{"the": [0.5, -1.5], ', 1)
    valid("repeated", repeated, "a word twice", warnings=("repeated tokens: 1, the first 'the'",))
    more = two.replace('"dim": 2', '"old": [[1], [2]]')
    valid("lists_by_key", more, "read with key='vectors'", WORDS[:2], rows=ROWS[:2], read={"key": "vectors"})
    _invalid_json(folder, tagged, two, more)


def _invalid_json(folder: Path, tagged: str, two: str, more: str) -> None:
    def invalid(name: str, text: str, reason: str) -> None:
        write_invalid(folder, f"{name}.js", text.encode(), f"{{path}}: {reason}", read={"format": "json"})

    invalid("ragged", '{"a": [1, 2], "b": [1]}', "1 number for the word 'b', expected 2")
    invalid("text_number", '{"a": [1], "b": ["1"]}', "'1' in the list for the word 'b', expected 1 number")
    invalid("bool_number", '{"a": [1], "b": [true]}', "True in the list for the word 'b', expected 1 number")
    invalid("null_number", '{"a": [1], "b": [null]}', "None in the list for the word 'b', expected 1 number")
    invalid("text_vector", '{"a": "1 2"}', "'1 2' for 'a', expected a list of numbers")
    invalid("empty_vector", '{"a": []}', "a list for 'a', expected a list of numbers")
    invalid("empty_second", '{"a": [1], "b": []}', "0 numbers for the word 'b', expected 1")
    rows = "numbers of rows, so this is a word list: name the file that has the vectors"
    invalid("word_list", '{"a": 0, "b": 1}', rows)
    invalid("columns", '{"0": {"a": 1}}', "a dict for '0', expected a list of numbers")
    invalid("empty_object", "{}", f"nothing in it, {EXPECTED}")
    invalid("empty_list", "[]", f"nothing in it, {EXPECTED}")
    invalid("number", "3", f"3, {EXPECTED}")
    invalid("matrix", "[[1, 2], [3, 4]]", f"a list, {PAIR}")
    invalid("text_beside_vectors", '{"a": [1], "b": null}', "None for 'b', expected a list of numbers")
    many = ", ".join(f'"w{row}": [1, 2]' for row in range(20))
    invalid("late", f'{{{many}, "x": [1, null]}}', "None in the list for the word 'x', expected 2 numbers")
    invalid("late_cut", f'{{{many}, "x": [1', "not JSON: Expecting ',' delimiter at character 298")
    invalid("trailing_comma", '{"a": [1],}', "not JSON: Expecting '\"' at character 10")
    extra = "not JSON: Extra data at character 11; `format='jsonl'` reads JSON lines"
    invalid("two_values", '{"a": [1]} 5', extra)
    fields = "'w': text, 'tag': text, 'v': a list of numbers"
    invalid("tags", tagged, f"{FIELDS} {fields}; `vocab='w'` or `vocab='tag'` names them")
    fields = "'old': a list, 'words': a list, 'vectors': a list"
    invalid("two_matrices", more, f"{FIELDS} {fields}; `key='old'` or `key='vectors'` names them")
    invalid("fewer_words", two.replace('"the", ', ""), "1 words in 'words', but 2 lists in 'vectors'")
    invalid("number_as_word", '[["a", [1]], [2, [3]]]', "2.0 in place of a word, expected text")
    invalid(
        "lines",
        LINES,
        "not JSON: Extra data at character 31; `format='jsonl'` reads JSON lines",
    )
    invalid("cut", OBJECT[:-1], "not JSON: Expecting ',' or '}' at character 58")


def make_lines(folder: Path) -> None:
    """Write the files of formats/jsonl."""

    def valid(name: str, text: str | bytes, about: str, words: list[str | bytes] = WORDS, **more: Any) -> None:
        data = text.encode() if isinstance(text, str) else text
        place = name if "." in name else f"{name}.jsonl"
        write_valid(folder, place, data, about, words, more.pop("rows", ROWS), **more)

    valid("plain", LINES, "an object on each line")
    valid("ndjson.ndjson", LINES.replace("\n", "\r\n"), "CR LF")
    valid("pairs", '["the", [0.5, -1.5]]\n["frog", [2.25, 3]]\n', "a pair on each line", WORDS[:2], rows=ROWS[:2])
    valid("more_fields", LINES.replace(', "v"', ', "freq": 3, "v"'), "other fields are left out")
    valid("by_vocab", TAGGED, "read with vocab='w'", read={"vocab": "w"})
    two = LINES.replace(', "v"', ', "u": [1], "v"')
    valid("by_key", two, "read with key='v'", read={"key": "v"})
    mark, blank = "byte order mark dropped: 1", "empty lines left out: 1, the first line 2"
    cut = "last line without a newline, perhaps cut short: 1"
    odd = "\ufeff" + LINES.replace("\n", "\n\n", 1)[:-1]
    valid("odd", odd, "a byte order mark, a blank line, no newline", warnings=(mark, cut, blank))
    skipped = "lines that cannot be read left out: 2, the first line 2"
    bad = LINES.replace("\n", '\n{"w": "x", "v": [1]}\n{"w"\n', 1)
    valid("skip", bad, "read with on_error='skip'", read={"on_error": "skip"}, warnings=(skipped,))
    bytes_of = "tokens that are not UTF-8, their bytes kept: 1, the first '\\udcff'"
    first: list[str | bytes] = ["the", b"\xff", "\u017e\u00e1ba"]
    valid("not_utf8", LINES.encode().replace(b"frog", b"\xff"), "bytes in a string", first, warnings=(bytes_of,))
    valid("packed.jsonl.gz", gzip.compress(LINES.encode(), mtime=0), "gzip")
    _invalid_lines(folder, two)


def _invalid_lines(folder: Path, two: str) -> None:
    def invalid(name: str, text: str, message: str) -> None:
        write_invalid(folder, f"{name}.jsonl", text.encode(), f"{{path}}:{message}")

    skip = "`on_error='skip'` leaves such lines out"
    fields = "'w': text, 'tag': text, 'v': a list of numbers"
    invalid("tags", TAGGED, f"1: {FIELDS} {fields}; `vocab='w'` or `vocab='tag'` names them")
    fields = "'w': text, 'u': a list of numbers, 'v': a list of numbers"
    invalid("two_vectors", two, f"1: {FIELDS} {fields}; `key='u'` or `key='v'` names them")
    invalid("ragged", LINES.replace("2.25, ", ""), f"2: 1 number for the word 'frog', expected 2; {skip}")
    invalid("no_vector", LINES.replace('"v": [2.25, 3]', '"x": 1'), f"2: an object without 'v'; {skip}")
    invalid("number_as_word", LINES.replace('"frog"', "7"), f"2: 7.0 in place of a word, expected text; {skip}")
    invalid(
        "repeated",
        LINES.replace('"frog",', '"frog", "w": "toad",'),
        "2: a key appears twice in one object, so its value is ambiguous; " + skip,
    )
    invalid("first_number", '{"w": 7, "v": [1]}\n', "1: no field with words: 'w': a number, 'v': a list of numbers")
    invalid("by_word", '{"the": [1]}\n', "1: no field with words: 'the': a list of numbers")
    invalid("list", "[1, 2]\n", f"1: a list, {PAIR}")
    invalid(
        "pairs_cut", '["the", [1]]\n["of"]\n', f"2: a list, expected a pair of a word and a list of numbers; {skip}"
    )
    reason = "not JSON, expected an object on each line: Expecting value: line 1 column 1 (char 0)"
    invalid("prose", "It was\n", f"1: {reason}")
    invalid("blank", "\n\n", " nothing but empty lines, expected JSON on each line")
