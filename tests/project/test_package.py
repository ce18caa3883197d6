"""The package as it is installed: what importing it costs, and that it needs no compiler."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support.paths import ROOT
from support.running import output_of

import embstore


def loaded_by(code: str) -> set[str]:
    return set(output_of(f"{code}; import sys; print(*sys.modules)").split())


HEAVY = {"torch", "h5py", "click", "safetensors", "pyarrow", "zstandard"}


def test_importing_loads_nothing_heavy() -> None:
    assert loaded_by("import embstore") & (HEAVY | {"numpy"}) == set()


@pytest.mark.torch
def test_only_layers_load_torch() -> None:
    names = [name for name in embstore.__all__ if name not in ("Embedding", "EmbeddingBag", "Tables", "keep_mapped")]
    code = f"import embstore; [getattr(embstore, name) for name in {names}]"
    assert loaded_by(code) & HEAVY == set()
    assert "torch" in loaded_by("import embstore; embstore.Embedding")


def test_opening_a_store_loads_nothing_heavy(tmp_path: Path) -> None:
    embstore.save(tmp_path / "s.safetensors", ["the"], [[1.0, 2.0]])
    path = str(tmp_path / "s.safetensors")
    loaded = loaded_by(f"import embstore; s = embstore.open({path!r}); s['the']; s.most_similar('the')")
    assert loaded & HEAVY == set()
    assert "numpy" in loaded


@pytest.mark.torch
def test_every_public_name_is_there_and_listed() -> None:
    assert sorted(embstore.__all__) == dir(embstore)
    for name in embstore.__all__:
        assert getattr(embstore, name) is not None
    with pytest.raises(AttributeError, match=r"^module 'embstore' has no attribute 'opne'$"):
        embstore.opne  # noqa: B018


def test_the_version_is_that_of_the_package() -> None:
    assert importlib.metadata.version("embstore") == embstore.__version__


def test_types_are_shipped() -> None:
    assert (Path(embstore.__file__).parent / "py.typed").exists()
    assert (Path(embstore.__file__).parent / "core" / "_speedups.pyi").exists()


USE = """
import sys, embstore
from embstore.core import kernels
assert embstore.__file__.startswith(sys.argv[1]), embstore.__file__
open(sys.argv[1] + "/t.txt", "w").write("the 1 2\\nof 3 4\\n")
report = embstore.convert(sys.argv[1] + "/t.txt", sys.argv[1] + "/s.safetensors")
store = embstore.open(report.target)
store.verify()
print(kernels.COMPILED, store.rows(["of", "x", "the"]).tolist(), store["of"].tolist())
"""


def test_without_a_compiler_it_installs_and_runs_on_the_plain_functions(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    # what Cython made stays, where it is newer than its source: only the compiler is missing
    left_out = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "embstore", source / "embstore", ignore=left_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--no-build-isolation", "--no-deps", "--quiet", "--no-compile", "--target", str(target)]
    command = [sys.executable, "-m", "pip", "install", *options, "--disable-pip-version-check", str(source)]
    environment = {**os.environ, "CC": "false", "PIP_NO_CACHE_DIR": "1"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    assert list(target.rglob("*.so")) == []
    # -S: an editable install elsewhere would lend its compiled functions
    path = os.pathsep.join([str(target), sysconfig.get_path("purelib")])
    assert output_of(USE, target, flags=("-S",), env={"PYTHONPATH": path}) == "False [1, -1, 0] [3.0, 4.0]\n"
    shipped = {path.relative_to(target).as_posix() for path in target.rglob("*.py")}
    assert {p.relative_to(source).as_posix() for p in (source / "embstore").rglob("*.py")} == shipped
