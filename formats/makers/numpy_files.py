""".npy and .npz files: headers written by hand, zips by zipfile without compression."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_json, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
NUMBERS = [0.5, -1.5, 2.25, 3, 1, 0.125]
BY_COLUMN = [0.5, 2.25, 1, -1.5, 3, 0.125]
CODES = {"f2": "e", "f4": "f", "f8": "d"}
WHOLE = "whole numbers (int16), not embeddings; `dtype='float32'` converts them"
OBJECTS = "an array of Python objects, which would be unpickled: save the matrix and the words separately"


def header(descr: str, shape: str, order: bool = False, version: int = 1) -> bytes:
    """Return a header; `shape` is Python source text."""
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text.encode()


def array(descr: str = "<f4", order: bool = False, version: int = 1, shape: str = "(3, 2)") -> bytes:
    """Return the matrix in C or Fortran order."""
    numbers = BY_COLUMN if order else NUMBERS
    return header(descr, shape, order, version) + struct.pack(f"{descr[0]}6{CODES[descr[1:]]}", *numbers)


def make_npy(folder: Path) -> None:
    """Write the files of formats/npy."""

    def valid(name: str, data: bytes, about: str, words: Any = WORDS, **more: Any) -> None:
        write_json(folder / "valid" / f"{name}.vocab.json", words)
        write_valid(folder, f"{name}.npy", data, about, WORDS, ROWS, **more)

    for descr in ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8"):
        ends = "little" if descr[0] == "<" else "big"
        valid(f"{descr[1:]}_{ends}", array(descr), f"{ends}-endian {descr[1:]}")
    valid("fortran", array("<f4", order=True), "column-major")
    valid("fortran_big", array(">f8", order=True), "column-major, big-endian")
    valid("version_2", array(version=2), "a header length of four bytes")
    valid("version_3", array(version=3), "a header in UTF-8")
    valid("python_2", array(shape="(3L, 2L)"), "the long integers of Python 2")
    valid("by_word", array(), "an object from word to row", {"frog": 1, "\u017e\u00e1ba": 2, "the": 0})
    write_json(folder / "valid" / "skipped_rows.vocab.json", {"frog": 1})
    warnings = ("rows without a word left out: 2",)
    write_valid(folder, "skipped_rows.npy", array(), "rows without a word", WORDS[1:2], ROWS[1:2], warnings=warnings)
    whole = header("<i2", "(1, 2)") + struct.pack("<2h", -3, 7)
    write_json(folder / "valid" / "whole_numbers.vocab.json", WORDS[:1])
    named = {"dtype": "float32"}
    write_valid(folder, "whole_numbers.npy", whole, "integers, converted to float32", WORDS[:1], ["-3 7"], read=named)
    _invalid_npy(folder)


def _invalid_npy(folder: Path) -> None:
    def invalid(name: str, data: bytes, reason: str, words: Any = WORDS) -> None:
        if words is not None:
            write_json(folder / "invalid" / f"{name}.vocab.json", words)
        message = reason if reason.startswith("{path}") else f"{{path}}: {reason}"
        write_invalid(folder, f"{name}.npy", data, message)

    plain = array()
    size = "it is cut short or the header is wrong"
    invalid("cut_short", plain[:-1], f"{len(plain) - 1} bytes, expected {len(plain)} for <f4 [3, 2]: {size}")
    invalid("goes_on", plain + b"\0", f"{len(plain) + 1} bytes, expected {len(plain)} for <f4 [3, 2]: {size}")
    enormous = array(shape="(1000000000, 1000000)")
    expected = f"{4 * 10**15 + len(enormous) - 24:,}"
    found = f"{len(enormous)} bytes, expected {expected} for <f4 [1000000000, 1000000]"
    invalid("enormous", enormous, f"{found}: {size}")
    invalid("cut_in_the_header", plain[:40], "cut short in its header")
    invalid("long_header", b"\x93NUMPY\2\0" + b"\xff" * 4, "a header of 4,294,967,295 bytes, expected 10,000 at most")
    invalid("version_4", array(version=4), ".npy version 4.0, expected 1.0 to 3.0")
    invalid("whole_numbers", header("<i2", "(3, 2)") + bytes(12), WHOLE)
    invalid("objects", header("|O", "(3, 2)") + b"\x80\x04N.", OBJECTS)
    invalid(
        "complex", header("<c8", "(3, 2)") + bytes(48), "numbers of complex64, expected float16, float32 or float64"
    )
    invalid("one_dimension", header("<f4", "(6,)") + bytes(24), "an array of shape (6,), expected (rows, dim)")
    invalid("negative", header("<f4", "(3, -2)"), "the shape (3, -2), expected a tuple of sizes")
    code = header("<f4", "(3, __import__('os'))")
    shown = repr(code[10:70])
    invalid("code", code, f"the header is not a dictionary: {shown}")
    names = "no_words.vocab.txt, no_words.vocab.json, tokenizer.json, vocab.txt, vocab.json, encoder.json, words.npy"
    invalid(
        "no_words",
        plain,
        f"no words for 3 rows: none of {names} next to it; `vocab=` names a file with the words",
        None,
    )


def archive(*members: tuple[str, bytes]) -> bytes:
    """Return a zip of uncompressed members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def texts(words: list[str], order: str = "<") -> bytes:
    """Return an array of words, four bytes per character."""
    wide = max(map(len, words))
    encoding = "utf-32-le" if order == "<" else "utf-32-be"
    data = b"".join(word.encode(encoding).ljust(4 * wide, b"\0") for word in words)
    return header(f"{order}U{wide}", f"({len(words)},)") + data


