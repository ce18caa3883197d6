"""spaCy's folders: keys equal to those of spaCy, shared rows, and refused folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.damage import with_changed_bytes
from support.paths import FORMATS
from support.refusals import refusal

import embstore
from embstore.cli.main import main
from embstore.codecs.registry.detection import sniff
from embstore.codecs.spacy import spacy as codec
from embstore.codecs.spacy.keys import SYMBOLS, hash_strings, key_rows
from embstore.core.batch import Tokens
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions
from embstore.files.input import Input

VALID = FORMATS / "spacy" / "valid"
KEYS = {  # as spaCy 3.8 gives them: spacy.strings.get_string_id
    "a": 11901859001352538922, "the": 7425985699627899538, "apple": 8566208034543834098, "naïve": 16224804062388677344,
    "exactly8": 17695040895084571796, "nine char": 1423752564574045411, "日本": 2324319125191504834,
    "x" * 5000: 6623740490470282377,
}  # fmt: skip


@pytest.fixture
def spacy_folder(tmp_path: Path) -> Path:
    shutil.copytree(VALID / "plain", tmp_path / "saved")
    return tmp_path / "saved"


def test_keys_are_those_of_spacy() -> None:
    assert hash_strings(Tokens.pack(KEYS)).tolist() == list(KEYS.values())
    assert hash_strings(Tokens.pack([])).tolist() == []


def test_symbols_have_the_keys_of_spacy() -> None:
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 457
    known = {"": 0, "IS_ALPHA": 1, "FLAG19": 19, "ORTH": 65, "POS": 74, "NOUN": 92, "SPACE": 103, "DEPRECATED276": 379,
             "PERSON": 380, "acomp": 398, "root": 449, "acl": 451, "_": 456}  # fmt: skip
    assert {name: SYMBOLS.index(name) for name in known} == known


def test_both_kinds_of_folders_are_detected_and_converted(spacy_folder: Path, tmp_path: Path) -> None:
    pipeline = VALID / "pipeline"
    for place in (spacy_folder, pipeline, pipeline / "vocab"):
        assert sniff(Input(place)).name == "spacy"
        report = embstore.convert(place, tmp_path / "t.safetensors", overwrite=True, limit=3)
        assert (report.rows, report.dim) == (3, 2)
        assert list(embstore.open(tmp_path / "t.safetensors").itos) == ["the", "frog", "žába"]


def test_provenance_names_the_array_in_the_folder(spacy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (spacy_folder / "vectors").read_bytes()
    monkeypatch.chdir(spacy_folder)
    for place, name in (
        (spacy_folder, "saved/vectors"),
        (Path(), "saved/vectors"),
        (VALID / "pipeline", "pipeline/vocab/vectors"),
    ):
        source = codec.read(Input(place), ReadOptions())
        assert [len(batch.tokens) for batch in source.batches] == [4]
        assert source.provenance() == {
            "name": name, "format": "spacy", "size": str(len(data)), "sha256": hashlib.sha256(data).hexdigest()
        }  # fmt: skip


def test_info_counts_the_bytes_of_the_folder(spacy_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["info", str(spacy_folder), "--json"])
    info = json.loads(capsys.readouterr().out)
    assert info["bytes"] == sum(file.stat().st_size for file in spacy_folder.iterdir())
    assert (info["format"], info["rows"], info["dim"]) == ("spacy", 4, 2)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes(b"")
    reason = "a folder that is not known as a table: name one of its files (vectors)"
    assert refusal(tmp_path) == f"{tmp_path}: {reason}"
    reason = "no spaCy vectors: expected the files vectors and key2row in this folder or in its vocab/"
    for path in (tmp_path, tmp_path / "vectors"):
        with pytest.raises(FormatError) as caught:
            embstore.open(path, format="spacy")
        assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.parametrize("name", ["vectors", "key2row", "strings.json", "vectors.cfg"])
def test_a_pipe_in_the_folder_does_not_block(spacy_folder: Path, name: str) -> None:
    (spacy_folder / name).unlink()
    os.mkfifo(spacy_folder / name)
    assert refusal(spacy_folder) == f"{spacy_folder / name}: a pipe, socket or device, expected a regular file"
    (spacy_folder / name).unlink()
    (spacy_folder / name).mkdir()
    assert refusal(spacy_folder) == f"{spacy_folder / name}: a folder, expected a regular file"


@pytest.mark.parametrize("name", ["vectors", "key2row", "strings.json", "vectors.cfg"])
def test_damage_to_any_file_is_an_error_or_a_table(spacy_folder: Path, name: str) -> None:
    good, random = (spacy_folder / name).read_bytes(), np.random.default_rng(3)
    cuts = [good[:stop] for stop in range(len(good))]
    for damaged in [*cuts, *(with_changed_bytes(good, random, len(good)) for _ in range(300))]:
        (spacy_folder / name).write_bytes(damaged)
        message = ""
        try:
            for batch in codec.read(Input(spacy_folder), ReadOptions()).batches:
                assert batch.vectors.shape[0] == len(batch.tokens)
        except FormatError as error:
            message = str(error)
        assert not message or message.startswith(str(spacy_folder))
        assert "\n" not in message


@pytest.mark.parametrize(
    ("data", "keys", "rows"),
    [
        (b"\x80", [], []),
        (b"\x82\x00\x7f\xcc\xff\xd0\x80", [0, 255], [127, -128]),
        (b"\x82\xcd\x01\x00\xd1\xff\xff\xce\x00\x01\x00\x00\xd2\x7f\xff\xff\xff", [256, 65536], [-1, 2**31 - 1]),
        (b"\x81\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xd3\xff\xff\xff\xff\xff\xff\xff\xfe", [2**64 - 1], [-2]),
        (b"\xde\x00\x01\x05\xe0", [5], [-32]),
    ],
)
def test_integers_of_every_width(data: bytes, keys: list[int], rows: list[int]) -> None:
    got = key_rows(data)
    assert (got[0].tolist(), got[1].tolist()) == (keys, rows)
    assert got[0].dtype == np.uint64


def nest_cfg(spacy_folder: Path) -> None:
    (spacy_folder / "vectors.cfg").write_bytes(b"[" * 100_000)


def nest_strings(spacy_folder: Path) -> None:
    (spacy_folder / "strings.json").write_bytes(b"[" * 100_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nest_cfg, "/vectors.cfg: nested too deeply to be a JSON object with a mode"),
        (nest_strings, "/strings.json: nested too deeply to be a list of words"),
    ],
)
def test_deeply_nested_json_is_refused(spacy_folder: Path, change: Callable[[Path], None], message: str) -> None:
    change(spacy_folder)
    assert refusal(spacy_folder) == f"{spacy_folder}{message}"


def test_a_matrix_of_integers_needs_a_dtype(spacy_folder: Path) -> None:
    np.save(spacy_folder / "numbers.npy", np.array([[1, 2]] * 4, np.int16))
    (spacy_folder / "numbers.npy").rename(spacy_folder / "vectors")
    assert "whole numbers (int16), not embeddings; `dtype='float32'` converts them" in refusal(spacy_folder)
    assert embstore.open(spacy_folder, dtype="float32").vectors.tolist() == [[1, 2]] * 4
