"""Mutators of text: lines, the fields of a line, and the header of counts."""

from __future__ import annotations

from random import Random

from fuzz.mutate.plain import INTEGERS

FIELDS = [
    b"", b" ", b"\t", b"nan", b"-inf", b"1e400", b"1e-400", b"-", b".", b"1.", b".5", b"+1", b"1_0", b"0x1p3", b"1,5",
    b"\xd9\xa3", b"\xff", b"\x00", b"\r", b"\xc2\xa0", b"\xe2\x80\xa8", b"9" * 400, b"0." + b"0" * 400 + b"1", b"<unk>",
    b"1 2", b"\xef\xbb\xbf", b"1e", b"--1", b"x" * 5000,
]  # fmt: skip


def lines(raw: bytes, random: Random, other: bytes) -> bytes:
    """Drop, repeat, swap, join or split lines, or change their endings."""
    found = raw.split(b"\n")
    place, second = random.randrange(len(found)), random.randrange(len(found))
    match random.randrange(7):
        case 0:
            del found[place]
        case 1:
            found.insert(second, found[place])
        case 2:
            found[place], found[second] = found[second], found[place]
        case 3:
            found[place] += b" " + found.pop(second) if len(found) > 1 and place < len(found) - 1 else b""
        case 4:
            found = [line + b"\r" for line in found]
        case 5:
            found.insert(place, random.choice(FIELDS))
        case _:
            middle = len(found[place]) // 2
            found[place : place + 1] = [found[place][:middle], found[place][middle:]]
    return b"\n".join(found)


def fields(raw: bytes, random: Random, other: bytes) -> bytes:
    """Change, drop, repeat or add a field of one to three lines."""
    found = raw.split(b"\n")
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(found))
        separator = b"\t" if b"\t" in found[place] and random.random() < 0.5 else b" "
        values = found[place].split(separator)
        field = random.randrange(len(values))
        match random.randrange(4):
            case 0:
                del values[field]
            case 1:
                values.insert(field, values[field])
            case 2:
                values.insert(field, random.choice(FIELDS))
            case _:
                values[field] = random.choice(FIELDS)
        found[place] = separator.join(values)
    return b"\n".join(found)


def counts(raw: bytes, random: Random, other: bytes) -> bytes:
    """Write counts of rows and dimensions over the first line, or before it."""
    first, newline, rest = raw.partition(b"\n")
    values = first.split()
    numbers = [str(random.choice(INTEGERS)).encode() for _ in range(2)]
    known = values if len(values) == 2 else [str(raw.count(b"\n")).encode(), str(len(values) - 1).encode()]
    line = b" ".join([random.choice([known[0], numbers[0]]), random.choice([known[1], numbers[1]])])
    return line + b"\n" + (rest if len(values) == 2 or random.random() < 0.3 else first + newline + rest)


def is_text(raw: bytes) -> bool:
    """Whether the first bytes are mostly printable, or lines."""
    head = raw[:512]
    odd = sum(byte < 32 and byte not in b"\t\n\r" for byte in head)
    return bool(head) and odd * 20 < len(head) and b"\n" in head


def has_counts(raw: bytes) -> bool:
    """Whether the first line is two counts, as in word2vec's files."""
    values = raw[:64].partition(b"\n")[0].split()
    return len(values) == 2 and all(value.isdigit() for value in values)
