"""fastText's `get_word_vector`, from the bytes of a golden model and the definition in its paper: no code of ours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from support.ngram_models import MODEL

VOCABULARY = ["</s>", "the", "frog", "žába", "a", "日本語"]
BUCKETS, DIM = 7, 3
OUTPUT_BYTES = 17 + 12  # what follows the last row of the input matrix in the file


def input_matrix() -> NDArray[np.float64]:
    """Return the rows of the words as the model stores them, then those of the buckets."""
    rows = len(VOCABULARY) + BUCKETS
    data = MODEL.read_bytes()
    return np.frombuffer(data[-OUTPUT_BYTES - 4 * rows * DIM : -OUTPUT_BYTES], "<f4").reshape(rows, DIM).astype("f8")


def buckets_of(word: str) -> list[int]:
    """Hash the n-grams of 2 to 4 characters of ``<word>`` with 32-bit FNV-1a over signed bytes."""
    if word == "</s>":
        return []
    marked, found = f"<{word}>", []
    for start in range(len(marked)):
        for stop in range(start + 2, min(start + 4, len(marked)) + 1):
            state = 2166136261
            for byte in marked[start:stop].encode():
                state = ((state ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
            found.append(state % BUCKETS)
    return found


def get_word_vector(word: str) -> NDArray[np.float64]:
    """Return the mean of a word's own row, if it has one, and of its n-grams' rows; zeros without any."""
    rows = [len(VOCABULARY) + bucket for bucket in buckets_of(word)]
    if word in VOCABULARY:
        rows.insert(0, VOCABULARY.index(word))
    return input_matrix()[rows].mean(axis=0) if rows else np.zeros(DIM)
