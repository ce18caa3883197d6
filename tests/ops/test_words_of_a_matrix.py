"""A matrix is never read with the words of another: links, names in common, kills, files of other users."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import numpy as np
import pytest
from support.tables import in_memory, words_and_rows

import embstore
from embstore.core.errors import EmbstoreError, FormatError
from embstore.files.temporary import owner_of, temporary_name
from embstore.store.store import Store


def table(name: str, number: float) -> Store:
    return in_memory({f"{name}{i}": [number, i] for i in range(2)})


OLD, NEW = table("old", 1), table("new", 2)
TABLES = {name: (list(store.itos), store.vectors.tolist()) for name, store in (("old", OLD), ("new", NEW))}


def test_words_beside_a_link_are_not_taken_for_those_of_its_new_target(tmp_path: Path) -> None:
    """As in the cache of huggingface_hub: the link has a common word list beside it."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    embstore.convert(OLD, blobs / "x.npy")
    (blobs / "x.vocab.txt").rename(snapshot / "vocab.txt")
    (snapshot / "m.npy").symlink_to("../blobs/x.npy")
    assert words_and_rows(snapshot / "m.npy") == TABLES["old"]
    embstore.convert(NEW, snapshot / "m.npy", overwrite=True)
    assert words_and_rows(snapshot / "m.npy") == TABLES["new"]


def test_words_that_another_matrix_would_be_read_with_are_not_written(tmp_path: Path) -> None:
    embstore.convert(OLD, tmp_path / "m.npy")
    (tmp_path / "m.vocab.txt").rename(tmp_path / "vocab.txt")
    with pytest.raises(FileExistsError) as caught:
        embstore.convert(NEW, tmp_path / "m.safetensors", to="safetensors")
    reason = f"would be read with the words of {tmp_path / 'm.safetensors'}, as both have one name: move it"
    assert str(caught.value) == f"{tmp_path / 'm.npy'}: {reason}"
    assert words_and_rows(tmp_path / "m.npy") == TABLES["old"]
    embstore.convert(NEW, tmp_path / "m.safetensors")  # a store has its own words
    embstore.convert(NEW, tmp_path / "m.npy", overwrite=True)


def test_a_word_list_that_is_a_link_is_replaced_itself(tmp_path: Path) -> None:
    (tmp_path / "words.list").write_text("old0\nold1\n")
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", OLD.vectors)
        (tmp_path / f"{name}.vocab.txt").symlink_to("words.list")
    embstore.convert(NEW, tmp_path / "a.npy", overwrite=True)
    assert words_and_rows(tmp_path / "a.npy") == TABLES["new"]
    assert words_and_rows(tmp_path / "b.npy") == TABLES["old"]


def abandoned(path: Path, words: Path, suffix: str = ".old") -> Path:
    """Give words the temporary name that they have when the writer of a matrix is killed."""
    return words.rename(path.parent / f".{words.name}.0123456789ab-{owner_of(path.stat())}{suffix}")


@pytest.mark.parametrize("other", ["m.vocab.json", "vocab.txt", "tokenizer.json"])
def test_no_other_words_are_taken_for_those_that_a_kill_left_aside(tmp_path: Path, other: str) -> None:
    path = tmp_path / "m.npy"
    embstore.convert(OLD, path)
    left = abandoned(path, tmp_path / "m.vocab.txt")
    (tmp_path / other).write_text('["wrong", "words"]')
    with pytest.raises(FormatError) as caught:
        embstore.open(path)
    reason = f"{left.name} has them; rename that file to m.vocab.txt, or convert again"
    assert str(caught.value) == (
        f"{path}: the program that wrote it was killed before its words had their name: {reason}"
    )
    left.rename(tmp_path / "m.vocab.txt")
    assert words_and_rows(path) == TABLES["old"]


def test_words_that_a_kill_left_of_another_matrix_stay(tmp_path: Path) -> None:
    """Long names are cut to one beginning in their temporary names."""
    path, other = (tmp_path / f"{'x' * 225}{letter}.npy" for letter in "AB")
    embstore.convert(OLD, path)
    words = path.with_name(f"{path.stem}.vocab.txt")
    left = words.rename(tmp_path / temporary_name(words.name, owner_of(path.stat()), ".old"))
    embstore.convert(NEW, other)
    assert left.exists()
    assert words_and_rows(other) == TABLES["new"]
    embstore.convert(NEW, path, overwrite=True)
    assert not left.exists()


def test_remains_of_other_users_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    embstore.convert(OLD, path)
    (tmp_path / "m.vocab.txt").rename(tmp_path / "vocab.txt")
    planted = tmp_path / f".m.vocab.txt.0123456789ab-{owner_of(path.stat())}.tmp"
    planted.write_text("planted\nwords\n")
    if os.geteuid() == 0:
        os.chown(planted, 65534, 65534)
        assert words_and_rows(path) == TABLES["old"]
    else:  # one's own are believed
        with pytest.raises(FormatError, match="was killed before its words had their name"):
            embstore.open(path)


def test_a_lock_of_the_folder_delays_a_pair_only_for_seconds(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    start = time.monotonic()
    embstore.convert(NEW, tmp_path / "m.npy")
    os.close(descriptor)
    assert time.monotonic() - start < 60
    assert words_and_rows(tmp_path / "m.npy") == TABLES["new"]


def test_the_words_of_the_source_are_not_replaced(tmp_path: Path) -> None:
    embstore.convert(OLD, tmp_path / "m.npy")
    (tmp_path / "other.txt").write_text("a\nb\n")
    for target, vocab in (("m.vocab.txt", None), ("other.txt", tmp_path / "other.txt")):
        with pytest.raises(EmbstoreError) as caught:
            embstore.convert(tmp_path / "m.npy", tmp_path / target, to="glove", overwrite=True, vocab=vocab)
        reason = f"has the words of {tmp_path / 'm.npy'}, which could not be read without it: write another file"
        assert str(caught.value) == f"{tmp_path / target}: {reason}"
    assert words_and_rows(tmp_path / "m.npy") == TABLES["old"]
