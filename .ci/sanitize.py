"""Build the compiled functions with AddressSanitizer and UBSan, outside the tree, and run their tests and a driver.

Run it by `make sanitize`. It fails if a test fails or a sanitizer reports anything; the tree stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g", "-O1"]
TESTS = ["tests/core", "tests/codecs/test_glove.py", "tests/codecs/test_text.py", "tests/codecs/test_decimal.py"]
MORE = ["tests/codecs/test_codec_word2vec.py", "tests/codecs/test_codec_word2vec_bin.py", "tests/store/test_hostile.py"]
LIMITED = "tests/codecs/test_glove.py::test_limit_reads_what_a_wrong_header_denies"
"""A test that reads HDF5: its process limits its addresses, of which AddressSanitizer needs terabytes."""
FUNCTIONS = (
    "hash_tokens", "find_tokens", "find_strings", "insert_tokens", "parse_rows", "format_rows", "split_rows",
)  # fmt: skip
CALLS = "2000"
REPORT = re.compile(r"runtime error:|ERROR: AddressSanitizer", re.MULTILINE)


def build(folder: Path) -> None:
    """Copy the package, and build its compiled module there."""
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "_speedups.c", "__pycache__")
    shutil.copytree(ROOT / "embstore", folder / "embstore", ignore=ignored)
    for name in ("tests", "formats"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    core = folder / "embstore" / "core"
    subprocess.run([sys.executable, "-m", "cython", "-3", core / "_speedups.pyx"], check=True)
    include, suffix = sysconfig.get_paths()["include"], sysconfig.get_config_var("EXT_SUFFIX")
    target = core / f"_speedups{suffix}"
    compiler: list[str | Path] = ["gcc", "-shared", "-fPIC", *FLAGS, f"-I{include}", core / "_speedups.c", "-o", target]
    subprocess.run(compiler, check=True)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which the sanitizers are loaded before Python."""
    found = [subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True) for name in LIBRARIES]
    return {
        **os.environ,
        "LD_PRELOAD": " ".join(path.strip() for path in found),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "tests")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


LIBRARIES = ("libasan.so", "libubsan.so", "libstdc++.so")


def run(command: list[str], folder: Path) -> bool:
    """Run a command under the sanitizers; print what they report, or its last line; return whether all is well."""
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    reports = [line for line in said.splitlines() if REPORT.search(line)]
    print("\n".join([*reports, *said.splitlines()[-1:]]) if not done.returncode else said[-6000:])
    return not done.returncode and not reports


def main() -> int:
    """Build, run the tests and the driver; return the exit code."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        build(folder)
        # one process for each, since a report ends the process
        driver = [run(["-m", "fuzz.kernels", CALLS, name], folder) for name in FUNCTIONS]
        options = ["-q", "-s", "-p", "no:cacheprovider", "-m", "not torch", "--deselect", LIMITED]
        tests = run(["-m", "pytest", *options, *TESTS, *MORE], folder)
    return 0 if all(driver) and tests else 1


if __name__ == "__main__":
    sys.exit(main())
