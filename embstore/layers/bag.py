"""`EmbeddingBag`: a `torch.nn.EmbeddingBag` over a store, which also encodes ragged lists of words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Self, Unpack, get_args

import torch
from numpy.typing import ArrayLike

from embstore.core.errors import EmbstoreError
from embstore.layers.base import WordLayer, check_options
from embstore.layers.initialized import VocabularyLike, initialized_table
from embstore.layers.rowwise import pool
from embstore.layers.sources import LayerReading, Pretrained
from embstore.layers.weights import LayerTable, open_table
from embstore.words.columns import WordBags
from embstore.words.policy import OovLike

Mode = Literal["mean", "sum", "max"]


class EmbeddingBag(WordLayer, torch.nn.EmbeddingBag):
    """A `torch.nn.EmbeddingBag` that also encodes words.

    Created by `from_pretrained` or `from_vocabulary`. Bags are ragged and need no padding; a `padding_idx` would make
    the layer several times slower. An empty bag gives zeros in every mode.

    Attributes
    ----------
    weight
        (num_embeddings, embedding_dim): the rows of the vocabulary, then the special rows of the policy. Over an
        ``int8`` store: uint8 of shape (num_embeddings, embedding_dim + 8), as in the file; the result is float32.
    encoder
        Encodes words as rows, without torch, for data loaders; None if the rows have no words.
    out_dtype
        Dtype that the result is cast to; None keeps the dtype of the rows. Bags of 16-bit rows are summed in float32
        and rounded once, before this cast.

    Examples
    --------
    >>> bag = embstore.EmbeddingBag.from_pretrained("glove.6B.50d.safetensors", mode="sum", oov="skip")
    >>> values, offsets = bag.encode([["toad", "snake", "qzxv", "frog"], ["king", "queen"], []])
    >>> values, offsets
    (tensor([26713,  9517, 12260,   691,  2060]), tensor([0, 3, 5]))
    >>> bag(values, offsets).shape
    torch.Size([3, 50])
    """

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        source: Pretrained,
        *,
        mode: Mode = "mean",
        include_last_offset: bool = False,
        tokens: Sequence[str] | None = None,
        oov: OovLike = None,
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
        **reading: Unpack[LayerReading],
    ) -> Self:
        """Create a layer from a table of embeddings.

        Rows are copied or mapped as by `Embedding.from_pretrained`.

        Parameters
        ----------
        mode
            How to pool the rows of a bag: ``mean``, ``sum`` or ``max``. The policy ``subword`` needs ``sum``.
        include_last_offset
            Whether `offsets`, as `encode` returns and the layer accepts them, end with the number of values.
        source, tokens, oov, freeze, max_norm, norm_type, scale_grad_by_freq, sparse, dtype, device, out_dtype
            As for `Embedding.from_pretrained`.
        persistent, seed, **reading
            As for `Embedding.from_pretrained`.

        Raises
        ------
        FormatError
            If the file cannot be read.
        EmbstoreError
            For options that exclude each other.

        Examples
        --------
        >>> bag = embstore.EmbeddingBag.from_pretrained("glove.6B.50d.safetensors", mode="mean", oov="skip")
        >>> bag.weight.shape, bag.weight.requires_grad
        (torch.Size([400000, 50]), False)
        >>> bag(*bag.encode([["very", "good", "quality"], []])).shape
        torch.Size([2, 50])
        """
        check_options(freeze=freeze, max_norm=max_norm, persistent=persistent)
        _check_mode(mode)
        table = open_table(
            source, tokens, oov=oov, padding=False, freeze=freeze, seed=seed, dtype=dtype, reading=reading
        )
        _check_weights(table, mode)
        return cls._from_table(
            table,
            dtype=dtype,
            device=device,
            out_dtype=out_dtype,
            persistent=persistent,
            freeze=freeze,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
        )

    @classmethod
    def from_vocabulary(
        cls,
        vocabulary: VocabularyLike,
        dim: int,
        *,
        mode: Mode = "mean",
        include_last_offset: bool = False,
        oov: OovLike = None,
        init: ArrayLike | torch.Tensor | None = None,
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
        """Create a layer for a feature that has no pretrained vectors.

        Parameters
        ----------
        mode, include_last_offset
            As for `from_pretrained`.
        vocabulary, dim, oov, init, std, freeze, max_norm, norm_type, scale_grad_by_freq, sparse, dtype, device
            As for `Embedding.from_vocabulary`.
        out_dtype, seed
            As for `Embedding.from_vocabulary`.

        Examples
        --------
        >>> products = embstore.EmbeddingBag.from_vocabulary([], 8, oov="hash:64", mode="mean", std=0.1)
        >>> products.weight.shape
        torch.Size([64, 8])
        >>> values, offsets = products.encode([["product 7", "product 12"], []])
        >>> len(values), offsets
        (2, tensor([0, 2]))
        """
        check_options(freeze=freeze, max_norm=max_norm)
        _check_mode(mode)
        table = initialized_table(vocabulary, dim, oov=oov, init=init, std=std, seed=seed, dtype=dtype)
        return cls._from_table(
            table,
            dtype=dtype,
            device=device,
            out_dtype=out_dtype,
            freeze=freeze,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
        )

    def encode(self, bags: WordBags, weights: Iterable[Sequence[float]] | None = None) -> tuple[torch.Tensor, ...]:
        """Encode bags of words as the input of this layer: ``layer(*layer.encode(bags))``.

        Parameters
        ----------
        bags
            Lists of words, possibly empty; Arrow columns of lists of strings are accepted too.
        weights
            A list of numbers for each bag, one for each of its words; only for ``mode="sum"``.

        Returns
        -------
        values : int64 of shape (words,)
        offsets : int64 of shape (bags,), the start of each bag; one more with `include_last_offset`
        weights : of shape (words,) and the dtype of the rows, or float32 over an ``int8`` store; only if `weights`
            are given or the policy is ``subword``

        Raises
        ------
        UnknownTokenError
            For words that are not in the vocabulary, if the policy is ``error``.
        ValueError
            For weights that do not match the words, or with another mode than ``sum``.

        Examples
        --------
        >>> bag = embstore.EmbeddingBag.from_pretrained("glove.6B.50d.safetensors", mode="sum")
        >>> bag.encode([["the", "frog"], ["toad"]])
        (tensor([    0, 12260, 26713]), tensor([0, 2]))
        >>> values, offsets, weights = bag.encode([["the", "frog"], ["toad"]], weights=[[0.1, 0.9], [1]])
        >>> weights
        tensor([0.1000, 0.9000, 1.0000])
        """
        if weights is not None and self.mode != "sum":
            raise ValueError(f"weights need mode='sum', not {self.mode!r}")
        bag = self._existing_encoder().encode_bags(bags, weights=weights, include_last_offset=self.include_last_offset)
        ragged = torch.from_numpy(bag.values), torch.from_numpy(bag.offsets)
        if bag.weights is None:
            return ragged
        per_sample = torch.from_numpy(bag.weights)
        return (*ragged, per_sample if self.rowwise else per_sample.to(self.weight.dtype))

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002
        offsets: torch.Tensor | None = None,
        per_sample_weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Look up rows and pool them.

        Parameters
        ----------
        input
            int64 or int32: ids of shape (words,) with `offsets`, or (bags, words) without.
        offsets
            (bags,), the start of each bag; (bags + 1,) with `include_last_offset`.
        per_sample_weights
            Factors of the rows, of the shape of `input`; only for ``mode="sum"``.

        Returns
        -------
        (bags, embedding_dim)

        Examples
        --------
        >>> import torch
        >>> bag = embstore.EmbeddingBag.from_pretrained(np.eye(3, dtype="f4"), mode="sum")
        >>> bag(torch.tensor([0, 1, 1]), torch.tensor([0, 2]))
        tensor([[1., 1., 0.],
                [0., 1., 0.]])
        """
        self._check_store()
        if not self.rowwise:
            if per_sample_weights is not None:  # float32 if encoded without the layer, in a worker
                per_sample_weights = per_sample_weights.to(self.weight.dtype)
            return self._cast(super().forward(input, offsets, per_sample_weights))
        last = self.include_last_offset
        return self._cast(
            pool(input, self.weight, offsets, per_sample_weights, mode=self.mode, include_last_offset=last)
        )


def _check_mode(mode: str) -> None:
    if mode not in get_args(Mode):
        raise ValueError(f"mode must be {', '.join(map(repr, get_args(Mode)))}, not {mode!r}")


def _check_weights(table: LayerTable, mode: str) -> None:
    if mode == "sum" or table.encoder is None:
        return
    ending = table.encoder.policy.ending
    if ending.shares_weight:
        raise EmbstoreError(
            f"oov {str(ending)!r} weights the rows of a word and needs mode='sum', not {mode!r}; for means use "
            "mode='sum' with weights=[[1 / len(bag)] * len(bag) for bag in bags] in encode, or another oov"
        )
