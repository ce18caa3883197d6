"""Which module may import which: the arrows that keep each part small enough to read by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import embstore

ROOT = Path(embstore.__file__).parent
FILES = {
    ".".join(("embstore", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, but for type checking alone."""
    unseen: list[ast.AST] = [ast.parse(path.read_text())]
    while unseen:
        node = unseen.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            unseen += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            for alias in node.names:  # from embstore import kernels
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES else node.module
        unseen += ast.iter_child_nodes(node)


GRAPH = {name: set(imports(path)) for name, path in FILES.items()}


def importers_of(package: str) -> set[str]:
    return {name for name, found in GRAPH.items() if any(module.split(".")[0] == package for module in found)}


def is_in(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def arrows(start: str, *targets: str) -> list[str]:
    """Imports from one part straight into others."""
    return [
        f"{name} -> {module}"
        for name, found in GRAPH.items()
        if is_in(name, start)
        for module in found
        if is_in(module, *targets)
    ]


def reached(name: str) -> set[str]:
    """All of embstore that a module brings with it."""
    found, unseen = {name}, [name]
    while unseen:
        for module in GRAPH[unseen.pop()] & FILES.keys() - found:
            found.add(module)
            unseen.append(module)
    return found


def test_every_module_is_seen() -> None:
    assert {"embstore", "embstore.store", "embstore.codecs.glove", "embstore.cli"} <= GRAPH.keys()
    assert "embstore.vocab" in GRAPH["embstore.store"]
    assert "embstore.kernels" in GRAPH["embstore.vocab"]


def test_no_module_imports_itself_by_a_detour() -> None:
    TopologicalSorter({name: found & FILES.keys() for name, found in GRAPH.items()}).prepare()


TORCH = "embstore.layers"


def test_nobody_imports_the_command_line() -> None:
    inside = [name for name, found in GRAPH.items() if any(is_in(module, "embstore.cli") for module in found)]
    assert [name for name in inside if not is_in(name, "embstore.cli", "embstore.__main__")] == []


def test_nobody_imports_the_layers_but_layers() -> None:
    inside = [name for name, found in GRAPH.items() if any(is_in(module, TORCH) for module in found)]
    assert [name for name in inside if not is_in(name, TORCH)] == []


@pytest.mark.parametrize("part", ["store", "opening", "converting", "saving", "encoder", "cli", "report"])
def test_codecs_know_nothing_of_what_uses_them(part: str) -> None:
    assert arrows("embstore.codecs", f"embstore.{part}") == []


def test_torch_is_for_layers_and_its_own_format() -> None:
    assert [name for name in importers_of("torch") if not is_in(name, TORCH, "embstore.codecs.torch")] == []


def test_click_is_for_the_command_line() -> None:
    assert [name for name in importers_of("click") if not is_in(name, "embstore.cli")] == []


def test_each_library_is_for_its_format() -> None:
    assert {name for name in importers_of("h5py") if not name.startswith("embstore.codecs.hdf5")} == set()
    assert importers_of("pyarrow") <= {"embstore.codecs.arrow_columns", "embstore.columns"}
    assert importers_of("zstandard") == {"embstore.files.zstd"}
    assert importers_of("safetensors") == set()  # headers are read more strictly here
    assert importers_of("pickle") == importers_of("shelve") == importers_of("marshal") == set()


def test_the_hot_functions_are_behind_one_seam() -> None:
    assert [name for name, path in FILES.items() if "import _speedups" in path.read_text()] == ["embstore.kernels"]
    assert arrows("embstore.layers", "embstore._native") == arrows("embstore.store", "embstore._native") == []


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("embstore.errors", set()),
        ("embstore.options", set()),
        ("embstore.batch", {"embstore.options"}),
        ("embstore.layout", {"embstore.errors"}),
        ("embstore.files.atomic", {"embstore.errors", "embstore.files"}),
        ("embstore._native", set()),
        ("embstore.kernels", {"embstore._native"}),
        (
            "embstore.vocab",
            {"embstore.batch", "embstore.options", "embstore.errors", "embstore.kernels", "embstore._native"},
        ),
    ],
)
def test_the_lowest_modules_rest_on_little(name: str, most: set[str]) -> None:
    assert reached(name) - {name} - {"embstore"} <= most


def test_modules_stay_small() -> None:
    lengths = {name: path.read_text().count("\n") for name, path in FILES.items()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}
