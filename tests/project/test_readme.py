"""The README's examples are run: Python sessions by doctest, shell sessions by the shell; and its links."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.paths import ROOT

import embstore

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.torch
def test_python_sessions(folder_with_glove: Path) -> None:
    sessions = "\n".join(text for language, text in BLOCKS if language == "pycon")
    test = doctest.DocTestParser().get_doctest(sessions, {"embstore": embstore}, "README", "README.md", 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)
    assert runner.tries >= 15


def shell_examples() -> list[tuple[str, str]]:
    """Each command of the console blocks, with the output that the README shows below it."""
    text = "".join(text for language, text in BLOCKS if language == "console")
    return [(command, shown) for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)]


@pytest.mark.parametrize(("command", "shown"), [e for e in shell_examples() if e[0].startswith("embstore")])
def test_shell_sessions(folder_with_glove: Path, command: str, shown: str) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if " convert " in command:
        (folder_with_glove / command.split()[3]).unlink(missing_ok=True)
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment)
    checker = doctest.OutputChecker()
    assert checker.check_output(shown, done.stdout + done.stderr, FLAGS), done.stdout + done.stderr


def test_links_also_work_on_a_package_index() -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    assert set(urls) == {"Homepage", "Source", "Issues", "Changelog", "Documentation"}
    assert all(url.startswith(urls["Homepage"]) for url in urls.values())
    base = f"{urls['Homepage']}/blob/main/"
    links = re.findall(r"\]\(([^)]*)\)", README)
    files = [link.removeprefix(base) for link in [*links, urls["Changelog"], urls["Documentation"]]]
    assert len(links) >= 5
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert [link for link in links if not link.startswith(base)] == []


def test_the_readme_has_shell_examples() -> None:
    assert sum(command.startswith("embstore") for command, _ in shell_examples()) >= 5
