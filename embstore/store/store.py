"""`Store`: vectors by word, over a mapped file, which opens in constant time, or in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embstore.core.batch import Bytes, Ints, Source, Vectors
from embstore.core.errors import FormatError
from embstore.core.index import Itos, Stoi, Vocab
from embstore.core.options import Duplicates
from embstore.files.input import Input
from embstore.search import exact
from embstore.search.exact import Neighbours
from embstore.store.header import DIGEST_KEY
from embstore.store.mapped import Advice, map_store
from embstore.store.reopening import Reopen
from embstore.store.rows import DecodedRows, Rows
from embstore.store.verify import verify_store

if TYPE_CHECKING:
    from embstore.search.queries import Queries, Query
    from embstore.words.columns import FlatWords
    from embstore.words.policy import OovLike

Default = TypeVar("Default")

REPLACED = "the file was replaced by another table since it was first opened: open it again"

OPEN = ("_table", "vocab", "stoi", "itos", "counts")
"""The attributes that a store has until it is closed: each read gives all of it or an error, in any thread."""


class Store:
    """Vectors by word.

    Made by `embstore.open`, which maps a store file and reads any other file into memory. A store is a context manager.
    It pickles as its path; as its contents if it has no path, or if the path leads to another file by now. Rows may
    come from any backend that implements `rows.Rows`.

    Attributes
    ----------
    path
        The file, or None for a table made in memory.
    dtype
        Dtype of the stored rows: ``float32``, ``float16``, ``bfloat16`` or ``int8``.
    metadata
        The metadata of the header: strings by key.
    stoi
        String to index: a `Mapping` from word to row.
    itos
        Index to string: a `Sequence` of words.
    counts
        How often each token was seen in the text that the vectors were made from, int64 of shape (tokens,), a
        read-only view; None if the source of the store did not say.
    norms
        Lengths of the vocabulary's rows, (tokens,), after the first search; None before.

    Examples
    --------
    >>> glove = embstore.open("glove.6B.50d.safetensors")
    >>> glove
    <Store glove.6B.50d.safetensors: 400,000 x 50 float32, mapped>
    >>> glove.stoi["the"], glove.itos[0], "qzxv" in glove
    (0, 'the', False)
    >>> glove["frog"].shape, glove[["frog", "toad"]].shape, glove.vectors.shape
    ((50,), (2, 50), (400000, 50))
    >>> list(glove)[:3]
    ['the', ',', '.']
    """

    def __init__(
        self,
        rows: Rows,
        vocab: Vocab,
        metadata: dict[str, str],
        *,
        counts: Ints | None = None,
        path: Path | None = None,
        reopen: Reopen | None = None,
    ) -> None:
        self._table = DecodedRows(rows, vocab.size)
        self.vocab, self.stoi, self.itos = vocab, Stoi(vocab), Itos(vocab)
        self.metadata, self.dtype, self.path, self.counts = metadata, rows.dtype, path, counts
        self.norms: NDArray[np.float32] | None = None
        self.reopen = reopen

    @classmethod
    def open(cls, path: str | Path, *, advise: Advice = "normal") -> Store:
        """Map a store file copy-on-write; only its header is read.

        Parameters
        ----------
        path
            A store file, as `embstore.convert` writes it.
        advise
            Advice to the kernel about the access pattern: ``random`` for a few scattered words of a large file that is
            not cached, ``willneed`` to read the whole file ahead, ``sequential``.

        Raises
        ------
        FormatError
            If the header is not that of a store. The arrays are not read: `verify` checks them.

        Examples
        --------
        >>> with embstore.Store.open("glove.6B.50d.safetensors", advise="random") as glove:
        ...     print(glove["frog"][:2])
        [ 0.61038 -0.20757]
        """
        with Input(Path(path).absolute()) as source:
            return map_input(source, advise=advise)

    def __getattr__(self, name: str) -> NoReturn:  # called for what an open store has as an attribute
        if name in OPEN:
            raise ValueError("this store is closed")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    @property
    def dim(self) -> int:
        """Numbers in a vector (embedding_dim)."""
        return self._table.dim

    @property
    def shape(self) -> tuple[int, int]:
        """Number of tokens, and dim."""
        table = self._table
        return len(table), table.dim

    @property
    def special(self) -> int:
        """Number of special rows, after the vocabulary's: padding, unknown words, buckets of hashes or n-grams."""
        table = self._table
        return table.rows.shape[0] - len(table)

    @property
    def mapped(self) -> bool:
        """Whether the rows are in a mapped file, so that `mapped_rows` does not return None."""
        return self._table.rows.mapped is not None

    @property
    def weight(self) -> Vectors:
        """All rows, the vocabulary's followed by the special rows: (rows, dim).

        A read-only view; for ``bfloat16``, which NumPy lacks, and ``int8`` a float32 copy. The view is read-only for
        NumPy; C code that takes its address, such as ``faiss.normalize_L2``, can write through it. That changes what
        this store and the layers over it return, in private memory, page by page; never the file, nor what another
        store over it returns. For such code take a copy: ``store.vectors.copy()``.
        """
        table = self._table
        return table.block(0, table.rows.shape[0])

    @property
    def vectors(self) -> Vectors:
        """The rows of the vocabulary: (tokens, dim); a view or a copy like `weight`, which says who can write to it."""
        table = self._table
        return table.block(0, len(table))

    def block(self, start: int, stop: int, *, encoded: bool = False) -> NDArray[Any]:
        """Return the rows [start, stop) of `weight`; no other row is read or decoded.

        Parameters
        ----------
        start, stop
            Row numbers, as in a slice: a range beyond the table is clipped.
        encoded
            Whether to return the stored rows.

        Returns
        -------
        (stop - start, dim) of float32, or float16 for a ``float16`` store: a read-only view of the map or of memory,
        like `weight`, or a copy for ``bfloat16`` and ``int8``, which are decoded.

        With `encoded` the stored rows, a read-only view: uint16 with the bits for ``bfloat16``; for ``int8`` uint8 of
        shape (stop - start, dim + 8), the codes of each row followed by its scale and offset; else the same.

        Raises
        ------
        ValueError
            For a closed store.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> block = glove.block(0, 1000)
        >>> block.shape, bool((block[0] == glove["the"]).all())
        ((1000, 50), True)
        """
        return self._table.block(start, stop, encoded=encoded)

    def gather(self, rows: ArrayLike, *, encoded: bool = False) -> NDArray[Any]:
        """Return a copy of rows of `weight`, in any order.

        Parameters
        ----------
        rows
            Row numbers, integers of shape (n,), as `rows` returns them; may repeat.
        encoded
            Whether to return the stored rows.

        Returns
        -------
        (n, dim): float16 for a ``float16`` store, else float32. With `encoded` the stored rows, as in `block`: for
        ``int8`` of shape (n, dim + 8).

        Raises
        ------
        IndexError
            For a row number out of range, such as the -1 of an unknown word.
        ValueError
            For a closed store.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> glove.gather(glove.rows(["frog", "toad", "frog"])).shape
        (3, 50)
        """
        table = self._table
        return table.gather(table.check_rows(rows), encoded=encoded)

    def mapped_rows(self) -> NDArray[Any] | None:
        """Return all stored rows as an array over the mapped file; None if the rows are not mapped.

        Returns
        -------
        The rows as `block` with `encoded` returns them, but writable: the map is copy-on-write, so writing changes
        what this store returns, but never the file. None for a table in memory.

        Raises
        ------
        ValueError
            For a closed store.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> rows = glove.mapped_rows()
        >>> rows.shape, rows.flags.writeable
        ((400000, 50), True)
        >>> embstore.concat([glove, glove], how="mean").mapped_rows() is None
        True
        """
        return self._table.rows.mapped

    def open_again(self) -> Store:
        """Map the file of this store once more, so that writes to one map do not change the other.

        Raises FormatError or OSError if the file was replaced or is gone. A table in memory is returned unchanged.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> again = glove.open_again()
        >>> again.mapped_rows()[0] = 0
        >>> bool(again["the"].any()), bool(glove["the"].any())
        (False, True)
        """
        return self if self.reopen is None or not self.mapped else cast("Store", self.reopen.open())

    def __len__(self) -> int:
        return self.vocab.size

    def __contains__(self, word: object) -> bool:
        return word in self.stoi

    def __iter__(self) -> Iterator[str]:
        return iter(self.itos)

    def rows(self, words: FlatWords) -> Ints:
        """Return the rows of words.

        Parameters
        ----------
        words
            A list or another iterable of str; or a column of strings of pyarrow, pandas or polars.

        Returns
        -------
        int64 of shape (words,), -1 for an unknown word.

        Examples
        --------
        >>> embstore.open("glove.6B.50d.safetensors").rows(["the", "frog", "qzxv"])
        array([    0, 12260,    -1])
        """
        if type(words) is list:
            return self.vocab.rows(words)
        from embstore.words.columns import rows_of  # here: opening a store and looking words up start faster without

        return rows_of(self.vocab, words)

    @overload
    def __getitem__(self, words: str) -> Vectors: ...
    @overload
    def __getitem__(self, words: FlatWords) -> Vectors: ...
    def __getitem__(self, words: str | FlatWords) -> Vectors:
        """Return the vector of one word, (dim,), a read-only view; or of several words, (words, dim), a copy.

        Raises UnknownTokenError, a KeyError, which names the unknown words; and TypeError for row numbers: rows are in
        `vectors`, `block` and `gather`.
        """
        if isinstance(words, str):
            return self._table.row(self.stoi[words])
        from embstore.store.selecting import known_rows

        return self._table.gather(known_rows(self.vocab, words))

    @overload
    def get(self, word: str) -> Vectors | None: ...
    @overload
    def get(self, word: str, default: Default) -> Vectors | Default: ...
    def get(self, word: str, default: Default | None = None) -> Vectors | Default | None:
        """Return the vector of a word, (dim,), or the default for an unknown word.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> glove.get("frog").shape
        (50,)
        >>> glove.get("qzxv") is None
        True
        """
        row = int(self.vocab.rows([word])[0])
        return default if row < 0 else self._table.row(row)

    def most_similar(self, positive: Queries, negative: Queries = (), topn: int = 10) -> Neighbours:
        """Find the words nearest by cosine to a word, or to a sum of words, by exact search.

        Parameters
        ----------
        positive, negative
            Words or vectors of shape (dim,), arrays or tensors of torch, one or several. Each is scaled to length 1;
            then the positive ones are added and the negative ones subtracted: the 3CosAdd of Levy and Goldberg, 2014
            (https://aclanthology.org/W14-1618/), as in gensim. As there, a pair ``(word, weight)`` is added with its
            weight, which is 1 for a word in `positive` and -1 for one in `negative`: a pair in `negative` is
            subtracted if its weight is below 0.
        topn
            Number of words to return.

        Returns
        -------
        At most `topn` pairs of word and cosine, in decreasing order, equal cosines by row, without the words in
        `positive` and `negative`. A row of zeros scores 0; rows with NaN or Inf are never returned.

        Raises
        ------
        UnknownTokenError
            For unknown words, which it names.
        TypeError, ValueError
            For queries that are neither words nor vectors, and for vectors of another dim.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> for word, cosine in glove.most_similar("frog", topn=3):
        ...     print(f"{cosine:.3f} {word}")
        0.845 snake
        0.794 ape
        0.791 toad
        >>> glove.most_similar(["king", "woman"], ["man"], topn=1)[0][0]
        'queen'
        >>> glove.most_similar([("frog", 0.9), ("car", 0.1)], topn=1)[0][0]
        'snake'
        """
        return exact.most_similar(self, positive, negative, topn)

    def most_similar_batch(self, words: Sequence[Query], topn: int = 10) -> list[Neighbours]:
        """Find the words nearest to each of several words: as `most_similar` for each, in fewer passes over the table.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> [found[0][0] for found in glove.most_similar_batch(["frog", "berlin", "piano"], topn=1)]
        ['snake', 'vienna', 'violin']
        """
        return exact.most_similar_batch(self, words, topn)

    def aligned(self, words: FlatWords, oov: OovLike = None) -> NDArray[np.float32]:
        """Return the vectors for another vocabulary, for example as the initial weight of an embedding layer.

        Parameters
        ----------
        words
            The words of that vocabulary, in the order of their ids; a list or a column of strings.
        oov
            The policy for unknown words: ``"lower,zero"``. None: the policy that the store was written for, else
            ``error``.

        Returns
        -------
        float32 of shape (words, dim), a copy whose row i is the vector of words[i]. With ``hash:B:k`` the vector of an
        unknown word is the sum of its rows, with ``subword`` the mean of its n-grams, or zeros if it has none.

        Raises
        ------
        UnknownTokenError
            For unknown words, if the ending of the policy is ``error``; names the words.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> matrix = glove.aligned(["<pad>", "The", "cat"], oov="lower,zero")
        >>> matrix.shape, bool(matrix[0].any()), bool((matrix[1] == glove["the"]).all())
        ((3, 50), False, True)
        """
        from embstore.store.aligned import aligned  # here: opening a store and looking words up start faster without

        return aligned(self, words, oov)

    def verify(self) -> None:
        """Read and check the whole store: checksums, offsets, and that the index finds each token in its row.

        A store file is also read by the safetensors package, which must find the same tensors, metadata and bytes (for
        ``bfloat16``, which it cannot give to NumPy, the same dtype and shape), unless it was removed meanwhile. Takes
        little memory for a file of any size. Raises FormatError for the first defect found, and warns of parts of a
        file that have no checksum.

        Examples
        --------
        >>> embstore.open("glove.6B.50d.safetensors").verify()
        """
        rows = self._table.rows
        file = self.path if rows.mapped is not None else None
        verify_store(rows, self.vocab, self.counts, self.metadata, self.path or "store in memory", file)

    def close(self) -> None:
        """Release the file. Arrays and layers made from it stay valid and keep it mapped.

        Whatever the store is asked afterwards raises ``ValueError: this store is closed``, in every thread; only its
        `path`, `dtype` and `metadata` remain.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> frog = glove["frog"]
        >>> glove.close()
        >>> glove, frog.shape
        (<Store, closed>, (50,))
        """
        for name in OPEN:  # the map itself stays open, as views of it would become invalid
            self.__dict__.pop(name, None)
        self.norms = None

    def __enter__(self) -> Store:
        self._table  # noqa: B018 - raises for a closed store
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        vocab = self.vocab
        if self.reopen is not None and self.reopen.possible():
            return self.reopen.function, self.reopen.arguments
        arrays = vocab.slots, vocab.offsets, vocab.data
        return _from_parts, (self._table.rows, *arrays, vocab.seed, self.metadata, self.counts)

    def __repr__(self) -> str:
        table, name = self.__dict__.get("_table"), self.path.name if self.path else "in memory"
        if table is None:
            return "<Store, closed>"
        mapped = ", mapped" if table.rows.mapped is not None else ""
        return f"<Store {name}: {len(table):,} x {table.dim} {self.dtype}{mapped}>"

    def _repr_html_(self) -> str:
        """Return a table of the first rows for notebooks."""
        from embstore.store.html import SHOWN, table_of_rows

        return table_of_rows(repr(self), self.itos[:SHOWN], self.block(0, min(SHOWN, len(self))), self.dim)


