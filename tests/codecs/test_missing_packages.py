"""Without torch, h5py, pyarrow or zstandard: one line names the pip command, and every other format works.

The imports fail in processes of their own, in which modules of the same names are found first.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from support.goldens import sidecars
from support.paths import FORMATS
from support.running import EMBSTORE, output_of

from embstore.codecs.registry.table import CODECS

PACKAGES = ("torch", "h5py", "pyarrow", "zstandard")
TORCH = "a file of torch.save needs the package torch: `pip install torch`"
HDF5 = "an HDF5 file needs the package h5py: `pip install h5py`"
ARROW = "a Parquet or Arrow file needs the package pyarrow: `pip install pyarrow`"
ZSTD = "a .zst file needs the package zstandard: `pip install zstandard`"
NEEDED = {"torch": TORCH, "hdf5": HDF5, "parquet": ARROW, "arrow": ARROW}
HDF5_TABLE = FORMATS / "hdf5" / "valid" / "anndata.h5"
ZSTD_TABLE = FORMATS / "glove" / "valid" / "zstd.txt.zst"

RUN_ALL = """
import contextlib, io, json, sys
from embstore.cli.main import main
said = []
for arguments in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO())) as printed:
        try:
            main(arguments)
        except SystemExit as left:
            printed.flush()
            said.append([left.code, printed.buffer.getvalue().decode()])
print(json.dumps(said))
"""


def without(folder: Path, failure: str = "", packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return the environment of a Python that finds packages which fail to import: as if missing, or with a failure."""
    (folder / "failing").mkdir()
    for package in packages:
        missing = f"ModuleNotFoundError(\"No module named '{package}'\", name='{package}')"
        raised = f"raise ImportError({failure!r})" if failure else f"raise {missing}"
        (folder / "failing" / f"{package}.py").write_text(raised)
    return {"PYTHONPATH": str(folder / "failing")}


def run_all(folder: Path, commands: dict[str, list[str]]) -> dict[str, tuple[int, str]]:
    """Run commands in one process without the packages; exit code and stderr of each."""
    printed = output_of(RUN_ALL, env=without(folder), cwd=folder, input=json.dumps(list(commands.values())))
    return {name: tuple(said) for name, said in zip(commands, json.loads(printed), strict=True)}


def test_every_format_is_read_or_names_the_package(tmp_path: Path) -> None:
    goldens: dict[str, list[str]] = {}
    for param in sidecars("valid"):
        folder, sidecar = param.values
        name = folder.parent.name
        if name in CODECS and CODECS[name].reads and not sidecar["warnings"] and not sidecar.get("read"):
            place = str(folder / sidecar["file"])
            goldens.setdefault(name, ["convert", place, f"{name}.safetensors", "--from", name, "--quiet"])
    said = run_all(tmp_path, goldens)
    assert {*said} >= {"store", "glove", "word2vec", "npy", "npz", "safetensors", "fasttext", "magnitude", *NEEDED}
    assert said == {name: (1, f"error: {NEEDED[name]}\n") if name in NEEDED else (0, "") for name in goldens}
    assert {path.stem for path in tmp_path.glob("*.safetensors")} == {*goldens} - {*NEEDED}


