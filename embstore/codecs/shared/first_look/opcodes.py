"""What a pickle holds, as far as its first opcodes say. Nothing is loaded: a value is only a kind and its first parts.

https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the opcodes; they work on a stack of values.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_OPCODES = 3000
MAX_ITEMS = 8  # of a container that are kept
MAX_TEXT = 200
DICTS = (
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.Counter",
    "builtins.dict",
    "__builtin__.dict",
)
CUT = ("not enough data", "but only", "no newline found", "exhausted before")  # in messages of pickletools


@dataclass(slots=True)
class Value:
    """A value of a pickle.

    Attributes
    ----------
    kind
        ``str bytes int float list tuple dict set class array object mark other``.
    name
        Of a class or an object: the class with its module. Of a str: its first characters. Of an array: its dtype.
    items
        The first items of a container; of a dict, keys and values in turn.
    shape
        Of an array; None if it is not known.
    is_old
        Whether it is a str of Python 2, which Python 3 must be told how to decode.
    """

    kind: str
    name: str = ""
    items: list[Value] = field(default_factory=list)
    shape: tuple[int, ...] | None = None
    is_old: bool = False
    number: int = 0

    def extend(self, items: list[Value]) -> None:
        """Add items, of which only the first of all are kept."""
        self.items += items[: max(0, MAX_ITEMS - len(self.items))]


@dataclass(slots=True)
class Opened:
    """What the first opcodes build.

    Attributes
    ----------
    stack
        The values at the end of the opcodes: one if the pickle is complete, else those that are under way.
    classes
        The classes that are named, in order.
    count
        Number of opcodes.
    outcome
        ``ended``; ``more`` opcodes than are followed; ``cut``, where the bytes ended first; or ``broken``.
    is_old
        Whether it has a str of Python 2.
    """

    stack: list[Value] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    memo: dict[int, Value] = field(default_factory=dict)
    count: int = 0
    outcome: str = "more"
    is_old: bool = False

    @classmethod
    def of(cls, data: bytes) -> Opened:
        """Follow the opcodes of a pickle, `MAX_OPCODES` at most."""
        opened = cls()
        try:
            for name, argument in _opcodes(data):
                opened.count += 1
                if name == "STOP":
                    opened.outcome = "ended"
                    break
                opened.apply(name, argument)
        except Exception as error:  # pickletools raises several classes for damaged arguments
            opened.outcome = "cut" if any(part in str(error) for part in CUT) else "broken"
        if opened.outcome != "ended":
            opened.fold()
        return opened

    def pop(self) -> Value:
        """Take the last value from the stack."""
        return self.stack.pop() if self.stack else Value("other")

    def pop_to_mark(self) -> list[Value]:
        """Take all values after the last mark from the stack, and the mark."""
        found: list[Value] = []
        while self.stack and (value := self.stack.pop()).kind != "mark":
            found.append(value)
        return found[::-1]

    def apply(self, name: str, argument: object) -> None:
        """Do what an opcode does."""
        if name in SIMPLE:
            kind = SIMPLE[name]
            text, number = _text(argument), argument if isinstance(argument, int) else 0
            old = name in OLD_STRINGS
            self.is_old |= old
            self.stack.append(Value(kind, text if kind == "str" else "", is_old=old, number=number))
        elif name in BUILDS:
            kind, count = BUILDS[name]
            items = self.pop_to_mark() if count < 0 else [self.pop() for _ in range(count)][::-1]
            self.stack.append(Value(kind, items=items[:MAX_ITEMS]))
        elif name in ADDS:
            items = self.pop_to_mark() if name.endswith("S") else [self.pop() for _ in range(ADDS[name])][::-1]
            if self.stack:
                self.stack[-1].extend(items)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            place = argument if isinstance(argument, int) else len(self.memo)
            self.memo[place] = self.stack[-1] if self.stack else Value("other")
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo.get(argument if isinstance(argument, int) else -1, Value("other")))
        else:
            self._apply_to_objects(name, argument)

    def _apply_to_objects(self, name: str, argument: object) -> None:
        if name in ("GLOBAL", "STACK_GLOBAL"):
            named = (
                [self.pop().name, self.pop().name][::-1] if name == "STACK_GLOBAL" else _text(argument).split(" ", 1)
            )
            self.stack.append(self._class(".".join(named)))
        elif name in ("INST", "OBJ"):
            items = self.pop_to_mark()
            made_by = self._class(".".join(_text(argument).split(" ", 1))) if name == "INST" else _first(items)
            self.stack.append(_made(made_by, Value("tuple", items=items[:MAX_ITEMS])))
        elif name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX"):
            if name == "NEWOBJ_EX":
                self.pop()
            arguments, made_by = self.pop(), self.pop()
            self.stack.append(_made(made_by, arguments))
        elif name == "BUILD":
            state = self.pop()
            if self.stack and self.stack[-1].kind == "array":
                _set_shape(self.stack[-1], state)
        else:
            self._apply_to_stack(name)

    def _apply_to_stack(self, name: str) -> None:
        if name == "DUP":
            self.stack.append(self.stack[-1] if self.stack else Value("other"))
        elif name == "POP_MARK":
            self.pop_to_mark()
        elif name in ("POP", "BINPERSID"):
            self.pop()
        if name in ("BINPERSID", "PERSID", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER"):
            self.stack.append(Value("other"))

    def _class(self, name: str) -> Value:
        self.classes.append(name[:MAX_TEXT])
        return Value("class", name[:MAX_TEXT])

    def fold(self) -> None:
        """Put the values of containers that are under way where they belong."""
        while any(value.kind == "mark" for value in self.stack):
            items = self.pop_to_mark()
            owner = self.stack[-1] if self.stack else Value("other")
            if owner.kind in ("list", "dict", "set"):
                owner.extend(items)
            elif owner.kind == "array":
                _set_shape(owner, Value("tuple", items=items))
            elif owner.kind == "class":
                self.stack[-1] = _made(owner, Value("tuple", items=items))
            else:
                self.stack.append(Value("tuple", items=items[:MAX_ITEMS]))
        if self.stack and self.stack[0].kind == "dict":  # protocol 0 has no mark before an item
            self.stack[0].extend(self.stack[1:])


OLD_STRINGS = ("STRING", "BINSTRING", "SHORT_BINSTRING")
SIMPLE = {
    "MARK": "mark",
    **dict.fromkeys((*OLD_STRINGS, "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), "str"),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), "bytes"),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), "int"),
    **dict.fromkeys(("FLOAT", "BINFLOAT"), "float"),
    **dict.fromkeys(("NONE", "NEWTRUE", "NEWFALSE"), "other"),
    "EMPTY_LIST": "list",
    "EMPTY_TUPLE": "tuple",
    "EMPTY_DICT": "dict",
    "EMPTY_SET": "set",
}
BUILDS = {
    "LIST": ("list", -1),
    "TUPLE": ("tuple", -1),
    "DICT": ("dict", -1),
    "FROZENSET": ("set", -1),
    "TUPLE1": ("tuple", 1),
    "TUPLE2": ("tuple", 2),
    "TUPLE3": ("tuple", 3),
}
ADDS = {"APPEND": 1, "APPENDS": -1, "SETITEM": 2, "SETITEMS": -1, "ADDITEMS": -1}


def _opcodes(data: bytes) -> Iterator[tuple[str, object]]:
    for (opcode, argument, _), _ in zip(pickletools.genops(data), range(MAX_OPCODES), strict=False):
        yield opcode.name, argument


def _first(items: list[Value]) -> Value:
    return items[0] if items else Value("other")


def _text(argument: object) -> str:
    return argument[:MAX_TEXT] if isinstance(argument, str) else ""


def _made(made_by: Value, arguments: Value) -> Value:
    """Return what a class or function makes of its arguments."""
    name, items = made_by.name, arguments.items
    if name in DICTS:
        return Value("dict")
    if name.startswith("numpy") and name.endswith("._reconstruct"):
        return Value("array")
    if name.startswith("numpy") and name.endswith("._frombuffer"):
        array = Value("array")
        _set_shape(array, Value("tuple", items=items[1:] if len(items) > 1 else []))
        return array
    if name == "_codecs.encode":
        return Value("bytes")
    if name.startswith("numpy") and name.endswith(".scalar"):
        return Value("float")
    if name.endswith("._reconstructor") and items:
        return Value("object", items[0].name)
    return Value("object", name, items=items)


def _set_shape(array: Value, state: Value) -> None:
    """Take the shape of an array, the second item of its state, and its dtype as its name."""
    array.name = next((item.items[0].name for item in state.items if item.name == "numpy.dtype" and item.items), "")
    shape = state.items[1] if len(state.items) > 1 else Value("other")
    if shape.kind == "tuple" and all(item.kind == "int" for item in shape.items):
        array.shape = tuple(item.number for item in shape.items)
