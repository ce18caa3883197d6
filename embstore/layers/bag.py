"""`EmbeddingBag`: a store as torch's own `EmbeddingBag`, and ragged lists of words as its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, get_args

import torch

from embstore.core.errors import EmbstoreError
from embstore.layers.base import WordLayer, check_options
from embstore.layers.drawn import Words, drawn_table
from embstore.layers.rowwise import is_rowwise, pool
from embstore.layers.sources import Pretrained
from embstore.layers.weights import LayerTable, open_table

Mode = Literal["mean", "sum", "max"]


class EmbeddingBag(WordLayer, torch.nn.EmbeddingBag):
    """A `torch.nn.EmbeddingBag` that knows its words.

    Made by `from_pretrained` or `from_vocabulary`. It has no `padding_idx`, which would make it several times
    slower: bags are ragged, so nothing is padded. An empty bag gives zeros, in every mode.

    Attributes
    ----------
    weight
        (num_embeddings, embedding_dim): the vocabulary's rows, then the special ones of the policy. Over an ``int8``
        store uint8 of shape (num_embeddings, embedding_dim + 8), as the file has them; the result is float32.
    encoder
        Words to rows, without torch, for data loaders; None for rows that came without words.
    out_dtype
        What the result is cast to; None leaves it as the rows are. A bag of 16-bit rows is summed in float32 and
        rounded once, before this cast.
    """

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        source: Pretrained,
        *,
        mode: Mode = "mean",
        include_last_offset: bool = False,
        tokens: Sequence[str] | None = None,
        oov: Any = None,
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

        Parameters
        ----------
        mode
            How the rows of a bag become one: ``mean``, ``sum`` or ``max``. The policy ``subword`` needs ``sum``.
        include_last_offset
            Whether `encode` gives, and the layer takes, the end of the last bag as one more offset.
        source, tokens, oov, freeze, max_norm, norm_type, scale_grad_by_freq, sparse, dtype, device, out_dtype
            As for `Embedding.from_pretrained`, and zero-copy under the same conditions.
        persistent, seed, **reading
            Likewise.
        """
        check_options(freeze=freeze, max_norm=max_norm, persistent=persistent)
        _check_mode(mode)
        table = open_table(
            source, tokens, oov=oov, padding=False, freeze=freeze, seed=seed, dtype=dtype, reading=reading
        )
        _check_weights(table, mode)
        return cls._over(
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
        vocabulary: Words,
        dim: int,
        *,
        mode: Mode = "mean",
        include_last_offset: bool = False,
        oov: Any = None,
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
        """Make a layer for a feature that has no pretrained vectors: see `Embedding.from_vocabulary`."""
        check_options(freeze=freeze, max_norm=max_norm)
        _check_mode(mode)
        table = drawn_table(vocabulary, dim, oov=oov, init=init, std=std, seed=seed)
        return cls._over(
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

    def encode(self, bags: Any, weights: Any = None) -> tuple[torch.Tensor, ...]:
        """Turn bags of words into this layer's input: ``layer(*layer.encode(bags))``.

        Parameters
        ----------
        bags
            Lists of words of any length, none included; Arrow columns of lists of strings too.
        weights
            A list of numbers for each bag, one for each of its words; only for ``mode="sum"``.

        Returns
        -------
        values : int64 of shape (words,)
        offsets : int64 of shape (bags,), where each bag begins; one more with `include_last_offset`.
        weights : of shape (words,) and the rows' dtype, or float32 over an ``int8`` store, where there are any, as
            under ``subword`` there always are

        Raises
        ------
        UnknownTokenError
            Where the policy is ``error``; names the words.
        """
        if weights is not None and self.mode != "sum":
            raise ValueError(f"weights scale the rows of a sum: they need mode='sum', not {self.mode!r}")
        bag = self._words().encode_bags(bags, weights=weights, include_last_offset=self.include_last_offset)
        ragged = torch.from_numpy(bag.values), torch.from_numpy(bag.offsets)
        if bag.weights is None:
            return ragged
        weights = torch.from_numpy(bag.weights)
        return (*ragged, weights if is_rowwise(self.weight) else weights.to(self.weight.dtype))

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002
        offsets: torch.Tensor | None = None,
        per_sample_weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Look up rows and pool them: (words,) and (bags,), or (bags, words), to (bags, embedding_dim)."""
        if not is_rowwise(self.weight):
            if per_sample_weights is not None:  # float32 from a loader's workers, who know nothing of the rows
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
            f"oov {str(ending)!r} weights the rows of a word, which needs mode='sum', not {mode!r}; for means "
            "encode bags with weights=[[1 / len(bag)] * len(bag) for bag in bags], or give another oov"
        )
