"""The house: which package may import which, so that each part is small enough to read by itself."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import embstore
from embstore.codecs.registry.table import CODECS

ROOT = Path(embstore.__file__).parent
FILES = {
    ".".join(("embstore", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}
LEVELS = {
    "embstore": 8,
    "embstore.cli": 7,
    "embstore.layers": 7,
    "embstore.ops": 6,
    "embstore.codecs": 5,
    "embstore.store": 4,
    "embstore.search": 3,
    "embstore.words": 2,
    "embstore.files": 2,
    "embstore.core": 1,
}
"""A package imports packages of lower levels alone: none of a higher level, and none beside it."""

CODEC_LEVELS = {"embstore.codecs.registry": 2, "embstore.codecs.shared": 1}
"""The same inside `codecs`; the families of formats, which are all else in there, are on level 3."""

BY_NAME = "embstore.codecs.registry.table"
"""The one module that imports modules by their names."""


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports: inside functions and for type checking too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            for alias in node.names:  # from embstore.core import kernels
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES or whole == "embstore.core._speedups" else node.module


def room(name: str, rooms: dict[str, int]) -> str:
    """The package that a module is in: the longest of the rooms that its name begins with."""
    return max((each for each in rooms if name == each or name.startswith(f"{each}.")), key=len, default=name)


GRAPH = {name: set(imports(path)) for name, path in FILES.items()}


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == "embstore"}


def importers_of(package: str) -> set[str]:
    return {name for name, found in GRAPH.items() if any(module.split(".")[0] == package for module in found)}


def is_in(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_every_module_is_seen() -> None:
    assert {"embstore", "embstore.store.store", "embstore.codecs.text.glove", "embstore.cli.main"} <= GRAPH.keys()
    assert "embstore.core.index" in GRAPH["embstore.store.store"]
    assert "embstore.core.kernels" in GRAPH["embstore.core.index"]
    assert "embstore.core._speedups" in GRAPH["embstore.core.kernels"]  # inside a try
    assert "embstore.core.policy" not in GRAPH["embstore.cli.policy"]
    assert "embstore.words.policy" in GRAPH["embstore.cli.policy"]  # inside a function, and for type checking


def test_every_arrow_runs_downward() -> None:
    upward = [
        f"{name} -> {module}"
        for name, found in GRAPH.items()
        for module in ours(found)
        if room(name, LEVELS) != room(module, LEVELS) and LEVELS[room(name, LEVELS)] <= LEVELS[room(module, LEVELS)]
    ]
    assert upward == []
    assert len(set(LEVELS.values())) <= 8


def test_every_arrow_between_the_codecs_runs_downward() -> None:
    def family(name: str) -> tuple[int, str]:
        place = room(name, CODEC_LEVELS)
        return (CODEC_LEVELS[place], place) if place in CODEC_LEVELS else (3, ".".join(name.split(".")[:3]))

    upward = [
        f"{name} -> {module}"
        for name, found in GRAPH.items()
        for module in ours(found)
        if is_in(name, "embstore.codecs") and is_in(module, "embstore.codecs")
        if family(name) != family(module) and family(name)[0] <= family(module)[0]
    ]
    assert upward == []


def test_no_module_imports_itself_by_a_detour() -> None:
    TopologicalSorter({name: found & FILES.keys() for name, found in GRAPH.items()}).prepare()


def test_the_registry_alone_imports_by_name() -> None:
    assert importers_of("importlib") | importers_of("runpy") | importers_of("pkgutil") == {BY_NAME}
    called = {
        name: {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        for name, path in FILES.items()
    }
    assert {name for name, found in called.items() if found & {"__import__", "exec", "eval"}} == set()


BY_NAME_ONLY = {"__import__", "import_module", "locate", "run_module", "run_path", "find_spec"}


def test_no_other_way_to_a_module_is_mentioned() -> None:
    """In any position, called or not: ``imp = __import__`` too; and `sys.modules`, from which modules can be taken."""
    found = {
        name: {_mentioned(node) for node in ast.walk(ast.parse(path.read_text()))} & {*BY_NAME_ONLY, "sys.modules"}
        for name, path in FILES.items()
    }
    assert {name: names for name, names in found.items() if names} == {BY_NAME: {"import_module"}}


def _mentioned(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return "sys.modules" if ast.unparse(node) == "sys.modules" else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_the_registry_imports_families_alone() -> None:
    tree = ast.parse(FILES[BY_NAME].read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _mentioned(node.func) == "import_module"]
    assert [ast.unparse(call) for call in calls] == ["importlib.import_module(f'embstore.codecs.{self.module}')"]


@pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.name)
def test_the_registry_names_families(codec: object) -> None:
    module = f"embstore.codecs.{codec.module}"  # type: ignore[attr-defined]
    assert importlib.util.find_spec(module) is not None
    assert module in FILES
    assert room(module, CODEC_LEVELS) not in CODEC_LEVELS


def test_few_modules_lie_flat() -> None:
    assert sorted(name for name in FILES if name.count(".") == 1 and FILES[name].name != "__init__.py") == [
        "embstore.__main__"
    ]
    assert {room(name, LEVELS) for name in FILES} == LEVELS.keys()


@pytest.mark.parametrize("package", sorted(set(LEVELS) - {"embstore"}))
def test_each_package_says_what_belongs_there(package: str) -> None:
    said = " ".join((ast.get_docstring(ast.parse(FILES[package].read_text())) or "").split())
    assert "oes not belong here: " in said


def test_torch_is_for_layers_and_its_own_format() -> None:
    assert [name for name in importers_of("torch") if not is_in(name, "embstore.layers", "embstore.codecs.torch")] == []


def test_click_is_for_the_command_line() -> None:
    assert [name for name in importers_of("click") if not is_in(name, "embstore.cli")] == []


def test_each_library_is_for_its_format() -> None:
    assert {name for name in importers_of("h5py") if not name.startswith("embstore.codecs.hdf5")} == set()
    assert {name for name in importers_of("pyarrow") if not is_in(name, "embstore.codecs.arrow")} == {
        "embstore.words.columns"
    }
    assert importers_of("zstandard") == {"embstore.files.zstd"}
    assert importers_of("safetensors") == {"embstore.store.second_reader"}  # headers are read more strictly here
    assert importers_of("pickle") == importers_of("shelve") == importers_of("marshal") == set()


def test_the_compiled_functions_are_imported_in_one_place() -> None:
    assert {name for name, found in GRAPH.items() if "embstore.core._speedups" in found} == {"embstore.core.kernels"}


def code_lines(path: Path) -> int:
    """Lines of a module without blank lines, comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    said = 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            said += sum(
                bool(line.strip()) for line in text.split("\n")[node.body[0].lineno - 1 : node.body[0].end_lineno]
            )
    written = [line for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]
    return len(written) - said


def test_modules_stay_small() -> None:
    assert {name: lines for name, path in FILES.items() if (lines := code_lines(path)) > 250} == {}
