"""How often a word was seen: kept from a list of words to the layers' store, and checked as all else in it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import embstore

WORDS = {"the": 900, "cat": 50, "frog": 7}
COUNTED = "ignore:numbers beside words taken as their counts:embstore.EmbstoreWarning"
pytestmark = pytest.mark.filterwarnings(COUNTED)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "m.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    (tmp_path / "vocab.txt").write_text("".join(f"{word} {count}\n" for word, count in WORDS.items()))
    embstore.convert(tmp_path / "m.npy", tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def counts_of(store: embstore.Store) -> dict[str, int] | None:
    return None if store.counts is None else dict(zip(store.itos, store.counts.tolist(), strict=True))


def test_counts_are_kept(path: Path) -> None:
    store = embstore.open(path)
    assert counts_of(store) == WORDS
    assert counts_of(embstore.open(path.with_suffix(".npy"))) == WORDS
    assert load_file(path)["vocab.counts"].tolist() == list(WORDS.values())
    store.verify()
    assert counts_of(pickle.loads(pickle.dumps(store))) == WORDS
    assert counts_of(pickle.loads(pickle.dumps(embstore.open(path, limit=2)))) == {"the": 900, "cat": 50}
    assert store.counts is not None
    with pytest.raises(ValueError, match="read-only"):
        store.counts[0] = 1
    store.close()
    with pytest.raises(ValueError, match=r"^this store is closed$"):
        store.counts  # noqa: B018


def test_counts_follow_their_rows(path: Path, tmp_path: Path) -> None:
    for options, expected in (
        ({"limit": 2}, {"the": 900, "cat": 50}),
        ({"vocab_only": ["frog", "the"]}, {"the": 900, "frog": 7}),
        ({"normalize": True}, WORDS),
        ({"dtype": "int8", "lower": True, "oov": "hash:2", "padding": True}, WORDS),
    ):
        embstore.convert(path, tmp_path / "out.safetensors", overwrite=True, **options)
        store = embstore.open(tmp_path / "out.safetensors")
        assert counts_of(store) == expected
        store.verify()


def test_other_sources_have_none(path: Path, tmp_path: Path) -> None:
    embstore.save(tmp_path / "plain.safetensors", ["a"], [[1.0]])
    assert embstore.open(tmp_path / "plain.safetensors").counts is None
    assert embstore.concat([path, path]).counts is None


def test_damage_in_counts_is_found(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    place = raw.index((900).to_bytes(8, "little"))
    raw[place] ^= 1
    path.write_bytes(raw)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path).verify()
    reason = "its bytes do not have the sha256 in the header: damaged, convert or download it again"
    assert str(caught.value) == f"{path}:vocab.counts: {reason}"
