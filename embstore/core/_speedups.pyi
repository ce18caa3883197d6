import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

def hash_tokens(data: Bytes, offsets: Ints, seed: int) -> NDArray[np.uint64]: ...
def find_tokens(slots: Bytes, offsets: Bytes, data: Bytes, word_data: Bytes, word_offsets: Ints, seed: int) -> Ints: ...
def find_strings(slots: Bytes, offsets: Bytes, data: Bytes, words: list[str], seed: int) -> Ints: ...
def insert_tokens(
    slots: NDArray[np.uint64], data: Bytes, offsets: Ints, count: int, added: int, seed: int, spare: int
) -> tuple[Ints, int]: ...
def parse_rows(
    text: Bytes,
    position: int,
    stop: int,
    vectors: NDArray[np.float32],
    token_data: Bytes,
    token_offsets: Ints,
    row: int,
) -> tuple[int, int]: ...
def format_rows(
    token_data: Bytes, token_offsets: Ints, vectors: NDArray[np.float32], row: int, text: Bytes, position: int
) -> tuple[int, int]: ...
def split_rows(
    data: Bytes,
    position: int,
    stop: int,
    newlines: bool,
    rows: NDArray[np.uint8],
    token_data: Bytes,
    token_offsets: Ints,
    row: int,
) -> tuple[int, int]: ...
