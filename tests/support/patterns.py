"""All regular expressions of embstore, collected from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import embstore
from support.bounded import UNITS, adversaries

ROOT = Path(embstore.__file__).parent
METHODS = ("match", "fullmatch", "search", "sub", "split", "finditer", "findall")
OTHERS = {"fnmatch", "glob", "textwrap", "regex", "sre_parse", "sre_compile", "_sre"}
"""Modules that make patterns of their own; that of shlex is one class of characters."""


@dataclass
class Found:
    """A pattern, where it is, and the methods that it is used with."""

    place: str
    pattern: re.Pattern[Any]
    methods: set[str] = field(default_factory=set)


@dataclass
class Collected:
    """The patterns, and what escapes the collection: uses of `re` that it does not understand."""

    patterns: list[Found] = field(default_factory=list)
    escaped: list[str] = field(default_factory=list)


def collect(sources: dict[str, str]) -> Collected:
    """Collect the patterns of modules, given by name."""
    result, named = Collected(), dict[tuple[str, str], Found]()
    trees = {name: ast.parse(text) for name, text in sources.items()}
    for name, tree in trees.items():
        _collect_module(name, tree, result, named)
    for name, tree in trees.items():
        _collect_uses(name, tree, result, named)
    result.escaped += [f"{found.place}: never used" for found in result.patterns if not found.methods]
    return result


def collect_embstore() -> Collected:
    """Collect the patterns of embstore."""
    names = {path: ".".join(("embstore", *path.relative_to(ROOT).with_suffix("").parts)) for path in ROOT.rglob("*.py")}
    return collect({name.removesuffix(".__init__"): path.read_text("utf-8") for path, name in names.items()})


def _collect_module(name: str, tree: ast.Module, result: Collected, named: dict[tuple[str, str], Found]) -> None:
    understood: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_re(node.func) and node.args and isinstance(node.args[0], ast.Constant):
            assert isinstance(node.func, ast.Attribute)
            method, found = node.func.attr, Found(f"{name}:{node.lineno}", _compiled(node))
            understood |= {node.func, *(part for value in _flags(node) for part in ast.walk(value))}
            result.patterns.append(found)
            if method != "compile":
                found.methods.add(method)
            for target in (each for each in tree.body if isinstance(each, ast.Assign) and each.value is node):
                assert isinstance(target.targets[0], ast.Name)
                named[name, target.targets[0].id] = found
    for node in ast.walk(tree):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        imported += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        aliased = isinstance(node, ast.Import) and any(alias.name == "re" and alias.asname for alias in node.names)
        if OTHERS & set(imported) or aliased or (isinstance(node, ast.ImportFrom) and node.module == "re"):
            result.escaped.append(f"{name}:{node.lineno}: imports {', '.join(imported)}")  # type: ignore[attr-defined]
        if isinstance(node, ast.Attribute) and _is_re(node) and node not in understood:
            result.escaped.append(f"{name}:{node.lineno}: re.{node.attr}")
        if isinstance(node, ast.Name) and node.id == "re" and not _is_base(node, tree):
            result.escaped.append(f"{name}:{node.lineno}: re")


def _collect_uses(name: str, tree: ast.Module, result: Collected, named: dict[tuple[str, str], Found]) -> None:
    here = {target: found for (module, target), found in named.items() if module == name}
    targets = {target for _, target in named}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in (alias for alias in node.names if (node.module, alias.name) in named):
                here[alias.asname or alias.name] = named[str(node.module), alias.name]
    used = {
        id(node.value): node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in here:
            if used.get(id(node)) in METHODS:
                here[node.id].methods.add(used[id(node)])
            else:
                result.escaped.append(f"{name}:{node.lineno}: {node.id} is used as a value")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in targets:
            modules = {module.rpartition(".")[2] for module, target in named if target == node.attr}
            if node.value.id in modules:
                result.escaped.append(f"{name}:{node.lineno}: {node.value.id}.{node.attr}")


def _is_re(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "re"


def _is_base(name: ast.Name, tree: ast.Module) -> bool:
    return any(isinstance(node, ast.Attribute) and node.value is name for node in ast.walk(tree))


def _flags(call: ast.Call) -> list[ast.expr]:
    return [*call.args[1:], *(keyword.value for keyword in call.keywords)]


def _compiled(call: ast.Call) -> re.Pattern[Any]:
    """Compile the pattern with its flags, which are the attributes of `re` among the other arguments."""
    assert isinstance(call.args[0], ast.Constant)
    flags = re.RegexFlag(0)
    for node in (node for value in _flags(call) for node in ast.walk(value) if _is_re(node)):
        flags |= getattr(re, node.attr)  # type: ignore[attr-defined]
    return re.compile(call.args[0].value, flags)


def calls(found: Found) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield every use of a pattern with every adversary: 300,000 characters, or what nearly matches."""
    for name, text in (*adversaries(300_000), *_near_matches(found.pattern)):
        subject: Any = text.encode("utf-8", "surrogateescape") if isinstance(found.pattern.pattern, bytes) else text
        for method in sorted(found.methods):
            yield f"{found.place} {method} {name}", partial(_use, found, method, subject)


def _use(found: Found, method: str, subject: Any) -> object:
    function = getattr(found.pattern, method)
    if method == "sub":
        return function(subject[:0], subject)
    return sum(1 for _ in function(subject)) if method == "finditer" else function(subject)


def _near_matches(pattern: re.Pattern[Any], size: int = 50_000) -> Iterator[tuple[str, str]]:
    """Yield starts of what matches, then a long run, then what cannot match: shorter, as there are many.

    At 50,000 characters, a pattern of quadratic time still takes ten seconds.
    """
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    words = {word for word in re.split(r"[^A-Za-z0-9]+", text) if word}
    starts = {
        "",
        "0x",
        "1.",
        "1e",
        "+",
        "a.",
        "<",
        "c",
        *words,
        *(f"{word}." for word in words),
        *(f"{word}/" for word in words),
    }
    for start in sorted(starts):
        for unit in (*UNITS, start):
            if unit:
                yield ascii(start) + ascii(unit), start + unit * (size // len(unit)) + "\x7f"