def make_npz(folder: Path) -> None:
    """Write the files of formats/npz."""
    words = ["the", "frog", "\u017e\u00e1ba"]

    def valid(name: str, about: str, *members: tuple[str, bytes], **more: Any) -> None:
        write_valid(folder, f"{name}.npz", archive(*members), about, WORDS, ROWS, **more)

    def invalid(name: str, message: str, *members: tuple[str, bytes], **more: Any) -> None:
        write_invalid(folder, f"{name}.npz", archive(*members), f"{{path}}{message}", **more)

    known = ("words.npy", texts(words))
    valid("plain", "a matrix and its words", ("vectors.npy", array()), known)
    valid("big_endian", "big-endian numbers and characters", ("m.npy", array(">f8")), ("w.npy", texts(words, ">")))
    valid("fortran", "column-major", ("m.npy", array(order=True)), known)
    raw = header("|S6", "(3,)") + b"".join(word.encode().ljust(6, b"\0") for word in words)
    valid(
        "bytes",
        "words as UTF-8 bytes",
        ("w.npy", raw),
        ("m.npy", array("<f2")),
        ("ids.npy", header("<i8", "()") + bytes(8)),
    )
    other = ("n.npy", array().replace(struct.pack("<f", 0.5), struct.pack("<f", 9)))
    chosen = {"key": "m", "vocab": "w"}
    more = ("x.npy", texts(["1", "2", "3"]))
    valid("chosen", "arrays by name", ("m.npy", array()), other, ("w.npy", texts(words)), more, read=chosen)
    listed = "m <f4 [3, 2], n <f4 [3, 2]"
    invalid("two_matrices", f": 2 arrays may be the table: name one with `key=` ({listed})", ("m.npy", array()), other)
    two = ": 2 arrays may be the words: name one with `vocab=` (words, x)"
    invalid("two_lists_of_words", two, ("m.npy", array()), known, more)
    short = "3 rows, but 2 words in words; a JSON object from word to row may skip rows"
    few = ("words.npy", texts(words[:2]))
    invalid("fewer_words", f": {short}", ("m.npy", array()), few, read={"vocab": "words"})
    code = (
        "import numpy; arrays = dict(numpy.load('{path}', allow_pickle=True)); arrays['w'] = arrays['w'].astype(str); "
        "numpy.savez('pickled_words-text.npz', **arrays)"
    )
    pickled = f"words as Python objects, which would be unpickled: if you trust it, `{code}` saves them as text"
    invalid("pickled_words", f":w: {pickled}", ("m.npy", array()), ("w.npy", header("|O", "(3,)") + b"\x80\x04N."))
    invalid("objects", f":m: {OBJECTS}", ("m.npy", header("|O", "(3, 2)") + b"\x80\x04N."), known)
    invalid("whole_numbers", f":m: {WHOLE}", ("m.npy", header("<i2", "(3, 2)") + bytes(12)), known)
    larger = array(shape="(3, 4)")
    wrong = f":m: {len(larger)} bytes, expected {len(larger) + 24} for <f4 [3, 4]"
    invalid("header_claims_more", wrong, ("m.npy", larger), known)
    flipped = archive(("m.npy", array()), known).replace(struct.pack("<f", 2.25), struct.pack("<f", 2.5))
    crc = "cannot be read, it is damaged or cut short: Bad CRC-32 for file 'm.npy'"
    write_invalid(folder, "wrong_checksum.npz", flipped, f"{{path}}: {crc}")
