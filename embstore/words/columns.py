"""Words as users pass them, flattened: lists, NumPy arrays, and columns of pyarrow, pandas and polars."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sized
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Tokens
from embstore.core.dependencies import needed
from embstore.core.index import Vocab, pack_for_hashing

if TYPE_CHECKING:
    import pyarrow


class ArrowStream(Protocol):
    """A column of another library, such as a polars Series, that exports Arrow data as a stream."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the stream as a capsule."""


class ArrowArray(Protocol):
    """A column that exports Arrow data as one array."""

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        """Return the schema and the array as capsules."""


WordBags = Iterable[Iterable[str]] | ArrowStream | ArrowArray
"""Bags of words: lists of lists of str, or a column of lists."""

FlatWords = Iterable[str] | ArrowStream | ArrowArray
"""Words: an iterable of str, or a column of strings."""

Words = Iterable[str] | WordBags
"""A sentence, which is a list of str or a column of strings; or a batch of sentences, as bags."""

WordWeights = Iterable[float] | Iterable[Iterable[float]] | ArrowStream | ArrowArray
"""Weights of the words in bags: lists of lists of numbers, one flat list, or a column of either."""


WordsT = TypeVar("WordsT")


@dataclass(frozen=True, slots=True)
class Column:
    """A flat list of words.

    Attributes
    ----------
    words
        All words: a list of str, or packed.
    sizes
        The number of words in each row, int64 of shape (rows,); None if each row is one word.
    """

    words: list[str] | Tokens
    sizes: Ints | None

    def words_at(self, positions: Ints) -> list[str]:
        """Return the words at the given positions as str."""
        if isinstance(self.words, list):
            return [self.words[i] for i in positions.tolist()]
        data = self.words.data
        starts, stops = self.words.offsets[positions].tolist(), self.words.offsets[positions + 1].tolist()
        try:
            return [data[start:stop].tobytes().decode() for start, stop in zip(starts, stops, strict=True)]
        except UnicodeDecodeError:
            tokens = (data[start:stop].tobytes() for start, stop in zip(starts, stops, strict=True))
            return [token.decode("utf-8", "surrogateescape") for token in tokens]

    def strings(self) -> list[str]:
        """Return all words as str."""
        return self.words_at(np.arange(len(self.words)))

    def packed(self) -> Tokens:
        """Return all words, packed."""
        return pack_for_hashing(self.words) if isinstance(self.words, list) else self.words

    def packed_at(self, positions: Ints) -> Tokens:
        """Return the words at the given positions, packed."""
        if isinstance(self.words, list):
            return pack_for_hashing(self.words_at(positions))
        return self.words.take(positions)


def flatten(words: Words, length: int | None = None) -> Column:
    """Flatten a sentence, or a batch of sentences.

    Parameters
    ----------
    words
        A sentence (list of str, column of strings) or a batch of them (list of lists, column of lists).
    length
        The maximum number of words to take from the start of each sentence.

    Raises
    ------
    TypeError
        For one string, or for items that are not words.
    ValueError
        For a column with nulls.
    """
    if isinstance(words, str | bytes):
        raise TypeError(f"expected a list of words, or of lists of words, not {words!r}")
    rows: Any = words
    if not isinstance(words, list | tuple):
        arrow = as_arrow(words)
        if arrow is not None:
            return _flatten_arrow(arrow, length)
        rows = rows.tolist() if getattr(rows, "ndim", 0) else list(rows)
    if not len(rows) or isinstance(rows[0], str):
        return Column(list(rows[:length]), None)
    kinds = set(map(type, rows))
    if any(issubclass(kind, str | bytes) or not hasattr(kind, "__len__") for kind in kinds):
        named = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise TypeError(f"expected a list of words, or of lists of words, not a list of {named}")
    if length is not None:
        rows = [row[:length] for row in rows]
    return Column(list(chain.from_iterable(rows)), sizes_of(rows))


def rows_of(vocab: Vocab, words: FlatWords) -> Ints:
    """Return the rows of words: int64 of shape (words,), -1 for an unknown word.

    Raises TypeError for one string, for items that are not words, and for a column of anything but strings; ValueError
    for a column with nulls.
    """
    if isinstance(words, str):
        raise TypeError("rows takes a list of words; for one word use stoi[word]")
    column = _flat_column(words)
    return vocab.rows(cast("Iterable[str]", words)) if column is None else vocab.packed_rows(column.packed())


def in_row_order(words: WordsT) -> WordsT | list[str]:
    """Return the words of a mapping from word to row, such as ``tokenizer.get_vocab()``, by row; others as they are.

    Such mappings come in any order. One is known by its values: each number from 0 to its length once.
    """
    if not isinstance(words, Mapping) or not all(type(row) is int for row in words.values()):
        return words
    return sorted(words, key=words.__getitem__) if sorted(words.values()) == list(range(len(words))) else words


def listed(words: FlatWords) -> list[str]:
    """Return words as a list; the same errors as `rows_of`, except that items of a list are not checked."""
    column = _flat_column(words)
    return list(cast("Iterable[str]", words)) if column is None else column.strings()


