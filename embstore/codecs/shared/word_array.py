"""Word lists of NumPy: a .npy with an array of strings, or of whole numbers."""

from __future__ import annotations

import numpy as np

from embstore.codecs.shared.npy_array import read_array_header
from embstore.codecs.shared.whole_numbers import KINDS, decimal_tokens, note
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Tokens
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_TOKEN
from embstore.files.input import Input


def words_of_array(source: Input, findings: Findings) -> WordList:
    """Return the words of an array of strings, dtype S or U, or of whole numbers; FormatError for any other array."""
    path = source.path
    try:
        header = read_array_header(source.open().read)
    except ValueError as error:
        raise FormatError(path, str(error)) from None
    if header.dtype.hasobject:
        raise FormatError(path, "words as Python objects, which would be unpickled: save them as an array of str")
    longest = header.dtype.itemsize // (4 if header.dtype.kind == "U" else 1)
    if header.dtype.kind not in "SU" + KINDS or len(header.shape) != 1 or not 1 <= longest <= MAX_TOKEN:
        raise FormatError(path, f"{header}, expected an array of words (dtype S or U) or of whole numbers")
    if source.size != header.size + header.nbytes:
        raise FormatError(path, f"{source.size:,} bytes, expected {header.size + header.nbytes:,} for {header}")
    words = np.frombuffer(source.read(), header.dtype, offset=header.size)
    if header.dtype.kind in KINDS:
        return WordList.in_order(note(decimal_tokens(words), findings))
    try:
        return WordList.in_order(Tokens.pack(words.tolist()))
    except ValueError as error:  # a number that is not a code point
        raise FormatError(path, f"not text: {error}") from None
