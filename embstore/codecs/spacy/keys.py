"""spaCy's keys of words, which are hashes of strings, and the file that maps keys to rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Tokens

Keys = NDArray[np.uint64]

MULTIPLIER, SHIFT, SEED = np.uint64(0xC6A4A7935BD1E995), np.uint64(47), 1

FLAGS = """
    IS_ALPHA IS_ASCII IS_DIGIT IS_LOWER IS_PUNCT IS_SPACE IS_TITLE IS_UPPER LIKE_URL LIKE_NUM LIKE_EMAIL IS_STOP
    IS_OOV_DEPRECATED IS_BRACKET IS_QUOTE IS_LEFT_PUNCT IS_RIGHT_PUNCT IS_CURRENCY
"""
ATTRIBUTES = """
    ID ORTH LOWER NORM SHAPE PREFIX SUFFIX LENGTH CLUSTER LEMMA POS TAG DEP ENT_IOB ENT_TYPE HEAD SENT_START
    SPACY PROB LANG ADJ ADP ADV AUX CONJ CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X EOL
    SPACE
"""
LABELS = """
    PERSON NORP FACILITY ORG GPE LOC PRODUCT EVENT WORK_OF_ART LANGUAGE LAW DATE TIME PERCENT MONEY QUANTITY
    ORDINAL CARDINAL acomp advcl advmod agent amod appos attr aux auxpass cc ccomp complm conj cop csubj
    csubjpass dep det dobj expl hmod hyph infmod intj iobj mark meta neg nmod nn npadvmod nsubj nsubjpass num
    number oprd obj obl parataxis partmod pcomp pobj poss possessive preconj prep prt punct quantmod relcl rcmod
    root xcomp acl ENT_KB_ID MORPH ENT_ID IDX _
"""
SYMBOLS = (  # strings whose key is their index here; strings.json does not list them
    "",
    *FLAGS.split(),
    *(f"FLAG{number}" for number in range(19, 64)),
    *ATTRIBUTES.split(),
    *(f"DEPRECATED{number:03}" for number in range(1, 277)),
    *LABELS.split(),
)


def hash_strings(strings: Tokens) -> Keys:
    """Return MurmurHash64A of each string with spaCy's seed: https://github.com/aappleby/smhasher (public domain)."""
    sizes = np.diff(strings.offsets)
    keys = np.empty(len(sizes), np.uint64)
    order = np.argsort(sizes, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(sizes[order])) + 1, len(order))
    for members in np.split(order, ends[:-1]):  # strings of equal length are hashed together
        size = sizes[members[0]] if len(members) else 0
        for part in np.array_split(members, 1 + len(members) * int(size) // (1 << 20)):
            keys[part] = _murmur(strings.data[strings.offsets[part][:, np.newaxis] + np.arange(size)])
    return keys


def _murmur(words: NDArray[np.uint8]) -> Keys:
    """Return MurmurHash64A of every row of a (words, size) matrix of bytes."""
    count, size = words.shape
    padded = np.zeros((count, -(-size // 8) * 8), np.uint8)
    padded[:, :size] = words
    hashes = np.full(count, SEED, np.uint64)
    with np.errstate(over="ignore"):
        hashes ^= np.uint64(size) * MULTIPLIER
        for position, block in enumerate(padded.view("<u8").T, 1):
            if 8 * position <= size:  # a whole block; an incomplete one at the end is not mixed
                block = block * MULTIPLIER
                block = (block ^ (block >> SHIFT)) * MULTIPLIER
            hashes = (hashes ^ block) * MULTIPLIER
        hashes = (hashes ^ (hashes >> SHIFT)) * MULTIPLIER
    return hashes ^ (hashes >> SHIFT)


def key_rows(data: bytes) -> tuple[Keys, NDArray[np.int64]]:
    """Return the keys and the rows of a msgpack map of integers; raise ValueError, which says what was found instead.

    https://github.com/msgpack/msgpack/blob/master/spec.md
    """
    kind = data[0] if data else 0
    width = {0xDE: 2, 0xDF: 4}.get(kind, 0)
    if not width and kind >> 4 != 8:
        raise ValueError("other data")
    count = int.from_bytes(data[1 : 1 + width], "big") if width else kind & 15
    if 2 * count > len(data) - 1 - width:
        raise ValueError(f"a map of {count:,} keys, which do not fit into the file")
    numbers, end = _numbers(data, 1 + width, 2 * count)
    if end != len(data):
        raise ValueError(f"{len(data) - end:,} bytes after the map" if end < len(data) else "a map that is cut short")
    if any(key < 0 for key in numbers[::2]):
        raise ValueError("a negative key")
    rows = [min(row, 1 << 62) for row in numbers[1::2]]
    return np.array(numbers[::2], np.uint64), np.array(rows, np.int64)


def _numbers(data: bytes, position: int, count: int) -> tuple[list[int], int]:
    """Return consecutive integers and the position after them, which is beyond the data if that is cut short."""
    numbers, widths = [], {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
    for _ in range(count):
        kind = data[position] if position < len(data) else 0
        width = widths.get(kind, 0)
        if width:
            numbers.append(int.from_bytes(data[position + 1 : position + 1 + width], "big", signed=kind >= 0xD0))
        elif kind < 0x80 or kind >= 0xE0:
            numbers.append(kind if kind < 0x80 else kind - 0x100)
        else:
            raise ValueError(f"a value of type {kind:#x} at byte {position:,}, which is not an integer")
        position += 1 + width
    return numbers, position
