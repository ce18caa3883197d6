"""Pickles, which may run any code when they are loaded, told from text that begins with the same letters."""

from __future__ import annotations

import re
import zlib

from embstore.codecs.shared.first_look.first_bytes import FirstBytes
from embstore.codecs.shared.torch_legacy import TORCH_LEGACY

BEGINNING = re.compile(
    rb"\x80[\x02-\x05][^\0]|\(?[}\])]q\0|\({1,3}(?:(?:dp|lp|i)[0-9]|[SV]|[TX]..\0\0|U)"
    rb"|\({0,3}c[a-z_][a-z_.]{0,99}\n\w+\n",
    re.DOTALL,
)
ZLIB = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))


def pickle(look: FirstBytes) -> str | None:
    """Name a pickle, also one that joblib packed by zlib; files of torch.save are none."""
    packed = look.head.startswith(ZLIB)
    head = _inflated(look.head) if packed else look.head
    if head.startswith(TORCH_LEGACY):
        return "a file of torch.save, expected a list of words" if look.role != "table" else None
    if not BEGINNING.match(head):
        return None
    from embstore.codecs.shared.first_look.opcodes import Opened
    from embstore.codecs.shared.first_look.pickled import is_certain, reason_for  # here: few inputs are pickles

    opened = Opened.of(head)
    return reason_for(look, opened, by_joblib=packed) if is_certain(look, head, opened) else None


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(head, len(head))
    except zlib.error:
        return b""
