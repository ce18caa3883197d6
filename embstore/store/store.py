"""A table of vectors by word: opened in constant time over a mapped file, or held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Source, Vectors
from embstore.core.errors import UnknownTokenError
from embstore.core.index import Itos, Stoi, Vocab
from embstore.core.options import Duplicates
from embstore.files.input import Input
from embstore.search import exact
from embstore.search.exact import Neighbours, Query
from embstore.store.aligned import aligned
from embstore.store.html import SHOWN, table_of_rows
from embstore.store.loading import load_source
from embstore.store.mapped import Advice, map_store
from embstore.store.rows import DecodedRows, Rows
from embstore.store.verify import verify_store
from embstore.words.policy import OovLike

Default = TypeVar("Default")


class Store:
    """Vectors by word.

    Made by `embstore.open`, which maps a store file and reads any other. A store is a context manager, and
    pickles as its path where it has one. Its rows may come from any backend that has the methods of `rows.Rows`.

    Attributes
    ----------
    path
        The file, or None for a table made in memory.
    dtype
        ``float32``, ``float16``, ``bfloat16`` or ``int8``: what the vectors are kept as.
    metadata
        The strings of the file's header.
    stoi
        String to index: a `Mapping` from word to row.
    itos
        Index to string: a `Sequence` of words.
    norms
        Lengths of the vocabulary's rows, (tokens,), once something was searched; None before.
    """

    def __init__(
        self,
        rows: Rows,
        vocab: Vocab,
        metadata: dict[str, str],
        *,
        path: Path | None = None,
        reopen: tuple[Any, ...] | None = None,
    ) -> None:
        self._table: DecodedRows | None = DecodedRows(rows, vocab.size)
        self.vocab, self.metadata, self.dtype, self.path = vocab, metadata, rows.dtype, path
        self.stoi, self.itos = Stoi(vocab), Itos(vocab)
        self.norms: NDArray[np.float32] | None = None
        self._reopen = reopen

    @classmethod
    def open(cls, path: str | Path, *, advise: Advice = "normal") -> Store:
        """Map a store file copy-on-write; nothing but its header is read.

        Parameters
        ----------
        path
            A store, as `embstore.convert` writes it.
        advise
            What to tell the kernel of the reads to come: ``random`` for a few scattered words of a large
            file that is not cached, ``willneed`` to have it read ahead whole, ``sequential``.

        Raises
        ------
        FormatError
            Where the header is not that of a store. Its arrays are not read: `verify` checks them.
        """
        with Input(Path(path).absolute()) as source:
            return map_input(source, advise=advise)

    @classmethod
    def from_source(
        cls,
        source: Source,
        path: str | Path,
        *,
        duplicates: Duplicates = "first",
        reopen: tuple[Any, ...] | None = None,
    ) -> Store:
        """Read all batches of a source and its special rows into memory; `path` says where they come from."""
        rows, vocab, metadata = load_source(source, path, duplicates)
        return cls(rows, vocab, metadata, path=Path(path) if reopen else None, reopen=reopen)

    @property
    def dim(self) -> int:
        """Numbers in a vector (embedding_dim)."""
        return self._open_table().dim

    @property
    def shape(self) -> tuple[int, int]:
        """Tokens and dim."""
        return len(self), self.dim

    @property
    def special(self) -> int:
        """Number of rows after the vocabulary's: padding, unknown, hash buckets."""
        return self._count() - len(self)

    @property
    def mapped(self) -> bool:
        """Whether the rows lie in a mapped file: what `mapped_rows` returns is not None then."""
        return self._table is not None and self._table.rows.mapped is not None

    @property
    def weight(self) -> Vectors:
        """All rows, the vocabulary's and the special ones after them: (rows, dim).

        A read-only view of the file; for ``bfloat16``, which NumPy lacks, and ``int8`` a copy as float32.
        """
        return self._open_table().block(0, self._count())

    @property
    def vectors(self) -> Vectors:
        """The vocabulary's rows: (tokens, dim); a view or a copy like `weight`."""
        return self._open_table().block(0, len(self))

    def block(self, start: int, stop: int, *, encoded: bool = False) -> NDArray[Any]:
        """Rows [start, stop) of the weight; no other row is read or decoded.

        Parameters
        ----------
        start, stop
            Row numbers, as in a slice: what lies outside the table is left out.
        encoded
            Whether to return the rows as they are stored.

        Returns
        -------
        (stop - start, dim) of float32, or float16 for a ``float16`` store: a read-only view where these rows lie in
        a map or in memory, a copy where they are decoded. With `encoded` the stored rows, a read-only view in any
        type: the same, but uint16, the bits, for ``bfloat16``, and for ``int8`` uint8 of shape
        (stop - start, dim + 8), each row's codes followed by its scale and offset.

        Raises
        ------
        ValueError
            For a closed store.
        """
        return self._open_table().block(start, stop, encoded=encoded)

    def gather(self, rows: Any, *, encoded: bool = False) -> NDArray[Any]:
        """Rows of the weight in any order, copied.

        Parameters
        ----------
        rows
            Row numbers, whole numbers of shape (n,), as `rows` returns them; a row may come several times.
        encoded
            Whether to return the rows as they are stored.

        Returns
        -------
        (n, dim): float16 for a ``float16`` store, else float32. With `encoded` the stored rows, as `block` has
        them: for ``int8`` of shape (n, dim + 8).

        Raises
        ------
        IndexError
            For a number that is no row, such as the -1 of an unknown word.
        ValueError
            For a closed store.
        """
        table = self._open_table()
        return table.gather(table.checked(rows), encoded=encoded)

    def mapped_rows(self) -> NDArray[Any] | None:
        """All stored rows as an array over the mapped file; None where the rows are not in a map.

        Returns
        -------
        As `block` with `encoded` has them, and writable: the map is copy-on-write, so that what is written changes
        what this store returns, but never the file. None for a table in memory.

        Raises
        ------
        ValueError
            For a closed store.
        """
        return self._open_table().rows.mapped

    def _open_table(self) -> DecodedRows:
        if self._table is None:
            raise ValueError("this store is closed")
        return self._table

    def _count(self) -> int:
        """Return the number of all rows."""
        return self._open_table().rows.shape[0]

    def __len__(self) -> int:
        return self.vocab.size

    def __contains__(self, word: object) -> bool:
        return word in self.stoi

    def rows(self, words: Iterable[str]) -> Ints:
        """Rows of words.

        Parameters
        ----------
        words
            str; a list is the fastest.

        Returns
        -------
        int64 of shape (words,), -1 where a word is unknown.
        """
        if isinstance(words, str):
            raise TypeError("rows takes a list of words; for one word use stoi[word]")
        self._open_table()
        return self.vocab.rows(words)

    @overload
    def __getitem__(self, words: str) -> Vectors: ...
    @overload
    def __getitem__(self, words: Iterable[str]) -> Vectors: ...
    def __getitem__(self, words: str | Iterable[str]) -> Vectors:
        """Vectors of one word, (dim,), a read-only view; or of several, (words, dim), a copy.

        Raises UnknownTokenError, a KeyError, that names the words that are not there.
        """
        if isinstance(words, str):
            return self._open_table().row(self.stoi[words])
        table, listed = self._open_table(), list(words)
        rows = self.vocab.rows(listed)
        if (rows < 0).any():
            missing = [word for word, row in zip(listed, rows.tolist(), strict=True) if row < 0]
            raise UnknownTokenError(list(dict.fromkeys(missing)))
        return table.gather(rows)

    @overload
    def get(self, word: str) -> Vectors | None: ...
    @overload
    def get(self, word: str, default: Default) -> Vectors | Default: ...
    def get(self, word: str, default: Any = None) -> Any:
        """Vector of a word, (dim,), or the default where it is unknown."""
        row = int(self.rows([word])[0])
        return default if row < 0 else self._open_table().row(row)

    def most_similar(
        self, positive: Query | Sequence[Query], negative: Query | Sequence[Query] = (), topn: int = 10
    ) -> Neighbours:
        """Words nearest by cosine to a word, or to a sum of words, exactly.

        Parameters
        ----------
        positive, negative
            Words or vectors of shape (dim,), one or several. Each is scaled to length 1, then they are added and
            subtracted: the 3CosAdd of Levy and Goldberg, 2014 (https://aclanthology.org/W14-1618/), as in gensim.
        topn
            How many to return.

        Returns
        -------
        At most `topn` pairs of word and cosine, best first, equal ones by row, without the words asked about.
        A row of zeros scores 0; one with NaN or Inf is never among them.

        Raises
        ------
        UnknownTokenError
            Names the words that are not there.
        """
        return exact.most_similar(self, positive, negative, topn)

    def most_similar_batch(self, words: Sequence[Query], topn: int = 10) -> list[Neighbours]:
        """Words nearest by cosine to each of many: for each what `most_similar` gives, in far fewer passes."""
        return exact.most_similar_batch(self, words, topn)

    def aligned(self, words: Sequence[str], oov: OovLike = None) -> NDArray[np.float32]:
        """Rows for a vocabulary of your own: the initial weight of an embedding layer, say.

        Parameters
        ----------
        words
            Your words, in the order of your ids.
        oov
            What becomes of a word that is not there: ``"lower,zero"``. None: the policy that the file was written
            for, else ``error``.

        Returns
        -------
        float32 of shape (words, dim), a copy whose row i is the vector of words[i]; the sum of its rows
        under ``hash:B:k``, the mean of its n-grams' under ``subword``, zeros for a word without any.

        Raises
        ------
        UnknownTokenError
            Where the policy's ending is ``error``; names the words.
        """
        return aligned(self, words, oov)

    def verify(self) -> None:
        """Read and check everything: checksums, offsets, and that the index finds each token at its row.

        Raises FormatError that names the first thing wrong.
        """
        verify_store(self._open_table().rows, self.vocab, self.metadata, self.path or "store in memory")

    def close(self) -> None:
        """Let go of the file. Views that were handed out stay valid and keep it mapped."""
        # the map itself is not closed: views that were handed out would then point nowhere
        self._table, self.vocab = None, Vocab(*(np.zeros(size, np.uint8) for size in (16, 8, 0)))
        self.stoi, self.itos = Stoi(self.vocab), Itos(self.vocab)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._reopen is not None:
            return self._reopen
        vocab = self.vocab
        return _from_parts, (self._open_table().rows, vocab.slots, vocab.offsets, vocab.data, self.metadata)

    def __repr__(self) -> str:
        if self._table is None:
            return "<Store, closed>"
        name = self.path.name if self.path else "in memory"
        return f"<Store {name}: {len(self):,} x {self.dim} {self.dtype}{', mapped' if self.mapped else ''}>"

    def _repr_html_(self) -> str:
        """Return a table of the first rows for notebooks."""
        return table_of_rows(repr(self), self.itos[:SHOWN], self.block(0, min(SHOWN, len(self))), self.dim)


def map_input(source: Input, *, advise: Advice = "normal") -> Store:
    """Map a store whose file is open already: see `Store.open`."""
    path = source.path.absolute()
    found = map_store(source, advise)
    return Store(found.rows, found.vocab, found.metadata, path=path, reopen=(_open_mapped, (path, advise)))


def _open_mapped(path: Path, advise: Advice) -> Store:
    return Store.open(path, advise=advise)


def _from_parts(rows: Rows, slots: Any, offsets: Any, data: Any, metadata: dict[str, str]) -> Store:
    return Store(rows, Vocab(slots, offsets, data), metadata)
