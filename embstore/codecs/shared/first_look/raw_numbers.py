"""Numbers without words and without a shape: what GloVe writes with ``-binary 1``, and ``.bytes`` files."""

from __future__ import annotations

import re

import numpy as np

from embstore.codecs.shared.first_look.first_bytes import CONTROL, FirstBytes
from embstore.core.cures import cure, python

LOOKED_AT = 1000  # numbers
LEAST = 16
CERTAIN = 0.99
SMALLEST, LARGEST = 1e-8, 100.0
HEADER = re.compile(rb"[ \t]*[0-9]+[ \t]+[0-9]+[ \t\r]*\n")
TEXT_SHARE = 0.05  # of control characters: text has hardly any, numbers have one in ten bytes
ZEROS = 0.5


def raw_numbers(look: FirstBytes) -> str | None:
    """Name a file whose first bytes are all numbers as embeddings have them."""
    head = look.head[: LOOKED_AT * 8]
    if look.known or look.role != "table" or not _is_binary(head) or HEADER.match(head):
        return None
    kind = next((kind for kind in ("float32", "float64") if _are_numbers(head, kind)), None)
    if kind is None or (look.size is not None and look.size % np.dtype(kind).itemsize):
        return None
    reason = f"numbers ({kind}) without words and without a shape, not a table"
    if look.packing:
        return f"{reason}: unpack it, and save the numbers with their words by embstore.save"
    return f"{reason}. {_cure(look, kind)}"


def _cure(look: FirstBytes, kind: str) -> str:
    words = look.path.with_name("vocab.txt")
    listed = f"words = [line.split(' ')[0].strip() for line in open({str(words)!r}, encoding='utf-8')]"
    start = f"import embstore, numpy; {listed}; numbers = numpy.fromfile({str(look.path)!r}, {kind!r})"
    target = str(look.beside(".safetensors"))
    if kind == "float64":  # a row of GloVe's ends in a bias, and as many rows of contexts follow
        rows = "numbers.reshape(2 * len(words), -1)[:len(words), :-1]"
        code = f"{start}; embstore.save({target!r}, words, {rows})"
        return cure("glove-binary", f"If GloVe wrote it, with its words in {words.name}: {python(code)}")
    code = f"{start}; embstore.save({target!r}, words, numbers.reshape(len(words), -1))"
    return cure("raw-numbers", f"With its words in {words.name}, one on each line: {python(code)}")


def _is_binary(head: bytes) -> bool:
    return len(head) >= 4 * LEAST and len(head) - len(head.translate(None, CONTROL)) > TEXT_SHARE * len(head)


def _are_numbers(head: bytes, kind: str) -> bool:
    """Return whether nearly all numbers are as small as those of embeddings, and the first ones without exception."""
    size = np.dtype(kind).itemsize
    with np.errstate(all="ignore"):  # any bytes may be seen as numbers
        numbers = np.abs(np.frombuffer(head[: len(head) // size * size], f"<f{size}")[:LOOKED_AT].astype(np.float64))
        is_zero, is_small = numbers == 0, (numbers > SMALLEST) & (numbers < LARGEST)
    plausible = is_zero | is_small
    return bool(
        len(numbers) >= LEAST and plausible[:LEAST].all() and plausible.mean() >= CERTAIN and is_zero.mean() <= ZEROS
    )