def _flat_column(words: FlatWords) -> Column | None:
    """Return a column of strings, None for any other object."""
    arrow = None if isinstance(words, list | tuple) else as_arrow(words)
    if arrow is None:
        return None
    column = _flatten_arrow(arrow, None)
    if column.sizes is not None:
        raise TypeError(f"expected a column of strings, not one of {arrow.type}")
    return column


def sizes_of(rows: Collection[Sized]) -> Ints:
    """Return the lengths of rows: int64 of shape (rows,)."""
    return np.fromiter(map(len, rows), np.int64, len(rows))


def as_arrow(values: object) -> pyarrow.Array | pyarrow.ChunkedArray | None:
    """Return an Arrow-backed column as a pyarrow array, None for any other object; only a column imports pyarrow."""
    if type(values).__module__.startswith("pandas."):
        values = getattr(values, "array", values)
    if not any(hasattr(values, name) for name in ("__arrow_c_stream__", "__arrow_c_array__", "__arrow_array__")):
        return None
    with needed("pyarrow", "a column of strings"):
        import pyarrow
    if isinstance(values, pyarrow.Array | pyarrow.ChunkedArray):
        return values
    return pyarrow.chunked_array(values) if hasattr(values, "__arrow_c_stream__") else pyarrow.array(values)


def _flatten_arrow(column: pyarrow.Array | pyarrow.ChunkedArray, length: int | None) -> Column:
    from pyarrow import compute

    nested, kind = _word_type(column.type)
    if kind not in ("string", "large_string", "string_view", "null"):
        raise TypeError(f"expected a column of strings or of lists of strings, not one of {column.type}")
    if not nested:
        return Column(_packed(column if length is None else column[:length], "a word"), None)
    _refuse_nulls(column, "a row")
    if length is not None:
        column = compute.list_slice(column, 0, length)
    # The lists themselves are not cast, as pyarrow 26 corrupts list views in casts.
    sizes = np.asarray(compute.list_value_length(column)).astype(np.int64)
    return Column(_packed(compute.list_flatten(column), "a word in the lists"), sizes)


def _word_type(kind: pyarrow.DataType) -> tuple[bool, str]:
    """Return whether the rows of a column are lists, and the name of the type of its words."""
    nested = hasattr(kind, "value_field")
    kind = kind.value_type if nested else kind
    return nested, str(kind.value_type if hasattr(kind, "index_type") else kind)


def _refuse_nulls(column: pyarrow.Array | pyarrow.ChunkedArray, what: str) -> None:
    if column.null_count:
        first = column.is_null().index(True).as_py()
        raise ValueError(
            f"{column.null_count} nulls in the column: {what} is null (first: number {first}); "
            f"fill them first, with fill_null in pyarrow and polars or fillna in pandas"
        )


def _packed(strings: pyarrow.Array | pyarrow.ChunkedArray, what: str) -> Tokens:
    """Return a view of the words of a column of strings."""
    import pyarrow

    if pyarrow.types.is_dictionary(strings.type):  # may have string views, as in polars, which pyarrow cannot decode
        strings = strings.cast(pyarrow.dictionary(strings.type.index_type, pyarrow.large_string()))
    strings = strings.cast(pyarrow.large_string())
    _refuse_nulls(strings, what)
    if isinstance(strings, pyarrow.ChunkedArray):
        strings = strings.combine_chunks()
    if not len(strings):
        return Tokens.pack([])
    _, bounds, data = strings.buffers()
    offsets = np.frombuffer(bounds, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    whole = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return Tokens(whole[offsets[0] : offsets[-1]], offsets - offsets[0])


def flatten_weights(weights: WordWeights, sizes: Ints) -> NDArray[np.float32]:
    """Flatten the weights of words: a list or column of lists as long as the bags, or one number for each word.

    Raises ValueError if a bag has more or fewer weights than words.
    """
    rows: Any = weights
    if not isinstance(weights, list | tuple | np.ndarray):
        arrow = as_arrow(weights)
        rows = arrow.to_pylist() if arrow is not None else list(rows)
    if len(rows) and hasattr(rows[0], "__len__"):
        found = sizes_of(rows)
        if not np.array_equal(found, sizes):
            raise ValueError(_length_mismatch(found, sizes))
        return np.fromiter(chain.from_iterable(rows), np.float32, int(found.sum()))
    flat = np.asarray(rows, np.float32)
    if flat.shape != (sizes.sum(),):
        raise ValueError(f"{len(flat)} weights for {sizes.sum()} words: each word in the bags needs one")
    return flat


def _length_mismatch(found: Ints, sizes: Ints) -> str:
    if len(found) != len(sizes):
        return f"weights for {len(found)} bags, but there are {len(sizes)} bags"
    bag = int(np.flatnonzero(found != sizes)[0])
    return f"bag {bag} has {sizes[bag]} words and {found[bag]} weights: each word needs one"
