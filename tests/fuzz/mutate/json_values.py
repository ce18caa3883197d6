"""Mutators of JSON: one value, key or entry is changed, and the whole is written again."""

from __future__ import annotations

import json
from random import Random

from fuzz.mutate.plain import INTEGERS

VALUES: list[object] = [
    *INTEGERS, None, True, False, "", "x", "\ud800", "\x00", "é" * 50, "line\nline", [], {}, [[]], [None], {"": None},
    0.5, -1.5, 1e308, float("nan"), float("inf"), "9" * 400, 10**30, "F32", "I64", "U8", "1.0", "2.0", "nonsense",
]  # fmt: skip


def change(tree: object, random: Random) -> object:
    """Return the tree with one change at a random node."""
    if isinstance(tree, dict) and tree and random.random() < 0.85:
        return change_object(dict(tree), random)
    if isinstance(tree, list) and tree and random.random() < 0.85:
        return change_list(list(tree), random)
    if isinstance(tree, int) and not isinstance(tree, bool) and random.random() < 0.5:
        return tree + random.choice([1, -1, 8, -8, tree])
    if isinstance(tree, str) and tree and random.random() < 0.3:
        place = random.randrange(len(tree))
        return tree[:place] + random.choice(["", "\n", "\x00", "0", "-", ":", ",", "9" * 30]) + tree[place + 1 :]
    return random.choice(VALUES)


def change_object(tree: dict[str, object], random: Random) -> dict[str, object]:
    """Change a value, or a key; swap two values; drop or add an entry."""
    keys = list(tree)
    key, second = random.choice(keys), random.choice(keys)
    match random.randrange(10):
        case 0:
            del tree[key]
        case 1:
            tree[random.choice(["", "\n", "\x00", "__metadata__", key + "x", key.upper()])] = tree.pop(key)
        case 2:
            tree[key], tree[second] = tree[second], tree[key]
        case 3:
            tree[key + "2"] = tree[key]
        case _:
            tree[key] = change(tree[key], random)
    return tree


def change_list(tree: list[object], random: Random) -> list[object]:
    """Change an item; drop, repeat, or swap one."""
    place, second = random.randrange(len(tree)), random.randrange(len(tree))
    match random.randrange(8):
        case 0:
            del tree[place]
        case 1:
            tree.insert(second, tree[place])
        case 2:
            tree[place], tree[second] = tree[second], tree[place]
        case _:
            tree[place] = change(tree[place], random)
    return tree


def json_document(raw: bytes, random: Random, other: bytes) -> bytes:
    """Change a document once or twice; now and then nest it deeply."""
    tree = json.loads(raw)
    if random.random() < 0.03:
        return b"[" * 100_000 + raw
    for _ in range(random.randint(1, 2)):
        tree = change(tree, random)
    return encoded(tree, random)


def encoded(tree: object, random: Random) -> bytes:
    """Write a tree, with its characters as they are or escaped."""
    ascii_only = random.random() < 0.7
    return json.dumps(tree, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