def load_store(source: Source, path: str | Path, *, duplicates: Duplicates = "first") -> Store:
    """Read all batches of a source and its special rows into memory.

    Parameters
    ----------
    source
        The source, which is consumed.
    path
        Named in errors.
    duplicates
        Which row of a repeated token to keep, or ``error``.
    """
    from embstore.store.loading import load_source

    loaded = load_source(source, path, duplicates)
    return Store(loaded.rows, loaded.vocab, loaded.metadata, counts=loaded.counts)


def map_input(source: Input, *, advise: Advice = "normal", trust: bool = False) -> Store:
    """Map a store from an open file: see `Store.open`; `trust` is explained at `read_header`."""
    path, mapped = source.path.absolute(), map_store(source, advise, trust=trust)
    reopen = Reopen(_open_mapped, (path, advise, mapped.metadata.get(DIGEST_KEY)), source.identity)
    return Store(mapped.rows, mapped.vocab, mapped.metadata, counts=mapped.counts, path=path, reopen=reopen)


def _open_mapped(path: Path, advise: Advice, digest: str | None) -> Store:
    """Open the store that was pickled; FormatError if its file was replaced."""
    return same_table(Store.open(path, advise=advise), DIGEST_KEY, digest)


def same_table(store: Store, key: str, digest: str | None) -> Store:
    """Return a store that was opened again; FormatError if its metadata has another checksum than before."""
    if store.metadata.get(key) != digest:
        raise FormatError(store.path or "", REPLACED)
    return store


def _from_parts(
    rows: Rows, slots: Bytes, offsets: Bytes, data: Bytes, seed: int, metadata: dict[str, str], counts: Ints | None
) -> Store:
    return Store(rows, Vocab(slots, offsets, data, seed), metadata, counts=counts)
