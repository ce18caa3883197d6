"""Every cure that a message prints leads to the right table, at the command line and in Python."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.running import Run

import embstore
from cures import cases
from cures.case import Case
from cures.runner import CommandLine, Python, execute, in_backticks, rounded, table_of

ROOT = Path(embstore.__file__).parent
CASES: list[Case] = [
    case
    for module in pkgutil.iter_modules(cases.__path__)
    for case in importlib.import_module(f"cures.cases.{module.name}").CASES
]
EACH = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{case.cure}-{case.source}-{number}", marks=[pytest.mark.torch] * case.needs_torch)
        for number, case in enumerate(CASES)
    ],
)


@EACH
def test_what_the_command_line_prints_works(
    case: Case, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(case, CommandLine(run), tmp_path, monkeypatch)


@EACH
def test_what_python_prints_works(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(case, Python(), tmp_path, monkeypatch)


def check(case: Case, front: CommandLine | Python, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(folder / "message", case, monkeypatch)
    typed = in_backticks(front.message(case))
    if isinstance(front, CommandLine):
        assert typed == list(case.outcomes)
    assert len(typed) == len(case.outcomes)
    for number, (text, table) in enumerate(zip(typed, case.outcomes.values(), strict=True)):
        enter(folder / str(number), case, monkeypatch)
        execute(case, front, text)
        is_option = not case.result or text.startswith("--") or re.match(r"[a-z_]+=", text)
        found = table_of(case.target if is_option else case.result)
        assert (found, list(found)) == (rounded(table), list(table)), text


def enter(folder: Path, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    monkeypatch.chdir(folder)
    case.make(folder)


TREES = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}


def calls_of(name: str) -> Iterator[tuple[str, ast.Call]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield path.relative_to(ROOT).as_posix(), node


def test_every_cure_has_a_case() -> None:
    named = {ast.literal_eval(call.args[0]) for _, call in calls_of("cure")}
    assert named == {case.cure for case in CASES}


BUILDERS = ("option", "option_name", "convert_command", "python", "shell")


def test_what_is_typed_is_part_of_a_cure() -> None:
    """A message prints options and commands as arguments of `cure` alone."""
    inside = {id(node) for _, call in calls_of("cure") for node in ast.walk(call)}
    outside = [(path, call.lineno) for name in BUILDERS for path, call in calls_of(name) if id(call) not in inside]
    assert [place for place in outside if not place[0].startswith(("core/cures.py", "cli/options.py"))] == []


OPTION = re.compile(r"(?<![\w-])--[a-z]|\b(?:vocab|key|member|dim|header|overwrite|limit|on_error|dtype|to)=(?![{=])")


def test_no_message_spells_an_option_itself() -> None:
    """Outside of docstrings and the definitions of the command line, no text contains an option."""
    found = []
    for path, tree in TREES.items():
        if path.parent.name in ("cli", "layers") or path.name in ("cures.py", "pickled_tables.py"):
            continue  # of one reader alone, or lines of Python
        documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented
            if OPTION.search(node.value)
        ]
    assert found == []
