"""Policies for unknown words: their text, the forms that back-offs make, and the buckets of words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from makers import fasttext_files
from makers.golden import write_json
from makers.xxh64 import xxh64

# text -> canonical text
TEXTS = {
    "error": "error",
    "skip": "skip",
    "zero": "zero",
    "mean": "mean",
    "unk": "unk",
    "subword": "subword",
    "lower": "lower,error",
    "lower,digits,hash:1000": "lower,digits,hash:1000",
    " lower , casefold,\thash:0010:01 ": "lower,casefold,hash:10",
    "hash:4096:3": "hash:4096:3",
    "hash:4294967296:256": "hash:4294967296:256",
    "unk:<unk>": "unk:<unk>",
    "nfc,accents,unk:a, b,lower ": "nfc,accents,unk:a, b,lower ",
    "unk:hash:10": "unk:hash:10",
}

KNOWN = (
    "back-offs: nfc, lower, casefold, accents, digits; "
    "endings: error, skip, zero, mean, unk, unk:TOKEN, hash:BUCKETS, hash:BUCKETS:HASHES, subword"
)
BUCKETS = "hash:BUCKETS or hash:BUCKETS:HASHES"
WRONG = dict.fromkeys(["hash", "hash:", "hash:-1", "hash:1e3", "hash:\u0661", "hash:1:2:3", "hash:1:"], BUCKETS)
WRONG |= {"unk:": "unk or unk:TOKEN", "zero:1": "zero"}
REFUSED = ["", "lowr", "lower,,zero", "Lower", *WRONG, "lower zero"]
COUNTS = "expected 1 to 4,294,967,296 buckets and 1 to 256 hashes"
INVALID = {
    "hash:0": f"oov 'hash:0': {COUNTS}",
    "hash:4294967297": f"oov 'hash:4294967297': {COUNTS}",
    "hash:10:0": f"oov 'hash:10:0': {COUNTS}",
    "hash:10:257": f"oov 'hash:10:257': {COUNTS}",
    "hash:10,lower": "oov: the ending 'hash:10' must be the last part, and the only ending",
    "zero,mean": "oov: the ending 'zero' must be the last part, and the only ending",
    "lower,digits,lower,zero": "oov: the back-off 'lower' appears twice",
}

# back-offs, word, forms in the order in which they are tried
FORMS = [
    ("lower", "GROSSE", ["grosse"]),
    ("lower", "STRA\u00dfE", ["stra\u00dfe"]),
    ("lower", "\u039f\u0394\u039f\u03a3", ["\u03bf\u03b4\u03bf\u03c2"]),
    ("casefold", "Stra\u00dfe", ["strasse"]),
    ("nfc", "e\u0301", ["\u00e9"]),
    ("accents", "Th\u00e9", ["The"]),
    ("accents", "e\u0301a\u030a", ["ea"]),
    ("accents", "\u0627\u0644\u0644\u0651\u0647", ["\u0627\u0644\u0644\u0647"]),
    ("accents", "\u0939\u093f\u0928\u094d\u0926\u0940", ["\u0939\u093f\u0928\u0926\u0940"]),
    ("accents", "\ud55c\uae00", ["\ud55c\uae00"]),
    ("accents", "\u0142\u00f8", ["\u0142\u00f8"]),
    ("digits", "R2D2", ["R0D0", "R#D#"]),
    ("digits", "\u0661\u00b2x", ["0\u00b2x", "#\u00b2x"]),
    ("lower,accents", "TH\u00c9", ["th\u00e9", "the"]),
    ("digits,lower", "A1", ["A0", "A#", "a0", "a#"]),
    ("lower,digits", "A1", ["a1", "a0", "a#"]),
]

# Words as bytes, in hexadecimal below; a surrogate escape stands for its byte.
WORDS = [b"", b"the", b"The", "caf\u00e9".encode(), "cafe\u0301".encode(), "\u4e2d\u6587".encode()]
WORDS += [b"\xf0\x9f\x90\xb8", b"a b", b"\xff", b"\xed\xa0\x80", b"x" * 31, b"x" * 32, b"uxm3-a12o-8u2x" * 9]
UNKNOWN = ["Frog", "frogs", "\u017e\u00e1by", "\u65e5\u672c", "\U0001f438", "x", "\u00e9", "</t>", ""]
NGRAMS = [(1, 1), (2, 4), (3, 6)]  # characters of the shortest and the longest
SIZES = [(1, 1), (2, 1), (1000, 3), (4096, 2), (2**32, 4)]


def make(folder: Path) -> None:
    """Write the test vectors."""
    texts = [{"text": text, "canonical": canonical} for text, canonical in TEXTS.items()]
    write_json(folder / "valid" / "texts.json", texts)
    refused = {text: refusal(text) for text in REFUSED} | INVALID
    messages = [{"text": text, "message": message} for text, message in refused.items()]
    write_json(folder / "invalid" / "texts.json", messages)
    forms = [{"back_offs": back_offs, "word": word, "forms": made} for back_offs, word, made in FORMS]
    write_json(folder / "valid" / "forms.json", forms)
    buckets = [
        {"word": word.hex(), "buckets": size, "hashes": k, "places": [xxh64(word, i + 1) % size for i in range(k)]}
        for word in WORDS
        for size, k in SIZES
    ]
    write_json(folder / "valid" / "buckets.json", buckets)
    write_json(folder / "valid" / "subword.json", [ngrams(word, *sizes) for sizes in NGRAMS for word in UNKNOWN])


def ngrams(word: str, least: int, most: int) -> dict[str, Any]:
    """Return the n-grams of a word that is not in ../../fasttext/valid/ngrams_<least>_to_<most>.bin."""
    places = fasttext_files.buckets(word, least, most)
    vector = [float(number) for number in fasttext_files.vector(None, places).split()]
    return {"model": f"ngrams_{least}_to_{most}.bin", "word": word, "places": places, "vector": vector}


def refusal(text: str) -> str:
    """Return the message for a text of REFUSED."""
    if text in WRONG:
        return f"oov {text!r}: expected {WRONG[text]}"
    part = "" if text == "lower,,zero" else text
    return f"oov: {part!r} is not a back-off or an ending ({KNOWN})"
