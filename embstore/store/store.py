"""A table of vectors by word: opened in constant time over a mapped file, or held in memory."""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Source, Vectors
from embstore.core.dtypes import (
    NUMPY_DTYPES,
    columns_of,
    decode_rows,
    dim_of,
    encode_batch,
    encode_rows,
    encode_special,
)
from embstore.core.duplicates import distinct
from embstore.core.errors import FormatError, UnknownTokenError
from embstore.core.index import Itos, Stoi, Vocab, VocabBuilder
from embstore.core.options import Dtype, Duplicates
from embstore.search import exact
from embstore.search.exact import Neighbours, Query
from embstore.store.aligned import aligned
from embstore.store.growing import Gathered
from embstore.store.html import SHOWN, table_of_rows
from embstore.store.mapped import Advice, map_store
from embstore.store.rows import ArrayRows, DecodedRows
from embstore.store.verify import verify_store
from embstore.words.policy import OovLike

Default = TypeVar("Default")


class Store:
    """Vectors by word.

    Made by `embstore.open`, which maps a store file and reads any other. A store is a context manager, and
    pickles as its path where it has one.

    Attributes
    ----------
    path
        The file, or None for a table made in memory.
    dtype
        ``float32``, ``float16``, ``bfloat16`` or ``int8``: what the vectors are kept as.
    raw
        The rows as they are kept, (rows, dim), the special ones behind the vocabulary's: NumPy's float32 or float16;
        uint16, the bits of ``bfloat16``; uint8 of shape (rows, dim + 8), as `rowwise` has them, for ``int8``.
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
        raw: NDArray[Any],
        vocab: Vocab,
        metadata: dict[str, str],
        *,
        dtype: Dtype,
        path: Path | None = None,
        reopen: tuple[Any, ...] | None = None,
        mapped: mmap.mmap | None = None,
    ) -> None:
        self.raw, self.vocab, self.metadata, self.dtype, self.path = raw, vocab, metadata, dtype, path
        self.stoi, self.itos = Stoi(vocab), Itos(vocab)
        self.norms: NDArray[np.float32] | None = None
        self._reopen, self._mapped = reopen, mapped

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
        path = Path(path).absolute()
        found = map_store(path, advise)
        return cls(
            found.raw,
            found.vocab,
            found.metadata,
            dtype=found.dtype,
            path=path,
            reopen=(_open_mapped, (path, advise)),
            mapped=found.mapped,
        )

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
        gathered = Gathered(columns_of(source.dim, source.dtype), NUMPY_DTYPES[source.dtype], source.rows)
        builder = VocabBuilder(source.expected)
        late: list[tuple[Ints, Vectors]] = []
        for batch in distinct(source, builder, duplicates, path, lambda *repeated: late.append(repeated)):
            gathered.add(encode_batch(batch, source.dtype))
        raw = gathered.finish()
        for rows, vectors in late:
            raw[rows] = encode_rows(vectors, source.dtype)
        if not len(raw):
            raise FormatError(path, "no rows: the input holds none, or all were left out")
        if source.special is not None:
            table = DecodedRows(ArrayRows(raw, source.dtype), len(raw))
            special = deque(np.array(rows) for rows in encode_special(source.special, table, source.dtype))
            while special:  # all of them made of `raw`, and none a view of it, before it grows
                gathered.add(special.popleft())
            raw = gathered.finish()
        metadata = {f"embstore.source.{key}": value for key, value in source.provenance().items()}
        metadata |= {f"embstore.{key}": value for key, value in source.policy.items()}
        return cls(
            raw, builder.vocab(), metadata, dtype=source.dtype, path=Path(path) if reopen else None, reopen=reopen
        )

    @property
    def dim(self) -> int:
        """Numbers in a vector (embedding_dim)."""
        return dim_of(self._open_raw(), self.dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """Tokens and dim."""
        return len(self), self.dim

    @property
    def special(self) -> int:
        """Rows behind the vocabulary's: padding, unknown, hash buckets."""
        return len(self._open_raw()) - len(self)

    @property
    def mapped(self) -> bool:
        """Whether the vectors lie in a mapped file rather than in memory."""
        return self._mapped is not None

    @property
    def weight(self) -> Vectors:
        """All rows, the vocabulary's and the special ones behind them: (rows, dim).

        A read-only view of the file; for ``bfloat16``, which NumPy lacks, and ``int8`` a copy as float32.
        """
        return self._decoded(self._open_raw())

    @property
    def vectors(self) -> Vectors:
        """The vocabulary's rows: (tokens, dim); a view or a copy like `weight`."""
        return self._decoded(self._open_raw()[: len(self)])

    def block(self, start: int, stop: int) -> Vectors:
        """Rows [start, stop) of the weight, (stop - start, dim): what `weight[start:stop]` is, no other row decoded."""
        return self._decoded(self._open_raw()[start:stop])

    def _open_raw(self) -> NDArray[Any]:
        if self.raw is None:
            raise ValueError("this store is closed")
        return self.raw

    def _decoded(self, rows: NDArray[Any]) -> Vectors:
        numbers = decode_rows(rows, self.dtype)
        if numbers is rows:
            numbers = rows.view()
            numbers.flags.writeable = False
        return numbers

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
        self._open_raw()
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
            return self._decoded(self._open_raw()[self.stoi[words]])
        listed = list(words)
        rows = self.rows(listed)
        if (rows < 0).any():
            missing = [word for word, row in zip(listed, rows.tolist(), strict=True) if row < 0]
            raise UnknownTokenError(list(dict.fromkeys(missing)))
        return decode_rows(self.raw[rows], self.dtype)

    @overload
    def get(self, word: str) -> Vectors | None: ...
    @overload
    def get(self, word: str, default: Default) -> Vectors | Default: ...
    def get(self, word: str, default: Any = None) -> Any:
        """Vector of a word, (dim,), or the default where it is unknown."""
        row = int(self.rows([word])[0])
        return default if row < 0 else self._decoded(self.raw[row])

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
        verify_store(self._open_raw(), self.dtype, self.vocab, self.metadata, self.path or "store in memory")

    def close(self) -> None:
        """Let go of the file. Views that were handed out stay valid and keep it mapped."""
        self.raw, self.vocab = None, Vocab(*(np.zeros(size, np.uint8) for size in (16, 8, 0)))  # type: ignore[assignment]
        self.stoi, self.itos = Stoi(self.vocab), Itos(self.vocab)
        # not mapped.close(): NumPy's arrays do not tell a map that they lie in it, and would point nowhere
        self._mapped = None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._reopen is not None:
            return self._reopen
        vocab = self.vocab
        arrays = (self.raw, vocab.slots, vocab.offsets, vocab.data)
        return _from_arrays, (*arrays, self.metadata, self.dtype)

    def __repr__(self) -> str:
        if self.raw is None:
            return "<Store, closed>"
        name = self.path.name if self.path else "in memory"
        return f"<Store {name}: {len(self):,} x {self.dim} {self.dtype}{', mapped' if self.mapped else ''}>"

    def _repr_html_(self) -> str:
        """Return a table of the first rows for notebooks."""
        return table_of_rows(repr(self), self.itos[:SHOWN], self.block(0, min(SHOWN, len(self))), self.dim)


def _open_mapped(path: Path, advise: Advice) -> Store:
    return Store.open(path, advise=advise)


def _from_arrays(
    raw: NDArray[Any], slots: Any, offsets: Any, data: Any, metadata: dict[str, str], dtype: Dtype
) -> Store:
    return Store(raw, Vocab(slots, offsets, data), metadata, dtype=dtype)
