"""Whatever a file, a word list, a policy or a command line holds: reading it takes linear time."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bounded import run_bounded

CHILD = """
import json, sys
from pathlib import Path
from support import hostile
from support.bounded import each_in_time
print(json.dumps(each_in_time(getattr(hostile, sys.argv[1])(Path(sys.argv[2])))))
"""


@pytest.mark.parametrize("plain", ["0", "1"], ids=["compiled", "plain"])
@pytest.mark.parametrize("kind", ["text_files", "word_lists"])
def test_inputs_of_a_million_characters(tmp_path: Path, kind: str, plain: str) -> None:
    assert run_bounded(CHILD, kind, tmp_path, env={"EMBSTORE_PLAIN": plain}) > 10


KINDS = ["texts", "delimited_files", "packed_files", "policies", "headers", "command_lines"]


@pytest.mark.parametrize("kind", [*KINDS, pytest.param("binary_files", marks=pytest.mark.torch)])
def test_inputs_without_parsing_of_rows(tmp_path: Path, kind: str) -> None:
    assert run_bounded(CHILD, kind, tmp_path, cwd=tmp_path) > 10
