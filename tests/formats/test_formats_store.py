"""formats/store: other readers, the same bytes when written, and files made to do harm."""

from __future__ import annotations

import importlib
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from support.goldens import sidecars_of
from support.paths import FORMATS, SAMPLE
from support.stored import stored
from support.tables import source

import embstore
from embstore.store.writer import write_store


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("folder", "sidecar"), sidecars_of("store", "valid"))
def test_embstore_writes_the_same_store(folder: Path, sidecar: Any, tmp_path: Path) -> None:
    path, again = folder / sidecar["file"], tmp_path / "again.safetensors"
    store = embstore.open(path)
    keys = [key for key in ("oov", "padding", "subword") if f"embstore.{key}" in store.metadata]
    policy = {key: store.metadata[f"embstore.{key}"] for key in keys}
    special = store.weight[len(store) :]
    write_store(again, source(list(store.itos), store.vectors, dtype=store.dtype, policy=policy, special=special))
    if sidecar["rewritten"]:
        assert again.read_bytes() == path.read_bytes()
    ours = embstore.open(again)
    assert stored(ours).tobytes() == stored(store).tobytes()
    assert ours.vocab.offsets.tobytes() == store.vocab.offsets.tobytes()
    assert ours.vocab.data.tobytes() == store.vocab.data.tobytes()


@pytest.mark.parametrize(("name", "dtype"), [("special_rows", None), ("special_rows_bfloat16", "bfloat16")])
def test_convert_makes_the_special_rows(name: str, dtype: Any, tmp_path: Path) -> None:
    valid, made = FORMATS / "store" / "valid", tmp_path / "made.safetensors"
    embstore.convert(valid / "float32.safetensors", made, oov="lower,mean", padding=True, dtype=dtype)
    golden, ours = embstore.open(valid / f"{name}.safetensors"), embstore.open(made)
    assert stored(ours).tobytes() == stored(golden).tobytes()
    for key in ("oov", "padding", "sha256.embedding.weight", "sha256.vocab.index"):
        assert ours.metadata[f"embstore.{key}"] == golden.metadata[f"embstore.{key}"]


PLAIN_STORES = [
    param
    for param in sidecars_of("store", "valid")
    if param.values[1]["rewritten"] and "special" not in param.values[1]
]


@pytest.mark.parametrize(("folder", "sidecar"), PLAIN_STORES)
def test_save_writes_the_same_file(folder: Path, sidecar: Any, tmp_path: Path) -> None:
    path, again = folder / sidecar["file"], tmp_path / "again.safetensors"
    store = embstore.open(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        embstore.save(again, sidecar["tokens"], store.vectors, dtype=store.dtype)
    assert [str(warning.message) for warning in caught] == sidecar.get("when_saved", [])
    assert again.read_bytes() == path.read_bytes()


COMMITTED = FORMATS / "store" / "valid" / "special_rows.safetensors"
EVERY = int(os.environ.get("EMBSTORE_EVERY_BIT", "7"))  # 1 checks all bits: some minutes


def test_no_bit_changes_unnoticed(tmp_path: Path) -> None:
    """A changed bit of the header is refused on opening, one of the arrays is found by `verify`."""
    whole, path = COMMITTED.read_bytes(), tmp_path / "changed.safetensors"
    data = 8 + int.from_bytes(whole[:8], "little")
    for bit in range(0, 8 * len(whole), EVERY):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(embstore.FormatError) as caught:
            open_and_verify(path) if bit // 8 >= data else embstore.open(path)
        assert str(caught.value).startswith(f"{path}:")
        assert len(str(caught.value).splitlines()) == 1


def open_and_verify(path: Path) -> None:
    store = embstore.open(path)
    store.verify()


def test_a_reader_after_the_spec_alone_finds_every_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "glove.safetensors"
    embstore.convert(SAMPLE, path)
    store = embstore.open(path)
    monkeypatch.syspath_prepend(str(FORMATS))
    reader = importlib.import_module("makers.store_reader").Reader(path)
    assert (reader.rows, reader.tokens, reader.dim) == (len(store), len(store), 50)
    assert [reader.find(word.encode()) for word in store.itos] == list(range(len(store)))
    assert [reader.find(word) for word in (b"qzxv", b"", b"The")] == [-1, -1, -1]
    row = store.stoi["frog"]
    assert (reader.token(row), list(reader.vector(row))) == (b"frog", store["frog"].tolist())


def test_a_header_over_1_mb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.safetensors"
    with path.open("wb") as file:
        file.write(((1 << 20) + 1).to_bytes(8, "little"))
        file.truncate(1 << 40)  # holes: it takes no space
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path, format="store")
    assert str(caught.value) == f"{path}: a header of 1,048,577 bytes, more than the 1,048,576 that embstore reads"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused(tmp_path: Path, opening: bytes) -> None:
    path = tmp_path / "deep.safetensors"
    header = opening * ((1 << 20) // len(opening))
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path, format="store")
    assert str(caught.value) == f"{path}:header: nested too deeply to be a safetensors header"


def test_a_key_repeated_among_many_is_found_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.safetensors"
    header = ("{" + ",".join(f'"{i}":0' for i in range(90_000)) + ',"89999":0}').encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path, format="store")
    assert str(caught.value) == f"{path}:header: the key '89999' appears twice"
