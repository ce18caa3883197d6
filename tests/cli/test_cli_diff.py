"""`embstore diff` and `convert --report-loss`: exact output and exit codes."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from support.running import Run

import embstore

FROG = 6.625 / math.sqrt(6.0625 * 7.25)  # the cosine of the two frogs


@pytest.fixture(autouse=True)
def _tables(tmp_path: Path) -> None:
    """Write three tables as text, and one of them as a store."""
    (tmp_path / "a.txt").write_text("the 0.5 1\nfrog -1 2.25\ngrün 3e-05 0\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("frog -1 2.5\nthe 0.5 1\nqzxv 1 1\n", encoding="utf-8")
    (tmp_path / "nan.txt").write_text("a nan 1\nb 2 1\n", encoding="utf-8")
    embstore.convert(tmp_path / "a.txt", tmp_path / "a.safetensors")


SAME = """\
A                   a.txt: 3 x 2 float32
B                   a.safetensors: 3 x 2 float32
only in A           0
only in B           0
in both             3
different           0
largest difference  0
cosine              mean 1.00000000, worst 1.00000000 at 'the'
result              equal to the last bit
"""

OTHER = """\
A                   a.safetensors: 3 x 2 float32
B                   b.txt: 3 x 2 float32
only in A           1: 'grün'
only in B           1: 'qzxv'
in both             2, 2 at another row
different           0, by more than 0.25
largest difference  0.25 at 'frog', dimension 1
cosine              mean 0.99964438, worst 0.99928876 at 'frog'
neighbours          100.00% of the ten nearest are the same
result              different
"""


def test_equal_tables_are_exit_code_0(run: Run) -> None:
    assert run("diff", "a.txt", "a.safetensors") == (0, SAME, "")


def test_other_words_are_exit_code_1(run: Run) -> None:
    assert run("diff", "a.safetensors", "b.txt", "--atol", "0.25", "--neighbours") == (1, OTHER, "")


def test_other_values_are_exit_code_1_beyond_atol(run: Run) -> None:
    assert run("convert", "a.txt", "h.safetensors", "--dtype", "float16", "--quiet")[0] == 0
    code, out, err = run("diff", "a.txt", "h.safetensors")
    assert (code, err) == (1, "")
    assert out.splitlines()[1:] == [
        "B                   h.safetensors: 3 x 2 float16",
        "only in A           0",
        "only in B           0",
        "in both             3",
        "different           1",
        "largest difference  1.886e-08 at 'grün', dimension 0",
        "cosine              mean 1.00000000, worst 1.00000000 at 'the'",
        "result              different",
    ]
    code, out, err = run("diff", "a.txt", "h.safetensors", "--atol", "1e-7")
    assert (code, out.splitlines()[5], out.splitlines()[-1]) == (
        0, "different           0, by more than 1e-07", "result              equal",
    )  # fmt: skip


def test_other_dims_are_exit_code_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wide.txt").write_text("the 1 2 3\nfrog 1 2 3\n", encoding="utf-8")
    code, out, err = run("diff", "b.txt", "wide.txt")
    assert (code, err) == (1, "")
    assert out == (
        "A          b.txt: 3 x 2 float32\n"
        "B          wide.txt: 2 x 3 float32\n"
        "only in A  1: 'qzxv'\n"
        "only in B  0\n"
        "in both    2, 2 at another row\n"
        "different  2\n"
        "result     different\n"
    )


def test_one_object_with_json(run: Run) -> None:
    code, out, err = run("diff", "a.txt", "b.txt", "--json")
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert found.pop("mean_cosine") == pytest.approx((1 + FROG) / 2, rel=1e-15)
    assert found.pop("worst_cosine") == pytest.approx(FROG, rel=1e-15)
    assert found == {
        "a": "a.txt",
        "b": "b.txt",
        "equal": False,
        "rows": [3, 3],
        "dims": [2, 2],
        "dtypes": ["float32", "float32"],
        "only_first": 1,
        "only_second": 1,
        "only_first_words": ["grün"],
        "only_second_words": ["qzxv"],
        "common": 2,
        "moved": 2,
        "atol": 0.0,
        "differing": 1,
        "largest": 0.25,
        "largest_at": ["frog", 1],
        "worst_word": "frog",
        "neighbours": None,
        "bit_equal": False,
    }


def test_json_has_null_for_an_infinite_difference(run: Run, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a 1 1\nb 2 1\n", encoding="utf-8")
    code, out, err = run("diff", "one.txt", "nan.txt", "--json")
    assert (code, json.loads(out)["largest"], json.loads(out)["largest_at"]) == (1, None, ["a", 0])
    assert err == "warning: rows with NaN, Inf or a value beyond the dtype: 1, the first 'a'\n"
    assert "largest difference  inf at 'a', dimension 0\n" in run("diff", "one.txt", "nan.txt")[1]


def test_control_characters_in_words_are_escaped(run: Run, tmp_path: Path) -> None:
    (tmp_path / "evil.txt").write_bytes(b"\x1b[2J 1 1\n\xff 1 1\n")
    assert run("diff", "a.txt", "evil.txt")[1].splitlines()[3] == "only in B  2: '\\x1b[2J', '\\udcff'"


@pytest.mark.parametrize("atol", ["-1", "nan", "x"])
def test_an_invalid_tolerance_is_wrong_usage(run: Run, atol: str) -> None:
    code, out, err = run("diff", "a.txt", "b.txt", "--atol", atol)
    assert (code, out) == (2, "")
    assert "Invalid value for '--atol'" in err


def test_a_missing_file_is_one_line(run: Run) -> None:
    assert run("diff", "a.txt", "none.txt") == (1, "", "error: none.txt: No such file or directory\n")


LOSS = """\
different           1
largest difference  1.886e-08 at 'grün', dimension 0
cosine              mean 1.00000000, worst 1.00000000 at 'the'
neighbours          100.00% of the ten nearest are the same
"""


def test_convert_reports_what_was_lost(run: Run, tmp_path: Path) -> None:
    code, out, err = run("convert", "a.txt", "h.safetensors", "--dtype", "float16", "--report-loss")
    first, _, rest = err.partition("\n")
    assert (code, out, rest) == (0, "", LOSS)
    assert re.fullmatch(r"h\.safetensors: 3 x 2 float16, 4\.2 kB in 0\.\d\d s", first)
    assert {path.name for path in tmp_path.iterdir()} == {
        "a.txt", "b.txt", "nan.txt", "a.safetensors", "h.safetensors"
    }  # fmt: skip


def test_convert_puts_the_loss_into_its_object(run: Run) -> None:
    code, out, err = run("convert", "a.txt", "h.npz", "--dtype", "bfloat16", "--report-loss", "--json", "--quiet")
    report = json.loads(out)
    assert (code, err, report["dtype"]) == (0, "", "bfloat16")
    assert (report["loss"]["equal"], report["loss"]["largest_at"], report["loss"]["neighbours"]) == (
        False, ["grün", 0], 1.0
    )  # fmt: skip


def test_quiet_cannot_report(run: Run, tmp_path: Path) -> None:
    code, out, err = run("convert", "a.txt", "h.safetensors", "--quiet", "--report-loss")
    assert (code, out) == (2, "")
    assert "--quiet and --report-loss cannot be combined without --json." in err
    assert not (tmp_path / "h.safetensors").exists()
