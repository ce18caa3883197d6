"""One vector a name: files whose names are the words, each of one vector, and the choice among groups of them.

A group is a group of HDF5, a dictionary of torch, or a whole .npz or safetensors file. It is a table if everything
directly in it is one-dimensional, floating, and of one length and dtype. A group that is not named by ``key=`` also
needs two vectors at least, and no name that parameters of layers have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from embstore.core.cures import cure, option, option_name

TOP = "/"
"""What ``key=`` calls all that is in no further group."""

# of torch.nn, of variables of TensorFlow; and what numpy.savez calls arrays without a name
PARAMETER = re.compile(r"(?:weight|bias|running_mean|running_var)(?::0)?\Z|:0\Z")
UNNAMED = re.compile(r"arr_\d{1,9}\Z")
NAMES_ARE_WORDS = "its words are the names of its vectors: leave the other words out"


class Vector(NamedTuple):
    """What is known of an array before its numbers are read."""

    shape: tuple[int, ...]
    dtype: str
    floating: bool

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


Group = Mapping[str, Vector]


def check_group(group: Group) -> None:
    """Raise ValueError with the reason if a group, which ``key=`` names, is not a table."""
    first = next(iter(group.items()), None)
    if first is None:
        raise ValueError("no vectors, expected one for each name")
    for name, vector in group.items():
        if len(vector.shape) != 1 or not vector.floating or not vector.shape[0]:
            raise ValueError(f"{_shown(name)} is {vector}, expected one floating-point vector for each name")
        if vector != first[1]:
            raise ValueError(f"{_shown(name)} is {vector}, but {_shown(first[0])} {first[1]}: expected vectors alike")


def choose_group(groups: Mapping[str, Group]) -> str | None:
    """Return the name of the only group that is a table, None if there is none.

    Raises ValueError, with the cure, if there are several, or only some with names of parameters.
    """
    found = [name for name, group in groups.items() if _is_table(group)]
    found.sort(key=lambda name: ("emb" not in name.lower(), -len(groups[name]), name))  # the likeliest first
    tables = [name for name in found if _parameter(groups[name]) is None]
    if len(tables) == 1:
        return tables[0]
    if tables:
        which = cure("named-groups", f"name one with {option_name('key')} ({_listed(tables)})")
        raise ValueError(f"{len(tables)} groups of one vector for each name may be the table: {which}")
    if found:
        if len(found) == 1:
            which = cure("named-parameters", f"{option(key=found[0])} takes all of them for words")
        else:
            which = cure("named-parameters-in-groups", f"{option_name('key')} names the words ({_listed(found)})")
        shown = _shown(_parameter(groups[found[0]]) or "")
        raise ValueError(f"no matrix, and of the names of its vectors, {shown} is that of a layer's parameter; {which}")
    return None


def _is_table(group: Group) -> bool:
    try:
        check_group(group)
    except ValueError:
        return False
    return len(group) > 1 and not all(UNNAMED.match(name) for name in group)


def _parameter(names: Iterable[str]) -> str | None:
    return next((name for name in names if PARAMETER.search(name)), None)


def _shown(name: str) -> str:
    return repr(name) if len(name) <= 60 else f"{name[:60]!r}..."


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
    shown = (name[:200] if name.isprintable() else ascii(name[:200])[1:-1] for name in names[:20])
    return ", ".join(shown) + more
