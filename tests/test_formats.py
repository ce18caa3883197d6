"""The contract: what formats/ says must be read is read, what it says must be refused is refused, word for word."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
import xxhash

import embstore
from embstore import kernels
from embstore.batch import Batch, Source, Tokens
from embstore.inputs import Input
from embstore.vocab import Vocab, VocabBuilder
from embstore.writer import write_store

FORMATS = Path(__file__).parent.parent / "formats"
FOLDERS = sorted(path for path in FORMATS.iterdir() if path.is_dir() and path.name not in ("makers", "__pycache__"))
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
SIGNED = (".h5", ".parquet", ".arrow", ".feather")  # h5py and pyarrow put their version or their defaults into these
BY_LIBRARY = (".h5", ".hdf5", ".h5ad", ".parquet", ".arrow", ".feather")  # other versions of it write other bytes


def sidecars(kind: str) -> list[Any]:
    found = sorted(FORMATS.glob(f"*/{kind}/*.json"))
    return [
        pytest.param(path.parent, sidecar, id=f"{path.parts[-3]}-{path.stem}")
        for path in found
        if "file" in (sidecar := json.loads(path.read_text()))
    ]


def named(kind: str, name: str) -> list[Any]:
    return [param for param in sidecars(kind) if str(param.id).startswith(f"{name}-")]


def read(path: Path, sidecar: Any) -> tuple[embstore.Store, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = embstore.open(path, **sidecar.get("read", {}))
    assert all(issubclass(warning.category, embstore.EmbstoreWarning) for warning in caught)
    return store, [str(warning.message) for warning in caught]


def read_and_verify(path: Path, sidecar: Any) -> None:
    store, _ = read(path, sidecar)
    assert sidecar.get("at") == "verify", "a file that must not open was opened"
    words = ["the", "frog", "toad", "", "nobody", "x" * 100]
    assert all(-1 <= row < len(store) for row in store.rows(words).tolist())  # wrong perhaps, but an answer
    store.verify()


def bits(vectors: Any) -> list[str]:
    wide = np.asarray(vectors).astype("<f4")
    quiet = np.where(np.isnan(wide), np.uint32(0x7FC00000), wide.view("<u4"))  # a NaN's payload is nobody's business
    return [" ".join(f"{value:08x}" for value in row) for row in quiet.tolist()]


# ------------------------------------------------------------------------------------------- all formats alike


def test_there_are_formats() -> None:
    assert {"glove", "hash", "store"} <= {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_format_has_its_spec_and_goldens(folder: Path) -> None:
    assert (folder / "SPEC.md").read_text().startswith("# ")
    assert list((folder / "valid").iterdir())
    if folder.name != "hash":  # every string of bytes has a hash: nothing is invalid
        assert list((folder / "invalid").iterdir())


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_every_golden_has_one_sidecar_and_is_small(kind: str) -> None:
    described: list[Path] = []
    for path in FORMATS.glob(f"*/{kind}/*.json"):
        sidecar = json.loads(path.read_text())
        if isinstance(sidecar, dict) and (sidecar.keys() & {"file", "sample"}):
            described.append(path.parent / (sidecar.get("file") or sidecar["sample"]))
    files = [path for path in FORMATS.glob(f"*/{kind}/*") if path.suffix != ".json"]
    assert sorted(described) == sorted(files)
    assert [path.name for path in files if path.stat().st_size > 8192] == (
        ["glove.6B.50d.sample.txt"] if kind == "valid" else []
    )


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("folder", "sidecar"), sidecars("valid"))
def test_valid_files_are_read(folder: Path, sidecar: Any) -> None:
    store, messages = read(folder / sidecar["file"], sidecar)
    assert list(store.itos) == sidecar["tokens"]
    assert bits(store.vectors) == sidecar["bits"]
    assert messages == sidecar["warnings"]
    assert store.rows(sidecar["tokens"]).tolist() == list(range(len(store)))
    store.verify()


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("folder", "sidecar"), sidecars("invalid"))
def test_invalid_files_are_refused(folder: Path, sidecar: Any) -> None:
    path = folder / sidecar["file"]
    with pytest.raises(embstore.FormatError) as caught:
        read_and_verify(path, sidecar)
    assert type(caught.value).__name__ == sidecar["error"]
    assert str(caught.value) == sidecar["message"].replace("{path}", str(path))
    assert "\n" not in str(caught.value)


def test_generate_writes_these_bytes_without_embstore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "embstore"]:
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises
    monkeypatch.syspath_prepend(str(FORMATS))
    monkeypatch.setattr(sys, "argv", ["generate.py", str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    runpy.run_path(str(FORMATS / "generate.py"), run_name="__main__")
    monkeypatch.undo()
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(FORMATS) for kind in ("valid", "invalid") for path in FORMATS.glob(f"*/{kind}/*")}
    assert written == kept
    for golden in sorted(written):
        if golden.suffix not in BY_LIBRARY:
            assert unpacked(tmp_path / golden) == unpacked(FORMATS / golden), golden


def unpacked(path: Path) -> Any:
    """What is in a file: compressors of other versions write other bytes."""
    if path.suffix not in PACKED or path.parent.name == "invalid":
        return path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    buffer = bytearray(4096)
    with Input(path) as stream:
        return bytes(buffer[: stream.fill(memoryview(buffer))])


# ----------------------------------------------------------------------------------------------------- hash


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("name", ["xxh64_published", "xxh64_words"])
def test_hash_vectors(name: str) -> None:
    for vector in json.loads((FORMATS / "hash" / "valid" / f"{name}.json").read_text()):
        data = bytes.fromhex(vector["input"])
        packed = Tokens.pack([data])
        hashed = kernels.hash_tokens(packed.data, packed.offsets, vector["seed"])
        assert f"{int(hashed[0]):016x}" == vector["xxh64"] == xxhash.xxh64_hexdigest(data, vector["seed"])


@pytest.mark.usefixtures("kernel")
def test_hash_of_every_length_around_the_lanes() -> None:
    vectors = json.loads((FORMATS / "hash" / "valid" / "xxh64_lengths.json").read_text())
    data = bytes.fromhex(vectors["bytes"])
    packed = Tokens.pack([data[: int(length)] for length in vectors["xxh64"]])
    hashed = kernels.hash_tokens(packed.data, packed.offsets, vectors["seed"])
    assert [f"{value:016x}" for value in hashed.tolist()] == list(vectors["xxh64"].values())
    assert [xxhash.xxh64_hexdigest(data[: int(n)]) for n in vectors["xxh64"]] == list(vectors["xxh64"].values())


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("path", sorted((FORMATS / "hash" / "valid").glob("index_*.json")), ids=lambda path: path.stem)
def test_indexes_are_built_to_the_bit(path: Path) -> None:
    expected = json.loads(path.read_text())
    builder = VocabBuilder()
    builder.add(Tokens.pack([bytes.fromhex(token) for token in expected["tokens"]]))
    slots, _, _ = builder.finish()
    assert [f"{slot:016x}" for slot in slots.tolist()] == expected["slots"]


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("distance", "row"), [(0, 0), (1023, 0), (1024, -1)])
def test_no_reader_looks_farther_than_1024_slots(distance: int, row: int) -> None:
    hashed, count = xxhash.xxh64_intdigest(b"frog"), 2048
    slots = np.full(count, (hashed >> 32 ^ 1) << 32 | 1, np.uint64)  # no slot is empty, no fingerprint fits
    slots[(hashed + distance) % count] = hashed >> 32 << 32 | 1
    offsets = np.array([0, 4], "<i8")
    vocab = Vocab(slots.view(np.uint8), offsets.view(np.uint8), np.frombuffer(b"frog", np.uint8))
    assert vocab.rows(["frog", "toad"]).tolist() == [row, -1]


# ---------------------------------------------------------------------------------------------------- store


@pytest.mark.parametrize(("folder", "sidecar"), named("valid", "store"))
def test_safetensors_opens_every_valid_store(folder: Path, sidecar: Any) -> None:
    path = folder / sidecar["file"]
    by_torch = safetensors.torch.load_file(path)
    rows = len(sidecar["bits"])
    assert bits(by_torch["embedding.weight"].to(torch.float32).numpy()[:rows]) == sidecar["bits"]
    assert sidecar["bits"] + sidecar.get("special", []) == bits(by_torch["embedding.weight"].to(torch.float32).numpy())
    if sidecar["dtype"] != "bfloat16":  # which NumPy lacks
        by_numpy = safetensors.numpy.load_file(path)
        np.testing.assert_array_equal(by_numpy["vocab.bytes"], by_torch["vocab.bytes"].numpy())
        assert bits(by_numpy["embedding.weight"][:rows]) == sidecar["bits"]


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("folder", "sidecar"), named("valid", "store"))
def test_embstore_writes_the_same_store(folder: Path, sidecar: Any, tmp_path: Path) -> None:
    path, again = folder / sidecar["file"], tmp_path / "again.safetensors"
    store = embstore.open(path)
    policy = {
        key: store.metadata[f"embstore.{key}"] for key in ("oov", "padding") if f"embstore.{key}" in store.metadata
    }
    source = Source(store.dim, iter([Batch(Tokens.pack(list(store.itos)), store.vectors)]), store.dtype, policy=policy)
    source.special = store.weight[len(store) :]
    write_store(again, source)
    if sidecar["rewritten"]:
        assert again.read_bytes() == path.read_bytes()
    ours = embstore.open(again)
    assert ours.raw.tobytes() == store.raw.tobytes()
    assert ours.vocab.offsets.tobytes() == store.vocab.offsets.tobytes()
    assert ours.vocab.data.tobytes() == store.vocab.data.tobytes()


@pytest.mark.parametrize(("name", "dtype"), [("special_rows", None), ("special_rows_bfloat16", "bfloat16")])
def test_convert_makes_the_special_rows(name: str, dtype: Any, tmp_path: Path) -> None:
    valid, made = FORMATS / "store" / "valid", tmp_path / "made.safetensors"
    embstore.convert(valid / "float32.safetensors", made, oov="lower,mean", padding=True, dtype=dtype)
    golden, ours = embstore.open(valid / f"{name}.safetensors"), embstore.open(made)
    assert ours.raw.tobytes() == golden.raw.tobytes()
    for key in ("oov", "padding", "sha256.embedding.weight", "sha256.vocab.index"):
        assert ours.metadata[f"embstore.{key}"] == golden.metadata[f"embstore.{key}"]


PLAIN_STORES = [
    param for param in named("valid", "store") if param.values[1]["rewritten"] and "special" not in param.values[1]
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


def test_no_changed_bit_gives_another_table(tmp_path: Path) -> None:
    path, whole = tmp_path / "changed.safetensors", (FORMATS / "store" / "valid" / "float32.safetensors").read_bytes()
    header = whole[8:4096].rstrip()
    whole = len(header).to_bytes(8, "little") + header + whole[4096:]
    expected = read(FORMATS / "store" / "valid" / "float32.safetensors", {})[0]
    messages = []
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        try:
            with embstore.open(path, format="store") as store:
                store.verify()
                assert list(store.itos) == list(expected.itos)
                assert store.raw.tobytes() == expected.raw.tobytes()
        except embstore.FormatError as error:
            messages.append(str(error))
    assert all(len(message.splitlines()) == 1 for message in messages)
    assert len(messages) > len(whole) * 0.6  # the others change names in the metadata, or a checksum's


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


# ---------------------------------------------------------------------------------------------------- glove

SAMPLE = FORMATS / "glove" / "valid" / "glove.6B.50d.sample.txt"


@pytest.mark.usefixtures("kernel")
def test_real_rows_are_read_to_the_bit() -> None:
    expected = json.loads(SAMPLE.with_suffix(".json").read_text())
    store, messages = read(SAMPLE, {})
    assert messages == []
    assert (len(store), store.dim, store.itos[:10]) == (expected["rows"], expected["dim"], expected["first_tokens"])
    assert hashlib.sha256("\n".join(store.itos).encode()).hexdigest() == expected["sha256_of_tokens"]
    assert hashlib.sha256(store.vectors.tobytes()).hexdigest() == expected["sha256_of_float32"]
    assert {word: store.stoi[word] for word in expected["some_rows"]} == expected["some_rows"]
    assert {word: bits(store[[word]])[0] for word in expected["some_bits"]} == expected["some_bits"]


def test_the_sample_holds_the_rows_of_the_real_table(real_glove: Any) -> None:
    store, _ = read(SAMPLE, {})
    rows = {word: row for row, word in enumerate(real_glove.words)}
    places = [rows[word] for word in store.itos]
    assert places[:1300] == list(range(1300))
    assert places == sorted(places)
    assert (store.vectors == real_glove.vectors[places]).all()


def test_real_rows_come_back_to_the_byte(tmp_path: Path) -> None:
    embstore.convert(SAMPLE, tmp_path / "glove.safetensors")
    embstore.convert(tmp_path / "glove.safetensors", tmp_path / "glove.txt")
    assert (tmp_path / "glove.txt").read_bytes() == SAMPLE.read_bytes()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"dim": 0}, "dim=0: expected 1 or more"),
        ({"dim": -1}, "dim=-1: expected 1 or more"),
        ({"limit": 0}, "limit=0: expected 1 or more"),
        ({"on_error": "ignore"}, "on_error='ignore': expected one of stop, skip"),
    ],
)
def test_options_that_mean_nothing_are_refused(option: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        embstore.open(FORMATS / "glove" / "valid" / "plain.txt", **option)


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "endless.txt"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == f"{path}: a line of more than 16 MB: not text of one row a line"
