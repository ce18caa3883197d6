"""Folders of spaCy's vectors, with own implementations of MurmurHash64A, msgpack maps and .npy."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

MULTIPLIER, MASK = 0xC6A4A7935BD1E995, (1 << 64) - 1
WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba", "exactly8"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125", "0 7"]
NUMBERS = [0.5, -1.5, 2.25, 3, 1, 0.125, 0, 7]


def murmur(word: str) -> int:
    """Hash with MurmurHash64A, seed 1."""
    data = word.encode()
    whole = len(data) // 8 * 8
    hashed = 1 ^ len(data) * MULTIPLIER & MASK
    for (block,) in struct.iter_unpack("<Q", data[:whole]):
        block = block * MULTIPLIER & MASK
        block = (block ^ block >> 47) * MULTIPLIER & MASK
        hashed = (hashed ^ block) * MULTIPLIER & MASK
    if data[whole:]:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * MULTIPLIER & MASK
    hashed = (hashed ^ hashed >> 47) * MULTIPLIER & MASK
    return hashed ^ hashed >> 47


def number(value: int) -> bytes:
    """Return an integer in msgpack, in the shortest encoding."""
    if value < 0:
        return struct.pack("b", value) if value >= -32 else b"\xd3" + struct.pack(">q", value)
    if value < 128:
        return bytes([value])
    form = next(i for i in range(4) if value < 1 << (8 << i))
    return bytes([0xCC + form]) + value.to_bytes(1 << form, "big")


def key_map(rows: dict[int, int], head: bytes | None = None) -> bytes:
    """Return the msgpack map from keys to rows."""
    head = bytes([0x80 | len(rows)]) if head is None else head
    return head + b"".join(number(key) + number(row) for key, row in rows.items())


def array(rows: int = 4, numbers: list[float] = NUMBERS, descr: str = "<f4") -> bytes:
    """Return a .npy file with two columns."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, 2), }}".ljust(117) + "\n"
    kind = {"<f4": "<f", "<f2": "<e"}[descr]
    return b"\x93NUMPY\1\0" + struct.pack("<H", 118) + text.encode() + b"".join(struct.pack(kind, n) for n in numbers)


def folder_of(
    keys: dict[int, int] | bytes | None = None,
    strings: list[Any] | None = None,
    vectors: bytes = array(),
    inside: str = "",
    **mode: Any,
) -> dict[str, bytes]:
    """Return the files of a folder by name; without `keys`, the keys of `WORDS` with rows in order."""
    rows = {murmur(str(word)): row for row, word in enumerate(WORDS)} if keys is None else keys
    listed = sorted(map(str, WORDS)) if strings is None else strings
    return {
        f"{inside}vectors": vectors,
        f"{inside}key2row": rows if isinstance(rows, bytes) else key_map(rows),
        f"{inside}strings.json": json.dumps(listed).encode(),
        f"{inside}vectors.cfg": json.dumps({"mode": "default", **mode}).encode(),
    }


def make(folder: Path) -> None:
    """Write the folders."""

    def valid(name: str, about: str, files: dict[str, bytes], **more: Any) -> None:
        tokens, rows = more.pop("tokens", WORDS), more.pop("rows", ROWS)
        write_valid(folder, name, files, about, tokens, rows, **more)

    valid("plain", "words of 3 to 8 bytes", folder_of())
    valid("pipeline", "a pipeline, with the vectors in vocab/", {"meta.json": b"{}", **folder_of(inside="vocab/")})
    shared = {murmur("frog"): 1, murmur("the"): 0, murmur("exactly8"): 1}
    two = folder_of(shared, vectors=array(2, NUMBERS[:4]))
    expected = {"tokens": ["frog", "the", "exactly8"], "rows": [ROWS[1], ROWS[0], ROWS[1]]}
    valid("pruned", "words that share a row, in the order of the keys", two, **expected)
    symbols = {0: 0, 74: 1, 449: 2, murmur("the"): 3}
    ids = ["", "POS", "root", "the"]
    valid(
        "symbols",
        "keys below 457 belong to names that strings.json does not list",
        folder_of(symbols, ["the"]),
        tokens=ids,
    )
    unset = {murmur("the"): 2}
    left_out = ("rows without a word left out: 3",)
    valid("unset", "rows without a word", folder_of(unset), tokens=["the"], rows=[ROWS[2]], warnings=left_out)
    nameless = {12345678901234567890: 1, **{murmur(word): row for word, row in (("the", 0), ("frog", 3))}}
    lost = "words left out, because strings.json does not have their strings: 1, the first the key 12345678901234567890"
    valid("nameless", "a key without a string", folder_of(nameless), tokens=["the", "frog"], rows=[ROWS[0], ROWS[3]],
          warnings=(lost, "rows without a word left out: 2"))  # fmt: skip
    old = folder_of()
    del old["vectors.cfg"]
    valid("no_cfg", "no vectors.cfg, as written before spaCy 3.2", old)
    valid("half", "float16", folder_of(vectors=array(descr="<f2")))
    wide = {murmur(str(word)): row for row, word in enumerate(WORDS)}
    valid("map_16", "a map with a count of 16 bits", folder_of(key_map(wide, b"\xde\0\4")))
    valid("map_32", "a map with a count of 32 bits", folder_of(key_map(wide, b"\xdf\0\0\0\4")))
    _invalid(folder)


