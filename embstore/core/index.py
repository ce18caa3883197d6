"""The vocabulary of a store over its mapped bytes: stoi, itos, and building the index."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from embstore.core import kernels
from embstore.core.batch import Bytes, Ints, Tokens, offsets_of
from embstore.core.errors import EmbstoreError, FormatError, UnknownTokenError

MAX_TOKENS = (1 << 32) - 2  # a slot stores row + 1 in 32 bits
SPARE = 64  # steps from home that tokens may take together in an empty index; each token adds 2
LONGEST_RUN = 256  # slots in use one after the other, all of which the search for an unknown word may look at
SEEDS = 16  # seeds tried for one vocabulary; one in a hundred does not suit it by chance


def slots_for(tokens: int) -> int:
    """Return the number of slots of an index: the smallest power of two, at least 2, that is at most half full."""
    return 1 << max(1, (2 * tokens - 1).bit_length())


class Vocab:
    """Words to rows and back, by bounded probes into three arrays whose contents need not be valid.

    Parameters
    ----------
    slots, offsets, data
        The arrays of formats/store/SPEC.md as uint8 views, of any alignment.
    seed
        Seed of the hash.
    path
        The file that they are in, for errors; empty for arrays in memory.
    """

    def __init__(self, slots: Bytes, offsets: Bytes, data: Bytes, seed: int = 0, path: str = "") -> None:
        self.slots, self.offsets, self.data, self.seed, self.path = slots, offsets, data, seed, path
        self._bounds = offsets.view("<i8")
        self.size = len(self._bounds) - 1

    def rows(self, words: Iterable[str]) -> Ints:
        """Rows of words: int64 of shape (words,), -1 for an unknown word.

        A word has the row of the token whose string in `Itos` is equal to it, so different words have different rows.
        Raises TypeError for an item that is not a str.
        """
        listed = words if type(words) is list else list(words)
        try:
            return kernels.find_strings(self.slots, self.offsets, self.data, listed, self.seed)
        except UnicodeEncodeError:  # lone surrogates, which stand in `itos` for bytes that are not UTF-8
            return self._rows_with_surrogates(listed)

    def _rows_with_surrogates(self, words: list[str]) -> Ints:
        """Do the same as `rows` for words that may contain lone surrogates."""
        tokens = [token_of(word) for word in words]
        rows = self.packed_rows(Tokens.pack(token or b"" for token in tokens))
        rows[[token is None for token in tokens]] = -1
        return rows

    def packed_rows(self, words: Tokens) -> Ints:
        """Rows of packed words: int64 of shape (words,), -1 for an unknown word."""
        return kernels.find_tokens(self.slots, self.offsets, self.data, words.data, words.offsets, self.seed)

    def token(self, row: int) -> bytes:
        """Return the bytes of the token of a row in [0, size)."""
        start, stop = int(self._bounds[row]), int(self._bounds[row + 1])
        if not 0 <= start <= stop <= len(self.data):
            raise self._damaged(f"the token of row {row} is outside the token bytes")
        return self.data[start:stop].tobytes()

    def tokens(self, start: int, stop: int) -> Tokens:
        """Return a copy of the packed tokens of the rows [start, stop), with checked offsets."""
        tokens = self.view_tokens(start, stop)
        return Tokens(tokens.data.copy(), tokens.offsets)

    def view_tokens(self, start: int, stop: int) -> Tokens:
        """Do the same as `tokens`, but with a view of the bytes."""
        bounds = self._bounds[start : stop + 1].astype(np.int64)
        if bounds[0] < 0 or bounds[-1] > len(self.data) or (bounds[1:] < bounds[:-1]).any():
            raise self._damaged("token offsets decrease or point outside the token bytes")
        return Tokens(self.data[bounds[0] : bounds[-1]], bounds - bounds[0])

    def _damaged(self, reason: str) -> EmbstoreError:
        reason = f"{reason}: the store is damaged, verify it"
        return FormatError(self.path, reason, format="store") if self.path else EmbstoreError(reason)


def token_of(word: str) -> bytes | None:
    r"""Return the bytes of the token whose string in `Itos` is `word`; None if no token can have this string.

    The string of a token is its bytes decoded as UTF-8, where each byte that is not UTF-8 becomes a lone surrogate
    (Python's surrogateescape). No token has any other string with lone surrogates: neither ``"\ud800"`` nor
    ``"\udcc3\udca9"``, since the bytes C3 A9 are valid UTF-8 and decode to ``"é"``.
    """
    if not isinstance(word, str):
        raise TypeError(f"a word must be a str, not {type(word).__name__}")
    try:
        return word.encode()
    except UnicodeEncodeError:
        pass
    try:
        token = word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return token if token.decode("utf-8", "surrogateescape") == word else None


def pack_tokens(words: list[str], first: int = 0) -> Tokens:
    """Pack words as the tokens that have these strings, so that each word finds its row.

    Raises ValueError for the first word that cannot be the string of a token; its position is counted from `first`.
    """
    try:
        return _pack_utf8(words)
    except UnicodeEncodeError:
        tokens = [token_of(word) for word in words]
    if None in tokens:
        position = tokens.index(None)
        raise ValueError(_no_token_message(first + position, words[position]))
    return Tokens.pack(token for token in tokens if token is not None)


def _no_token_message(position: int, word: str) -> str:
    try:
        string = word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return f"token {position}, {word!r}, has a lone surrogate, which UTF-8 cannot encode: correct or remove it"
    return f"token {position}, {word!r}, has surrogate escapes for the bytes of {string!r}: use that string instead"


def pack_for_hashing(words: list[str]) -> Tokens:
    """Pack words as the bytes that are hashed (formats/oov/SPEC.md); any lone surrogates are allowed.

    Surrogate escapes become the original bytes. If a word has other lone surrogates, they are encoded as WTF-8, in 3
    bytes each. So different words may have the same bytes.
    """
    try:
        return _pack_utf8(words)
    except UnicodeEncodeError:
        return Tokens.pack([_wtf8(word) for word in words])


def _wtf8(word: str) -> bytes:
    try:
        return word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return word.encode("utf-8", "surrogatepass")


def _pack_utf8(words: list[str]) -> Tokens:
    """Pack words; raises UnicodeEncodeError for lone surrogates."""
    data = np.frombuffer("".join(words).encode(), np.uint8)
    offsets = offsets_of(np.fromiter(map(len, words), np.int64, len(words)))  # in characters
    if len(data) != offsets[-1]:
        firsts = np.flatnonzero(data & 0xC0 != 0x80)  # the first byte of each character
        offsets = np.append(firsts, len(data))[offsets]
    return Tokens(data, offsets)


class Stoi(Mapping[str, int]):
    """String to index: a read-only mapping that looks words up in the mapped index, without loading it."""

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab

    def __getitem__(self, word: str) -> int:
        row = int(self._vocab.rows([word])[0]) if isinstance(word, str) else -1
        if row < 0:
            raise UnknownTokenError([word])
        return row

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and bool(self._vocab.rows([word])[0] >= 0)

    def __len__(self) -> int:
        return self._vocab.size

    def __iter__(self) -> Iterator[str]:
        return iter(Itos(self._vocab))

    def __repr__(self) -> str:
        return f"<stoi of {len(self):,} tokens>"


class Itos(Sequence[str]):
    """Index to string: a read-only sequence that decodes tokens from the mapped bytes, without loading them.

    Bytes that are not UTF-8 become lone surrogates (surrogateescape). Each string finds its row in `Stoi`, and no
    other string does.
    """

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        size = len(self)
        if not -size <= row < size:
            raise IndexError(f"row {row} is out of range for a vocabulary of {size:,} tokens")
        return self._vocab.token(row % size).decode("utf-8", "surrogateescape")

    def __len__(self) -> int:
        return self._vocab.size

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 65536):
            for token in self._vocab.tokens(start, min(start + 65536, len(self))).to_bytes():
                yield token.decode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"<itos of {len(self):,} tokens>"


class VocabBuilder:
    """Collects distinct tokens in their order, and their index; both grow as needed.

    The same tokens in the same order make the same arrays, whatever the batches. Tokens that were chosen to collide in
    the index are inserted under another seed, which nobody can know in advance: while tokens are added it is random,
    and at the end it is derived from all of them (formats/hash/SPEC.md).

    Attributes
    ----------
    size
        Number of distinct tokens.
    seed
        Seed of the hash.
    """

    def __init__(self, expected: int = 0) -> None:
        self.size = self.seed = 0
        self._spare, self._unsuited = SPARE, 0
        self._slots = np.zeros(slots_for(min(expected, 1 << 24)), np.uint64)
        self._offsets = np.zeros(1024, np.int64)
        self._data = np.empty(8192, np.uint8)

    def add(self, tokens: Tokens) -> Ints:
        """Add tokens; return the row of each: int64 of shape (tokens,).

        A new token has a higher row than all tokens before it, a repeated token the row of the first equal one.
        Raises EmbstoreError for too many tokens.
        """
        rows = self._insert(tokens)
        if len(rows) == len(tokens):
            return rows
        parts, done = [rows], len(rows)
        while done < len(tokens):
            self._rebuild(len(self._slots), _random_seeds())
            parts.append(self._insert(tokens[done:]))
            done += len(parts[-1])
        return np.concatenate(parts)

    def _insert(self, tokens: Tokens) -> Ints:
        """Add tokens up to the first that is too far from its home slot; return the rows of the added ones."""
        count, used = len(tokens), int(self._offsets[self.size])
        if self.size + count > MAX_TOKENS:
            raise EmbstoreError(f"more than {MAX_TOKENS:,} tokens, the maximum of a store")
        self._offsets = _enlarged(self._offsets, self.size + count + 1)
        self._data = _enlarged(self._data, used + int(tokens.offsets[-1]))
        self._data[used : used + int(tokens.offsets[-1])] = tokens.data[: tokens.offsets[-1]]
        self._offsets[self.size + 1 : self.size + count + 1] = tokens.offsets[1:] + used
        if 2 * (self.size + count) > len(self._slots):
            self._rebuild(slots_for(self.size + count), chain([self.seed], _random_seeds()))
        rows, self._spare = kernels.insert_tokens(
            self._slots, self._data, self._offsets, self.size, count, self.seed, self._spare
        )
        self.size = max(self.size, int(rows.max(initial=-1)) + 1)
        if len(rows) < count and self.seed == 0:
            self._unsuited = len(self._slots)
        return rows

    def _rebuild(self, slots: int, seeds: Iterable[int], *, final: bool = False) -> None:
        """Index all tokens again, in another number of slots and under the first seed that suits them.

        With `final` also no run of slots in use may be long.
        """
        for seed in seeds:
            self.seed = seed
            if len(self._slots) == slots:
                self._slots.fill(0)  # new memory would cost as much as filling the table
            else:
                self._slots = np.zeros(slots, np.uint64)
            rows, self._spare = kernels.insert_tokens(self._slots, self._data, self._offsets, 0, self.size, seed, SPARE)
            if len(rows) == self.size and not (final and has_long_run(self._slots)):
                return
        raise EmbstoreError(f"the tokens collide in the index under each of {SEEDS} seeds")

    def token(self, row: int) -> bytes:
        """Return the bytes of the token of a row in [0, size)."""
        return self._data[self._offsets[row] : self._offsets[row + 1]].tobytes()

    def finish(self) -> tuple[NDArray[np.uint64], Ints, Bytes]:
        """Return slots, offsets and bytes as a store has them: views, so no tokens may be added afterwards."""
        slots = slots_for(self.size)
        # larger than necessary because of repeated tokens, or a random seed, or tokens side by side
        if len(self._slots) != slots or self.seed or has_long_run(self._slots):
            zero = [] if self._unsuited == slots else [0]
            self._rebuild(slots, chain(zero, self._derived_seeds()), final=True)
        return self._slots, self._offsets[: self.size + 1], self._data[: self._offsets[self.size]]

    def _derived_seeds(self) -> Iterator[int]:
        """Yield the seeds that formats/hash/SPEC.md derives from a vocabulary."""
        offsets = self._offsets[: self.size + 1].astype("<i8", copy=False)
        parts = offsets.data.cast("B"), self._data[: offsets[-1]].data
        digests = b"".join(hashlib.sha256(part).digest() for part in parts)
        for number in range(1, SEEDS):
            derived = hashlib.sha256(digests + number.to_bytes(8, "little")).digest()
            yield int.from_bytes(derived[:8], "little")

    def vocab(self) -> Vocab:
        """Return the vocabulary, which uses the memory of the builder."""
        slots, offsets, data = self.finish()
        return Vocab(slots.view(np.uint8), offsets.view(np.uint8), data, self.seed)


def has_long_run(slots: NDArray[np.uint64]) -> bool:
    """Return whether more than `LONGEST_RUN` slots in use follow each other; after the last comes the first."""
    half = LONGEST_RUN // 2
    if len(slots) <= LONGEST_RUN or (slots.reshape(-1, half) == 0).any(axis=1).all():
        return False  # a long run has a whole block of half its length
    free = np.flatnonzero(slots == 0)
    return bool(np.diff(free, append=free[0] + len(slots)).max() > LONGEST_RUN + 1)


def _random_seeds() -> Iterator[int]:
    return (int.from_bytes(os.urandom(8), "little") for _ in range(SEEDS))


def _enlarged(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the array, or a larger copy, if it has fewer than `size` items."""
    if size <= len(array):
        return array
    larger = np.empty(max(size, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger
