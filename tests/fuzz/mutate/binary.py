"""Mutators of binary formats: fields of a header, chunks, footers, opcodes, type bytes."""

from __future__ import annotations

import pickletools
import struct
from random import Random

from fuzz.mutate.plain import INTEGERS, PLAIN


def first_fields(raw: bytes, random: Random, other: bytes) -> bytes:
    """Write one to three odd integers of 4 or 8 bytes among the first 128 bytes."""
    changed = bytearray(raw)
    for _ in range(random.randint(1, 3)):
        size = random.choice([4, 8])
        place = 4 * random.randrange(max(1, min(len(raw), 128) // 4))
        value = random.choice(INTEGERS) % (1 << 8 * size)
        changed[place : place + size] = value.to_bytes(size, "little")
    return bytes(changed)


def finalfusion_chunks(raw: bytes, random: Random, other: bytes) -> bytes:
    """Drop, repeat, swap or lengthen the chunks of finalfusion, or change one inside, its length kept right."""
    count = int.from_bytes(raw[8:12], "little")
    position = 12 + 4 * min(count, 64)
    chunks: list[tuple[int, bytes]] = []
    head = raw[:position]
    while position + 12 <= len(raw) and len(chunks) < 64:
        kind, length = struct.unpack_from("<IQ", raw, position)
        chunks.append((kind, raw[position + 12 : position + 12 + length]))
        position += 12 + length
    if not chunks:
        return first_fields(raw, random, other)
    place, second = random.randrange(len(chunks)), random.randrange(len(chunks))
    kind, data = chunks[place]
    match random.randrange(6):
        case 0:
            del chunks[place]
        case 1:
            chunks.insert(second, (kind, data))
        case 2:
            chunks[place], chunks[second] = chunks[second], chunks[place]
        case 3:
            chunks[place] = (random.choice([*range(10), 2**32 - 1]), data)
        case _:
            chunks[place] = (kind, random.choice([first_fields, *PLAIN])(data, random, data))
    return head + b"".join(struct.pack("<IQ", kind, len(data)) + data for kind, data in chunks)


def footer(raw: bytes, random: Random, other: bytes) -> bytes:
    """Change the footer of Arrow or Parquet, which its length and magic follow, or that length."""
    tail = 10 if raw.endswith(b"ARROW1") else 8
    if len(raw) < tail:
        return raw
    length = int.from_bytes(raw[-tail : 4 - tail], "little")
    start = max(0, len(raw) - tail - length)
    if random.random() < 0.2:
        value = random.choice([*INTEGERS, length + 1, length - 1]) % 2**32
        return raw[:-tail] + value.to_bytes(4, "little") + raw[4 - tail :]
    inner = random.choice([first_fields, *PLAIN])(raw[start:-tail], random, other)
    size = len(inner) if random.random() < 0.8 else length
    return raw[:start] + inner + (size % 2**32).to_bytes(4, "little") + raw[4 - tail :]


def opcodes(raw: bytes, random: Random, other: bytes) -> bytes:
    """Drop, repeat, swap or replace opcodes of a pickle, or change the argument of one."""
    starts = [place for _, _, place in pickletools.genops(raw) if place is not None]
    bounds = zip(starts, [*starts[1:], len(raw)], strict=True)
    found = [raw[start:stop] for start, stop in bounds]
    place, second = random.randrange(len(found)), random.randrange(len(found))
    match random.randrange(6):
        case 0:
            del found[place]
        case 1:
            found.insert(second, found[place])
        case 2:
            found[place], found[second] = found[second], found[place]
        case 3:
            found[place] = random.choice(pickletools.opcodes).code.encode("latin-1") + found[place][1:]
        case _:
            code, argument = found[place][:1], found[place][1:]
            found[place] = code + random.choice(PLAIN)(argument, random, argument)
    return b"".join(found)


def msgpack_types(raw: bytes, random: Random, other: bytes) -> bytes:
    """Replace a byte by one that announces a type of msgpack, with or without a large size."""
    if not raw:
        return raw
    place = random.choice([0, random.randrange(len(raw))])
    kind = random.choice([0x80, 0x8F, 0x90, 0xA0, *range(0xC0, 0xE0)])
    size = (random.choice(INTEGERS) % 2**64).to_bytes(8, "big") if random.random() < 0.5 else b""
    return raw[:place] + bytes([kind]) + size + raw[place + 1 + len(size) * random.randint(0, 1) :]
