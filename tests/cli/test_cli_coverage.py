"""`embstore coverage`: its output."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support.running import Run

import embstore
from embstore.cli.coverage import coverage_command


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    embstore.save(tmp_path / "words.safetensors", ["the", "frog", "r0d0"], np.eye(3, dtype=np.float32))
    (tmp_path / "corpus.txt").write_bytes(b"the frog saw The R2D2\nthe frog saw Q \x1b\xff")
    return [str(tmp_path / "words.safetensors"), str(tmp_path / "corpus.txt")]


def coverage(arguments: list[str]) -> Result:
    return CliRunner().invoke(coverage_command, arguments, catch_exceptions=False)


def test_the_table(files: list[str]) -> None:
    found = coverage([*files, "--oov", "lower,digits,hash:10", "--top", "3"])
    assert found.exit_code == 0
    assert found.stdout == (
        "                                  words         distinct words\n"
        "known                        4   40.00%             2   28.57%\n"
        "lower                        1   10.00%             1   14.29%\n"
        "digits                       1   10.00%             1   14.29%\n"
        "missing: hash:10             4   40.00%             3   42.86%\n"
        "total                       10                      7\n"
        "most frequent missing words: 'saw' 2, 'Q' 1, '\\x1b\\udcff' 1\n"
    )


def test_json_is_one_object(files: list[str]) -> None:
    found = coverage([*files, "--oov", "lower,zero", "--top", "1", "--json"])
    assert json.loads(found.stdout) == {
        "tokens": 10,
        "types": 7,
        "known": {"tokens": 4, "types": 2, "token_share": 0.4, "type_share": 2 / 7},
        "rules": {"lower": {"tokens": 1, "types": 1, "token_share": 0.1, "type_share": 1 / 7}},
        "missing": {"tokens": 5, "types": 4, "token_share": 0.5, "type_share": 4 / 7},
        "ending": "zero",
        "most_frequent": [["saw", 2]],
    }


def test_the_option_that_a_zip_of_texts_asks_for(run: Run, files: list[str], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("a.txt", "the frog the")
        archive.writestr("b.txt", "toad")
    code, out, err = run("coverage", files[0], "texts.zip", "--json")
    assert (code, out, re.findall("`([^`]*)`", err)) == (1, "", ["--corpus-member"])
    code, out, err = run("coverage", files[0], "texts.zip", "--json", "--corpus-member", "a.txt")
    assert (code, json.loads(out)["tokens"], json.loads(out)["known"]["tokens"], err) == (0, 3, 3, "")
    code, out, err = run("query", "texts.zip", "the")  # a table: the option has its own name
    assert (code, out, re.findall("`([^`]*)`", err)) == (1, "", ["--member"])


def test_nothing_missing_is_not_listed(files: list[str]) -> None:
    Path(files[1]).write_text("the frog")
    assert "most frequent" not in coverage(files).stdout


def test_the_file_s_own_policy(files: list[str], tmp_path: Path) -> None:
    embstore.convert(files[0], tmp_path / "hashed.safetensors", oov="casefold,hash:9")
    found = json.loads(coverage([str(tmp_path / "hashed.safetensors"), files[1], "--json"]).stdout)
    assert (list(found["rules"]), found["ending"]) == (["casefold"], "hash:9")


def test_a_wrong_policy_is_wrong_usage(files: list[str]) -> None:
    found = coverage([*files, "--oov", "lowr"])
    assert found.exit_code == 2
    assert found.stdout == ""
    assert "Invalid value for '--oov': oov: 'lowr' is not a back-off or an ending (back-offs: nfc," in found.stderr
