"""`Embedding`: a store as torch's own `Embedding`, and words as its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import torch

from embstore.layers.base import WordLayer, check_options
from embstore.layers.drawn import Words, drawn_table
from embstore.layers.rowwise import is_rowwise, look_up
from embstore.layers.sources import Pretrained
from embstore.layers.weights import open_table


class Embedding(WordLayer, torch.nn.Embedding):
    """A `torch.nn.Embedding` that knows its words.

    Made by `from_pretrained` or `from_vocabulary`.

    Attributes
    ----------
    weight
        (num_embeddings, embedding_dim): the vocabulary's rows, then the special ones of the policy. Over an ``int8``
        store uint8 of shape (num_embeddings, embedding_dim + 8), as the file has them; the result is float32.
    encoder
        Words to rows, without torch, for data loaders; None for rows that came without words.
    out_dtype
        What the result is cast to; None leaves it as the rows are.
    """

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        source: Pretrained,
        *,
        tokens: Sequence[str] | None = None,
        oov: Any = None,
        padding: bool = False,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        out_dtype: torch.dtype | None = None,
        persistent: bool = True,
        seed: int = 0,
        **reading: Any,
    ) -> Self:
        """Make a layer of a table of embeddings.

        Rows equal the source's to the last bit. A frozen layer over a store file is zero-copy: it maps the
        file, whatever its size. It copies the rows, once, where special rows must be added that the file does not
        have (`convert` writes them with ``oov=`` and ``padding=``), where `dtype` or `device` differ, and where
        they lie unaligned in the file.

        Parameters
        ----------
        source
            A `Store`; a path, opened with `embstore.open`; or a floating array or tensor of shape (rows, dim).
        tokens
            The words of an array's rows. Such rows are kept as float32, or as the 16-bit type that they have. An
            array without words stays what it is and gives a layer that cannot `encode`.
        oov
            What becomes of a word that is not there: a policy such as ``"lower,hash:1000"``. None: the one that the
            file was written for, else ``error``.
        padding
            Whether there is a padding row, `padding_idx`, of zeros: ragged sentences need it.
        freeze
            Whether the rows stay as they are. With False a mapped file is mapped copy-on-write for this layer
            alone: training touches only the pages that it changes, and never the file.
        max_norm, norm_type, scale_grad_by_freq, sparse
            As for `torch.nn.Embedding`. `max_norm` writes to the rows and so needs ``freeze=False``.
        dtype, device
            What and where the rows are to be. Rows of an ``int8`` store are widened where a dtype is given.
        out_dtype
            What to cast the result to: float32 out of a float16 table, say.
        persistent
            With False the state_dict holds the store's name and sha256 instead of the rows, and loading
            it into a layer over another table is an error.
        seed
            Of the special rows drawn for ``hash:B``.
        **reading
            Options of reading for a path: `format`, `member`, `vocab`, ...

        Raises
        ------
        FormatError
            Where the file cannot be read.
        EmbstoreError
            For options that contradict each other, as ``freeze=False`` over an ``int8`` store without a `dtype`.
        """
        check_options(freeze=freeze, max_norm=max_norm, persistent=persistent)
        table = open_table(
            source, tokens, oov=oov, padding=padding, freeze=freeze, seed=seed, dtype=dtype, reading=reading
        )
        return cls._over(
            table,
            dtype=dtype,
            device=device,
            out_dtype=out_dtype,
            persistent=persistent,
            freeze=freeze,
            padding_idx=table.encoder.padding_idx if table.encoder else None,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )

    @classmethod
    def from_vocabulary(
        cls,
        vocabulary: Words,
        dim: int,
        *,
        oov: Any = None,
        padding: bool = False,
        init: Any = None,
        std: float = 1.0,
        freeze: bool = False,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        out_dtype: torch.dtype | None = None,
        seed: int = 0,
    ) -> Self:
        """Make a layer for a feature that has no pretrained vectors.

        Parameters
        ----------
        vocabulary
            A `Vocabulary`; an `Encoder`; or a sequence of words, possibly empty: ``([], dim, oov="hash:4096")``
            is a table of hashed words alone, for a catalogue that keeps growing.
        dim
            Numbers in a row (embedding_dim).
        oov, padding
            As in `from_pretrained`; an `Encoder` has its own.
        init
            Rows to begin with: (words, dim), or (num_embeddings, dim) with the special ones. None draws them from a
            normal distribution; so are special rows for which none are given, and that of padding is zero.
        std
            Standard deviation of the rows that are drawn.
        freeze
            Whether the rows stay as they are.
        max_norm, norm_type, scale_grad_by_freq, sparse, dtype, device, out_dtype
            As in `from_pretrained`.
        seed
            Of the drawing, which leaves torch's own generator alone.
        """
        check_options(freeze=freeze, max_norm=max_norm)
        table = drawn_table(vocabulary, dim, oov=oov, padding=padding, init=init, std=std, seed=seed)
        return cls._over(
            table,
            dtype=dtype,
            device=device,
            out_dtype=out_dtype,
            freeze=freeze,
            padding_idx=table.encoder.padding_idx if table.encoder else None,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )

    def encode(self, words: Any, length: int | None = None, side: Literal["left", "right"] = "right") -> torch.Tensor:
        """Turn words into this layer's input.

        Parameters
        ----------
        words
            Words, or sentences that are each a list of words; Arrow columns of strings or lists of strings too.
        length
            Make each sentence so long: its first words, then padding; None pads to the longest.
        side
            Where the padding goes: at the end, ``right``, or at the start, ``left``. What is cut is the end, whatever
            the side.

        Returns
        -------
        int64 of shape (words,), or (sentences, length). On the CPU: encoding belongs in the data loader.

        Raises
        ------
        UnknownTokenError
            Where the policy is ``error``; names the words.
        """
        return torch.from_numpy(self._words().encode(words, length=length, side=side))

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
        """Look up rows: (...) of int64 or int32 to (..., embedding_dim)."""
        return self._cast(look_up(input, self.weight) if is_rowwise(self.weight) else super().forward(input))
