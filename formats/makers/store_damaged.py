"""Stores that open, as opening does not read the arrays, but that verification must refuse."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from makers.golden import write_invalid
from makers.store_file import Store, store

PLAIN = store([b"the", b"frog", b"toad"], ["1", "2", "3"]).but()
ENDS = "expected from 0 to 11, the size of vocab.bytes"


def make(folder: Path) -> None:
    """Write the files."""

    def damaged(name: str, made: Store | bytes, message: str) -> None:
        data = made if isinstance(made, bytes) else made.file(8)
        read = {"format": "store"}
        write_invalid(folder, f"{name}.safetensors", data, "{path}:" + message, read=read, at="verify")

    _checksums(damaged)
    _scales(damaged)
    _offsets(damaged)
    _slots(damaged)


def _checksums(damaged: Any) -> None:
    whole = store(PLAIN.tokens, ["1", "2", "3"])
    reason = "its bytes do not have the sha256 in the header: damaged, convert or download it again"
    flipped = bytearray(whole.file(8))
    at = len(flipped) - len(whole.data())
    for part, _, _, data in whole.parts():
        flipped[at] ^= 1
        damaged(f"wrong_checksum_of_{part.replace('.', '_')}", bytes(flipped), f"{part}: {reason}")
        flipped[at] ^= 1
        at += len(data)


def _scales(damaged: Any) -> None:
    made = store(PLAIN.tokens, ["0 255", "0 0", "-1 254"], "U8")
    for name, scale, offset in (("nan", "nan", 0.0), ("infinite", "inf", -1.0), ("offset", "1.0", float("-inf"))):
        weight = made.weight[:12] + struct.pack("<ff", float(scale), offset) + made.weight[20:]
        found = f"row 1 has the scale {scale} and the offset {offset}, expected finite numbers"
        damaged(f"rowwise_scale_{name}", made.but(weight=weight), f"embedding.weight: {found}")


def _offsets(damaged: Any) -> None:
    outside = "decrease, or exceed the 11 bytes of vocab.bytes, between rows 0 and 3"
    damaged("offsets_falling", PLAIN.but(offsets=[0, 7, 3, 11]), f"vocab.offsets: {outside}")
    damaged("offsets_beyond_the_bytes", PLAIN.but(offsets=[0, 3, 1 << 40, 11]), f"vocab.offsets: {outside}")
    damaged("offsets_extreme", PLAIN.but(offsets=[0, -(1 << 63), (1 << 63) - 1, 11]), f"vocab.offsets: {outside}")
    damaged("offsets_begin_late", PLAIN.but(offsets=[1, 3, 7, 11]), f"vocab.offsets: from 1 to 11, {ENDS}")
    damaged("offsets_negative", PLAIN.but(offsets=[-3, 3, 7, 11]), f"vocab.offsets: from -3 to 11, {ENDS}")
    damaged("offsets_end_early", PLAIN.but(offsets=[0, 3, 7, 10]), f"vocab.offsets: from 0 to 10, {ENDS}")
    damaged("offsets_end_late", PLAIN.but(offsets=[0, 3, 7, 99]), f"vocab.offsets: from 0 to 99, {ENDS}")


def _slots(damaged: Any) -> None:
    def lost(token: str, row: int) -> str:
        return f"vocab.index: the index does not find the token {token!r} in row {row}"

    slots, count = PLAIN.slots, len(PLAIN.slots)
    used = [i for i, slot in enumerate(slots) if slot]
    spare = next(i for i, slot in enumerate(slots) if not slot)
    frog = next(i for i in used if slots[i] & 0xFFFFFFFF == 2)
    swapped = {1: 2, 2: 1, 3: 3}
    garbage = [0x0123456789ABCDEF * (i + 1) & (1 << 64) - 1 for i in range(count)]
    damaged("index_empty", PLAIN.but(slots=[0] * count), lost("the", 0))
    damaged("index_of_garbage", PLAIN.but(slots=garbage), lost("the", 0))
    damaged("index_full", PLAIN.but(slots=[slot or 0xDEADBEEF00000001 for slot in slots]),
            f"vocab.index: {count} slots are in use, expected 3: one per token")  # fmt: skip
    damaged("index_full_of_one_row", PLAIN.but(slots=[1] * count), lost("the", 0))
    damaged("index_with_a_slot_too_many", PLAIN.but(slots=_put(slots, spare, 1)),
            "vocab.index: 4 slots are in use, expected 3: one per token")  # fmt: skip
    damaged("index_row_beyond", PLAIN.but(slots=_put(slots, frog, slots[frog] | 0xFFFFFFFF)), lost("frog", 1))
    damaged("index_row_zero", PLAIN.but(slots=_put(slots, frog, slots[frog] >> 32 << 32)), lost("frog", 1))
    damaged("index_wrong_fingerprint", PLAIN.but(slots=_put(slots, frog, slots[frog] ^ 1 << 63)), lost("frog", 1))
    damaged(
        "index_rows_swapped",
        PLAIN.but(slots=[s and s >> 32 << 32 | swapped[s & 0xFFFFFFFF] for s in slots]),
        lost("the", 0),
    )
    twice = store([b"the", b"frog", b"the"], ["1", "2", "3"]).but()
    damaged("token_twice", twice, lost("the", 2))


def _put(slots: list[int], at: int, value: int) -> list[int]:
    return [value if i == at else slot for i, slot in enumerate(slots)]