def _invalid(folder: Path) -> None:
    def invalid(name: str, files: dict[str, bytes], message: str) -> None:
        write_invalid(folder, name, files, f"{{path}}{message}")

    def without(name: str) -> dict[str, bytes]:
        return {file: data for file, data in folder_of().items() if file != name}

    listed = "vectors, strings.json, vectors.cfg"
    listing = f": a folder that is not known as a table: name one of its files ({listed})"
    invalid("no_key2row", without("key2row"), listing)
    no_strings = "no strings.json next to the vectors, so the words are not known: save both with `nlp.to_disk`"
    invalid("no_strings", without("strings.json"), f": {no_strings}")
    floret = (
        "floret vectors, which are computed from n-grams and have no rows of words: get the vectors that you need from "
        "`nlp.vocab[word].vector` in spaCy, and write them with embstore.save"
    )
    invalid("floret", folder_of({}, mode="floret"), f"/vectors.cfg: {floret}")
    invalid("other_mode", folder_of(mode="other"), "/vectors.cfg: vectors of the mode 'other', expected default")
    wrong = {**folder_of(), "vectors.cfg": b"[1]"}
    invalid("cfg_list", wrong, "/vectors.cfg: expected a JSON object with a mode")
    small = "no vectors: the map is empty, as in spaCy's _sm pipelines; use an _md or _lg pipeline"
    invalid("no_vectors", folder_of({}, vectors=array(0, [])), f"/key2row: {small}")
    others = "no string has one of the 4 keys: the file belongs to other vectors"
    invalid("other_strings", folder_of(strings=["toad"]), f"/strings.json: {others}")
    invalid("strings_of_numbers", folder_of(strings=[1, 2]), "/strings.json: expected a list of words")
    bits = "<f4 [4, 2]"
    size = len(array())
    cut = f"/vectors: {size - 1} bytes, expected {size} for {bits}: it is cut short or the header is wrong"
    invalid("cut_vectors", folder_of(vectors=array()[:-1]), cut)
    _keys(invalid)


def _keys(invalid: Any) -> None:
    the = murmur("the")
    beyond = f"/key2row: the key {the} has the row"
    invalid("row_beyond", folder_of({the: 4}), f"{beyond} 4, but vectors has 4 rows")
    invalid("row_negative", folder_of({the: -1}), f"{beyond} -1, but vectors has 4 rows")
    invalid("row_huge", folder_of({the: (1 << 64) - 1}), f"{beyond} {1 << 62:,}, but vectors has 4 rows")
    expected = "/key2row: expected a msgpack map from keys to rows, found"
    plain = folder_of()["key2row"]
    cases = {
        "empty": (b"", "other data"),
        "list": (b"\x92\1\0", "other data"),
        "cut": (plain[:-1], "a map that is cut short"),
        "many_keys": (
            b"\xdf\xff\xff\xff\xff" + plain[1:],
            f"a map of {(1 << 32) - 1:,} keys, which do not fit into the file",
        ),
        "text": (b"\x81\xa3the\0", "a value of type 0xa3 at byte 1, which is not an integer"),
        "nil": (b"\x81\1\xc0", "a value of type 0xc0 at byte 2, which is not an integer"),
        "float": (b"\x81\1\xcb" + bytes(8), "a value of type 0xcb at byte 2, which is not an integer"),
        "key_negative": (b"\x81\xff\0", "a negative key"),
        "behind": (plain + b"\0\0", "2 bytes after the map"),
    }
    for name, (data, found) in cases.items():
        invalid(f"map_{name}", folder_of(data), f"{expected} {found}")
