"""Tests that need torch say so, so that all others run where it is not installed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from support.paths import TESTS

MODULES = sorted(TESTS.rglob("test_*.py"))


def imported_at_the_top(tree: ast.Module) -> set[str]:
    """The modules that are imported when a module is."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def needs_torch(name: str) -> bool:
    layers = ("embstore.Embedding", "embstore.EmbeddingBag", "embstore.Tables", "embstore.layers")
    return name.split(".")[0] == "torch" or name == "safetensors.torch" or name.startswith(layers)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_that_imports_torch_is_marked_as_a_whole(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    marked = "\npytestmark = pytest.mark.torch\n" in text
    imports = any(map(needs_torch, imported_at_the_top(ast.parse(text))))
    assert marked == imports, f"{path}: pytestmark = pytest.mark.torch goes with an import of torch at the top"


def test_names_of_modules_are_unique() -> None:
    """As pytest needs where folders of tests are no packages."""
    assert len({path.name for path in MODULES}) == len(MODULES)