def test_every_format_is_written_or_names_the_package(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the 0 1\nfrog 1 0\n")
    names = [codec.name for codec in CODECS.values() if codec.writes]
    said = run_all(tmp_path, {name: ["convert", "t.txt", f"out_{name}", "--to", name, "--quiet"] for name in names})
    assert said == {name: (1, f"error: {NEEDED[name]}\n") if name in NEEDED else (0, "") for name in names}
    written = {path.name.removeprefix("out_") for path in tmp_path.glob("out_*") if ".vocab" not in path.name}
    assert written == {*names} - {*NEEDED}


def test_zstd_and_info(tmp_path: Path) -> None:
    commands = {"zstd": ["query", str(ZSTD_TABLE), "the"], "info": ["info", str(HDF5_TABLE)]}
    assert run_all(tmp_path, commands) == {"zstd": (1, f"error: {ZSTD}\n"), "info": (1, f"error: {HDF5}\n")}


@pytest.mark.parametrize(
    "code",
    ["embstore.Embedding", "embstore.EmbeddingBag", "from embstore import Tables", "import embstore.layers.tables"],
)
def test_layers_name_torch(tmp_path: Path, code: str) -> None:
    program = (
        "import embstore\n"
        f"try: {code}\n"
        "except embstore.MissingDependencyError as error: print(error)\n"
        "print(embstore.Encoder(embstore.Vocabulary(['the'])).encode(['the']).tolist())"
    )
    said = output_of(program, env=without(tmp_path))
    assert said == "embstore.layers needs the package torch: `pip install torch`\n[0]\n"


FAILURE = "libx.so.1: cannot open shared object file"


@pytest.mark.parametrize("target", ["t.pt", "t.h5", "t.parquet"])
def test_a_package_that_is_installed_but_broken_is_quoted(tmp_path: Path, target: str) -> None:
    (tmp_path / "t.txt").write_text("the 0 1\nfrog 1 0\n")
    said = run_embstore(tmp_path, without(tmp_path, FAILURE), "convert", "t.txt", target)
    line = NEEDED[{"t.pt": "torch", "t.h5": "hdf5", "t.parquet": "parquet"}[target]]
    assert said == (1, "", f"error: {quoting(line)}\n")
    assert not (tmp_path / target).exists()


def test_the_child_that_reads_hdf5_quotes_a_broken_h5py(tmp_path: Path) -> None:
    said = run_embstore(tmp_path, without(tmp_path, FAILURE), "convert", str(HDF5_TABLE), "t.safetensors")
    assert said == (1, "", f"error: {quoting(HDF5)}\n")


def quoting(line: str) -> str:
    """Return the message for a package that cannot be imported because of `FAILURE`."""
    return line.replace(": `", f", which cannot be imported ({FAILURE}): `")


def run_embstore(folder: Path, env: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run a command in a process of its own: exit code, stdout, stderr."""
    environment = {**os.environ, **env}
    done = subprocess.run([*EMBSTORE, *arguments], capture_output=True, text=True, cwd=folder, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("module", "golden"),
    [
        ("lzma", "glove/valid/xz.txt.xz"),
        ("bz2", "glove/valid/bzip2.txt.bz2"),
        ("sqlite3", "magnitude/valid/plain.magnitude"),
    ],
)
def test_modules_that_python_may_be_built_without(tmp_path: Path, module: str, golden: str) -> None:
    said = run_embstore(tmp_path, without(tmp_path, packages=(module,)), "info", str(FORMATS / golden))
    assert said == (1, "", f"error: this Python has no module {module}, which is needed here\n")


def wheel_of(package: str, folder: Path) -> None:
    """Pack an installed package into a wheel again."""
    found = distribution(package)
    tag = next(line.removeprefix("Tag: ") for line in (found.read_text("WHEEL") or "").splitlines() if "Tag: " in line)
    files = [
        file for file in found.files or [] if file.suffix != ".pyc" and file.name not in ("INSTALLER", "REQUESTED")
    ]
    folder.mkdir()
    with zipfile.ZipFile(folder / f"{package}-{found.version}-{tag}.whl", "w") as wheel:
        for file in files:
            wheel.write(str(file.locate()), str(file))


def test_the_printed_command_installs_the_package(tmp_path: Path) -> None:
    """The command is executed as it is printed; pip finds its wheel in a folder, and installs it into another one."""
    wheel_of("zstandard", tmp_path / "wheels")
    target, failing = tmp_path / "installed", without(tmp_path, packages=("zstandard",))["PYTHONPATH"]
    both = {"PYTHONPATH": os.pathsep.join([str(target), failing])}
    code, out, err = run_embstore(tmp_path, both, "query", str(ZSTD_TABLE), "the")
    typed = re.findall("`(.*)`", err)
    assert (code, out, typed) == (1, "", ["pip install zstandard"])
    pip = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "wheels"),
        "PIP_TARGET": str(target),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    subprocess.run(["bash", "-c", typed[0]], check=True, capture_output=True, env=pip, cwd=tmp_path)
    assert run_embstore(tmp_path, both, "query", str(ZSTD_TABLE), "the") == (0, "the 0.1 0.2\n", "")
