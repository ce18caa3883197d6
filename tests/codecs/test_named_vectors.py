"""One vector a name: files written by numpy, h5py and safetensors whose names are the words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from support.refusals import short_refusal
from support.tables import words_and_rows

import embstore
from embstore.codecs.hdf5 import contents
from embstore.codecs.shared.named_vectors import Vector, check_group, choose_group

Table = dict[str, NDArray[Any]]
Write = Callable[[Path, Table], Path]


def table(count: int, dim: int = 3, dtype: str = "<f4") -> Table:
    """Make vectors, none like another, of names in descending order."""
    return {f"w{count - row:06d}": np.arange(row, row + dim).astype(dtype) for row in range(count)}


def as_npz(folder: Path, vectors: Table) -> Path:
    np.savez(folder / "t.npz", **vectors)  # type: ignore[arg-type]
    return folder / "t.npz"


def as_npz_compressed(folder: Path, vectors: Table) -> Path:
    np.savez_compressed(folder / "t.npz", **vectors)  # type: ignore[arg-type]
    return folder / "t.npz"


def as_hdf5(folder: Path, vectors: Table) -> Path:
    with h5py.File(folder / "t.h5", "w") as file:
        for name, vector in vectors.items():
            file[name] = vector
    return folder / "t.h5"


def as_hdf5_compressed(folder: Path, vectors: Table) -> Path:
    with h5py.File(folder / "t.h5", "w", libver="latest") as file:
        group = file.create_group("a/group", track_order=True)
        for name, vector in vectors.items():
            group.create_dataset(name, data=vector, **({"compression": "gzip", "shuffle": True} if vector.ndim else {}))
    return folder / "t.h5"


def as_safetensors(folder: Path, vectors: Table) -> Path:
    save_file(vectors, folder / "t.safetensors")
    return folder / "t.safetensors"


EACH = pytest.mark.parametrize("write", [as_npz, as_npz_compressed, as_hdf5, as_hdf5_compressed, as_safetensors])
SORTED = {as_hdf5, as_safetensors}
"""Those whose library writes the names in their order."""


def expected(write: Write, vectors: Table) -> tuple[list[str], list[list[float]]]:
    names = sorted(vectors) if write in SORTED else list(vectors)
    return names, [vectors[name].astype(np.float32).tolist() for name in names]


@EACH
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
def test_each_name_is_a_word(tmp_path: Path, write: Write, dtype: str) -> None:
    vectors = {"žába": np.array([0.5, -1.5], dtype), "the": np.array([2.25, 3], dtype), "A b": np.zeros(2, dtype)}
    store = embstore.open(write(tmp_path, vectors))
    assert (list(store.itos), store.vectors.tolist()) == expected(write, vectors)
    assert store.dtype == ("float16" if dtype == "<f2" else "float32")


@pytest.mark.parametrize("write", [as_npz, as_hdf5, as_safetensors])
def test_many_blocks_stay_in_order(tmp_path: Path, write: Write) -> None:
    vectors = table(3000, 300, "<f2")
    assert words_and_rows(write(tmp_path, vectors)) == expected(write, vectors)
    assert words_and_rows(tmp_path / write(tmp_path, vectors).name, limit=5)[0] == expected(write, vectors)[0][:5]


def test_more_words_than_a_block_of_the_child_has(tmp_path: Path) -> None:
    vectors = table(10_500, 2)
    assert words_and_rows(as_hdf5(tmp_path, vectors)) == expected(as_hdf5, vectors)


@EACH
def test_a_matrix_wins(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, {"a": np.ones(2, "f4"), "b": np.ones(2, "f4"), "m": np.array([[1, 2], [3, 4]], "f4")})
    (tmp_path / "t.vocab.txt").write_text("x\ny\n")
    assert words_and_rows(path) == (["x", "y"], [[1, 2], [3, 4]])


@EACH
@pytest.mark.parametrize(
    "vectors",
    [
        {"a": np.ones(2, "f4")},
        {"a": np.ones(2, "f4"), "b": np.ones(3, "f4")},
        {"a": np.ones(2, "f4"), "b": np.ones(2, "f2")},
        {"a": np.ones(2, "f4"), "b": np.ones((), "f4")},
        {"a": np.ones(2, "f4"), "b": np.ones(2, "i4")},
        {"a": np.ones(0, "f4"), "b": np.ones(0, "f4")},
        {"a": np.ones(2, "i4"), "b": np.ones(2, "i4")},
        {"a": np.ones((2, 2, 2), "f4"), "b": np.ones((2, 2, 2), "f4")},
    ],
)
def test_what_is_not_one_vector_a_name(tmp_path: Path, write: Write, vectors: Table) -> None:
    reason = short_refusal(write(tmp_path, vectors), dtype="float32")
    assert any(found in reason for found in ("no array of two", "no floating-point matrix", "no tensor may be")), reason


@pytest.mark.parametrize("write", [as_npz, as_hdf5, as_safetensors])
@pytest.mark.parametrize("name", ["weight", "x.weight", "norm.bias", "bias", "bias:0", "gamma:0"])
def test_names_of_parameters_are_refused_and_taken_by_key(tmp_path: Path, write: Write, name: str) -> None:
    vectors = {name: np.array([1, 2], "f4"), "the": np.array([3, 4], "f4")}
    path = write(tmp_path, vectors)
    reason = f"no matrix, and of the names of its vectors, {name!r} is that of a layer's parameter"
    assert short_refusal(path) == f"/{path.name}: {reason}; `key='/'` takes all of them for words"
    assert words_and_rows(path, key="/") == expected(write, vectors)


@pytest.mark.parametrize("write", [as_npz, as_hdf5, as_safetensors])
def test_words_that_only_resemble_parameters(tmp_path: Path, write: Write) -> None:
    vectors = {name: np.full(2, row, "f4") for row, name in enumerate(["weights", "biased", "A*02:01", "arr_0"])}
    assert words_and_rows(write(tmp_path, vectors)) == expected(write, vectors)


def test_layers_of_keras_are_no_words(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for number in range(4):
            file[f"layers/batch_normalization/vars/{number}"] = np.ones(8, "f4")
    said = short_refusal(tmp_path / "t.h5")
    assert said.startswith(
        "/t.h5: no floating-point matrix: the file has layers/batch_normalization/vars/0 float32 (8,)"
    )


def test_a_group_of_one_is_taken_by_its_name_alone(tmp_path: Path) -> None:
    path = as_hdf5(tmp_path, {"a/x": np.array([1, 2], "f4"), "y": np.zeros(3, "f4")})
    assert words_and_rows(path, key="a") == (["x"], [[1, 2]])


def test_groups_and_what_key_names(tmp_path: Path) -> None:
    names = ["train/a", "train/b", "train/c", "test/d", "test/e"]
    vectors = {name: np.array([row, 1], "f4") for row, name in enumerate(names)}
    path = as_hdf5(tmp_path, vectors)
    which = "name one with `key=` (train, test)"
    assert short_refusal(path) == f"/t.h5: 2 groups of one vector for each name may be the table: {which}"
    assert words_and_rows(path, key="test/") == (["d", "e"], [[3, 1], [4, 1]])
    assert short_refusal(path, key="dev") == "/t.h5:dev: no such dataset or group in this file"


def test_names_that_are_not_utf8_and_links(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for name in (b"\xff", b"the"):
            h5py.h5d.create(file.id, name, h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((1,)))
            h5py.h5d.open(file.id, name).write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([name[0]], "f4"))
        file["soft"] = h5py.SoftLink("/the")
        file["external"] = h5py.ExternalLink("elsewhere.h5", "/the")
    links = "links among the names, not followed because they may lead out of the file: 2, the first 'external'"
    with (
        pytest.warns(embstore.EmbstoreWarning, match=f"^{links}$"),
        pytest.warns(embstore.EmbstoreWarning, match="^tokens that are not UTF-8"),
    ):
        assert words_and_rows(tmp_path / "t.h5") == (["the", "\udcff"], [[116], [255]])


@pytest.mark.parametrize("kind", ["external", "never written", "unknown filter"])
def test_each_vector_is_checked_before_it_is_read(tmp_path: Path, kind: str) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["a"] = np.ones(9000, "f4")
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if kind == "external":
            properties.set_external(b"/etc/hostname", 0, 36_000)
        else:
            properties.set_chunk((1000,))
        if kind == "unknown filter":
            properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
        h5py.h5d.create(file.id, b"b", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((9000,)), properties)
    reasons = {
        "external": "external storage, which reads other files: copy it into this one first",
        "never written": "claims 36,000 bytes, but 0 are stored: cut short, or never written",
        "unknown filter": "compressed with filter 32015 (), which is not supported: use gzip",
    }
    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(tmp_path / "t.h5", tmp_path / "out.safetensors")
    assert str(caught.value) == f"{tmp_path / 't.h5'}:b: {reasons[kind]}"
    assert [path.name for path in tmp_path.iterdir()] == ["t.h5"]


def test_a_child_that_looks_through_many_names_says_that_it_is_alive(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["w"] = np.array([1, 2], "f4")
        target = h5py.h5o.open(file.id, b"w")
        for number in range(contents.NAMES_AT_ONCE):
            h5py.h5o.link(target, file.id, b"w%d" % number)
        said: list[int] = []
        found = contents.look_through(file, lambda: said.append(1))
    assert (len(said), len(found.datasets), len(found.groups[""])) == (1, 1, contents.NAMES_AT_ONCE + 1)
    store = embstore.open(tmp_path / "t.h5")
    assert (len(store), store["w49999"].tolist()) == (contents.NAMES_AT_ONCE + 1, [1, 2])


def test_the_number_of_names_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MAX_NAMES", 10)
    as_hdf5(tmp_path, table(11))
    with h5py.File(tmp_path / "t.h5") as file, pytest.raises(contents.Refused) as caught:
        contents.look_through(file, lambda: None)
    assert str(caught.value) == "more than 10 names of groups and datasets"


def test_the_index_of_pytables_is_no_table(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["df/v"], file["df/w"] = np.ones((2, 2), "f4"), np.array([b"a", b"b"])
        file["df/_i_table/index/sorted"] = np.ones((2, 5))
        file["other/sorted"] = np.ones((2, 5))
        file["other"].attrs["CLASS"] = np.bytes_(b"INDEX")
    assert words_and_rows(tmp_path / "t.h5") == (["a", "b"], [[1, 1], [1, 1]])


def test_matrices_are_listed_with_the_likeliest_first(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for number in range(22):
            file[f"layer{number:02d}"] = np.ones((2, 2), "f4")
        file["x/word_emb"] = np.ones((1, 2), "f4")
        file["large"] = np.ones((9, 2), "f4")
    said = short_refusal(tmp_path / "t.h5")
    which = "name one with `key=` (x/word_emb float32 (1, 2), large float32 (9, 2), layer00 float32 (2, 2), "
    assert said.startswith(f"/t.h5: 24 matrices may be the table: {which}")
    assert said.endswith("layer17 float32 (2, 2) and 4 more)")


def test_records_with_rows_of_chunks(tmp_path: Path) -> None:
    kind = np.dtype([("index", "S6"), ("values_block_0", "<f8", (70,)), ("n", "<i4")])
    records = np.zeros(5000, kind)
    records["index"] = [b"w%d" % row for row in range(5000)]
    records["values_block_0"] = np.arange(350_000).reshape(5000, 70)
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("df/table", data=records, chunks=(333,), compression="gzip")
    words = [f"w{row}" for row in range(5000)]
    assert words_and_rows(tmp_path / "t.h5") == (words, records["values_block_0"].astype("f4").tolist())
    assert short_refusal(tmp_path / "t.h5", vocab="m") == (
        "/t.h5:df/table: no column 'm': it has index, values_block_0, n"
    )
    (tmp_path / "w.txt").write_text("".join(f"x{row}\n" for row in range(5000)))
    assert words_and_rows(tmp_path / "t.h5", vocab=tmp_path / "w.txt")[0][4999] == "x4999"


def test_a_matrix_wins_over_records_and_records_without_vectors_are_none(tmp_path: Path) -> None:
    scores = np.zeros(2, [("word", "S1"), ("score", "<f4")])
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["scores"] = scores
    said = short_refusal(tmp_path / "t.h5")
    assert said == f"/t.h5: no floating-point matrix: the file has scores {scores.dtype} (2,)"
    with h5py.File(tmp_path / "t.h5", "a") as file:
        file["v"], file["w"] = np.ones((2, 2), "f4"), np.array([b"a", b"b"])
        file["records"] = np.zeros(3, [("word", "S1"), ("v", "<f4", (2,))])
    assert words_and_rows(tmp_path / "t.h5") == (["a", "b"], [[1, 1], [1, 1]])
    assert words_and_rows(tmp_path / "t.h5", key="v") == (["a", "b"], [[1, 1], [1, 1]])


def test_a_group_is_checked_and_chosen() -> None:
    plain, other = Vector((2,), "float32", True), Vector((3,), "float32", True)
    with pytest.raises(ValueError, match=r"^no vectors, expected one for each name$"):
        check_group({})
    with pytest.raises(ValueError, match=r"^'b' is float32 \[3\], but 'a' float32 \[2\]: expected vectors alike$"):
        check_group({"a": plain, "b": other})
    assert choose_group({}) is None
    assert choose_group({"x": {"a": plain}, "y": {"a": plain, "b": plain}, "z": {"a": plain, "b": other}}) == "y"
    many = {f"g{number:02d}": {"a": plain, "b": plain} for number in range(25)} | {"emb": {"a": other, "b": other}}
    with pytest.raises(ValueError, match=r"^26 groups .* \(emb, g00, .*, g18 and 6 more\)$"):
        choose_group(many)
