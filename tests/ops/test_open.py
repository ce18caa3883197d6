"""`embstore.open`: stores are mapped, other files are read into memory, with the same interface."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import embstore
from embstore.core.errors import EmbstoreWarning, FormatError, UnknownFormatError


def results(store: embstore.Store) -> list[Any]:
    """Results that must be the same for mapped stores and stores in memory."""
    store.verify()
    return [
        store.shape, store.dtype, len(store), store.rows(["to", "x", "the"]).tolist(), store["of"].tolist(),
        store[["to", "the"]].tolist(), store.get("x", 0), list(store.itos), dict(store.stoi), store.vectors.tolist(),
        store.weight.tolist(), store.most_similar("the", topn=1)[0][0], store.block(1, 2).tolist(), "of" in store,
    ]  # fmt: skip


def test_stores_in_memory_and_mapped_ones_give_the_same_results(
    kernel: ModuleType, text_path: Path, tmp_path: Path
) -> None:
    embstore.convert(text_path, tmp_path / "s.safetensors")
    in_memory, mapped = embstore.open(text_path), embstore.open(tmp_path / "s.safetensors")
    assert (in_memory.mapped, mapped.mapped) == (False, True)
    assert results(in_memory) == results(mapped)
    in_memory.close()
    assert repr(in_memory) == "<Store, closed>"


def test_provenance_of_a_store_in_memory(text_path: Path) -> None:
    store = embstore.open(str(text_path))
    assert store.path == text_path
    assert repr(store) == "<Store t.txt: 3 x 2 float32>"
    assert store.metadata["embstore.source.name"] == "t.txt"
    assert store.metadata["embstore.source.size"] == "22"


def test_reading_options(text_path: Path, tmp_path: Path) -> None:
    assert list(embstore.open(text_path, limit=2).itos) == ["the", "of"]
    assert embstore.open(text_path, dim=1, limit=1)["the 1"].tolist() == [2]
    (tmp_path / "noname").write_bytes(text_path.read_bytes())
    assert len(embstore.open(tmp_path / "noname", format="glove")) == 3
    calls: list[tuple[int, int]] = []
    embstore.open(text_path, progress=lambda *step: calls.append(step))
    assert calls == [(22, 22)]


def test_a_store_with_options_is_read_into_memory(text_path: Path, tmp_path: Path) -> None:
    embstore.convert(text_path, tmp_path / "s.safetensors")
    store = embstore.open(tmp_path / "s.safetensors", limit=2)
    assert (store.mapped, list(store.itos)) == (False, ["the", "of"])
    assert embstore.open(tmp_path / "s.safetensors", format="store").mapped


@pytest.mark.parametrize(("duplicates", "kept"), [("first", [1, 2]), ("last", [5, 6])])
def test_repeated_tokens(tmp_path: Path, duplicates: Any, kept: list[float]) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\nof 3 4\nthe 5 6\n")
    with pytest.warns(EmbstoreWarning, match=r"^repeated tokens: 1, the first 'the'$"):
        store = embstore.open(tmp_path / "t.txt", duplicates=duplicates)
    assert store["the"].tolist() == kept
    assert store.shape == (2, 2)


def test_a_store_is_detected_from_its_first_bytes(tmp_path: Path) -> None:
    embstore.save(tmp_path / "s.safetensors", ["a"], np.ones((1, 1)))
    (tmp_path / "s.safetensors").rename(tmp_path / "vectors.txt")
    with pytest.warns(EmbstoreWarning, match="the bytes are store, though the suffix says glove; read as store$"):
        assert embstore.open(tmp_path / "vectors.txt").mapped


def test_files_without_a_known_format(tmp_path: Path) -> None:
    (tmp_path / "t.xyz").write_text("It was a dark night.\nThe rain fell.\n")
    with pytest.raises(
        UnknownFormatError, match=r"the format cannot be detected from the first bytes or the suffix '\.xyz';"
    ):
        embstore.open(tmp_path / "t.xyz")
    (tmp_path / "empty.txt").touch()
    with pytest.raises(FormatError) as caught:
        embstore.open(tmp_path / "empty.txt")
    assert str(caught.value) == f"{tmp_path / 'empty.txt'}: an empty file"
    with pytest.raises(FileNotFoundError):
        embstore.open(tmp_path / "missing.txt")
    with pytest.raises(FormatError, match="a folder that is not known as a table: name one of its files"):
        embstore.open(tmp_path)
